//! Two runs at once: one holds the lease, and what the other does when the first is killed or stops for a while.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Child, Command};
use std::time::Duration;

use fbcapi::sandbox::SandboxOptions;

use super::stage::{SCHEMA, kept_in};
use crate::support::fakesnow::Database;
use crate::support::rows::leads;
use crate::support::run::{Sandboxed, wait_for, wait_until};

/// Events of one batch.
const BATCH: usize = 5;

/// A stage whose leases last this long, with a sandbox that takes its time.
fn stage(events: usize, lease: Duration, latency: Duration) -> Option<(Sandboxed, Database)> {
    let database = Database::new()?;
    let it = Sandboxed::with(SandboxOptions { latency: Some(latency), ..SandboxOptions::default() });
    let it = it.on(|stage| kept_in(stage, &database).variable("LEASE_MILLIS", &lease.as_millis().to_string()));
    it.stage.rows(&leads(events));
    Some((it, database))
}

fn start(it: &Sandboxed) -> Child {
    let child = it.stage.start(&["--batch-size", &BATCH.to_string(), "--concurrency", "1"]);
    wait_until("the first requests", || it.stats().requests >= 2);
    child
}

#[test]
fn fm_54_of_two_runs_one_holds_the_lease_and_the_other_takes_over_when_it_is_killed() {
    let Some((it, _database)) = stage(100, Duration::from_secs(12), Duration::from_millis(500)) else { return };
    let mut first = start(&it);
    let refused = it.stage.sync(&[]);
    assert_eq!(refused.exit, Some(7), "{}", refused.stderr);
    let holder = format!("process {}", first.id());
    assert!(refused.stderr.contains(&holder) && refused.stderr.contains("until"), "{}", refused.stderr);
    let skipped = it.stage.sync(&["--if-locked", "skip"]);
    assert_eq!(skipped.exit, Some(0), "{}", skipped.stderr);
    let status = it.stage.run(&["status"]);
    assert!(status.stdout.contains(&holder), "{} {}", status.stdout, status.stderr);

    first.kill().unwrap();
    first.wait().unwrap();
    let killed = it.stats();
    assert!(killed.unique < 100, "the kill did not fall into the middle: {killed:?}");
    let second = it.stage.sync(&["--if-locked", "wait=60s"]);
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    let ended = it.stats();
    assert_eq!(ended.unique, 100, "events are lost");
    assert!(ended.received - ended.unique <= BATCH as u64, "more came twice than was in flight: {ended:?}");
    // What is given back is free at once.
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 100");
}

/// Lets a process stop or go on.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn fm_51_fm_54_a_run_that_slept_while_another_took_over_posts_nothing_more_and_its_late_outcome_is_kept() {
    let Some((it, database)) = stage(60, Duration::from_secs(6), Duration::from_secs(1)) else { return };
    let first = start(&it);
    signal(&first, "-STOP");
    let second = it.stage.sync(&["--if-locked", "wait=60s"]);
    assert_eq!(second.exit, Some(0), "{}", second.stderr);
    let after = it.stats();
    assert_eq!(after.unique, 60, "events are lost");
    assert!(after.received - after.unique <= BATCH as u64, "more came twice than was in flight: {after:?}");

    signal(&first, "-CONT");
    let first = wait_for(first);
    assert_eq!(first.exit, Some(7), "{}", first.stderr);
    assert!(first.stderr.contains("another run has taken over"), "{}", first.stderr);
    assert_eq!(it.stats().received, after.received, "the run that had lost its lease went on sending");
    let late = format!("SELECT COUNT(*) FROM {SCHEMA}.FBCAPI_SEND_LOG WHERE LATE AND STATUS = 'sent'");
    assert_eq!(database.cell(&late).as_deref(), Some("1"), "{}", first.stderr);
    let intents = format!("SELECT COUNT(*) FROM {SCHEMA}.FBCAPI_SEND_LOG WHERE LATE AND STATUS = 'sending'");
    assert_eq!(database.cell(&intents).as_deref(), Some("0"));
    let checked = it.stage.run(&["state", "check"]);
    assert!(checked.stdout.contains("came when another run had taken over"), "{}", checked.stdout);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 60");
}
