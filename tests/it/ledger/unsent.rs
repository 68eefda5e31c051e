//! Rows and state in one warehouse: what was sent does not leave it.

use super::stage::kept_in;
use crate::fakesnow::table;
use crate::support::fakesnow::Database;
use crate::support::run::Sandboxed;

/// A stage whose rows and whose state are in one database.
fn stage(database: &Database) -> Sandboxed {
    Sandboxed::new().on(|stage| kept_in(database.feed(stage, "facebook_events"), database))
}

#[test]
fn what_was_sent_stays_in_the_warehouse_and_is_counted_there() {
    let Some(database) = Database::new() else { return };
    table::create(&database, "facebook_events");
    // Some of the events stand there twice.
    let rows = table::events(96);
    table::insert(&database, "facebook_events", &rows);
    let it = stage(&database);
    let first = it.stage.sync(&["--batch-size", "20"]);
    assert_eq!(first.told(), "exit 0: sent 96, collapsed 4", "{}", first.stderr);

    // Were a row read, it would be seen that it has changed.
    database.sql("UPDATE MARTS.facebook_events SET value = 999.99");
    let again = it.stage.sync(&[]);
    assert_eq!(again.told(), "exit 0: already_sent 96, collapsed 4", "{}", again.stderr);
    assert_eq!(again.report()["changed_after_send"], 0);
    assert_eq!(again.report()["by_event"], first_as_sent_before(&first.report()["by_event"]));
    let shown = it.stage.run(&["sync", "--dry-run"]);
    assert_eq!((shown.exit, shown.stdout.as_str()), (Some(0), ""), "{}", shown.stderr);

    table::insert(&database, "facebook_events", &[table::event(500), table::event(501)]);
    let third = it.stage.sync(&[]);
    assert_eq!(third.told(), "exit 0: sent 2, already_sent 96, collapsed 4", "{}", third.stderr);
    assert_eq!((it.stats().received, it.stats().unique), (98, 98));
    let resent = it.stage.sync(&["--resend", "--since", "6d", "--limit", "3"]);
    assert_eq!(resent.report()["counts"]["sent"], 3, "{}", resent.stderr);
    assert_eq!(it.stats().received, 101);
}

/// The counts of a first run, as a second one has them: sent is already sent.
fn first_as_sent_before(by_event: &serde_json::Value) -> serde_json::Value {
    let mut by_event = by_event.clone();
    for counts in by_event.as_object_mut().into_iter().flat_map(|names| names.values_mut()) {
        counts["already_sent"] = counts["sent"].take();
        counts["sent"] = 0.into();
    }
    by_event
}

#[test]
fn names_that_the_configuration_changes_make_the_same_keys_in_the_warehouse() {
    let Some(database) = Database::new() else { return };
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &(0..12).map(table::event).collect::<Vec<_>>());
    let rename = |name: &str, to: &str| format!("\"{name}\" = \"{to}\"");
    let names = database.sql("SELECT DISTINCT facebook_event_type FROM MARTS.facebook_events ORDER BY 1");
    let first = names[0][0].clone().expect("an event has a name");
    let it = stage(&database).on(|stage| stage.section("events", &rename(&first, "Schedule")));
    let sent = it.stage.sync(&[]);
    assert_eq!(sent.told(), "exit 0: sent 12", "{}", sent.stderr);
    assert!(sent.report()["by_event"]["Schedule"]["sent"].as_u64() > Some(0), "{}", sent.report());
    // White space around a name is no part of it.
    database
        .sql("UPDATE MARTS.facebook_events SET facebook_event_type = '  ' || facebook_event_type || ' ', value = 1");
    let again = it.stage.sync(&[]);
    assert_eq!(again.told(), "exit 0: already_sent 12", "{}", again.stderr);
    assert_eq!(again.report()["changed_after_send"], 0, "a row left the warehouse");
    // Under another name it is another event.
    let it = it.on(|stage| stage.section("events", &rename(&first, "Contact")));
    let count = sent.report()["by_event"]["Schedule"]["sent"].as_u64();
    assert_eq!(it.stage.sync(&[]).report()["counts"]["sent"].as_u64(), count);
}

#[test]
fn a_key_that_the_warehouse_makes_in_another_way_is_looked_up_here() {
    let Some(database) = Database::new() else { return };
    // A number that is no whole one is written in another way by every program.
    database
        .sql("CREATE TABLE MARTS.facebook_events (id DOUBLE, occurred_at TIMESTAMP_NTZ, kind VARCHAR, email VARCHAR)");
    for row in 0..20 {
        database.sql(&format!(
            "INSERT INTO MARTS.facebook_events SELECT {row}e15, DATEADD(HOUR, -1, SYSDATE()), 'Lead', 'p{row}@example.com'"
        ));
    }
    let it = stage(&database).on(|stage| stage.section("columns", "event_id = \"id\"\nevent_name = \"kind\""));
    let first = it.stage.sync(&[]);
    assert_eq!(first.told(), "exit 0: sent 20", "{}", first.stderr);
    database.sql("UPDATE MARTS.facebook_events SET email = 'other' || email");
    let again = it.stage.sync(&[]);
    assert_eq!(again.told(), "exit 0: already_sent 20", "{}", again.stderr);
    // The rows did leave the warehouse, for their keys were not what this program makes of them.
    assert!(again.report()["changed_after_send"].as_u64() > Some(0), "{}", again.report());
    assert_eq!((it.stats().received, it.stats().unique), (20, 20));
}

#[test]
fn what_was_sent_stays_in_the_warehouse_that_hashes_too() {
    let Some(database) = Database::new() else { return };
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &(0..12).map(table::event).collect::<Vec<_>>());
    let it = stage(&database).on(|stage| stage.section("privacy", "consent = \"not-needed\"\nhash_in = \"warehouse\""));
    let sent = it.stage.sync(&["--limit", "5"]);
    assert_eq!(sent.report()["counts"]["sent"], 5, "{}", sent.stderr);
    database.sql("UPDATE MARTS.facebook_events SET value = 999.99");
    let rest = it.stage.sync(&[]);
    assert_eq!(rest.told(), "exit 0: sent 7, already_sent 5", "{}", rest.stderr);
    assert_eq!(rest.report()["changed_after_send"], 0, "a row left the warehouse");
    assert_eq!((it.stats().received, it.stats().unique), (12, 12));
}
