//! Answers of the Graph API, as other projects' tests hold and judge them.

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
            Verdict::Refused(_) | Verdict::TooLarge => matches!(self, Self::Final | Self::NotAccepted),
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
