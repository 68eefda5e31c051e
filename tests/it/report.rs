//! What runs leave to be read: the report on the terminal and as a page, its shape, and the hints.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod page;
mod schema;
mod stored;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use self::stored::{Past, imported};
use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, leads, purchase};
use crate::support::run::{Ran, Sandboxed, Stage};

/// What `fbcapi report --json` prints.
#[track_caller]
fn report(stage: &Stage, arguments: &[&str]) -> Value {
    let ran = stage.run(&[&["report", "--json"], arguments].concat());
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    ran.report()
}

/// A stage on which runs took place on three days, with good rows and bad.
fn three_days() -> Sandboxed {
    let it = Sandboxed::new();
    let old = || Utc::now() - TimeDelta::days(2);
    it.stage.rows(&[lead("a").at(old() - TimeDelta::hours(1)), lead("b").at(old() - TimeDelta::hours(3))]);
    assert_eq!(it.stage.sync_at(|| Utc::now() - TimeDelta::days(2)).report.counts.sent, 2);
    let more = [lead("c"), purchase("d"), purchase("bad").without("value"), lead("e").with("email", "nobody")];
    it.stage.rows(&[&more[..], &[lead("f").with("phone", "030 1234567")]].concat());
    assert_eq!(it.stage.sync_at(Utc::now).report.counts.sent, 3);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 3, rejected 2");
    it
}

#[test]
fn numbers_of_runs_come_together_and_what_stays_refused_counts_once() {
    let it = three_days();
    let told = report(&it.stage, &[]);
    assert_eq!(told["totals"]["sent"], 5);
    assert_eq!(told["names"], json!([["Lead", 4], ["Purchase", 1]]));
    let runs: Vec<_> = told["runs"].as_array().unwrap().iter().map(|run| run["course"].clone()).collect();
    assert_eq!(runs, ["done", "attention", "done"]);
    let of = |code: &str| {
        let reasons = told["reasons"].as_array().unwrap();
        reasons.iter().find(|reason| reason["code"] == code).map(|reason| reason["rows"].clone())
    };
    // The last two runs met both.
    assert_eq!((of("purchase_without_value"), of("too_few_match_keys")), (Some(json!(1)), Some(json!(1))));
    assert!(told["days"].as_array().unwrap().len() >= 3, "{told}");
    let sums: u64 = told["days"].as_array().unwrap().iter().filter_map(|day| day["sent"].as_u64()).sum();
    assert_eq!(sums, 5);
    // Yesterday no run took place, and nothing is not the same as none.
    assert_eq!((&told["days"][1]["runs"], &told["days"][1]["sent"]), (&json!(0), &Value::Null));
    let text = it.stage.run(&["report"]).stdout;
    for words in ["3 runs: 2 done, 1 in need of attention", "4   Lead", "1 purchase_without_value", "no run"] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn a_span_or_a_single_run_is_told_and_an_unknown_run_is_refused() {
    let it = three_days();
    assert_eq!(report(&it.stage, &["--days", "2"])["totals"]["sent"], 3);
    let runs = report(&it.stage, &[])["runs"].clone();
    let first = runs[0]["run"].as_str().unwrap();
    let one = report(&it.stage, &["--run", first]);
    assert_eq!((&one["scope"]["run"], &one["totals"]["sent"]), (&json!(first), &json!(2)));
    let last = report(&it.stage, &["--run", "last"]);
    assert_eq!((&last["runs"][0]["run"], last["runs"].as_array().unwrap().len()), (&runs[2]["run"], 1));
    assert_eq!(last["reasons"][0]["rows"], 1, "a run's own reasons: {last}");
    let refused = it.stage.run(&["report", "--run", "20261123T150901Z-ffff"]);
    assert_eq!(refused.exit, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("fbcapi status"), "{}", refused.stderr);
}

#[test]
fn a_report_needs_no_secret_and_changes_nothing_and_replaces_nothing_that_a_run_needs() {
    let it = three_days();
    let stage = it.stage.bare();
    let before = stage.read("state/ledger.db");
    assert_eq!(stage.run(&["report", "--html", "page.html"]).exit, Some(0));
    assert_eq!(stage.read("state/ledger.db"), before);
    for needed in ["config.toml", "rows.ndjson", "state/ledger.db"] {
        let before = stage.read(needed);
        let ran = stage.run(&["report", "--html", needed]);
        assert_eq!((ran.exit, stage.read(needed) == before), (Some(2), true), "{needed}: {}", ran.stderr);
    }
    let ran = stage.run(&["report", "--html", "no/such/folder/page.html"]);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
}

#[test]
fn without_a_state_there_is_no_run_and_none_is_made_up() {
    let it = Sandboxed::new();
    let told = report(&it.stage, &[]);
    assert_eq!((&told["runs"], &told["totals"]["sent"]), (&json!([]), &Value::Null));
    assert!(it.stage.run(&["report"]).stdout.contains("→ fbcapi sync makes one"));
    assert!(!it.stage.path("state").exists(), "a report makes nothing");
}

#[test]
fn a_month_can_be_told_of_after_every_run() {
    let ago = |days| Past::new(Utc::now() - TimeDelta::days(days), 0).sending(&[("Lead", 3)]);
    let it = imported(&[ago(50), ago(29), ago(12), ago(1)]);
    it.stage.rows(&leads(1));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
    let told = report(&it.stage, &["--days", "60"]);
    assert_eq!(told["totals"]["sent"], 10, "the run of 50 days ago is forgotten: {told}");
    assert_eq!(report(&it.stage, &["--days", "30"])["totals"]["sent"], 10);
}

#[test]
fn what_a_report_of_another_version_does_not_tell_is_not_made_up() {
    let at = Utc::now() - TimeDelta::hours(2);
    let bare = Past { report: Some("{}".to_owned()), ..Past::new(at, 0) };
    let broken = Past { report: Some("no json".to_owned()), ..Past::new(at + TimeDelta::minutes(5), 5) };
    let killed = Past { report: None, ..Past::new(at + TimeDelta::minutes(9), 0) };
    let it = imported(&[bare, broken, killed]);
    let told = report(&it.stage, &[]);
    for total in ["sent", "requests", "retries", "unknown", "possible_duplicates"] {
        assert_eq!(told["totals"][total], Value::Null, "{total}");
    }
    let courses: Vec<_> = told["runs"].as_array().unwrap().iter().map(|run| run["course"].clone()).collect();
    assert_eq!(courses, ["done", "failed", "killed"]);
    let text = it.stage.run(&["report"]).stdout;
    assert!(text.contains("sent            not known"), "{text}");
}

/// The hints of a run, which stand in its report and under its summary.
#[track_caller]
fn hints(ran: &Ran) -> Vec<String> {
    let report = ran.report();
    let hints: Vec<String> =
        report["hints"].as_array().unwrap().iter().map(|hint| hint.as_str().unwrap().to_owned()).collect();
    let said: Vec<&str> = ran.stderr.lines().filter_map(|line| line.strip_prefix("  hint: ")).collect();
    assert_eq!(said, hints, "{}", ran.stderr);
    hints
}

#[test]
fn a_run_says_which_key_would_help_and_a_run_that_sent_nothing_does_not() {
    let it = Sandboxed::new().on(|stage| stage.section("phone", "assume_international = false"));
    let rows: Vec<_> = leads(4).into_iter().map(|row| row.with("phone", "(650) 555-1212")).collect();
    it.stage.rows(&rows);
    let told = hints(&it.stage.sync(&[]));
    assert!(
        told[0].contains("4 phone numbers without country code were left out: set [phone] default_country"),
        "{told:?}"
    );
    assert!(told[1].contains("1.0 of the four strongest match keys"), "{told:?}");
    assert_eq!(hints(&it.stage.sync(&[])), [""; 0]);
    assert!(!it.stage.run(&["sync", "--dry-run"]).stderr.contains("hint"), "a dry run sends nothing");
    let lost = Scripted::new(&[Answer::LostAfterCommit], Answer::Accept);
    lost.stage.rows(&leads(2));
    let told = hints(&lost.stage.sync(&[]));
    assert!(told.iter().any(|hint| hint.contains("[meta] on_unknown = \"hold\"")), "{told:?}");
}
