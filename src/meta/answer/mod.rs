//! What an answer of the Graph API means for a batch.
//!
//! Judged by code, subcode, `is_transient` and HTTP status, never by text: texts are localised and change.
//! Source: Graph API, error handling; Marketing API, error reference and rate limiting.

mod stop;
mod look;
mod blame;
mod codes;
mod quota;

use std::time::Duration;

use serde_json::Value;

pub use self::codes::{Meaning, known_codes, meaning};
pub use self::look::{Look, judge_look};
pub use self::quota::{Quota, quota, server_time};
pub use self::stop::Stop;

/// An answer as it came.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header `Date`, if any: the server's clock.
    pub date: Option<String>,
    /// Header `Retry-After`, if any.
    pub retry_after: Option<String>,
    /// Header `x-business-use-case-usage`, if any.
    pub usage: Option<String>,
    /// Header `x-app-usage`, if any.
    pub app_usage: Option<String>,
    /// Header `x-ad-account-usage`, if any.
    pub account_usage: Option<String>,
    /// Whether Meta warned that the API version is not what it was.
    pub version_warning: bool,
    /// The body; empty when it was longer than [`MOST_BODY_BYTES`].
    pub body: Vec<u8>,
}

/// No answer of this edge is longer than a few hundred bytes; what is longer comes from somewhere else.
pub const MOST_BODY_BYTES: usize = 1 << 20;

/// What an answer means for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Meta took every event.
    Accepted,
    /// The request did not get through, but may if it is made again.
    Retry(Delivery),
    /// Too many calls: everything waits, for as long as Meta says if it says.
    Throttled(Option<Duration>),
    /// At least one event is bad and none was taken; Meta may name which.
    Refused(Option<usize>),
    /// None was taken, for a reason that this program does not know: an event may be to blame, or something else.
    Unfamiliar,
    /// The request is too large.
    TooLarge,
    /// It was answered, but not in a way that says what was taken.
    Unclear,
    /// Nothing more can be sent until someone acts.
    Stop(Stop),
}

impl Verdict {
    /// The words in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Retry(Delivery::Excluded) => "failed, and nothing was taken",
            Self::Retry(Delivery::Possible) => "failed, and nobody knows whether it was taken",
            Self::Throttled(_) => "too many calls",
            Self::Refused(_) => "refused for an event",
            Self::Unfamiliar => "refused for an unknown reason",
            Self::TooLarge => "too large",
            Self::Unclear => "an answer that does not say what was taken",
            Self::Stop(stop) => stop.what(),
        }
    }
}

/// Whether the events of a failed request may have been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// They were not.
    Excluded,
    /// They may have been.
    Possible,
}

/// The codes of an answer, for the ledger and for messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// Graph error code.
    pub code: Option<i64>,
    /// Graph error subcode.
    pub subcode: Option<i64>,
    /// Meta's trace id.
    pub trace: Option<String>,
    /// How many messages came with it. What they say is undocumented, and not kept.
    pub messages: usize,
}

/// The `type` of an error that is about the call itself.
const METHOD_REFUSED: &str = "GraphMethodException";

/// Judges the answer to a request that held `sent` events.
pub fn judge(reply: &Reply, sent: usize) -> (Verdict, Codes) {
    // What is no JSON has no fields.
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let error = body.get("error").filter(|error| !error.is_null());
    let of_error = |key: &str| error.and_then(|error| error.get(key));
    let trace = of_error("fbtrace_id").or_else(|| body.get("fbtrace_id")).and_then(Value::as_str).and_then(keep_trace);
    let messages = body.get("messages").and_then(Value::as_array).map_or(0, Vec::len);
    let codes = Codes {
        code: of_error("code").and_then(integer),
        subcode: of_error("error_subcode").and_then(integer),
        trace,
        messages,
    };
    let verdict = match error {
        Some(error) if error.is_object() => judge_error(error, &codes, reply, sent),
        // The Graph API has no errors of another form.
        Some(_) => judge_status(reply),
        None => match body.get("events_received").and_then(Value::as_u64) {
            Some(received) if is_success(reply) && u64::try_from(sent).is_ok_and(|sent| sent == received) => {
                Verdict::Accepted
            }
            Some(_) | None => judge_status(reply),
        },
    };
    (verdict, codes)
}

fn is_success(reply: &Reply) -> bool {
    (200..300).contains(&reply.status)
}

/// The verdict on an error, by its code. The first line that fits decides.
fn judge_error(error: &Value, codes: &Codes, reply: &Reply, sent: usize) -> Verdict {
    let is_transient = error.get("is_transient").and_then(Value::as_bool) == Some(true);
    let is_method = error.get("type").and_then(Value::as_str) == Some(METHOD_REFUSED);
    match (codes.code, codes.subcode) {
        (Some(190 | 102 | 104 | 2500), _) => Verdict::Stop(Stop::Token),
        (Some(3 | 10 | 200..=299), _) => Verdict::Stop(Stop::Permission),
        (Some(100), Some(33)) | (Some(803), _) => Verdict::Stop(Stop::Dataset),
        (Some(368), _) => Verdict::Stop(Stop::Blocked),
        (Some(4 | 17 | 32 | 341 | 613 | 80_000..=80_014), _) => Verdict::Throttled(quota::hint(reply)),
        _ if is_transient => Verdict::Retry(Delivery::Possible),
        // "Temporary" was seen with HTTP 400, so the code decides before the status.
        (Some(1 | 2 | 5000 | 21_009 | i64::MIN..=-1), _) => Verdict::Retry(Delivery::Possible),
        // The method was refused and not an event: `appsecret_proof` is wrong or missing.
        // Source: Graph API, securing requests; as live calls answer.
        (Some(100), None) if is_method => Verdict::Stop(Stop::Proof),
        (Some(100), _) => Verdict::Refused(blame::blamed(error.get("error_data"), sent)),
        // A code that nobody knows may be about one event, so the others are tried without it; but no event is
        // rejected for it. Without a code it is not Meta's form, and everything would be answered so.
        (code, _) => match judge_status(reply) {
            Verdict::Stop(Stop::NotMeta) if code.is_none() => Verdict::Stop(Stop::Unexpected),
            Verdict::Stop(Stop::NotMeta) if (400..500).contains(&reply.status) => Verdict::Unfamiliar,
            verdict => verdict,
        },
    }
}

/// The verdict on an answer whose body says nothing.
fn judge_status(reply: &Reply) -> Verdict {
    match reply.status {
        200..300 => Verdict::Unclear,
        408 | 500.. => Verdict::Retry(Delivery::Possible),
        413 => Verdict::TooLarge,
        429 => Verdict::Throttled(quota::hint(reply)),
        _ => Verdict::Stop(Stop::NotMeta),
    }
}

/// A whole number, also when it is written as text.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Trace ids have 23 characters. What is longer is none, and may be an echo of a token or a hash.
const LONGEST_TRACE: usize = 32;

/// Keeps what a trace id can hold, so that nothing else is stored or shown.
fn keep_trace(trace: &str) -> Option<String> {
    let kept: String = trace.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    (kept.len() <= LONGEST_TRACE).then_some(kept)
}

#[cfg(test)]
mod tests;
