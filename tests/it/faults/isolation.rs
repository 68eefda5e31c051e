//! Requests that are refused for some of their events: the bad ones are found, the others sent.

use super::{assert_taken_once, story, sync_here};
use crate::support::graph::Answer;
use crate::support::rows::leads;

/// Runs 1,000 events of which some are bad and compares what is sent, and at which price.
#[track_caller]
fn check_isolation(bad: &[usize]) {
    let ids: Vec<String> = bad.iter().map(|number| format!("e-{number}")).collect();
    let it = story(1_000, &[]).then(Answer::RefuseIds(ids.clone())).stage();
    let expected = format!("exit 3: sent {}, rejected {}", 1_000 - bad.len(), bad.len());
    assert_eq!(sync_here(&it.stage), expected);
    assert_taken_once(&it.graph, 1_000 - bad.len());
    let requests = it.graph.requests().len();
    // Twice the binary logarithm of 1,000 for each, and the first.
    assert!(requests <= 1 + 20 * bad.len(), "{requests} requests for {bad:?}");
    // Nothing is told or tried again until a row changes.
    let again = format!("exit 0: already_sent {}, rejected {}", 1_000 - bad.len(), bad.len());
    assert_eq!(sync_here(&it.stage), again);
    assert_eq!(it.graph.requests().len(), requests);
}

#[test]
fn fm_40_bad_events_among_a_thousand_are_found_and_the_others_sent() {
    check_isolation(&[0]);
    check_isolation(&[999]);
    check_isolation(&[500, 501]);
    check_isolation(&[1, 250, 499, 500, 998]);
}

#[test]
fn fm_40_a_refused_event_is_tried_again_when_its_row_changes() {
    let it = story(3, &[]).then(Answer::RefuseIds(vec!["e-1".into()])).check("exit 3: sent 2, rejected 1");
    let mut rows = leads(3);
    rows[1] = rows[1].clone().with("phone", "+16505551212");
    it.stage.rows(&rows);
    it.graph.then_answer(&[Answer::Accept]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 1, already_sent 2");
}

#[test]
fn fm_41_when_most_is_refused_the_configuration_is_to_blame_and_no_event() {
    let all: Vec<String> = (0..100).map(|number| format!("e-{number}")).collect();
    let it = story(100, &[]).then(Answer::RefuseIds(all)).batches("10", "1").stage();
    let first = sync_here(&it.stage);
    assert!(first.starts_with("exit 2: pending "), "{first}");
    let requests = it.graph.requests().len();
    assert!(requests < 100, "{requests} requests");
    let outcome = it.stage.sync_here();
    assert!(!outcome.report.by_reason.contains_key("refused_by_meta"), "{:?}", outcome.report.by_reason);
    it.graph.then_answer(&vec![Answer::Accept; 10]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 100");
}

#[test]
fn fm_41_a_batch_of_which_all_is_refused_is_left_to_the_next_run() {
    let all: Vec<String> = (0..200).map(|number| format!("e-{number}")).collect();
    let it = story(200, &[]).then(Answer::RefuseIds(all)).check("exit 2: pending 200");
    assert_eq!(it.graph.taken(), [""; 0]);
    it.graph.then_answer(&[Answer::Accept]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 200");
}

#[test]
fn fm_42_a_request_that_is_too_large_is_halved() {
    let it = story(10, &[]).then(Answer::AtMost(3)).check("exit 0: sent 10");
    let sizes: Vec<usize> = it.graph.requests().iter().map(|request| request.ids().len()).collect();
    assert_eq!(sizes, [10, 5, 5, 2, 3, 2, 3]);
    assert_taken_once(&it.graph, 10);
}

#[test]
fn fm_42_a_size_that_was_too_large_is_remembered() {
    let it = story(60, &[]).then(Answer::AtMost(3)).batches("10", "1").check("exit 0: sent 60");
    let sizes: Vec<usize> = it.graph.requests().iter().map(|request| request.ids().len()).collect();
    // What was gathered before the first answer is halved, what comes after it is cut to size.
    let late = sizes.iter().skip(sizes.len() / 2);
    assert!(late.clone().all(|size| *size <= 5), "{sizes:?}");
    assert!(sizes.iter().filter(|size| **size == 10).count() <= 4, "{sizes:?}");
    assert_taken_once(&it.graph, 60);
}

#[test]
fn fm_40_an_error_that_nobody_knows_takes_no_other_event_with_it_and_rejects_none() {
    let bad = vec!["e-7".to_owned()];
    let it = story(100, &[]).then(Answer::RefuseIdsAs(bad, 4242)).check("exit 5: sent 99, pending 1");
    assert_taken_once(&it.graph, 99);
    it.graph.then_answer(&[Answer::Accept]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 1, already_sent 99");
    // When nothing gets through, it is no event's fault.
    let it = story(1_000, &[]).then(Answer::Error(400, 4242, 0)).check("exit 1: pending 1000");
    let requests = it.graph.requests().len();
    assert!(requests <= 30, "{requests} requests");
}
