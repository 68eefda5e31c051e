//! `fbcapi hash` from outside: values and lines in, answers out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::run::{Ran, Stage, wait_for};

/// Runs `fbcapi hash` with some input and no configuration but a country of phones.
fn hash(arguments: &[&str], input: &str) -> Ran {
    let stage = Stage::new("http://127.0.0.1:9").bare();
    let mut command = stage.command(&[&["hash"], arguments].concat());
    let mut run = command.stdin(Stdio::piped()).spawn().unwrap();
    run.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    wait_for(run)
}

#[test]
fn a_value_is_answered_with_digest_and_rule() {
    let check = |arguments: &[&str], input: &str, expected: Value| {
        let ran = hash(arguments, input);
        assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
        let mut answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        let rule = answer.as_object_mut().unwrap().remove("rule").unwrap();
        assert!(rule.as_str().is_some_and(|rule| rule.len() > 10), "{rule}");
        assert_eq!(answer, expected, "{arguments:?}");
    };
    // The configured country steers phones.
    let phone = json!({
        "normalised": "16505551212", "reason": null,
        "sha256": "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
    });
    check(&["ph", "(650) 555-1212"], "", phone.clone());
    check(&["phone"], "(650) 555-1212\n", phone.clone());
    check(&["ph", "-"], "650 555 1212", phone);
    check(&["em", "nobody"], "", json!({ "normalised": null, "sha256": null, "reason": "invalid_email" }));
    check(&["em", "  "], "", json!({ "normalised": null, "sha256": null, "reason": null }));
}

#[test]
fn a_wrong_line_is_answered_in_its_place_and_told_by_the_exit_code() {
    let lines =
        "{\"field\":\"em\",\"value\":\"ada@example.com\"}\nbob@example.com\n{\"field\":\"ge\",\"value\":\"F\"}\n";
    let ran = hash(&["-"], lines);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(2), ""));
    let answers: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |key: &str| answers.iter().map(|answer| answer[key].clone()).collect::<Vec<_>>();
    assert_eq!(told("normalised"), [json!("ada@example.com"), Value::Null, json!("f")]);
    assert_eq!(told("reason"), [Value::Null, json!("unreadable_line"), Value::Null]);
    assert_eq!(told("line"), [Value::Null, json!(2), Value::Null]);
    assert!(!ran.stdout.contains("bob"), "{}", ran.stdout);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let stage = Stage::new("http://127.0.0.1:9").bare();
    let mut run = stage.command(&["hash", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = run.stdin.take().unwrap();
    // More than pipes and buffers hold; once nobody reads any more, writing fails.
    let writing = std::thread::spawn(move || {
        (0..20_000).all(|_| input.write_all(b"{\"field\":\"em\",\"value\":\"ada@example.com\"}\n").is_ok())
    });
    let mut reader = BufReader::with_capacity(1_024, run.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    drop(reader);
    assert!(line.starts_with("{\"normalised\":\"ada@example.com\""), "{line}");
    let ran = wait_for(run);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    writing.join().unwrap();
}
