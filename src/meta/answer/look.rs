//! What an answer to a look at the dataset means for whoever wants to send to it.

use serde_json::Value;

use super::{Codes, Reply, Stop, Verdict, is_success, judge};

/// What a look at a dataset shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The token sees the dataset, which Meta calls so.
    Seen(Option<String>),
    /// The token is good, but may not read the dataset; a token that may only send is such a one.
    NotReadable,
    /// Nothing can be sent until someone acts.
    Stop(Stop),
}

/// Judges the answer to a look at a dataset.
///
/// Meta looks at the token first, then at the object, so whatever is refused behind that is only the reading: the
/// tokens that Events Manager makes for the Conversions API carry no permission to read.
/// Source: Conversions API, get started, "no need to … request any permissions"; Graph API, error handling.
pub fn judge_look(reply: &Reply, dataset_id: &str) -> (Look, Codes) {
    let (verdict, codes) = judge(reply, 0);
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let is_it = body.get("id").and_then(Value::as_str) == Some(dataset_id);
    let look = match verdict {
        Verdict::Unclear if is_success(reply) && is_it => {
            Look::Seen(body.get("name").and_then(Value::as_str).map(str::to_owned))
        }
        Verdict::Stop(Stop::Permission) | Verdict::Refused(_) => Look::NotReadable,
        Verdict::Stop(stop) => Look::Stop(stop),
        Verdict::Retry(_) => Look::Stop(Stop::Unreachable),
        Verdict::Throttled(_) => Look::Stop(Stop::LongWait),
        Verdict::Unfamiliar => Look::Stop(Stop::Unexpected),
        Verdict::Accepted | Verdict::TooLarge | Verdict::Unclear => Look::Stop(Stop::NotMeta),
    };
    (look, codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_in_every_light() {
        let check = |status: u16, body: &str, expected: Look| {
            let reply = Reply { status, body: body.as_bytes().to_vec(), ..Reply::default() };
            assert_eq!(judge_look(&reply, "123").0, expected, "{status} {body}");
        };
        let error = |status: u16, error: &str, expected: Look| {
            check(status, &format!("{{\"error\":{{\"type\":\"OAuthException\",{error}}}}}"), expected);
        };
        check(200, r#"{"id":"123","name":"Shop"}"#, Look::Seen(Some("Shop".into())));
        check(200, r#"{"id":"123"}"#, Look::Seen(None));
        check(200, r#"{"id":"124","name":"Shop"}"#, Look::Stop(Stop::NotMeta));
        check(200, "<html>", Look::Stop(Stop::NotMeta));
        check(200, r#"{"events_received":0}"#, Look::Stop(Stop::NotMeta));
        check(404, "<html>", Look::Stop(Stop::NotMeta));
        check(307, "", Look::Stop(Stop::NotMeta));
        check(502, "<html>", Look::Stop(Stop::Unreachable));
        check(429, "", Look::Stop(Stop::LongWait));
        error(400, r#""code":190,"error_subcode":463"#, Look::Stop(Stop::Token));
        error(401, r#""code":190"#, Look::Stop(Stop::Token));
        error(400, r#""code":100,"error_subcode":33"#, Look::Stop(Stop::Dataset));
        error(404, r#""code":803"#, Look::Stop(Stop::Dataset));
        error(403, r#""code":200"#, Look::NotReadable);
        error(403, r#""code":10"#, Look::NotReadable);
        error(403, r#""code":3"#, Look::NotReadable);
        error(400, r#""code":100"#, Look::NotReadable);
        error(400, r#""code":2,"is_transient":true"#, Look::Stop(Stop::Unreachable));
        error(400, r#""code":80004"#, Look::Stop(Stop::LongWait));
        error(400, r#""code":368"#, Look::Stop(Stop::Blocked));
        error(400, r#""code":987654"#, Look::Stop(Stop::Unexpected));
        let proof = r#"{"error":{"type":"GraphMethodException","code":100}}"#;
        check(400, proof, Look::Stop(Stop::Proof));
    }
}
