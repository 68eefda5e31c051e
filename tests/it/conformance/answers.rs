//! Answers of the Graph API, as other projects' tests hold and judge them.

use std::collections::BTreeMap;

use fbcapi::meta::answer::{Reply, Verdict, judge};
use serde::Deserialize;
use serde_json::Value;

use super::deviations::{Deviations, Found, cases};

/// An answer, and what somebody's code makes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    from: String,
    status: u16,
    body: Value,
    verdict: Expected,
    /// How many events were sent.
    #[serde(default = "one")]
    sent: usize,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    /// Nothing: every event was taken.
    Accepted,
    /// Not every event was taken, whatever the status says.
    NotAccepted,
    /// The same again.
    Retry,
    /// The same again, later.
    Throttled,
    /// Nothing with these events as they are.
    Final,
    /// Nothing until somebody has set something right.
    Stop,
}

impl Expected {
    /// Says whether a verdict is this one.
    fn is(self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Accepted => self == Self::Accepted,
            Verdict::Unclear => self == Self::NotAccepted,
            Verdict::Retry(_) => matches!(self, Self::Retry | Self::NotAccepted),
            Verdict::Throttled(_) => matches!(self, Self::Throttled | Self::NotAccepted),
            Verdict::Refused(_) | Verdict::Unfamiliar | Verdict::TooLarge => {
                matches!(self, Self::Final | Self::NotAccepted)
            }
            Verdict::Stop(_) => matches!(self, Self::Final | Self::Stop | Self::NotAccepted),
        }
    }
}

fn one() -> usize {
    1
}

#[test]
fn every_answer_is_judged_alike_or_its_deviation_is_listed() {
    let cases = cases::<Case>(include_str!("../vectors/graph_errors.jsonl"));
    assert_eq!(cases.len(), 84);
    let mut found = Found::default();
    for Case { id, from, status, body, verdict: expected, sent } in cases {
        let bytes = match &body {
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let reply = Reply { status, body: bytes, ..Reply::default() };
        let (verdict, _) = judge(&reply, sent);
        if !expected.is(verdict) {
            found.add(id, &format!("{verdict:?}"), format!("HTTP {status} {body} is {expected:?} in {from}"));
        }
    }
    found.compare(&Deviations::read().answer);
}

/// An answer as it was seen, documented or pieced together, and what it means here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    id: String,
    from: String,
    evidence: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
    verdict: String,
}

/// A verdict in a word or two.
fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Accepted => "accepted".into(),
        Verdict::Retry(_) => "retry".into(),
        Verdict::Throttled(None) => "throttled".into(),
        Verdict::Throttled(Some(wait)) => format!("throttled {} s", wait.as_secs()),
        Verdict::Refused(None) => "refused".into(),
        Verdict::Refused(Some(index)) => format!("refused {index}"),
        Verdict::Unfamiliar => "unfamiliar".into(),
        Verdict::TooLarge => "too large".into(),
        Verdict::Unclear => "unclear".into(),
        Verdict::Stop(stop) => format!("stop {stop:?}"),
    }
}

#[test]
fn every_answer_that_is_known_of_meta_has_its_verdict() {
    let seen: Vec<Seen> = serde_json::from_str(include_str!("../vectors/meta_errors.json")).unwrap();
    // Those of a broken connection have no answer to judge.
    let answers: Vec<Seen> = seen.into_iter().filter(|seen| seen.status > 0).collect();
    assert_eq!(answers.len(), 58);
    for Seen { id, from, evidence, status, headers, body, verdict: expected } in answers {
        let header = |name: &str| headers.get(name).cloned();
        let body = match body {
            Value::String(text) => text.into_bytes(),
            json => json.to_string().into_bytes(),
        };
        let reply = Reply {
            status,
            retry_after: header("retry-after"),
            usage: header("x-business-use-case-usage"),
            app_usage: header("x-app-usage"),
            account_usage: header("x-ad-account-usage"),
            body,
            ..Reply::default()
        };
        assert_eq!(told(judge(&reply, 3).0), expected, "{id} ({evidence}: {from})");
    }
}
