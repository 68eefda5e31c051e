//! Runs that send parts of the events, each with its own lease.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use fbcapi::ledger::SnowflakeLedger;
use fbcapi::ledger::snowflake::Setting;
use fbcapi::sandbox::SandboxOptions;
use fbcapi::source::Shard;
use fbcapi::source::snowflake::Surroundings;
use serde_json::Value;

use super::stage::{kept_in, warehouse};
use crate::fakesnow::table;
use crate::support::fakesnow::Database;
use crate::support::json_schema::mistakes;
use crate::support::rows::leads;
use crate::support::run::{DATASET_ID, Sandboxed};

/// The ids in a record of the sandbox.
fn ids(record: &Path) -> Vec<String> {
    let record = std::fs::read_to_string(record).unwrap_or_default();
    let id = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["event"]["event_id"].as_str().unwrap().to_owned()
    };
    record.lines().map(id).collect()
}

/// Sends everything in four parts, and checks that each part is what the rule says.
fn check(database: &Database, change: impl FnOnce(Sandboxed) -> Sandboxed, events: usize) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let it = change(Sandboxed::with(SandboxOptions { record: Some(record.clone()), ..SandboxOptions::default() }));
    let it = it.on(|stage| kept_in(stage, database));
    let schema: Value = serde_json::from_str(&it.stage.run(&["config", "schema", "--report"]).stdout).unwrap();
    let mut before = 0;
    for number in 1..=4 {
        let ran = it.stage.sync(&["--shard", &format!("{number}/4")]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        assert_eq!(mistakes(&schema, &ran.report()), [""; 0]);
        let all = ids(&record);
        let part = &all[before..];
        before = all.len();
        assert!(!part.is_empty());
        let shard = Shard { number, of: 4 };
        assert!(part.iter().all(|id| shard.holds(Some(id))), "shard {number} sent {part:?}");
    }
    let all = ids(&record);
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (events, events));
    let whole = it.stage.sync(&[]);
    assert_eq!(whole.told(), format!("exit 0: already_sent {events}"), "{}", whole.stderr);
}

#[test]
fn the_shards_of_a_file_together_send_everything_once() {
    let Some(database) = Database::new() else { return };
    check(
        &database,
        |it| {
            it.stage.rows(&leads(50));
            it
        },
        50,
    );
}

#[test]
fn the_shards_of_a_table_together_send_everything_once_and_divide_it_as_those_of_a_file_do() {
    let Some(database) = Database::new() else { return };
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &(0..50).map(table::event).collect::<Vec<_>>());
    check(&database, |it| it.on(|stage| database.feed(stage, "facebook_events")), 50);
}

#[test]
fn shards_that_would_overlap_are_refused_and_a_file_knows_no_shards() {
    let Some(database) = Database::new() else { return };
    let it = Sandboxed::new();
    it.stage.rows(&leads(6));
    let alone = it.stage.sync(&["--shard", "1/3"]);
    assert_eq!(alone.exit, Some(2), "{}", alone.stderr);
    assert!(alone.stderr.contains("needs a state in Snowflake"), "{}", alone.stderr);

    let it = it.on(|stage| kept_in(stage.section("state", ""), &database));
    let shard = Some(Shard { number: 1, of: 3 });
    let held = SnowflakeLedger::open(&warehouse(&database), &Setting::new(DATASET_ID, shard, Surroundings::default()));
    let held = held.unwrap();
    for shard in [&["--shard", "1/3"][..], &["--shard", "2/2"], &[]] {
        let refused = it.stage.sync(shard);
        assert_eq!(refused.exit, Some(7), "{shard:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("1-of-3"), "{}", refused.stderr);
    }
    assert_eq!(it.stage.sync(&["--shard", "2/3"]).exit, Some(0));
    held.close();
    // Those who gave way have left nothing behind.
    let rest = it.stage.sync(&[]);
    assert_eq!(rest.exit, Some(0), "{}", rest.stderr);
    assert_eq!((it.stats().received, it.stats().unique), (6, 6));
}
