//! Answers that no server should give: cut, torn, slow, swollen. Nothing is lost and nothing is taken for granted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::rows::leads;
use crate::support::run::{Stage, tell, wait_until};
use crate::support::wire::{Step, Then, Wire, received, received_body, reply};

/// Sends three events, in one batch, to a server that does some steps first; compares what is told, and how often the
/// first event was taken.
#[track_caller]
fn check(steps: Vec<Step>, expected: &str, taken: usize) -> (Wire, Stage) {
    let wire = Wire::start(steps);
    let stage = Stage::new(&wire.base_url);
    stage.rows(&leads(3));
    assert_eq!(sync(&stage), expected);
    assert_eq!(wire.taken().iter().filter(|id| *id == "e-0").count(), taken);
    (wire, stage)
}

/// Runs a sync within this process; tells the exit code, the counts, and the events that may have arrived twice.
fn sync(stage: &Stage) -> String {
    let report = stage.sync_here().report;
    let told = tell(&serde_json::to_value(&report).unwrap());
    format!("exit {}: {told}, {} twice?", report.exit_code, report.possible_duplicates)
}

/// The events are in doubt after a run; the next one sends them again.
#[track_caller]
fn check_doubt(step: Step, taken: usize) {
    let (wire, stage) = check(vec![step], "exit 3: unknown 3, 0 twice?", taken);
    assert_eq!(sync(&stage), "exit 0: sent 3, 3 twice?");
    assert_eq!(wire.taken().len(), 3 * (taken + 1));
    assert_eq!(sync(&stage), "exit 0: already_sent 3, 0 twice?");
}

#[test]
fn fm_35_a_connection_that_is_reset_after_the_request_was_read_leaves_a_doubt() {
    let reset = Step::answer("").then(Then::Reset);
    check(vec![reset.clone()], "exit 0: sent 3, 3 twice?", 1);
    check(vec![reset.taken()], "exit 0: sent 3, 3 twice?", 2);
}

#[test]
fn fm_36_an_answer_that_is_lost_on_its_way_leaves_a_doubt() {
    let whole = received(3);
    // Nothing, half of the head, no body, half of the body, all but a byte.
    for bytes in [0, 20, whole.len() - received_body(3).len(), whole.len() - 30, whole.len() - 1] {
        check(vec![Step::answer(&whole.as_bytes()[..bytes]).taken()], "exit 0: sent 3, 3 twice?", 2);
    }
}

#[test]
fn fm_45_an_answer_of_another_length_than_it_says_is_not_believed() {
    let body = received_body(3);
    let longer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 9);
    check(vec![Step::answer(longer).taken()], "exit 0: sent 3, 3 twice?", 2);
    let shorter = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() - 9);
    check_doubt(Step::answer(shorter).taken(), 1);
    let none = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    check_doubt(Step::answer(none).taken(), 1);
    let nonsense = "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n";
    check(vec![Step::answer(nonsense).taken()], "exit 0: sent 3, 3 twice?", 2);
    check(vec![Step::answer([0xff; 99]).taken()], "exit 0: sent 3, 3 twice?", 2);
}

#[test]
fn fm_45_a_page_and_a_bomb_are_no_answer_and_fill_no_memory() {
    check_doubt(Step::answer(reply(200, "Content-Type: text/html\r\n", "<html>Welcome</html>")).taken(), 1);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    check_doubt(Step::answer([head.into_bytes(), bomb].concat()).taken(), 1);
    let broken = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone";
    check(vec![Step::answer(broken).taken()], "exit 0: sent 3, 3 twice?", 2);
}

#[test]
fn fm_45_an_error_of_many_megabytes_stops_the_run_and_nothing_is_lost() {
    let message = "x".repeat(8 << 20);
    let error = format!(r#"{{"error":{{"message":"{message}","type":"OAuthException","code":100}}}}"#);
    let (wire, stage) = check(vec![Step::answer(reply(400, "", &error))], "exit 2: pending 3, 0 twice?", 0);
    assert_eq!(sync(&stage), "exit 0: sent 3, 0 twice?");
    assert_eq!(wire.taken().len(), 3);
}

#[test]
fn an_answer_that_trickles_in_is_waited_for() {
    let pieces = received(3).into_bytes().chunks(4).map(<[u8]>::to_vec).collect();
    let slow = Step { is_taken: true, pieces, pause: Duration::from_millis(3), then: Then::Close };
    check(vec![slow], "exit 0: sent 3, 0 twice?", 1);
}

#[test]
fn an_announcement_is_not_the_answer() {
    let early = ["HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", &received(3)].concat();
    check(vec![Step::answer(early).taken()], "exit 0: sent 3, 0 twice?", 1);
}

#[test]
fn a_connection_that_is_closed_while_the_next_request_is_under_way_leaves_a_doubt() {
    let kept = Step::answer(received(1)).taken().then(Then::Keep);
    // The second request is read on the same connection, its event is taken, and nothing is answered.
    let wire = Wire::start(vec![kept, Step::answer("").taken()]);
    let stage = Stage::new(&wire.base_url).configure("meta", "batch_size = 1").configure("meta", "concurrency = 1");
    stage.rows(&leads(3));
    assert_eq!(sync(&stage), "exit 0: sent 3, 1 twice?");
    assert_eq!(wire.connections()[..2], [0, 0], "the connection was not used again");
    assert_eq!(wire.taken(), ["e-0", "e-1", "e-1", "e-2"]);
}

#[test]
fn a_connection_that_was_closed_between_two_requests_leaves_no_doubt_that_is_not_told() {
    // The server closes a connection that the client believes to be open.
    let wire = Wire::start((0..20).map(|_| Step::answer(received(1)).taken()).collect());
    let stage = Stage::new(&wire.base_url).configure("meta", "batch_size = 1").configure("meta", "concurrency = 1");
    stage.rows(&leads(20));
    let report = stage.sync_here().report;
    let twice = wire.taken().len() - 20;
    assert_eq!(report.counts.sent, 20);
    assert!(report.possible_duplicates >= twice as u64, "{twice} came twice");
}

#[test]
fn killed_in_the_middle_of_a_body_the_batch_is_in_doubt_and_sent_again() {
    const KILLS: usize = 5;
    let wire = Wire::start(vec![Step::answer("").then(Then::CloseAfter(1_000)).slow(); KILLS]);
    let stage = Stage::new(&wire.base_url);
    stage.rows(&leads(1_000));
    for kill in 1..=KILLS {
        let mut run = stage.start(&["--concurrency", "1"]);
        wait_until("the body", || wire.connections().len() == kill);
        run.kill().unwrap();
        run.wait().unwrap();
    }
    assert_eq!(wire.taken(), [""; 0]);
    assert_eq!(sync(&stage), "exit 0: sent 1000, 1000 twice?");
    assert_eq!(wire.taken().len(), 1_000);
}
