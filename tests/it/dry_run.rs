//! A dry run: the payloads on standard output, and nothing else anywhere.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use chrono::TimeDelta;
use serde_json::Value;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{Row, lead, leads, purchase};
use crate::support::run::wait_for;

/// Rows of many kinds, good and bad.
fn rows() -> Vec<Row> {
    vec![
        lead("a").with("first_name", "Zoë").with("last_name", "O'Neil \"Z\" \\ Núñez"),
        purchase("b")
            .with("phone", "(650) 555-1212")
            .with("fbclid", "IwAR1/\"x")
            .with("fbclid_occurred_at", 1_795_000_000),
        lead("c").without("email"),
        lead("d\u{1f600}\\\"").with("external_id", "Ä-17"),
        lead("a"),
        lead("late").ago(TimeDelta::days(9)),
        // It expires within the hour, so it rides first.
        lead("urgent").ago(TimeDelta::minutes(7 * 24 * 60 - 30)),
    ]
}

#[test]
fn fm_59_a_dry_run_prints_the_very_bytes_that_a_run_posts_and_touches_nothing() {
    let it = Scripted::new(&[], Answer::Accept);
    it.stage.rows(&rows());
    let dry = it.stage.run(&["sync", "--dry-run"]);
    assert_eq!(dry.exit, Some(0), "{}", dry.stderr);
    assert!(dry.stderr.contains("dry run: 4 events would be sent"), "{}", dry.stderr);
    assert_eq!(it.graph.connections(), 0);
    assert!(!it.stage.path("state").exists(), "a dry run made a state");
    let real = it.stage.sync(&[]);
    assert_eq!(real.told(), "exit 3: sent 4, rejected 1, expired 1, collapsed 1");
    let mut printed: Vec<&str> = dry.stdout.lines().collect();
    let mut posted: Vec<String> = Vec::new();
    for request in it.graph.requests() {
        let body = String::from_utf8(request.body).unwrap();
        let data = body.strip_prefix("{\"data\":[").unwrap().strip_suffix("]}").unwrap();
        posted.extend(data.replace("},{\"event_name\"", "}\n{\"event_name\"").lines().map(str::to_owned));
    }
    printed.sort_unstable();
    posted.sort_unstable();
    assert_eq!(printed, posted);
    for line in printed {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn a_dry_run_leaves_out_what_was_sent_and_changes_no_state() {
    let it = Scripted::new(&[], Answer::Accept);
    it.stage.rows(&leads(2));
    it.stage.sync(&[]);
    let state = it.stage.read("state/ledger.db");
    it.stage.rows(&leads(3));
    let dry = it.stage.run(&["sync", "--dry-run"]);
    assert_eq!(dry.stdout.lines().count(), 1, "{}", dry.stdout);
    assert!(dry.stdout.contains("\"event_id\":\"e-2\""));
    assert_eq!(it.stage.read("state/ledger.db"), state);
    assert_eq!(it.graph.connections(), 1);
}

#[test]
fn a_dry_run_needs_no_token_and_writes_its_report_into_a_file() {
    let it = Scripted::new(&[], Answer::Accept).on(crate::support::run::Stage::bare);
    it.stage.rows(&leads(3));
    let dry = it.stage.run(&["sync", "--dry-run", "--limit", "2", "--report", "report.json"]);
    assert_eq!(dry.exit, Some(0), "{}", dry.stderr);
    assert_eq!(dry.stdout.lines().count(), 2);
    let report: Value = serde_json::from_slice(&it.stage.read("report.json")).unwrap();
    assert_eq!(report["counts"]["pending"], 2);
    assert_eq!(it.stage.run(&["sync", "--dry-run", "--json"]).exit, Some(2));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let it = Scripted::new(&[], Answer::Accept);
    // More than a pipe and the program's own buffer hold.
    it.stage.rows(&leads(3_000));
    let mut command = it.stage.command(&["sync", "--dry-run"]);
    let mut run = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1_024, run.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    assert!(line.contains("\"event_id\":\"e-0\""), "{line}");
    let ran = wait_for(run);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("✗"), "{}", ran.stderr);
}
