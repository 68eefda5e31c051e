//! Deliveries that go wrong: what Meta may answer, and what becomes of the events.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::support::graph::{Answer, Graph, Scripted};
use crate::support::rows::leads;
use crate::support::run::{Ran, Stage, runtime, tell};

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
fn what_is_temporary_is_tried_again_with_the_same_bytes() {
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
fn a_server_that_stays_in_trouble_leaves_the_events_unknown_and_the_next_run_sends_the_same_bytes() {
    let it = story(3, &[]).then(Answer::Html(502)).check("exit 3: unknown 3, 3 twice?");
    assert_same_bytes(&it.graph, 5);
    let it = story(3, &vec![Answer::LostAfterCommit; 5]).check("exit 3: unknown 3, 3 twice?");
    assert_eq!(sync_here(&it.stage), "exit 0: sent 3, 3 twice?");
    assert_same_bytes(&it.graph, 6);
    assert_eq!(sync_here(&it.stage), "exit 0: already_sent 3");
}

#[test]
fn what_nobody_knows_is_held_when_the_configuration_says_so() {
    let it = story(3, &[Answer::LostAfterCommit]).held().check("exit 3: unknown 3");
    assert_eq!(sync_here(&it.stage), "exit 3: unknown 3");
    assert_taken_once(&it.graph, 3);
    let it = story(3, &[Answer::Error(400, 80_004, 0)]).held().check("exit 0: sent 3");
    assert_taken_once(&it.graph, 3);
}

#[test]
fn what_nobody_knows_is_not_sent_again_once_meta_has_forgotten_it() {
    let it = story(3, &vec![Answer::LostAfterCommit; 5]).check("exit 3: unknown 3, 3 twice?");
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::hours(49)), "exit 3: unknown 3");
    assert_eq!(it.graph.requests().len(), 5);
    assert_eq!(sync_at(&it.stage, || Utc::now() + TimeDelta::hours(47)), "exit 0: sent 3, 3 twice?");
}

#[test]
fn an_answer_that_does_not_say_what_was_taken_leaves_the_events_unknown() {
    for fault in [Answer::TooFew, Answer::Html(200)] {
        let it = story(3, std::slice::from_ref(&fault)).check("exit 3: unknown 3");
        assert_eq!(it.graph.requests().len(), 1, "{fault:?}");
        assert_eq!(sync_here(&it.stage), "exit 0: sent 3, 3 twice?", "{fault:?}");
        assert_same_bytes(&it.graph, 2);
    }
}

#[test]
fn too_many_calls_make_everything_wait_and_nothing_is_doubted() {
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
fn an_answer_that_nothing_can_be_sent_stops_the_run_at_once() {
    check_stop(&Answer::Error(401, 190, 463), 4, "Generate access token");
    check_stop(&Answer::Error(400, 190, 0), 4, "code 190");
    check_stop(&Answer::Error(403, 200, 0), 4, "\"Manage\" on the dataset");
    check_stop(&Answer::Error(400, 100, 33), 4, "compare [meta] dataset_id");
    check_stop(&Answer::Error(400, 368, 0), 5, "blocked");
    check_stop(&Answer::Error(400, 4242, 0), 1, "code 4242");
    let it = check_stop(&Answer::Html(404), 2, "check [meta] api_base");
    // Once the trouble is over, everything is sent, and nothing is doubted.
    it.graph.then_answer(&vec![Answer::Accept; 10]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 100");
    assert_taken_once(&it.graph, 100);
}

#[test]
fn a_wait_that_is_longer_than_a_run_may_take_ends_the_run() {
    for wait in ["86400", "4102444800", "18446744073709551615"] {
        let header = format!("Retry-After: {wait}\r\n");
        check_stop(&Answer::ErrorWith(400, 80_004, 0, header), 5, "the next run tries again");
    }
}

#[test]
fn a_redirect_is_not_followed_and_the_token_stays_here() {
    let elsewhere = runtime();
    let other = Graph::start(&elsewhere, &[], Answer::Accept);
    check_stop(&Answer::Redirect(format!("{}/v26.0/1234567890/events", other.base_url)), 2, "check [meta] api_base");
    assert_eq!(other.connections(), 0);
}

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
fn bad_events_among_a_thousand_are_found_and_the_others_sent() {
    check_isolation(&[0]);
    check_isolation(&[999]);
    check_isolation(&[500, 501]);
    check_isolation(&[1, 250, 499, 500, 998]);
}

#[test]
fn a_refused_event_is_tried_again_when_its_row_changes() {
    let it = story(3, &[]).then(Answer::RefuseIds(vec!["e-1".into()])).check("exit 3: sent 2, rejected 1");
    let mut rows = leads(3);
    rows[1] = rows[1].clone().with("phone", "+16505551212");
    it.stage.rows(&rows);
    it.graph.then_answer(&[Answer::Accept]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 1, already_sent 2");
}

#[test]
fn when_most_is_refused_the_configuration_is_to_blame_and_no_event() {
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
fn a_batch_of_which_all_is_refused_is_left_to_the_next_run() {
    let all: Vec<String> = (0..200).map(|number| format!("e-{number}")).collect();
    let it = story(200, &[]).then(Answer::RefuseIds(all)).check("exit 2: pending 200");
    assert_eq!(it.graph.taken(), [""; 0]);
    it.graph.then_answer(&[Answer::Accept]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 200");
}

#[test]
fn a_request_that_is_too_large_is_halved() {
    let it = story(10, &[]).then(Answer::AtMost(3)).check("exit 0: sent 10");
    let sizes: Vec<usize> = it.graph.requests().iter().map(|request| request.ids().len()).collect();
    assert_eq!(sizes, [10, 5, 5, 3, 2, 2, 3]);
    assert_taken_once(&it.graph, 10);
}

#[test]
fn without_a_connection_everything_is_left_to_the_next_run() {
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
fn the_report_says_of_each_batch_what_meta_said() {
    let it = story(2, &[Answer::Error(400, 100, 2_804_003)]).stage();
    let ran: Ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 2");
    let batches = ran.report()["batches"].clone();
    let told: Vec<String> = batches
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| {
            format!(
                "{} {} {} {} {}",
                batch["number"], batch["events"], batch["outcome"], batch["status"], batch["subcode"]
            )
        })
        .collect();
    assert_eq!(told, ["1 2 \"divided\" 400 2804003", "2 1 \"accepted\" 200 null", "3 1 \"accepted\" 200 null"]);
    assert_eq!(batches[0]["trace"], Value::from("Atrace"));
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
