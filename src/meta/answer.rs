//! What an answer of the Graph API means for a batch.
//!
//! Judged by code, subcode, `is_transient` and HTTP status, never by text: texts are localised and change.
//! Source: Graph API, error handling; Marketing API, error reference and rate limiting.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An answer as it came.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header `Retry-After`, if any.
    pub retry_after: Option<String>,
    /// Header `x-business-use-case-usage`, if any.
    pub usage: Option<String>,
    /// Whether Meta warned that the API version is not what it was.
    pub version_warning: bool,
    /// The body, cut at [`MOST_BODY_BYTES`].
    pub body: Vec<u8>,
}

/// No answer of this edge is longer than a few hundred bytes.
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
    /// The request is too large.
    TooLarge,
    /// It was answered, but not in a way that says what was taken.
    Unclear,
    /// Nothing more can be sent until someone acts.
    Stop(Stop),
}

/// Whether the events of a failed request may have been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// They were not.
    Excluded,
    /// They may have been.
    Possible,
}

/// Why nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The access token is wrong, expired or withdrawn.
    Token,
    /// The proof that the sender knows the app's secret is wrong or missing.
    Proof,
    /// The token may not send events to the dataset.
    Permission,
    /// The dataset does not exist, or the token cannot see it.
    Dataset,
    /// Meta has blocked the sender for a time.
    Blocked,
    /// Meta asks to wait for longer than a run may take.
    LongWait,
    /// Another server answered: a redirect, or an error that is not the Graph API's.
    NotMeta,
    /// An error that this program does not know.
    Unexpected,
    /// Requests fail one after another, with every attempt.
    Unreachable,
    /// Most of what was tried was refused, so the configuration is wrong and not the events.
    MostRefused,
}

impl Stop {
    /// What went wrong, in lower case without full stop.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Token => "Meta refused the access token",
            Self::Proof => "Meta refused the request because of the app's secret",
            Self::Permission => "the access token may not send events to this dataset",
            Self::Dataset => "the dataset does not exist or the access token cannot see it",
            Self::Blocked => "Meta has blocked this sender for a time",
            Self::LongWait => "Meta asks to wait for longer than a run may take",
            Self::NotMeta => "the answer did not come from the Graph API",
            Self::Unexpected => "Meta answered with an error that fbcapi does not know",
            Self::Unreachable => "requests to Meta fail one after another",
            Self::MostRefused => "Meta refused most of the events that were tried",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Token => {
                "make a new one (Events Manager > Settings > Conversions API > Generate access token) and put it where [meta] access_token points"
            }
            Self::Proof => {
                "set [meta] app_secret to the secret of the app that the token belongs to (App settings > Basic), or remove it if the app does not require it"
            }
            Self::Permission => {
                "give the system user \"Manage\" on the dataset (Business settings > Data sources > Datasets > Assign people)"
            }
            Self::Dataset => {
                "compare [meta] dataset_id with Events Manager and assign the dataset to the token's system user"
            }
            Self::Blocked => {
                "look in Events Manager and Business Support Home for the reason; the next run tries again"
            }
            Self::LongWait => {
                "nothing was lost, the next run tries again; send less at once, or ask Meta for a higher limit"
            }
            Self::NotMeta => "check [meta] api_base and any proxy between this machine and graph.facebook.com",
            Self::Unexpected => {
                "look the code up in Meta's error reference; nothing was lost, the next run tries again"
            }
            Self::Unreachable => "check the network between this machine and [meta] api_base; the next run tries again",
            Self::MostRefused => {
                "the configuration is likelier wrong than the events: look at `fbcapi sync --dry-run`, [meta] action_source and app_secret"
            }
        }
    }
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
}

/// The `type` of an error that is about the call itself.
const METHOD_REFUSED: &str = "GraphMethodException";

#[derive(Deserialize)]
struct Body<'a> {
    events_received: Option<u64>,
    fbtrace_id: Option<String>,
    #[serde(borrow)]
    error: Option<Error<'a>>,
}

#[derive(Deserialize)]
struct Error<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<i64>,
    #[serde(rename = "error_subcode")]
    subcode: Option<i64>,
    is_transient: Option<bool>,
    fbtrace_id: Option<String>,
    // An object, or a string that holds JSON: both were seen.
    #[serde(rename = "error_data", borrow)]
    data: Option<&'a RawValue>,
}

/// Judges the answer to a request that held `sent` events.
pub fn judge(reply: &Reply, sent: usize) -> (Verdict, Codes) {
    let body = serde_json::from_slice::<Body<'_>>(&reply.body).ok();
    let Some(body) = body else { return (judge_status(reply), Codes::default()) };
    let Some(error) = body.error else {
        let codes = Codes { trace: body.fbtrace_id.and_then(keep_trace), ..Codes::default() };
        let is_success = (200..300).contains(&reply.status);
        let verdict = match body.events_received {
            Some(received) if is_success && u64::try_from(sent).is_ok_and(|sent| sent == received) => Verdict::Accepted,
            _ => judge_status(reply),
        };
        return (verdict, codes);
    };
    let codes = Codes {
        code: error.code,
        subcode: error.subcode,
        trace: error.fbtrace_id.clone().or(body.fbtrace_id).and_then(keep_trace),
    };
    (judge_error(&error, reply, sent), codes)
}

/// The verdict on an error, by its code.
fn judge_error(error: &Error<'_>, reply: &Reply, sent: usize) -> Verdict {
    match (error.code, error.subcode) {
        (Some(190 | 102 | 104 | 2500), _) => Verdict::Stop(Stop::Token),
        (Some(3 | 10 | 200..=299), _) => Verdict::Stop(Stop::Permission),
        (Some(100), Some(33)) | (Some(803), _) => Verdict::Stop(Stop::Dataset),
        (Some(368), _) => Verdict::Stop(Stop::Blocked),
        (Some(4 | 17 | 32 | 341 | 613 | 80_000..=80_014), _) => Verdict::Throttled(hint(reply)),
        _ if error.is_transient == Some(true) => Verdict::Retry(Delivery::Possible),
        // "Temporary" was seen with HTTP 400, so the code decides before the status.
        (Some(1 | 2 | 5000 | 21_009 | i64::MIN..=-1), _) => Verdict::Retry(Delivery::Possible),
        // The method was refused and not an event: `appsecret_proof` is wrong or missing.
        // Source: Graph API, securing requests; as live calls answer.
        (Some(100), None) if error.kind.as_deref() == Some(METHOD_REFUSED) => Verdict::Stop(Stop::Proof),
        (Some(100), _) => Verdict::Refused(blamed(error.data, sent)),
        (None | Some(_), _) => match judge_status(reply) {
            Verdict::Stop(Stop::NotMeta) | Verdict::Unclear => Verdict::Stop(Stop::Unexpected),
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
        429 => Verdict::Throttled(hint(reply)),
        _ => Verdict::Stop(Stop::NotMeta),
    }
}

/// How long the server asks to wait.
fn hint(reply: &Reply) -> Option<Duration> {
    let seconds = reply.retry_after.as_deref().and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    seconds.or_else(|| {
        #[derive(Deserialize)]
        struct Usage {
            /// In minutes. Source: Graph API, rate limiting, business use case limits.
            #[serde(default)]
            estimated_time_to_regain_access: u64,
        }
        let usage = reply.usage.as_deref()?;
        let by_business: std::collections::HashMap<String, Vec<Usage>> = serde_json::from_str(usage).ok()?;
        let minutes = by_business.values().flatten().map(|usage| usage.estimated_time_to_regain_access).max()?;
        (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
    })
}

/// Which event Meta blames, when it does: `blame_field_specs: [["data", "3", …]]`.
/// Source: Marketing API, error reference.
fn blamed(error_data: Option<&RawValue>, sent: usize) -> Option<usize> {
    #[derive(Deserialize)]
    struct ErrorData {
        blame_field_specs: Vec<Vec<String>>,
    }
    let raw = error_data?.get();
    let inner: Option<String> = serde_json::from_str(raw).ok();
    let data: ErrorData = serde_json::from_str(inner.as_deref().unwrap_or(raw)).ok()?;
    let path = data.blame_field_specs.into_iter().next()?;
    let index: usize = path.iter().skip_while(|part| *part != "data").nth(1)?.parse().ok()?;
    (index < sent).then_some(index)
}

/// Trace ids have 23 characters. What is longer is none, and may be an echo of a token or a hash.
const LONGEST_TRACE: usize = 32;

/// Keeps what a trace id can hold, so that nothing else is stored or shown.
#[expect(clippy::needless_pass_by_value, reason = "it is the function that maps an owned id")]
fn keep_trace(trace: String) -> Option<String> {
    let kept: String = trace.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    (kept.len() <= LONGEST_TRACE).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Verdict) {
        let reply = Reply { status, body: body.into(), ..Reply::default() };
        assert_eq!(judge(&reply, 3).0, expected, "HTTP {status}: {body}");
    }

    fn error(fields: &str) -> String {
        format!(
            r#"{{"error":{{"message":"Ungültiger Parameter","type":"OAuthException",{fields},"fbtrace_id":"Abc"}}}}"#
        )
    }

    #[test]
    fn success_is_a_full_count() {
        check(200, r#"{"events_received":3,"messages":[],"fbtrace_id":"A"}"#, Verdict::Accepted);
        check(200, r#"{"events_received":3}"#, Verdict::Accepted);
        check(200, r#"{"events_received":2,"messages":[]}"#, Verdict::Unclear);
        check(200, r#"{"events_received":0,"messages":[]}"#, Verdict::Unclear);
        check(200, r#"{"success":true}"#, Verdict::Unclear);
        check(200, "Service Unavailable", Verdict::Unclear);
        check(200, "null", Verdict::Unclear);
        check(200, "", Verdict::Unclear);
        check(200, r#"{"events_recei"#, Verdict::Unclear);
        check(500, r#"{"events_received":3}"#, Verdict::Retry(Delivery::Possible));
    }

    #[test]
    fn errors_by_code() {
        let check = |status, fields: &str, expected| check(status, &error(fields), expected);
        check(400, r#""code":100,"error_subcode":2804003,"is_transient":false"#, Verdict::Refused(None));
        check(400, r#""code":100"#, Verdict::Refused(None));
        check(200, r#""code":100,"error_subcode":2804016"#, Verdict::Refused(None));
        check(400, r#""code":100,"error_subcode":33"#, Verdict::Stop(Stop::Dataset));
        check(401, r#""code":190,"error_subcode":463"#, Verdict::Stop(Stop::Token));
        check(500, r#""code":190"#, Verdict::Stop(Stop::Token));
        check(403, r#""code":200"#, Verdict::Stop(Stop::Permission));
        check(400, r#""code":294"#, Verdict::Stop(Stop::Permission));
        check(400, r#""code":17,"error_subcode":2446079"#, Verdict::Throttled(None));
        check(400, r#""code":80004"#, Verdict::Throttled(None));
        check(403, r#""code":4"#, Verdict::Throttled(None));
        check(400, r#""code":2,"is_transient":true"#, Verdict::Retry(Delivery::Possible));
        check(400, r#""code":1"#, Verdict::Retry(Delivery::Possible));
        check(500, r#""code":-3"#, Verdict::Retry(Delivery::Possible));
        check(400, r#""code":100,"is_transient":true"#, Verdict::Retry(Delivery::Possible));
        check(400, r#""code":4242"#, Verdict::Stop(Stop::Unexpected));
        check(200, r#""code":4242"#, Verdict::Stop(Stop::Unexpected));
        check(503, r#""code":4242"#, Verdict::Retry(Delivery::Possible));
        check(400, r#""code":null"#, Verdict::Stop(Stop::Unexpected));
    }

    #[test]
    fn a_refused_proof_is_not_blamed_on_an_event() {
        let check = |fields: &str, expected| {
            let body = error(fields).replace("OAuthException", "GraphMethodException");
            check(400, &body, expected);
        };
        check(r#""code":100"#, Verdict::Stop(Stop::Proof));
        check(r#""code":100,"error_subcode":33"#, Verdict::Stop(Stop::Dataset));
        check(r#""code":100,"error_subcode":2804003"#, Verdict::Refused(None));
    }

    #[test]
    fn answers_that_are_not_the_graph_apis() {
        check(502, "<html>Bad Gateway</html>", Verdict::Retry(Delivery::Possible));
        check(413, "<html>", Verdict::TooLarge);
        check(429, "", Verdict::Throttled(None));
        check(302, "", Verdict::Stop(Stop::NotMeta));
        check(400, "<html>", Verdict::Stop(Stop::NotMeta));
        check(407, "", Verdict::Stop(Stop::NotMeta));
    }

    #[test]
    fn blame_in_both_forms() {
        check(
            400,
            &error(r#""code":100,"error_data":{"blame_field_specs":[["data","2","user_data"]]}"#),
            Verdict::Refused(Some(2)),
        );
        check(
            400,
            &error(r#""code":100,"error_data":"{\"blame_field_specs\":[[\"data\",\"1\"]]}""#),
            Verdict::Refused(Some(1)),
        );
        check(400, &error(r#""code":100,"error_data":{"blame_field_specs":[["data","9"]]}"#), Verdict::Refused(None));
        check(400, &error(r#""code":100,"error_data":"\"null\"""#), Verdict::Refused(None));
        check(400, &error(r#""code":100,"error_data":{"blame_field_specs":[["account_id"]]}"#), Verdict::Refused(None));
    }

    #[test]
    fn hints_how_long_to_wait() {
        let wait = |retry_after: Option<&str>, usage: Option<&str>| {
            let reply = Reply {
                status: 429,
                retry_after: retry_after.map(str::to_owned),
                usage: usage.map(str::to_owned),
                version_warning: false,
                body: error(r#""code":80004"#).into_bytes(),
            };
            judge(&reply, 1).0
        };
        let usage = r#"{"66":[{"type":"ads_management","call_count":100,"estimated_time_to_regain_access":3}]}"#;
        assert_eq!(wait(Some("7"), None), Verdict::Throttled(Some(Duration::from_secs(7))));
        assert_eq!(wait(None, Some(usage)), Verdict::Throttled(Some(Duration::from_secs(180))));
        assert_eq!(wait(Some("soon"), Some("{}")), Verdict::Throttled(None));
    }

    #[test]
    fn a_trace_id_is_no_place_for_a_hash() {
        let reply = Reply {
            status: 400,
            body: error(r#""code":100"#).replace("Abc", &"ab".repeat(32)).into(),
            ..Reply::default()
        };
        assert_eq!(judge(&reply, 1).1.trace, None);
    }

    #[test]
    fn a_trace_id_cannot_carry_anything_else() {
        let reply = Reply {
            status: 400,
            body: error(r#""code":100,"x":1"#).replace("Abc", "A_\\u001b[31m-9").into(),
            ..Reply::default()
        };
        assert_eq!(judge(&reply, 1).1.trace.as_deref(), Some("A_31m-9"));
    }
}
