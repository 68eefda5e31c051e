//! Answers and what they mean, as tables.

use proptest::prelude::*;

use super::*;

fn check(status: u16, body: &str, expected: Verdict) {
    let reply = Reply { status, body: body.into(), ..Reply::default() };
    assert_eq!(judge(&reply, 3).0, expected, "HTTP {status}: {body}");
}

fn error(fields: &str) -> String {
    format!(r#"{{"error":{{"message":"Ungültiger Parameter","type":"OAuthException",{fields},"fbtrace_id":"Abc"}}}}"#)
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
    check(200, r#"{"events_received":3.0}"#, Verdict::Unclear);
    check(200, r#"{"events_received":"3"}"#, Verdict::Unclear);
    check(200, r#"{"events_received":-3}"#, Verdict::Unclear);
    check(200, r#"{"events_received":3,"error":null}"#, Verdict::Accepted);
    check(200, r#"{"events_received":3,"error":"broken"}"#, Verdict::Unclear);
    check(200, r#"{"events_received":3,"error":{"code":2}}"#, Verdict::Retry(Delivery::Possible));
    check(200, &"[".repeat(100_000), Verdict::Unclear);
    check(200, r#"[{"events_received":3}]"#, Verdict::Unclear);
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
    check(400, r#""code":"190""#, Verdict::Stop(Stop::Token));
    check(400, r#""code":100,"is_transient":"no","error_subcode":{}"#, Verdict::Refused(None));
    check(400, r#""code":100,"error_data":{"blame_field_specs":[["data","2"]]}"#, Verdict::Refused(Some(2)));
}

#[test]
fn an_error_that_nobody_knows_falls_to_the_safe_side() {
    let check = |status, fields: &str, expected| check(status, &error(fields), expected);
    check(400, r#""code":4242"#, Verdict::Unfamiliar);
    check(403, r#""code":9007199254740993,"error_subcode":7"#, Verdict::Unfamiliar);
    check(200, r#""code":4242"#, Verdict::Unclear);
    check(302, r#""code":4242"#, Verdict::Stop(Stop::NotMeta));
    check(413, r#""code":4242"#, Verdict::TooLarge);
    check(429, r#""code":4242"#, Verdict::Throttled(None));
    check(503, r#""code":4242"#, Verdict::Retry(Delivery::Possible));
    check(400, r#""code":4242,"is_transient":true"#, Verdict::Retry(Delivery::Possible));
    check(400, r#""code":null"#, Verdict::Stop(Stop::Unexpected));
    check(400, r#""code":1e300"#, Verdict::Stop(Stop::Unexpected));
    check(200, r#""code":null"#, Verdict::Unclear);
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
    check(403, r#"{"error":"forbidden"}"#, Verdict::Stop(Stop::NotMeta));
}

#[test]
fn a_trace_id_is_no_place_for_a_hash() {
    let reply =
        Reply { status: 400, body: error(r#""code":100"#).replace("Abc", &"ab".repeat(32)).into(), ..Reply::default() };
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

#[test]
fn messages_are_counted_and_not_kept() {
    let check = |messages: &str, expected| {
        let body = format!(r#"{{"events_received":1,"messages":{messages}}}"#);
        let (verdict, codes) = judge(&Reply { status: 200, body: body.into(), ..Reply::default() }, 1);
        assert_eq!((verdict, codes.messages), (Verdict::Accepted, expected), "{messages}");
    };
    check("[]", 0);
    check(r#"["user@example.com",{}]"#, 2);
    check("7", 0);
}

/// Fields of an error.
const KEYS: [&str; 6] = ["code", "error_subcode", "is_transient", "type", "fbtrace_id", "error_data"];

/// A JSON that looks more or less like an answer.
fn json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (-5i64..300).prop_map(|n| n.to_string()),
        Just("80004".into()),
        any::<f64>().prop_map(|n| n.to_string())
    ];
    let word = prop_oneof![
        number,
        Just("null".into()),
        Just("true".into()),
        Just(r#""3""#.into()),
        Just("{}".into()),
        Just("[[]]".into())
    ];
    let object = proptest::collection::vec((proptest::sample::select(&KEYS[..]), word.clone()), 0..5);
    let object = object.prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
        format!("{{{}}}", fields.join(","))
    });
    (proptest::option::of(word), proptest::option::of(object), any::<bool>()).prop_map(|(received, error, is_whole)| {
        let fields = [received.map(|n| format!(r#""events_received":{n}"#)), error.map(|e| format!(r#""error":{e}"#))];
        let fields: Vec<String> = fields.into_iter().flatten().collect();
        format!("{{{}{}", fields.join(","), if is_whole { "}" } else { "" })
    })
}

proptest! {
    #[test]
    fn every_answer_has_a_verdict_and_only_a_full_count_is_success(
        status in prop_oneof![any::<u16>(), Just(200), Just(400)],
        body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), json().prop_map(String::into_bytes)],
        header in proptest::option::of(prop_oneof![".{0,40}", json()]),
        sent in 1usize..5,
    ) {
        let reply = Reply {
            status,
            retry_after: header.clone(),
            date: header.clone(),
            usage: header.clone(),
            app_usage: header.clone(),
            account_usage: header,
            version_warning: false,
            body,
        };
        let (verdict, _) = judge(&reply, sent);
        let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let is_full = value.get("events_received").and_then(Value::as_u64) == u64::try_from(sent).ok();
        let is_error = value.get("error").is_some_and(|error| !error.is_null());
        prop_assert_eq!(verdict == Verdict::Accepted, (200..300).contains(&status) && is_full && !is_error);
        if let Verdict::Refused(Some(index)) = verdict {
            prop_assert!(index < sent);
        }
        prop_assert!(quota(&reply).percent >= 0.0);
    }
}
