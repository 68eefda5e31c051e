//! The commands over the ledger: what they tell, what they settle, and what they leave alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod resolve;
mod state;
mod why;

use std::fs;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, leads, purchase};
use crate::support::run::{Ran, Sandboxed, Stage, files_below, wait_until};

/// The object that a command printed, which has what every such object has.
#[track_caller]
fn object(ran: &Ran) -> Value {
    assert_eq!(ran.stdout.lines().count(), 1, "{}{}", ran.stdout, ran.stderr);
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(object["schema_version"], 1);
    assert_eq!(object["exit_code"].as_i64(), ran.exit.map(i64::from));
    for key in ["dataset_id", "state", "error"] {
        assert!(object.get(key).is_some(), "{key} is missing: {object}");
    }
    object
}

/// What `fbcapi status --json` prints.
#[track_caller]
fn status(stage: &Stage) -> Value {
    object(&stage.run(&["status", "--json"]))
}

/// A stage on which the answer to the first of two batches was lost, and nothing is sent again by itself.
fn one_in_doubt() -> Scripted {
    let it = Scripted::new(&[Answer::LostAfterCommit], Answer::Accept);
    let it = it.on(|stage| {
        stage.configure("meta", "on_unknown = \"hold\"").configure("meta", "batch_size = 2\nconcurrency = 1")
    });
    it.stage.rows(&leads(4));
    assert_eq!(it.stage.sync(&[]).told(), "exit 3: sent 2, unknown 2");
    it
}

#[test]
fn status_of_a_run_without_trouble_needs_nobody() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    let before = status(&it.stage);
    assert_eq!((&before["attention"], &before["exit_code"]), (&serde_json::json!(["no_run"]), &3.into()));
    assert!(!it.stage.path("state").exists(), "status makes nothing");
    it.stage.sync(&[]);
    let files = files_below(&it.stage.path("state"));
    let told = status(&it.stage);
    assert_eq!(told["attention"], serde_json::json!([]));
    assert_eq!(told["exit_code"], 0);
    assert_eq!(told["holds"]["sent"], 3);
    assert_eq!(told["runs"][0]["counts"]["sent"], 3);
    assert_eq!(told["unsent"]["events"], 0);
    assert!(told["last_success_age_seconds"].as_i64().unwrap() < 60);
    let ran = it.stage.run(&["status"]);
    assert!(ran.stdout.contains("nobody needs to look"), "{}", ran.stdout);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(files_below(&it.stage.path("state")), files, "status changes nothing");
}

#[test]
fn status_counts_refused_events_and_calls_for_someone_while_they_are_new() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("good"), purchase("bad").without("value"), lead("old").ago(TimeDelta::days(9))]);
    it.stage.sync(&[]);
    let told = status(&it.stage);
    assert_eq!(told["attention"], serde_json::json!(["new_rejects"]));
    let reasons: Vec<_> = told["rejects"].as_array().unwrap().iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(reasons, ["expired", "purchase_without_value"]);
    assert!(told["rejects"][0]["remedy"].as_str().unwrap().contains("run more often"));
    it.stage.sync(&[]);
    let told = status(&it.stage);
    assert_eq!((&told["attention"], &told["exit_code"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(told["holds"]["refused"], 2);
}

#[test]
fn status_tells_what_is_in_doubt_and_for_how_long_it_is_sent_again() {
    let it = one_in_doubt();
    let told = status(&it.stage);
    assert_eq!(told["attention"], serde_json::json!(["unknown_held"]));
    let batch = &told["in_doubt"]["batches"][0];
    assert_eq!((&told["in_doubt"]["events"], &batch["events"], &batch["held"]), (&2.into(), &2.into(), &2.into()));
    assert_eq!(batch["resent_until"], Value::Null, "held events are not sent again");
    assert_eq!(told["unsent"]["events"], 2);
    assert!((3_600..4_200).contains(&told["unsent"]["oldest_age_seconds"].as_i64().unwrap()), "{told}");
    assert_eq!(told["backlog"]["unknown"], 2);
    let text = it.stage.run(&["status"]).stdout;
    assert!(text.contains(batch["batch"].as_str().unwrap()), "{text}");
    assert!(text.contains("held: fbcapi resolve decides"), "{text}");
    // With the other policy they are not held, and nobody has to decide.
    let it = it.on(|stage| stage.variable("FBCAPI_META_ON_UNKNOWN", "resend"));
    let told = status(&it.stage);
    assert_eq!(told["attention"], serde_json::json!([]));
    let until = told["in_doubt"]["batches"][0]["resent_until"].as_str().unwrap().to_owned();
    let until: chrono::DateTime<Utc> = until.parse().unwrap();
    assert!((47..48).contains(&(until - Utc::now()).num_hours()), "{until}");
    let text = it.stage.run(&["status"]).stdout;
    assert!(text.contains("the next run sends them again, for 47 h 5"), "{text}");
}

#[test]
fn status_works_while_a_run_is_under_way_and_tells_of_one_that_was_killed() {
    let it = Scripted::new(&[], Answer::Hang);
    it.stage.rows(&leads(3));
    let mut run = it.stage.start(&[]);
    wait_until("a request", || !it.graph.requests().is_empty());
    let told = status(&it.stage);
    assert_eq!(told["under_way"]["process"], run.id());
    assert_eq!(told["attention"], serde_json::json!([]), "what is being posted is not in doubt yet");
    assert!(it.stage.run(&["status"]).stdout.contains("under way"));
    for arguments in [
        &["resolve", "r", "--drop"][..],
        &["rejects", "retry"],
        &["state", "prune", "--before", "100d"],
        &["state", "import", "rows.ndjson"],
    ] {
        let ran = it.stage.run(arguments);
        assert_eq!(ran.exit, Some(7), "{arguments:?} {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("process {}", run.id())), "{}", ran.stderr);
    }
    for arguments in [&["state", "check"][..], &["state", "export"], &["rejects"], &["why", "e-1", "--look", "never"]] {
        assert_eq!(it.stage.run(arguments).exit, Some(0), "{arguments:?}");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let told = status(&it.stage);
    assert_eq!(told["under_way"], Value::Null);
    assert_eq!(told["attention"], serde_json::json!(["last_run_failed"]));
    assert_eq!(told["in_doubt"]["events"], 3);
    assert!(it.stage.run(&["status"]).stdout.contains("was killed"));
}

#[test]
fn refused_events_are_listed_with_what_to_do() {
    let it = Sandboxed::new();
    it.stage.rows(&[purchase("bad").without("value"), lead("old").ago(TimeDelta::days(9))]);
    it.stage.sync(&[]);
    let ran = it.stage.run(&["rejects"]);
    for line in ["! 1 purchase_without_value\n  → fill the value", "  Purchase  bad\n", "! 1 expired\n"] {
        assert!(ran.stdout.contains(line), "{line} {}", ran.stdout);
    }
    let told = object(&it.stage.run(&["rejects", "--json", "--reason", "expired"]));
    assert_eq!(told["count"], 1);
    let row = &told["rejects"][0];
    assert_eq!(
        (&row["event_name"], &row["event_id"], &row["reason"]),
        (&"Lead".into(), &"old".into(), &"expired".into())
    );
    let ran = it.stage.run(&["rejects", "--reason", "expierd"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("there is no reason expierd"), "{}", ran.stderr);
}

#[test]
fn a_refusal_of_meta_is_tried_again_when_someone_asks_for_it() {
    let it = Scripted::new(&[Answer::RefuseIds(vec!["e-0".into()])], Answer::Accept);
    it.stage.rows(&leads(1));
    assert_eq!(it.stage.sync(&[]).told(), "exit 3: rejected 1");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: rejected 1");
    let row = object(&it.stage.run(&["rejects", "--json"]))["rejects"][0].clone();
    assert_eq!((&row["reason"], &row["answer"]["code"]), (&"refused_by_meta".into(), &100.into()));
    for arguments in [&["--reason", "expired"][..], &["other"]] {
        let told = object(&it.stage.run(&[&["rejects", "retry", "--json"], arguments].concat()));
        assert_eq!(told["retried"], 0, "{arguments:?}");
    }
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: rejected 1");
    let ran = it.stage.run(&["rejects", "retry"]);
    assert!(ran.stdout.starts_with("1 event that was refused: the next fbcapi sync tries again"), "{}", ran.stdout);
    assert_eq!(object(&it.stage.run(&["rejects", "retry", "--json"]))["retried"], 0);
    assert_eq!(object(&it.stage.run(&["rejects", "--json"]))["count"], 0);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
}

#[test]
fn what_this_program_refuses_is_said_to_be_judged_anew_anyway() {
    let it = Sandboxed::new();
    it.stage.rows(&[purchase("bad").without("value")]);
    it.stage.sync(&[]);
    assert_eq!(object(&it.stage.run(&["rejects", "retry", "--json"]))["retried"], 0, "it is not Meta that refused it");
    let told = object(&it.stage.run(&["rejects", "retry", "bad", "nobody", "--json"]));
    assert_eq!((&told["retried"], &told["judged_anew_anyway"]), (&1.into(), &1.into()));
    assert_eq!(told["not_refused"], serde_json::json!(["nobody"]));
    assert_eq!(it.stage.sync(&[]).told(), "exit 3: rejected 1", "its refusal is news again");
}

#[test]
fn a_damaged_state_ends_every_command_with_6() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(1));
    it.stage.sync(&[]);
    fs::write(it.stage.path("state/ledger.db"), "damaged").unwrap();
    for arguments in [
        &["status"][..],
        &["rejects"],
        &["rejects", "retry"],
        &["resolve", "r", "--drop"],
        &["why", "e-0"],
        &["state", "check"],
        &["state", "export"],
        &["state", "prune", "--before", "100d"],
    ] {
        let ran = it.stage.run(arguments);
        assert_eq!(ran.exit, Some(6), "{arguments:?} {}", ran.stderr);
        assert!(ran.stderr.contains("fbcapi state restore"), "{arguments:?} {}", ran.stderr);
    }
    let told = object(&it.stage.run(&["status", "--json"]));
    assert!(told["error"].as_str().unwrap().contains("cannot be used"), "{told}");
}

#[test]
fn the_commands_need_no_secret_and_make_no_state() {
    let it = Stage::new("http://127.0.0.1:9").bare();
    it.rows(&leads(1));
    for (arguments, exit) in [
        (&["state", "path"][..], 0),
        (&["status"], 3),
        (&["state", "check"], 2),
        (&["state", "export"], 2),
        (&["state", "restore"], 2),
        (&["state", "prune", "--before", "100d"], 2),
        (&["rejects"], 2),
        (&["rejects", "retry"], 2),
        (&["resolve", "r", "--resend"], 2),
        (&["resolve", "r"], 2),
        (&["why", "e-0", "--look", "never"], 0),
    ] {
        let ran = it.run(arguments);
        assert_eq!(ran.exit, Some(exit), "{arguments:?} {}{}", ran.stdout, ran.stderr);
    }
    assert!(!it.path("state").exists());
}
