//! A check: what is told of rows without sending any, and what is never told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod online;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::rows::{Row, csv, lead, leads, purchase, write_parquet};
use crate::support::run::{Ran, Stage, wait_for};

/// A stage that knows no token and no server.
fn stage() -> Stage {
    Stage::new("http://127.0.0.1:9").bare()
}

/// Rows of every end.
fn rows() -> Vec<Row> {
    vec![
        lead("a").with("phone", "(650) 555-1212"),
        lead("b").with("phone", "12"),
        purchase("c"),
        purchase("d").with("value", "dear"),
        lead("e").without("email").with("first_name", "Zoë"),
        lead("a"),
        lead("late").ago(TimeDelta::days(9)).with("email", "nobody"),
        lead("soon").ago(TimeDelta::minutes(-2)),
        lead("never").ago(TimeDelta::days(-9)),
        lead("near").with("facebook_event_type", "purchase"),
    ]
}

/// Runs `check --json` and gives what it found; the books must balance.
#[track_caller]
fn found(stage: &Stage, exit: i32, arguments: &[&str]) -> Value {
    let ran = offline(stage, &[&["--json"], arguments].concat());
    assert_eq!(ran.exit, Some(exit), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    let found = ran.report();
    assert_eq!(found["exit_code"], exit);
    let sum = |counts: &Value| {
        let ends = ["sendable", "rejected", "expired", "skipped", "deferred", "collapsed"];
        ends.iter().map(|end| counts[*end].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(found["counts"]["selected"], sum(&found["counts"]), "the books do not balance: {found}");
    let by_event = found["by_event"].as_object().unwrap();
    assert_eq!(by_event.values().map(sum).sum::<u64>(), sum(&found["counts"]), "{found}");
    found
}

/// Runs `check` without contacting anyone.
fn offline(stage: &Stage, arguments: &[&str]) -> Ran {
    stage.run(&[&["check", "--offline"], arguments].concat())
}

/// A text whose lines were wrapped, as one line.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whatever a check does, it leaves nothing behind.
#[track_caller]
fn check_untouched(stage: &Stage) {
    assert!(!stage.path("state").exists(), "a check made a state");
}

/// What was found of a field: present, valid, dropped.
fn field(found: &Value, name: &str) -> Value {
    let fields = found["fields"].as_array().unwrap();
    let field = fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name}: {found}"));
    json!([field["present"], field["valid"], field["dropped"]])
}

#[test]
fn every_row_and_every_field_is_told_of() {
    let stage = stage();
    stage.rows(&rows());
    let found = found(&stage, 0, &[]);
    let counts = json!({
        "selected": 10, "sendable": 4, "rejected": 3, "expired": 1, "skipped": 0, "deferred": 1, "collapsed": 1,
    });
    assert_eq!(found["counts"], counts);
    let reasons = json!({
        "expired": 1, "in_future": 1, "not_yet_due": 1, "purchase_with_invalid_value": 1, "too_few_match_keys": 1,
    });
    assert_eq!(found["by_reason"], reasons);
    assert_eq!(found["rows"], json!({ "read": 10, "limit": 10_000, "is_whole": true }));
    assert_eq!(found["differing_copies"], 1);
    assert_eq!(field(&found, "event_id"), json!([10, 10, {}]));
    assert_eq!(field(&found, "phone"), json!([2, 1, { "invalid_phone": 1 }]));
    // Rows that are not sent have their fields judged all the same.
    assert_eq!(field(&found, "email"), json!([9, 8, { "invalid_email": 1 }]));
    assert_eq!(field(&found, "value"), json!([2, 1, { "invalid_value": 1 }]));
    assert_eq!(field(&found, "currency"), json!([2, 2, {}]));
    assert_eq!(found["match_keys"], json!({ "em": 1.0, "ph": 0.25 }));
    assert_eq!(found["match_key_events"], json!({ "em": 4, "ph": 1 }));
    let too_few = found["key_sets"].as_array().unwrap().iter().find(|set| set["is_sufficient"] == false);
    assert_eq!(too_few.unwrap()["keys"], json!(["fn"]));
    let ages: Vec<u64> = found["ages"].as_array().unwrap().iter().map(|band| band["rows"].as_u64().unwrap()).collect();
    assert_eq!(ages, [2, 0, 7, 0, 0, 0, 1]);
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("the event name purchase is not Meta's Purchase"), "{warnings}");
    assert!(warnings.contains("several rows that differ stand for 1 event"), "{warnings}");
    check_untouched(&stage);
}

#[test]
fn every_key_is_always_there() {
    let stage = stage();
    stage.rows(&rows());
    let full = found(&stage, 0, &["--max-invalid", "100%"]);
    let empty = found(&stage, 0, &["--event", "Nothing"]);
    std::fs::remove_file(stage.path("rows.ndjson")).unwrap();
    let failed = found(&stage, 2, &[]);
    let keys = |found: &Value| found.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&full), keys(&empty));
    assert_eq!(keys(&full), keys(&failed));
    assert_eq!(full["schema_version"], 1);
    assert_eq!((&full["max_invalid_percent"], &empty["max_invalid_percent"]), (&json!(100.0), &Value::Null));
    assert_eq!((&empty["invalid_percent"], &empty["error"]), (&Value::Null, &Value::Null));
    assert!(failed["error"].as_str().unwrap().contains("rows.ndjson"), "{failed}");
}

#[test]
fn people_see_it_on_standard_output() {
    let stage = stage();
    stage.rows(&rows());
    let ran = offline(&stage, &[]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    for part in [
        "nothing was sent or recorded",
        "✓ rows          10 rows, and that is all\n",
        "  can be sent                        4  40.0 %  ████████\n",
        "  phone          phone                      2  20.0 %        1  █▒········\n",
        "              ·  1 invalid_phone\n",
        "  last_name      no such column",
        "fn (too few)",
        "  2 to 24 hours",
        "  hashed        email, phone, first_name\n",
        "! 1 row purchase_with_invalid_value\n  → make the value of every Purchase a number",
        "! the event name purchase is not Meta's Purchase",
        "✓ 4 events can be sent, 3 rejected (42.8 %)\n",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is not said:\n{}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let json = offline(&stage, &["--json"]);
    assert!(json.stderr.contains("✓ 4 events can be sent"), "{}", json.stderr);
    check_untouched(&stage);
}

#[test]
fn too_many_invalid_rows_end_with_code_3() {
    let check = |most: &str, exit: i32, said: &str| {
        let stage = stage();
        // One of four that are neither expired nor copies.
        let bad = lead("bad").without("email");
        stage.rows(&[leads(3), vec![bad, lead("e-0"), lead("old").ago(TimeDelta::days(8))]].concat());
        let ran = offline(&stage, &["--max-invalid", most]);
        assert_eq!(ran.exit, Some(exit), "{most}: {}", ran.stderr);
        assert!(ran.stdout.contains(said), "{most}: {said:?} is not said:\n{}", ran.stdout);
        let ran = offline(&stage.variable("FBCAPI_MAX_INVALID", most), &[]);
        assert_eq!(ran.exit, Some(exit), "{most} in a variable: {}", ran.stderr);
    };
    check("25%", 0, "✓ 1 of 4 rows rejected: 25 %, within --max-invalid 25 %");
    check("24.9999%", 3, "✗ 1 of 4 rows rejected: 25 %, more than --max-invalid 24.9999 %");
    check("24", 3, "✗ ");
    check("0%", 3, "✗ ");
    check("100", 0, "✓ ");
}

#[test]
fn wrong_usage_is_told() {
    let stage = stage();
    stage.rows(&leads(1));
    let check = |arguments: &[&str], said: &str| {
        let ran = offline(&stage, arguments);
        assert_eq!(ran.exit, Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    };
    check(&["--max-invalid", "101%"], "expected a percentage from 0 to 100");
    check(&["--rows", "some"], "expected a whole number from 1, or all");
    check(&["--rows", "0"], "expected a whole number from 1, or all");
    check(&["--since", "1d", "--until", "2d"], "--until is not after --since");
}

#[test]
fn a_sample_is_the_first_rows() {
    let stage = stage();
    stage.rows(&leads(20));
    let sample = |rows: &str| found(&stage, 0, &["--rows", rows])["rows"].clone();
    assert_eq!(sample("5"), json!({ "read": 5, "limit": 5, "is_whole": false }));
    assert_eq!(sample("20"), json!({ "read": 20, "limit": 20, "is_whole": true }));
    assert_eq!(sample("all"), json!({ "read": 20, "limit": null, "is_whole": true }));
    let ran = offline(&stage, &["--rows", "5"]);
    assert!(ran.stdout.contains("✓ rows          the first 5; --rows all reads the whole window"), "{}", ran.stdout);
    // What was not asked for is not a row of the sample.
    stage.rows(&[leads(20), vec![purchase("p")]].concat());
    assert_eq!(found(&stage, 0, &["--rows", "5", "--event", "Purchase"])["counts"]["sendable"], 1);
}

#[test]
fn nothing_to_look_at_is_no_failure() {
    let stage = stage();
    stage.rows(&leads(3));
    let ran = offline(&stage, &["--event", "Purchase", "--max-invalid", "0%"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("! rows          nothing was selected"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n  → "), "{}", ran.stdout);
}

#[test]
fn every_format_tells_the_same() {
    let rows: Vec<Row> = rows().into_iter().map(|row| row.with("value", "129.90")).collect();
    let told = |stage: &Stage| {
        let found = found(stage, 0, &[]);
        json!([found["counts"], found["by_reason"], found["fields"], found["match_keys"]])
    };
    let ndjson = stage();
    ndjson.rows(&rows);
    let csv_stage = stage().section("source", "kind = \"file\"\npath = \"rows.csv\"");
    csv_stage.write("rows.csv", csv(&rows));
    let parquet = stage().section("source", "kind = \"file\"\npath = \"rows.parquet\"");
    write_parquet(&parquet.path("rows.parquet"), &rows);
    assert_eq!(told(&ndjson), told(&csv_stage));
    assert_eq!(told(&ndjson), told(&parquet));
}

#[test]
fn a_source_that_cannot_be_read_says_so() {
    let check = |stage: &Stage, exit: i32, said: &str| {
        let ran = offline(stage, &[]);
        assert_eq!(ran.exit, Some(exit), "{}", ran.stdout);
        assert!(ran.stdout.contains("✗ rows"), "{}", ran.stdout);
        assert!(unwrapped(&ran.stdout).contains(said), "{}", ran.stdout);
        assert_eq!(ran.stderr, "");
        check_untouched(stage);
    };
    check(&stage(), 2, "rows.ndjson");
    let missing = stage().section("columns", "email = \"emial\"");
    missing.rows(&leads(1));
    check(&missing, 2, "columns are missing: emial");
    let damaged = stage().section("source", "kind = \"file\"\npath = \"rows.parquet\"");
    damaged.write("rows.parquet", "no parquet");
    check(&damaged, 1, "rows.parquet cannot be read");
}

#[test]
fn fields_are_told_as_they_are_configured() {
    let stage = stage()
        .section("columns", "currency = { value = \"EUR\" }\ncity = \"town\"")
        .section("columns.app_data", "install_referrer = \"referrer\"")
        .section("privacy", "consent = { column = \"may_send\" }");
    let row = |id: &str| lead(id).with("town", "Zürich").with("referrer", "shop").with("may_send", "no");
    stage.rows(&[row("a"), row("b").with("may_send", "yes")]);
    let found = found(&stage, 0, &[]);
    assert_eq!(found["counts"]["skipped"], 1);
    let told: Vec<String> = found["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|field| field["is_absent"] == false)
        .map(|field| {
            let from = field["column"].as_str().unwrap_or("constant");
            format!("{} {from} {}", field["name"].as_str().unwrap(), field["leaves"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "event_id event_id clear",
        "event_time occurred_at clear",
        "event_name facebook_event_type clear",
        "email email hashed",
        "city town hashed",
        "consent may_send not",
        "currency constant clear",
        "app_data.install_referrer referrer clear",
    ];
    assert_eq!(told, expected);
}

/// Every column of the model and what else can be fed, each with a value that occurs nowhere else.
const CANARIES: [(&str, &str); 26] = [
    ("event_id", "canary-id"),
    ("occurred_at", "canary-time"),
    ("event_name", "canary-name"),
    ("event_description", "canary description"),
    ("source", "canary-source"),
    ("value", "canary-value"),
    ("value_unit", "canary-unit"),
    ("person_id", "canary-person"),
    ("email", "canary@example.com"),
    ("full_name", "Canary Fullname"),
    ("phone", "+1 650 555 0199 canary"),
    ("first_name", "Canaryfirst"),
    ("last_name", "Canarylast"),
    ("external_id", "canary-ext"),
    ("date_of_birth", "canary-birth"),
    ("fbclid", "IwARcanary"),
    ("fbclid_occurred_at", "canary-click"),
    ("attribution_model_name", "canary-model"),
    ("facebook_event_type", "canary.event@example.com"),
    ("facebook_content_type", "canary-type"),
    ("currency", "canary-currency"),
    ("processed_at", "canary-processed"),
    ("action", "canary-action"),
    ("page", "https://example.com/?canary=canary@example.com"),
    ("basket", "[{\"canary\":1}]"),
    ("may_send", "canary-consent"),
];

#[test]
fn no_value_is_ever_shown() {
    let stage = stage()
        .section("columns", "action_source = \"action\"\nevent_source_url = \"page\"\ncontents = \"basket\"")
        .section("events.Lead", "rename = \"Lead\"")
        .section("privacy", "consent = { column = \"may_send\" }")
        .variable("RUST_LOG", "trace")
        .variable("RUST_BACKTRACE", "full");
    let good = |id: &str| {
        let row = CANARIES.iter().fold(lead(id), |row, (column, value)| row.with(column, *value));
        row.with("event_id", format!("canary-{id}"))
            .ago(TimeDelta::hours(2))
            .with("action", "email")
            .with("may_send", "1")
    };
    let mut rows: Vec<Row> = vec![good("1"), good("2").with("facebook_event_type", "Lead")];
    for (column, value) in CANARIES {
        rows.push(good(column).with("facebook_event_type", "Lead").with(column, value));
        rows.push(good(&format!("p-{column}")).with("facebook_event_type", "Purchase").with(column, value));
    }
    let broken = "{\"event_id\":\"canary broken\n[\"canary list\"]\n";
    stage.write("rows.ndjson", crate::support::rows::ndjson(&rows) + broken);
    for arguments in ["--rows=all", "--json"] {
        let ran = offline(&stage, &[arguments]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        let shown = (ran.stdout + &ran.stderr).to_lowercase();
        assert!(shown.contains("rejected"), "{shown}");
        for text in ["canary", "650 555", "5550199", "example.com"] {
            assert!(!shown.contains(text), "{text} is shown:\n{shown}");
        }
    }
    check_untouched(&stage);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let stage = stage();
    stage.rows(&leads(3));
    let mut run = stage.command(&["check", "--offline"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, run.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ran = wait_for(run);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
}
