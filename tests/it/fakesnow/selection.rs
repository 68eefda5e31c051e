//! Which rows are read, when they happened, and what is told of them without sending any.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use chrono::{SecondsFormat, TimeDelta, Utc};
use jiff::tz::TimeZoneDatabase;
use serde_json::Value;

use super::table;
use crate::support::fakesnow::Database;
use crate::support::rows::{Row, lead};
use crate::support::run::{Sandboxed, Stage};

/// A table of sixty events, and the rows in it.
fn table() -> Option<(Database, Vec<Row>)> {
    let database = Database::new()?;
    let rows: Vec<Row> = (0..60).map(table::event).collect();
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &rows);
    Some((database, rows))
}

/// A stage that reads the same rows from a file.
fn file(rows: &[Row]) -> Stage {
    let stage = Stage::new("http://127.0.0.1:9");
    stage.rows(rows);
    stage
}

/// The times of the events of a dry run, by id.
#[track_caller]
fn times(stage: &Stage, arguments: &[&str]) -> BTreeMap<String, i64> {
    let ran = stage.run(&[&["sync", "--dry-run"], arguments].concat());
    assert!(matches!(ran.exit, Some(0 | 3)), "{}", ran.stderr);
    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let event = |event: Value| (event["event_id"].as_str().unwrap().to_owned(), event["event_time"].as_i64().unwrap());
    events.map(event).collect()
}

#[test]
fn a_run_reads_the_rows_that_it_is_asked_for() {
    let Some((database, rows)) = table() else { return };
    let warehouse = database.feed(Stage::new("http://127.0.0.1:9"), "facebook_events");
    let file = file(&rows);
    let ago = |hours| (Utc::now() - TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let (two_days, three_days) = (ago(48), ago(72));
    let day = (Utc::now() - TimeDelta::days(2)).format("%Y-%m-%d").to_string();
    for arguments in [
        &["--since", &two_days][..],
        &["--since", &day],
        &["--since", &three_days, "--until", &two_days],
        &["--event", "Lead"],
        &["--event", "Lead", "--event", "Purchase", "--until", &day],
    ] {
        let expected = times(&file, arguments);
        assert!((1..60).contains(&expected.len()), "{arguments:?} selects {} rows", expected.len());
        assert_eq!(times(&warehouse, arguments), expected, "{arguments:?}");
    }
    assert_eq!(times(&warehouse, &["--event", "Contact"]), BTreeMap::new());
}

#[test]
fn the_owners_condition_is_over_the_columns_of_the_table() {
    let Some((database, _)) = table() else { return };
    for (condition, expected) in [
        ("source = 'shop'", 48),
        ("source = 'shop' OR 1 = 1 -- everything", 60),
        ("source = 'app' AND event_name LIKE 'purchase%'", 4),
        // Its columns are those of the table, also where the program gives a column the same name.
        ("occurred_at::VARCHAR LIKE '20%' AND YEAR(date_of_birth) < 1980", 32),
    ] {
        let warehouse = database.feed(Stage::new("http://127.0.0.1:9"), "facebook_events");
        let warehouse = warehouse.configure("source", &format!("where = \"{condition}\""));
        assert_eq!(times(&warehouse, &[]).len(), expected, "{condition}");
    }
}

#[test]
fn times_without_zone_are_read_in_the_configured_one() {
    let Some(database) = Database::new() else { return };
    let zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
    let time = Utc::now() - TimeDelta::hours(30);
    let shown = jiff::Timestamp::from_microsecond(time.timestamp_micros()).unwrap().to_zoned_datetime(zone);
    let wall_clock = shown.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let date = shown.strftime("%Y-%m-%d").to_string();
    let instant = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let kinds = [
        ("TIMESTAMP_NTZ", &wall_clock),
        ("VARCHAR", &wall_clock),
        ("DATE", &date),
        ("TIMESTAMP_TZ", &instant),
        ("TIMESTAMP_LTZ", &instant),
        ("VARCHAR", &instant),
    ];
    for (number, (kind, cell)) in kinds.into_iter().enumerate() {
        let name = format!("at_{number}");
        database.sql(&format!(
            "CREATE TABLE {name} (event_id VARCHAR, email VARCHAR, occurred_at {kind}, facebook_event_type VARCHAR)"
        ));
        database.sql(&format!("INSERT INTO {name} SELECT 'e', 'ada@example.com', '{cell}'::{kind}, 'Lead'"));
        let in_berlin = |stage: Stage| stage.configure("source", "timezone = \"Europe/Berlin\"");
        let file = in_berlin(file(&[lead("e").with("occurred_at", cell.as_str())]));
        let expected = times(&file, &[]);
        assert_eq!(expected.len(), 1);
        if kind != "DATE" {
            assert_eq!(expected["e"], time.timestamp(), "{kind}");
        }
        let warehouse = in_berlin(database.feed(Stage::new("http://127.0.0.1:9"), &name));
        assert_eq!(times(&warehouse, &[]), expected, "{kind} {cell}");
    }
}

#[test]
fn a_check_counts_the_rows_of_a_table_as_those_of_a_file() {
    let Some((database, mut rows)) = table() else { return };
    let odd = [
        table::event(100).with("email", "nobody").with("phone", "12"),
        table::event(102).without("value"),
        table::event(103).without("event_id"),
        table::event(104).without("occurred_at"),
        table::event(105).ago(TimeDelta::days(9)),
    ];
    table::insert(&database, "facebook_events", &odd);
    rows.extend(odd);
    let found = |stage: &Stage| {
        let ran = stage.run(&["check", "--json", "--rows", "all", "--since", "30d"]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        let found = ran.report();
        ["counts", "by_event"].map(|part| found[part].clone())
    };
    let file = Sandboxed::new();
    file.stage.rows(&rows);
    let expected = found(&file.stage);
    assert_eq!((&expected[0]["selected"], &expected[0]["rejected"]), (&65.into(), &3.into()), "{}", expected[0]);
    let warehouse = Sandboxed::new().on(|stage| database.feed(stage, "facebook_events"));
    assert_eq!(found(&warehouse.stage), expected);
}

#[test]
fn every_event_of_a_table_can_be_asked_about() {
    let Some((database, _)) = table() else { return };
    table::insert(&database, "facebook_events", &[table::event(102).without("value").with("event_id", "it's \\ odd")]);
    let it = Sandboxed::new().on(|stage| database.feed(stage, "facebook_events"));
    let check = |id: &str, verdict: &str, reason: Option<&str>| {
        let ran = it.stage.run(&["why", "--json", id]);
        let told = ran.report();
        assert_eq!((told["verdict"].as_str(), told["rows"][0]["reason"].as_str()), (Some(verdict), reason), "{told}");
    };
    check("evt-3", "will_be_sent", None);
    it.stage.sync(&[]);
    check("evt-3", "sent", None);
    check("it's \\ odd", "refused", Some("purchase_without_value"));
    check("evt-60", "not_in_source", None);
}

#[test]
fn a_table_that_is_not_there_or_lacks_a_column_is_told() {
    let Some((database, _)) = table() else { return };
    database.sql("CREATE TABLE no_time AS SELECT event_id, email FROM facebook_events");
    for (table, exit, words) in [
        ("nowhere", 4, "nowhere does not exist or role PUBLIC may not read it"),
        ("no_time", 2, "no_time has no column `occurred_at`"),
    ] {
        let stage = database.feed(Stage::new("http://127.0.0.1:9"), table);
        let ran = stage.sync(&[]);
        assert_eq!(ran.exit, Some(exit), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}
