//! Two hundred thousand events, of which each twentieth request meets a fault. Takes minutes:
//! `cargo test --test it soak -- --ignored --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the figures are what a soak is for")]

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::leads;

const EVENTS: usize = 200_000;

/// Events in one request: small, so that there are thousands of requests.
const BATCH: &str = "100";

/// One request of so many meets a fault.
const ONE_OF: u64 = 20;

/// More runs than this should not be needed.
const MOST_RUNS: usize = 60;

/// Faults after which Meta has taken everything, or has certainly taken nothing.
fn certain() -> Vec<Answer> {
    vec![
        Answer::LostAfterCommit,
        Answer::CutInTheMiddle,
        Answer::TooFew,
        Answer::Error(400, 80_004, 0),
        Answer::Html(429),
        Answer::Html(413),
        Answer::Error(401, 190, 463),
        Answer::RefuseIds((0..EVENTS).step_by(20_011).map(|number| format!("e-{number}")).collect()),
    ]
}

/// Faults after which Meta may have taken nothing, and the program cannot know.
fn uncertain() -> Vec<Answer> {
    vec![
        Answer::ResetBeforeReading,
        Answer::Html(502),
        Answer::Html(200),
        Answer::Error(500, 1, 0),
        Answer::Error(400, 2, 0),
    ]
}

/// Answers of which one in twenty is a fault, each kind as often as the others.
fn answers(faults: &[Answer], count: usize) -> Vec<Answer> {
    let mut state = 4_u64;
    let mut answers = Vec::with_capacity(count);
    for _ in 0..count {
        // A linear congruence is random enough. Source: Knuth's MMIX.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = state >> 33;
        let kind = usize::try_from(dice / ONE_OF).unwrap() % faults.len();
        answers.push(if dice.is_multiple_of(ONE_OF) { faults[kind].clone() } else { Answer::Accept });
    }
    answers
}

/// What came of a soak.
struct Soaked {
    /// Copies beyond the first.
    copies: u64,
    /// Events that came more than once.
    twice: u64,
    /// What the reports of all runs add up to.
    possible_duplicates: u64,
}

/// Runs until everything is sent, and looks at what the server got.
fn soak(faults: &[Answer]) -> Soaked {
    let began = Instant::now();
    let it = Scripted::new(&answers(faults, 8_000), Answer::Accept);
    it.stage.rows(&leads(EVENTS));
    let (mut runs, mut possible_duplicates) = (0, 0);
    loop {
        runs += 1;
        assert!(runs <= MOST_RUNS, "the runs come to no end");
        let ran = it.stage.sync(&["--batch-size", BATCH]);
        ran.told();
        let report = ran.report();
        possible_duplicates += report["possible_duplicates"].as_u64().unwrap();
        let count = |end: &str| report["counts"][end].as_u64().unwrap();
        if count("sent") + count("already_sent") + count("rejected") == EVENTS as u64 && count("sent") == 0 {
            assert_eq!(count("rejected"), 0);
            break;
        }
    }
    let requests = it.graph.requests();
    let mut taken: HashMap<String, u64> = HashMap::with_capacity(EVENTS);
    let mut told = HashSet::with_capacity(EVENTS);
    for request in &requests {
        for id in request.ids() {
            assert!(!told.contains(&id), "{id} was sent after Meta had said that it has it");
            if request.is_taken {
                *taken.entry(id.clone()).or_default() += 1;
            }
            if request.is_told {
                told.insert(id);
            }
        }
    }
    assert_eq!(taken.len(), EVENTS, "events are lost");
    let copies = taken.values().sum::<u64>() - taken.len() as u64;
    let twice = taken.values().filter(|times| **times > 1).count() as u64;
    println!(
        "{EVENTS} events, {} requests, {runs} runs in {} s: 0 lost, 0 sent after acceptance, {twice} came more than \
         once ({copies} copies), {possible_duplicates} possible duplicates told",
        requests.len(),
        began.elapsed().as_secs(),
    );
    Soaked { copies, twice, possible_duplicates }
}

#[test]
#[ignore = "takes minutes"]
fn what_came_twice_is_what_is_told_when_every_lost_answer_was_of_a_request_that_was_taken() {
    let Soaked { copies, twice, possible_duplicates } = soak(&certain());
    assert!(twice > 0, "no answer was lost");
    assert!(twice <= possible_duplicates && possible_duplicates <= copies);
    if copies == twice {
        assert_eq!(possible_duplicates, twice);
    }
}

#[test]
#[ignore = "takes minutes"]
fn what_came_twice_is_never_more_than_what_is_told() {
    let Soaked { copies: _, twice, possible_duplicates } = soak(&[certain(), uncertain()].concat());
    assert!(0 < twice && twice <= possible_duplicates);
}
