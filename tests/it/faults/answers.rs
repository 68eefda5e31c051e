//! Answers that say too little, too much, or come from somebody else.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{assert_same_bytes, check_stop, story, sync_here};
use crate::support::graph::{Answer, Graph};
use crate::support::run::{Ran, runtime};

#[test]
fn fm_43_a_redirect_is_not_followed_and_the_token_stays_here() {
    let elsewhere = runtime();
    let other = Graph::start(&elsewhere, &[], Answer::Accept);
    check_stop(&Answer::Redirect(format!("{}/v26.0/1234567890/events", other.base_url)), 2, "check [meta] api_base");
    assert_eq!(other.connections(), 0);
}

#[test]
fn fm_45_fm_46_an_answer_that_does_not_say_what_was_taken_leaves_the_events_unknown() {
    for fault in [Answer::TooFew, Answer::Html(200)] {
        let it = story(3, std::slice::from_ref(&fault)).check("exit 3: unknown 3");
        assert_eq!(it.graph.requests().len(), 1, "{fault:?}");
        assert_eq!(sync_here(&it.stage), "exit 0: sent 3, 3 twice?", "{fault:?}");
        assert_same_bytes(&it.graph, 2);
    }
}

/// An answer of status 200 with a body of another kind.
fn ok(headers: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer::Raw(200, headers.to_owned(), body.into())
}

#[test]
fn fm_45_an_answer_without_a_readable_count_leaves_the_events_unknown() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(br#"{"events_received":3,"messages":[""#).unwrap();
    for _ in 0..64 {
        bomb.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    bomb.write_all(br#""]}"#).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let padded = format!(r#"{{"events_received":3}}{}"#, " ".repeat(2 << 20));
    for (what, answer) in [
        ("a bomb", ok("Content-Encoding: gzip\r\n", bomb)),
        ("more than an answer", ok("", padded)),
        ("no gzip", ok("Content-Encoding: gzip\r\n", "plain")),
        ("half of it", ok("", r#"{"events_received":3,"mess"#)),
        ("an error that nobody knows", ok("", r#"{"error":{"code":4242}}"#)),
        ("nothing", ok("", "")),
        ("no text", ok("", vec![0xff; 100])),
    ] {
        let it = story(3, &[answer]).held().stage();
        assert_eq!(sync_here(&it.stage), "exit 3: unknown 3", "{what}");
        assert_eq!(it.graph.requests().len(), 1, "{what}");
    }
}

#[test]
fn fm_45_a_server_that_never_says_what_it_took_is_not_given_the_whole_table() {
    let it = story(100, &[]).then(ok("", "<html>Sign in to the network</html>")).batches("10", "1").stage();
    let told = sync_here(&it.stage);
    assert!(told.starts_with("exit 1: unknown 30"), "{told}");
    assert_eq!(it.graph.requests().len(), 3);
}

#[test]
fn fm_47_messages_of_an_accepted_request_are_counted_and_not_shown() {
    let body = r#"{"events_received":3,"messages":["user@example.com looks odd"],"fbtrace_id":"Atrace"}"#;
    let it = story(3, &[ok("", body)]).stage();
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 3", "{}", ran.stderr);
    assert!(ran.report()["warnings"].to_string().contains("Meta added messages to 1 answer"), "{}", ran.stderr);
    assert!(!format!("{ran:?}").contains("user@example.com"));
}

#[test]
fn fm_44_a_version_that_is_retired_is_warned_of_once() {
    let body = r#"{"events_received":1,"messages":[]}"#;
    let retired = ok("X-Ad-Api-Version-Warning: v26.0 will be retired\r\n", body);
    let it = story(2, &[retired.clone(), retired]).batches("1", "1").stage();
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 2");
    assert_eq!(ran.stderr.matches("raise [meta] api_version").count(), 1, "{}", ran.stderr);
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
