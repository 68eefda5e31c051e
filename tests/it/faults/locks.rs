//! Runs that meet another one.

use std::process::Child;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::leads;
use crate::support::run::{wait_for, wait_until};

/// A run that is under way for as long as a test wants.
fn under_way() -> (Scripted, Child) {
    let it = Scripted::new(&[Answer::Hang], Answer::Accept);
    it.stage.rows(&leads(3));
    let first = it.stage.start(&[]);
    wait_until("the first request", || !it.graph.requests().is_empty());
    (it, first)
}

#[test]
fn fm_07_a_second_run_ends_at_once_or_is_skipped_as_it_was_asked() {
    let (it, mut first) = under_way();
    let holder = format!("process {}", first.id());
    let failed = it.stage.sync(&["--if-locked", "fail"]);
    assert_eq!(failed.told(), "exit 7: nothing");
    assert!(failed.stderr.contains(&holder), "{}", failed.stderr);
    let skipped = it.stage.sync(&["--if-locked", "skip"]);
    assert_eq!(skipped.told(), "exit 0: nothing");
    assert!(
        skipped.stderr.contains(&holder) && skipped.stderr.ends_with("this run was skipped\n"),
        "{}",
        skipped.stderr
    );
    assert_eq!(skipped.stderr.lines().count(), 1, "{}", skipped.stderr);
    let report = skipped.report();
    assert!(report["error"].is_null() && report["warnings"].to_string().contains("skipped"), "{report}");
    assert_eq!(it.graph.requests().len(), 1);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn fm_07_a_second_run_waits_for_the_first_and_not_for_ever() {
    let (it, mut first) = under_way();
    let in_vain = it.stage.sync(&["--if-locked", "wait=1s"]);
    assert_eq!(in_vain.told(), "exit 7: nothing", "{}", in_vain.stderr);
    assert_eq!(in_vain.stderr.matches("waiting for it to end").count(), 1, "{}", in_vain.stderr);
    let it = it.on(|stage| stage.variable("FBCAPI_IF_LOCKED", "wait=1m"));
    let second = it.stage.start(&[]);
    assert_eq!(it.graph.requests().len(), 1);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = wait_for(second);
    assert_eq!(second.told(), "exit 0: sent 3", "{}", second.stderr);
    assert_eq!(second.report()["possible_duplicates"], 3);
}
