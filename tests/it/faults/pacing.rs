//! Too many calls, too many repeats, too little time: how fast a run goes, and when it ends.

use std::time::{Duration, Instant};

use super::{assert_same_bytes, assert_taken_once, check_stop, story, sync_here};
use crate::support::graph::{Answer, Scripted};
use crate::support::rows::leads;
use crate::support::run::Sandboxed;

#[test]
fn fm_38_too_many_calls_make_everything_wait_and_nothing_is_doubted() {
    for fault in [
        Answer::ErrorWith(400, 80_004, 0, "Retry-After: 0\r\n".into()),
        Answer::Error(400, 17, 2_446_079),
        Answer::Error(403, 4, 0),
        Answer::Html(429),
    ] {
        let it = story(3, &[fault.clone(), fault.clone()]).check("exit 0: sent 3");
        assert_same_bytes(&it.graph, 3);
        let it = story(3, &[]).then(fault).check("exit 5: pending 3");
        assert_same_bytes(&it.graph, 5);
    }
}

#[test]
fn fm_38_a_wait_that_is_longer_than_a_run_may_take_ends_the_run() {
    for wait in ["86400", "4102444800", "18446744073709551615"] {
        let header = format!("Retry-After: {wait}\r\n");
        check_stop(&Answer::ErrorWith(400, 80_004, 0, header), 5, "the next run tries again");
    }
}

#[test]
fn fm_38_everything_waits_as_long_as_the_server_asks() {
    let throttled = Answer::ErrorWith(400, 80_004, 2_446_079, "Retry-After: 1\r\n".into());
    let it = story(40, &[throttled]).batches("10", "1").stage();
    let began = Instant::now();
    assert_eq!(sync_here(&it.stage), "exit 0: sent 40");
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    // The others wait, too: only what was under way still arrives.
    let it = story(400, &[Answer::Accept, throttled_for_a_minute()]).batches("10", "4").stage();
    let ran = it.stage.sync(&["--max-duration", "1s"]);
    assert_eq!(ran.exit, Some(8), "{}", ran.stderr);
    let requests = it.graph.requests().len();
    assert!((2..=5).contains(&requests), "{requests} requests");
    assert_eq!(ran.report()["counts"]["unknown"], 0, "{}", ran.told());
}

/// An answer that asks everything to wait.
fn throttled_for_a_minute() -> Answer {
    Answer::ErrorWith(400, 17, 2_446_079, "Retry-After: 60\r\n".into())
}

#[test]
fn fm_37_a_long_outage_does_not_become_a_storm_of_repeats() {
    let it = story(200, &[]).then(Answer::Html(503)).batches("1", "16").stage();
    let told = sync_here(&it.stage);
    assert!(told.starts_with("exit 5: "), "{told}");
    let requests = it.graph.requests().len();
    // Sixteen parts at once, twenty repeats in all, and those that took the place of the first that were given up;
    // five attempts for each of the sixteen would be eighty.
    assert!(requests <= 45, "{requests} requests");
    it.graph.then_answer(&vec![Answer::Accept; 200]);
    assert!(sync_here(&it.stage).starts_with("exit 0: sent 200"));
}

#[test]
fn a_run_that_may_take_no_longer_settles_what_is_under_way_and_says_so() {
    let options = || fbcapi::sandbox::SandboxOptions {
        latency: Some(Duration::from_millis(50)),
        ..fbcapi::sandbox::SandboxOptions::default()
    };
    let it = Sandboxed::with(options());
    it.stage.rows(&leads(2_000));
    let ran = it.stage.sync(&["--batch-size", "1", "--max-duration", "1s"]);
    assert_eq!(ran.exit, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains("stopped at --max-duration"), "{}", ran.stderr);
    let (report, stats) = (ran.report(), it.stats());
    assert_eq!(report["counts"]["sent"].as_u64(), Some(stats.received), "{}", ran.told());
    assert_eq!(report["counts"]["unknown"], 0, "{}", ran.told());
    assert!(stats.received > 0, "{}", ran.told());
    let it = it.on(|stage| stage.variable("FBCAPI_MAX_DURATION", "10m"));
    let left = 2_000 - stats.received;
    assert_eq!(it.stage.sync(&[]).told(), format!("exit 0: sent {left}, already_sent {}", stats.received));
    assert_eq!(it.stats().received, 2_000);
}

#[test]
fn a_wait_between_attempts_does_not_outlast_the_time_of_the_run() {
    let it = Scripted::new(&[throttled_for_a_minute()], Answer::Accept);
    it.stage.rows(&leads(3));
    let began = Instant::now();
    let ran = it.stage.sync(&["--max-duration", "1s"]);
    assert_eq!(ran.told(), "exit 8: pending 3", "{}", ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 3");
    assert_taken_once(&it.graph, 3);
}
