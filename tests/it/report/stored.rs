//! Runs of the past, put into a state by importing them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};

use crate::support::run::Sandboxed;

/// A run of the past.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) at: DateTime<Utc>,
    pub(super) exit_code: u8,
    /// Its report; none if it was killed.
    pub(super) report: Option<String>,
}

impl Past {
    /// A run that sent nothing.
    pub(super) fn new(at: DateTime<Utc>, exit_code: u8) -> Self {
        Self { at, exit_code, report: Some("{}".to_owned()) }.sending(&[])
    }

    /// The run with events that it sent.
    pub(super) fn sending(self, names: &[(&str, u64)]) -> Self {
        let sent: u64 = names.iter().map(|(_, sent)| sent).sum();
        let counts = |sent: u64| {
            json!({
                "selected": sent, "already_sent": 0, "sent": sent, "rejected": 0, "expired": 0, "skipped": 0,
                "unknown": 0, "deferred": 0, "pending": 0, "collapsed": 0,
            })
        };
        let by_event: serde_json::Map<String, Value> =
            names.iter().map(|(name, sent)| ((*name).to_owned(), counts(*sent))).collect();
        let has_sent = sent > 0;
        let report = json!({
            "source": "ANALYTICS.MARTS.FACEBOOK_EVENTS",
            "counts": counts(sent),
            "by_event": by_event,
            "by_reason": if has_sent { json!({ "phone_without_country": 31, "invalid_email": 2 }) } else { json!({}) },
            "match_keys": if has_sent { json!({ "em": 0.91, "external_id": 1.0, "ph": 0.0004 }) } else { json!({}) },
            "age_seconds": if has_sent { json!({ "p50": 4_000, "p95": 90_000, "max": 90_000 }) } else { json!({ "p50": null, "p95": null, "max": null }) },
            "possible_duplicates": 0,
            "requests": u64::from(has_sent) * 3,
            "retries": u64::from(has_sent),
            "hints": [],
            "error": null,
        });
        Self { report: Some(report.to_string()), ..self }
    }

    /// The run as a line of an export.
    fn line(&self, number: usize) -> Value {
        let end = self.at + TimeDelta::seconds(7);
        json!({
            "record": "run",
            "run": format!("{}-{number:04x}", self.at.format("%Y%m%dT%H%M%SZ")),
            "started_at": self.at,
            "finished_at": self.report.as_ref().map(|_| end),
            "exit_code": self.report.as_ref().map(|_| self.exit_code),
            "report": self.report,
        })
    }
}

/// A stage whose state knows these runs.
pub(super) fn imported(runs: &[Past]) -> Sandboxed {
    let it = Sandboxed::new();
    let first = json!({ "record": "state", "schema_version": 1, "exported_at": Utc::now() });
    let last = json!({ "record": "end", "runs": runs.len(), "batches": 0, "rejects": 0 });
    let runs = runs.iter().enumerate().map(|(number, run)| run.line(number));
    let lines: Vec<String> = [first].into_iter().chain(runs).chain([last]).map(|line| line.to_string()).collect();
    it.stage.write("export.jsonl", lines.join("\n") + "\n");
    let ran = it.stage.run(&["state", "import", "export.jsonl"]);
    assert_eq!(ran.exit, Some(0), "{}{}", ran.stdout, ran.stderr);
    it
}

/// Names as no table should have them, and as some will.
pub(super) fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</title></style></svg><h1>",
        "\u{202e}gnp.exe\u{2069} turned",
        "Käufe & 'mehr' \"hier\" &lt;",
        "https://example.com/?a=1&b=2",
        "x\u{0}y\u{1b}[31mz\u{7f}",
        "購入完了イベント",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("A".repeat(300));
    names.extend((0..31).map(|number| format!("custom_event_number_{number}")));
    names
}

/// Now, early enough that a page of today is made today: of the last half minute of a day, the end is waited for.
fn now() -> DateTime<Utc> {
    let left = 24 * 60 * 60 - Utc::now().num_seconds_from_midnight();
    if left <= 30 {
        std::thread::sleep(Duration::from_secs(u64::from(left)));
    }
    Utc::now()
}

/// Histories of every kind that a page must show, by name.
pub(super) fn histories() -> Vec<(&'static str, Vec<Past>)> {
    let now = now();
    let ago = |hours: i64| now - TimeDelta::hours(hours);
    let usual: &[(&str, u64)] = &[("Purchase", 1_413), ("Lead", 379), ("CompleteRegistration", 48)];
    let failed = |hours, code| {
        let report = json!({ "error": "Meta refused the access token", "counts": {} }).to_string();
        Past { report: Some(report), ..Past::new(ago(hours), code) }
    };
    let month = (1..=116).rev().filter(|run| !(40..48).contains(run)).map(|run| match run % 17 {
        3 => failed(run * 6, 4),
        5 => Past { report: None, ..Past::new(ago(run * 6), 0) },
        7 => Past::new(ago(run * 6), 3).sending(usual),
        _ => Past::new(ago(run * 6), 0).sending(usual),
    });
    let names = hostile_names();
    let forty: Vec<(&str, u64)> = names.iter().zip(1..).map(|(name, n)| (name.as_str(), 4_000 / n)).collect();
    vec![
        ("no run", Vec::new()),
        ("only failed runs", vec![failed(50, 4), failed(26, 4), failed(2, 70)]),
        ("one run", vec![Past::new(now, 0).sending(usual)]),
        ("one name", (1..=6).rev().map(|day| Past::new(ago(day * 24), 0).sending(&[("Purchase", 5)])).collect()),
        ("forty names", (1..=9).rev().map(|day| Past::new(ago(day * 24), 0).sending(&forty)).collect()),
        ("nothing sent", (1..=30).rev().map(|hour| Past::new(ago(hour), 0)).collect()),
        ("a month", month.collect()),
    ]
}
