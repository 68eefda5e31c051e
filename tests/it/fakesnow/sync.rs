//! Runs of the program from a table to the sandbox.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use fbcapi::sandbox::SandboxOptions;
use serde_json::Value;

use super::table::{self, CUSTOM_DATA, CUSTOM_DATA_OF_TEXT};
use crate::support::fakesnow::Database;
use crate::support::rows::Row;
use crate::support::run::{Sandboxed, Stage};

/// What the events of a dry run are, by id, byte for byte.
fn payloads(stage: &Stage) -> BTreeMap<String, String> {
    let ran = stage.run(&["sync", "--dry-run"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    ran.stdout.lines().map(|line| (id(&serde_json::from_str(line).unwrap()), line.to_owned())).collect()
}

fn id(event: &Value) -> String {
    event["event_id"].as_str().unwrap().to_owned()
}

/// The payloads of rows that come from a file.
fn from_file(rows: &[Row], change: impl Fn(Stage) -> Stage) -> BTreeMap<String, String> {
    let stage = change(Stage::new("http://127.0.0.1:9"));
    stage.rows(rows);
    payloads(&stage)
}

#[test]
fn a_thousand_rows_are_sent_once_each_as_the_same_rows_of_a_file_would_be() {
    let Some(database) = Database::new() else { return };
    let rows = table::events(960);
    assert_eq!(rows.len(), 1_000);
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &rows);

    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let it = Sandboxed::with(SandboxOptions { record: Some(record.clone()), ..SandboxOptions::default() });
    let it = it.on(|stage| database.feed(stage, "facebook_events").section("columns.custom_data", CUSTOM_DATA));
    let expected = from_file(&rows, |stage| stage.section("columns.custom_data", CUSTOM_DATA_OF_TEXT));
    assert_eq!(expected.len(), 960);
    let found = payloads(&it.stage);
    for (id, event) in &expected {
        assert_eq!(found.get(id), Some(event), "{id}");
    }
    assert_eq!(found.len(), 960);

    let ran = it.stage.sync(&["--batch-size", "100"]);
    assert_eq!(ran.told(), "exit 0: sent 960, collapsed 40", "{}", ran.stderr);
    let again = it.stage.sync(&[]);
    assert_eq!(again.told(), "exit 0: already_sent 960, collapsed 40", "{}", again.stderr);
    assert_eq!((it.stats().received, it.stats().unique), (960, 960));
    let record = std::fs::read_to_string(record).unwrap();
    let taken = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take());
    let taken: BTreeMap<String, Value> = taken.map(|event| (id(&event), event)).collect();
    for (id, event) in expected {
        assert_eq!(taken.get(&id), Some(&serde_json::from_str(&event).unwrap()), "{id}");
    }
}
