//! Runs that die with their state in Snowflake, and the next ones.

use std::os::unix::process::ExitStatusExt as _;

use super::stage::kept_in;
use crate::support::fakesnow::Database;
use crate::support::rows::leads;
use crate::support::run::Sandboxed;

/// The signal that `abort` ends a process with.
const ABORT: i32 = 6;

/// Events of one batch.
const BATCH: u64 = 5;

#[test]
fn dying_at_any_point_with_the_state_in_snowflake_loses_nothing_and_repeats_only_what_was_in_flight() {
    let Some(database) = Database::new() else { return };
    let it = Sandboxed::new().on(|stage| kept_in(stage, &database).variable("LEASE_MILLIS", "4000"));
    it.stage.rows(&leads(60));
    let mut twice = 0;
    for (point, received, again) in [
        ("before_intent:1", 0, 0),
        ("after_intent:2", BATCH, 0),
        ("after_answer:2", 2 * BATCH, BATCH),
        ("before_outcome:2", 2 * BATCH, BATCH),
        ("after_outcome:2", 2 * BATCH, 0),
        ("after_intent:1", 0, 0),
    ] {
        let before = it.stats().received;
        let arguments = ["sync", "--batch-size", "5", "--concurrency", "1", "--if-locked", "wait=60s"];
        let output = it.stage.command(&arguments).env("CRASH_AT", point).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(ABORT), "the run did not die at {point}: {told}");
        assert_eq!(it.stats().received - before, received, "{point}");
        twice += again;
    }
    let last = it.stage.sync(&["--if-locked", "wait=60s"]);
    assert_eq!(last.exit, Some(0), "{}", last.stderr);
    assert_eq!((it.stats().unique, it.stats().received), (60, 60 + twice));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 60");
}
