//! Runs from a table that die in the middle, and the next ones.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use fbcapi::sandbox::SandboxOptions;

use super::table;
use crate::support::fakesnow::Database;
use crate::support::run::{Sandboxed, wait_until};

/// The signal that `abort` ends a process with.
const ABORT: i32 = 6;

/// The signal that cannot be caught.
const KILL: i32 = 9;

/// Events of one batch.
const BATCH: u64 = 50;

/// A stage whose rows come from a table with so many events.
fn stage(events: usize, latency: Option<Duration>) -> Option<(Sandboxed, Database)> {
    let database = Database::new()?;
    table::create(&database, "facebook_events");
    let rows: Vec<_> = (0..events).map(table::event).collect();
    table::insert(&database, "facebook_events", &rows);
    let it = Sandboxed::with(SandboxOptions { latency, ..SandboxOptions::default() });
    Some((it.on(|stage| database.feed(stage, "facebook_events")), database))
}

#[test]
fn dying_at_any_point_between_table_and_sandbox_loses_nothing_and_repeats_only_what_was_in_flight() {
    let Some((it, _database)) = stage(600, None) else { return };
    for (point, received) in [
        ("before_intent:1", 0),
        ("after_intent:2", BATCH),
        ("after_answer:2", 2 * BATCH),
        ("before_outcome:2", 2 * BATCH),
        ("after_outcome:2", 2 * BATCH),
    ] {
        let before = it.stats().received;
        let mut command = it.stage.command(&["sync", "--batch-size", &BATCH.to_string(), "--concurrency", "1"]);
        let output = command.env("CRASH_AT", point).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(ABORT), "the run did not die at {point}: {told}");
        assert_eq!(it.stats().received - before, received, "{point}");
    }
    let last = it.stage.sync(&[]);
    assert_eq!(last.exit, Some(0), "{}", last.stderr);
    // Two batches were answered, and the answer was never written down.
    assert_eq!((it.stats().unique, it.stats().received), (600, 600 + 2 * BATCH));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 600");
}

#[test]
fn killed_while_sending_or_while_snowflake_works_nothing_is_lost() {
    let Some((it, database)) = stage(600, Some(Duration::from_millis(50))) else { return };
    let mut run = it.stage.start(&["--batch-size", "10", "--concurrency", "2"]);
    wait_until("some events", || it.stats().received >= 100);
    run.kill().unwrap();
    assert_eq!(run.wait().unwrap().signal(), Some(KILL));
    let killed = it.stats();
    assert!(killed.unique < 600, "the kill did not fall into the middle: {killed:?}");

    // The statement is never answered to the end, so that the run is killed while it waits.
    let it = it.on(|stage| stage.configure("source", "where = '/* sim: async=100000 */ TRUE'"));
    let mut run = it.stage.start(&[]);
    wait_until("a wait for the statement", || database.seen("poll") >= 2 || run.try_wait().unwrap().is_some());
    run.kill().unwrap();
    assert_eq!(run.wait().unwrap().signal(), Some(KILL));
    assert_eq!(it.stats().received, killed.received);

    let it = it.on(|stage| database.feed(stage, "facebook_events"));
    let last = it.stage.sync(&[]);
    assert_eq!(last.exit, Some(0), "{}", last.stderr);
    let stats = it.stats();
    assert_eq!(stats.unique, 600);
    assert!(stats.received - stats.unique <= 2 * 10, "{stats:?}");
}
