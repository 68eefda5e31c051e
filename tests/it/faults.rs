//! Deliveries that go wrong: what Meta may answer, and what becomes of the events.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod isolation;
mod locks;
mod pacing;
mod policy;
mod token;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::support::graph::{Answer, Graph, Scripted};
use crate::support::rows::leads;
use crate::support::run::{Stage, tell};

/// A story: how many rows are there, how the server answers, and what two runs tell.
struct Story {
    rows: usize,
    answers: Vec<Answer>,
    then: Answer,
    batch: &'static str,
    concurrency: &'static str,
    is_held: bool,
}

/// Starts a story of one batch of some events.
fn story(rows: usize, answers: &[Answer]) -> Story {
    let answers = answers.to_vec();
    Story { rows, answers, then: Answer::Accept, batch: "1000", concurrency: "1", is_held: false }
}

impl Story {
    /// After its list the server answers so for ever.
    fn then(self, then: Answer) -> Self {
        Self { then, ..self }
    }

    /// In several batches, several at once.
    fn batches(self, batch: &'static str, concurrency: &'static str) -> Self {
        Self { batch, concurrency, ..self }
    }

    /// What nobody knows is held.
    fn held(self) -> Self {
        Self { is_held: true, ..self }
    }

    /// Sets the stage.
    fn stage(&self) -> Scripted {
        let it = Scripted::new(&self.answers, self.then.clone()).on(|stage| {
            let stage = stage.configure("meta", &format!("batch_size = {}", self.batch));
            let stage = stage.configure("meta", &format!("concurrency = {}", self.concurrency));
            if self.is_held { stage.configure("meta", "on_unknown = \"hold\"") } else { stage }
        });
        it.stage.rows(&leads(self.rows));
        it
    }

    /// Runs once and compares what is told.
    #[track_caller]
    fn check(self, expected: &str) -> Scripted {
        let it = self.stage();
        assert_eq!(sync_here(&it.stage), expected);
        it
    }
}

/// Runs a sync without waits; tells the exit code, the counts, and the events that may have arrived twice.
#[track_caller]
fn sync_here(stage: &Stage) -> String {
    sync_at(stage, Utc::now)
}

/// Runs a sync at another time, and tells the same.
#[track_caller]
fn sync_at(stage: &Stage, now: fn() -> DateTime<Utc>) -> String {
    let outcome = stage.sync_at(now);
    let report = serde_json::to_value(&outcome.report).unwrap();
    let twice = match outcome.report.possible_duplicates {
        0 => String::new(),
        events => format!(", {events} twice?"),
    };
    format!("exit {}: {}{twice}", outcome.report.exit_code, tell(&report))
}

/// The bodies of all requests are the same.
#[track_caller]
fn assert_same_bytes(graph: &Graph, count: usize) {
    let bodies: Vec<Vec<u8>> = graph.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), count);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "a repeated request has other bytes");
}

/// Every event was taken exactly once.
#[track_caller]
fn assert_taken_once(graph: &Graph, events: usize) {
    let taken = graph.taken();
    assert_eq!(taken.len(), events);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), events);
}

#[test]
fn fm_35_fm_36_fm_37_what_is_temporary_is_tried_again_with_the_same_bytes() {
    let temporary = [
        Answer::Html(500),
        Answer::Html(502),
        Answer::Html(503),
        Answer::Error(500, 1, 0),
        Answer::Error(400, 2, 0),
        Answer::LostAfterCommit,
        Answer::CutInTheMiddle,
    ];
    for fault in temporary {
        let it = story(3, std::slice::from_ref(&fault)).check("exit 0: sent 3, 3 twice?");
        assert_same_bytes(&it.graph, 2);
        assert_eq!(sync_here(&it.stage), "exit 0: already_sent 3", "{fault:?}");
    }
    let it = story(3, &[Answer::ResetBeforeReading]).check("exit 0: sent 3, 3 twice?");
    assert_same_bytes(&it.graph, 1);
    assert_taken_once(&it.graph, 3);
}

#[test]
fn fm_37_a_server_that_stays_in_trouble_leaves_the_events_unknown_and_the_next_run_sends_the_same_bytes() {
    let it = story(3, &[]).then(Answer::Html(502)).check("exit 3: unknown 3, 3 twice?");
    assert_same_bytes(&it.graph, 5);
    let it = story(3, &vec![Answer::LostAfterCommit; 5]).check("exit 3: unknown 3, 3 twice?");
    assert_eq!(sync_here(&it.stage), "exit 0: sent 3, 3 twice?");
    assert_same_bytes(&it.graph, 6);
    assert_eq!(sync_here(&it.stage), "exit 0: already_sent 3");
}

#[test]
fn fm_36_what_nobody_knows_is_held_when_the_configuration_says_so() {
    let it = story(3, &[Answer::LostAfterCommit]).held().check("exit 3: unknown 3");
    assert_eq!(sync_here(&it.stage), "exit 3: unknown 3");
    assert_taken_once(&it.graph, 3);
    let it = story(3, &[Answer::Error(400, 80_004, 0)]).held().check("exit 0: sent 3");
    assert_taken_once(&it.graph, 3);
}

#[test]
fn fm_35_what_nobody_knows_is_not_sent_again_once_meta_has_forgotten_it() {
    let it = story(3, &vec![Answer::LostAfterCommit; 5]).check("exit 3: unknown 3, 3 twice?");
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::hours(49)), "exit 3: unknown 3");
    assert_eq!(it.graph.requests().len(), 5);
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::hours(47)), "exit 0: sent 3, 3 twice?");
}

/// How often the clock of a test was looked at.
static LOOKS: AtomicU32 = AtomicU32::new(0);

/// A clock that stands at 47 hours from now until the rows are prepared, and at 49 hours after that.
fn at_the_last_moment() -> DateTime<Utc> {
    let is_early = LOOKS.fetch_add(1, Ordering::Relaxed) < 2;
    Utc::now() + TimeDelta::hours(if is_early { 47 } else { 49 })
}

#[test]
fn fm_35_what_nobody_knows_is_not_sent_again_when_its_time_runs_out_within_a_run() {
    let it = story(3, &vec![Answer::LostAfterCommit; 5]).check("exit 3: unknown 3, 3 twice?");
    assert_eq!(sync_at(&it.stage, at_the_last_moment), "exit 5: pending 3");
    assert!(LOOKS.load(Ordering::Relaxed) > 2, "the clock did not get that far");
    assert_eq!(it.graph.requests().len(), 5);
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::hours(49)), "exit 3: unknown 3");
}

/// Runs the binary against a server that refuses for good, and compares exit code and remedy.
#[track_caller]
fn check_stop(fault: &Answer, exit: i32, remedy: &str) -> Scripted {
    let it = story(100, &[]).then(fault.clone()).batches("10", "4").stage();
    let ran = it.stage.sync(&[]);
    // Rows that were not read any more are in nobody's books.
    let pending = ran.report()["counts"]["pending"].clone();
    assert_eq!(ran.told(), format!("exit {exit}: pending {pending}"), "{fault:?}: {}", ran.stderr);
    assert!(ran.stderr.contains(remedy), "{fault:?}: {}", ran.stderr);
    assert!(!ran.stderr.contains("user@example.com"), "Meta's text is shown: {}", ran.stderr);
    let requests = it.graph.requests().len();
    assert!((1..=4).contains(&requests), "{requests} requests after the first refusal of {fault:?}");
    it
}

#[test]
fn fm_39_an_answer_that_nothing_can_be_sent_stops_the_run_at_once() {
    check_stop(&Answer::Error(401, 190, 463), 4, "Generate access token");
    check_stop(&Answer::Error(400, 190, 0), 4, "code 190");
    check_stop(&Answer::Error(403, 200, 0), 4, "\"Manage\" on the dataset");
    check_stop(&Answer::Error(400, 100, 33), 4, "compare [meta] dataset_id");
    check_stop(&Answer::Error(400, 368, 0), 5, "blocked");
    let it = check_stop(&Answer::Html(404), 2, "check [meta] api_base");
    // Once the trouble is over, everything is sent, and nothing is doubted.
    it.graph.then_answer(&vec![Answer::Accept; 10]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 100");
    assert_taken_once(&it.graph, 100);
}

#[test]
fn fm_34_without_a_connection_everything_is_left_to_the_next_run() {
    // The port was free a moment ago and nobody listens on it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let stage = Stage::new(&format!("http://{address}"));
    stage.rows(&leads(3));
    assert_eq!(sync_here(&stage), "exit 5: pending 3");
    let graph = Graph::start(&stage.runtime, &[], Answer::Accept);
    let stage = stage.section("meta", &format!("dataset_id = \"1234567890\"\napi_base = \"{}\"", graph.base_url));
    assert_eq!(sync_here(&stage), "exit 0: sent 3");
    assert_taken_once(&graph, 3);
}

#[test]
fn what_was_sent_before_it_expired_is_not_reported_as_expired() {
    let it = story(2, &[]).then(Answer::Accept).check("exit 0: sent 2");
    let week = || Utc::now() + TimeDelta::hours(7 * 24 + 6);
    assert_eq!(sync_at(&it.stage, week), "exit 0: already_sent 2");
    // By then the ledger has forgotten them: they are counted, but they are no news.
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::days(20)), "exit 0: expired 2");
}

#[test]
fn a_refusal_after_a_lost_answer_is_final() {
    let bad = vec!["e-1".to_owned()];
    let it = story(3, &[]).then(Answer::Html(502)).check("exit 3: unknown 3, 3 twice?");
    it.graph.then_answer(&vec![Answer::RefuseIds(bad); 9]);
    let again = it.stage.sync_here();
    assert_eq!(again.report.counts.rejected, 1, "{:?}", again.report.counts);
    let requests = it.graph.requests().len();
    let third = it.stage.sync_here();
    assert_eq!((third.report.counts.rejected, third.news, it.graph.requests().len()), (1, 0, requests));
}
