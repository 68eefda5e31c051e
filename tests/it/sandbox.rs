//! The sandbox through real sockets: encodings, tokens, refusals of whole batches, counters and the record file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use fbcapi::private::Secret;
use fbcapi::sandbox::{self, BareValue, Blame, Clock, Language, Sandbox, SandboxOptions, Strictness, Website};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NOW: i64 = 1_790_000_000;
const HASH: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";
const FORM: &str = "application/x-www-form-urlencoded";

/// Starts a sandbox whose clock stands still.
async fn start(options: SandboxOptions) -> Sandbox {
    let clock = Clock::new(|| DateTime::from_timestamp(NOW, 0).unwrap());
    sandbox::start(SandboxOptions { clock, ..options }).await.unwrap()
}

/// A good event.
fn event(id: &str) -> Value {
    json!({"event_name": "Lead", "event_time": NOW - 60, "event_id": id, "action_source": "website",
           "user_data": {"em": [HASH]}})
}

/// Posts a body to a path of the sandbox.
async fn post(sandbox: &Sandbox, path: &str, content_type: &str, body: impl Into<String>) -> Response {
    let request = Client::new().post(format!("{}{path}", sandbox.base_url()));
    request.header(CONTENT_TYPE, content_type).body(body.into()).send().await.unwrap()
}

/// Posts events as JSON with a token in the header.
async fn post_events(sandbox: &Sandbox, events: &[Value]) -> (u16, Value) {
    let request = Client::new().post(format!("{}/v26.0/12/events", sandbox.base_url())).bearer_auth("token-1");
    let body = json!({"data": events}).to_string();
    read(request.header(CONTENT_TYPE, "application/json").body(body).send().await.unwrap()).await
}

/// A request as bytes, with a length that may promise more than there is.
fn raw_post(length: usize, body: &str) -> String {
    format!(
        "POST /v26.0/12/events?access_token=t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Takes an answer apart.
async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// Percent-encodes a text.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}

#[tokio::test]
async fn a_success_is_answered_as_meta_does() {
    let sandbox = start(SandboxOptions::default()).await;
    let response = post(
        &sandbox,
        "/v26.0/12/events?access_token=t",
        "application/json",
        json!({"data": [event("a")]}).to_string(),
    )
    .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/json");
    let body = response.text().await.unwrap();
    let trace = body
        .strip_prefix(r#"{"events_received":1,"messages":[],"fbtrace_id":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#))
        .unwrap();
    assert!(trace.len() == 23 && trace.starts_with('A'), "{trace}");
    let (_, second) = post_events(&sandbox, &[event("b")]).await;
    assert_ne!(second["fbtrace_id"], trace);
    assert!(sandbox.address().ip().is_loopback());
    sandbox.stop().await;
}

#[tokio::test]
async fn every_encoding_of_every_sdk_is_read() {
    let sandbox = start(SandboxOptions { token: Some(Secret::new("t&1".into())), ..SandboxOptions::default() }).await;
    let (a, b) = (event("a").to_string(), event("b").to_string());
    let objects = format!("[{a},{b}]");
    let strings = json!([a, b]).to_string();
    let part =
        |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let bodies = [
        ("application/json", format!(r#"{{"data":{objects},"access_token":"t&1"}}"#)),
        ("application/json; charset=utf-8", format!("{{\n \"access_token\": \"t\\u00261\",\n \"data\": {strings}\n}}")),
        ("application/json", json!({"data": objects, "access_token": "t&1"}).to_string()),
        (FORM, format!("access_token=t%261&data={}", encode(&objects))),
        (FORM, format!("data={}&access_token=t%261", encode(&strings))),
        (FORM, format!("access_token=t%261&data[]={}&data%5B%5D={}", encode(&a), encode(&b))),
        ("", format!("access_token=t%261&data[0]={}&data[1]={}", encode(&a), encode(&b))),
        (
            "multipart/form-data; boundary=x",
            format!("{}{}--x--\r\n", part("access_token", "t&1"), part("data", &objects)),
        ),
        (
            "Multipart/Form-Data; boundary=\"x\"",
            format!("{}{}--x--", part("data", &strings), part("access_token", "t&1")),
        ),
    ];
    for (round, (content_type, body)) in (1..).zip(bodies) {
        let (status, answer) = read(post(&sandbox, "/v26.0/12/events", content_type, body).await).await;
        assert_eq!((status, &answer["events_received"]), (200, &json!(2)), "{content_type} {answer}");
        assert_eq!((sandbox.stats().received, sandbox.stats().unique), (2 * round, 2), "{content_type}");
    }
    assert_eq!((sandbox.stats().token_in_url, sandbox.stats().refused), (0, 0));
}

#[tokio::test]
async fn tokens_and_proofs_are_checked_first() {
    let options = SandboxOptions {
        token: Some(Secret::new("token-1".into())),
        app_secret: Some(Secret::new("secret-1".into())),
        ..SandboxOptions::default()
    };
    let sandbox = start(options).await;
    // The hex of HMAC-SHA256 over "token-1" with the key "secret-1", by `openssl dgst -sha256 -hmac`.
    let proof = "c8f7d96f3871538b4c3f08987cca32bb16cdf51af7a0f6e001c14bfc37761961";
    for (query, expected) in [
        (String::new(), json!([400, 104])),
        ("access_token=".to_owned(), json!([400, 104])),
        ("access_token=token-2".to_owned(), json!([401, 190])),
        ("access_token=token-1".to_owned(), json!([400, 100])),
        (format!("access_token=token-1&appsecret_proof={HASH}"), json!([400, 100])),
        (format!("access_token=token-1&appsecret_proof={proof}"), json!([200, null])),
    ] {
        let path = format!("/v26.0/12/events?{query}");
        let body = json!({"data": [event("a")]}).to_string();
        let (status, answer) = read(post(&sandbox, &path, "application/json", body).await).await;
        assert_eq!(json!([status, answer["error"]["code"]]), expected, "{query}");
    }
    let stats = sandbox.stats();
    assert_eq!((stats.requests, stats.refused, stats.token_in_url, stats.received), (6, 5, 5, 1));
}

#[tokio::test]
async fn a_dataset_is_shown_to_its_token() {
    let options = SandboxOptions {
        token: Some(Secret::new("token-1".into())),
        dataset_id: Some("12".into()),
        ..SandboxOptions::default()
    };
    let sandbox = start(options).await;
    let client = reqwest::Client::new();
    let look = async |path: &str, token: &str| {
        let url = format!("{}/v26.0/{path}", sandbox.base_url());
        read(client.get(url).bearer_auth(token).send().await.unwrap()).await
    };
    let name = "Sandbox dataset";
    assert_eq!(look("12?fields=id%2Cname", "token-1").await, (200, json!({"id": "12", "name": name})));
    assert_eq!(look("12", "token-1").await, (200, json!({"id": "12", "name": name})));
    let fields = "12?fields=is_unavailable,is_consolidated_container";
    let whole = json!({"id": "12", "is_consolidated_container": true, "is_unavailable": false});
    assert_eq!(look(fields, "token-1").await, (200, whole));
    for (path, token, expected) in [
        ("12", "token-2", json!([401, 190, null])),
        ("13", "token-1", json!([400, 100, 33])),
        ("twelve", "token-1", json!([404, 803, null])),
        ("12?fields=colour", "token-1", json!([400, 100, null])),
    ] {
        let (status, answer) = look(path, token).await;
        let error = &answer["error"];
        assert_eq!(json!([status, error["code"], error["error_subcode"]]), expected, "{path}");
    }
    assert_eq!((sandbox.stats().requests, sandbox.stats().received), (0, 0));
}

#[tokio::test]
async fn one_bad_event_refuses_the_whole_batch() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let sandbox = start(SandboxOptions { record: Some(record.clone()), ..SandboxOptions::default() }).await;
    let mut old = event("c");
    old["event_time"] = json!(NOW - 8 * 86_400);
    let mut clear = event("d");
    clear["user_data"] = json!({"em": "ada@example.com"});
    let (status, answer) = post_events(&sandbox, &[event("a"), event("b"), old, clear]).await;
    assert_eq!((status, &answer["error"]["error_subcode"]), (400, &json!(2_804_003)));
    assert_eq!(answer["error"].get("error_data"), None);
    assert_eq!((sandbox.stats().received, sandbox.stats().unique), (0, 0));
    assert_eq!(std::fs::read_to_string(&record).unwrap(), "");

    let (status, _) = post_events(&sandbox, &[event("a"), event("b")]).await;
    assert_eq!((status, sandbox.stats().received), (200, 2));
    let line = |id: &str| format!("{{\"dataset_id\":\"12\",\"received_at\":{NOW},\"event\":{}}}\n", event(id));
    assert_eq!(std::fs::read_to_string(&record).unwrap(), line("a") + &line("b"));
}

#[tokio::test]
async fn a_refusal_speaks_french_and_names_the_event_on_request() {
    let options = SandboxOptions { language: Language::French, blame: Blame::Event, ..SandboxOptions::default() };
    let sandbox = start(options).await;
    let mut old = event("b");
    old["event_time"] = json!(1);
    let (_, answer) = post_events(&sandbox, &[event("a"), old]).await;
    assert_eq!(answer["error"]["error_user_title"], "Timestamp de l’évènement trop ancien");
    assert_eq!(answer["error"]["error_data"], json!({"blame_field_specs": [["data", "1", "event_time"]]}));
}

#[tokio::test]
async fn strictness_can_be_chosen() {
    let strict = Strictness { website: Website::Strict, bare_value: BareValue::Taken };
    let strict = start(SandboxOptions { strictness: strict, ..SandboxOptions::default() }).await;
    let lenient = start(SandboxOptions::default()).await;
    let mut bare = event("a");
    bare["custom_data"] = json!({"value": 1});
    assert_eq!(post_events(&lenient, &[event("a")]).await.0, 200);
    let (status, answer) = post_events(&lenient, &[bare.clone()]).await;
    assert_eq!((status, &answer["error"]["error_subcode"]), (400, &json!(2_804_023)));
    let (status, answer) = post_events(&strict, &[bare.clone()]).await;
    let text = answer["error"]["error_user_msg"].as_str().unwrap();
    assert!(status == 400 && text.contains("event_source_url"), "{text}");
    bare["event_source_url"] = json!("https://example.com/");
    bare["user_data"]["client_user_agent"] = json!("Mozilla/5.0");
    assert_eq!(post_events(&strict, &[bare]).await.0, 200);
}

#[tokio::test]
async fn errors_are_explained_in_three_languages() {
    for (locale, title) in [
        ("en", "User Parameter Not Hashed"),
        ("fr_FR", "Paramètre d’utilisateur non haché"),
        ("da", "Brugerparameter er ikke hashet"),
    ] {
        let language = Language::parse(locale).unwrap();
        let sandbox = start(SandboxOptions { language, ..SandboxOptions::default() }).await;
        let mut clear = event("a");
        clear["user_data"] = json!({"ct": "paris"});
        let (_, answer) = post_events(&sandbox, &[clear]).await;
        let error = &answer["error"];
        assert_eq!((&error["error_subcode"], &error["error_user_title"]), (&json!(2_804_016), &json!(title)));
        assert!(error["error_user_msg"].as_str().unwrap().contains(" ct "), "{error}");
    }
    assert_eq!(Language::parse("tlh"), None);
}

#[tokio::test]
async fn a_quota_is_told_in_the_headers_and_kept() {
    let seconds = Arc::new(AtomicI64::new(NOW));
    let shown = Arc::clone(&seconds);
    let clock = Clock::new(move || DateTime::from_timestamp(shown.load(Ordering::Relaxed), 0).unwrap());
    for (quota, codes) in [("4/5m", [80_004, 2_446_079]), ("4/5m/17", [17, 2_446_079]), ("4/5m/613", [613, 1_487_742])]
    {
        seconds.store(NOW, Ordering::Relaxed);
        let quota = Some(quota.parse().unwrap());
        let options = SandboxOptions { quota, clock: clock.clone(), ..SandboxOptions::default() };
        let sandbox = sandbox::start(options).await.unwrap();
        let send = || async {
            let body = json!({"data": [event("a")]}).to_string();
            let response = post(&sandbox, "/v26.0/12/events?access_token=t", "application/json", body).await;
            let header =
                |name: &str| -> Value { serde_json::from_str(response.headers()[name].to_str().unwrap()).unwrap() };
            let use_case = header("x-business-use-case-usage")["12"][0].clone();
            let percents = json!([
                header("x-app-usage")["call_count"],
                header("x-ad-account-usage")["acc_id_util_pct"],
                use_case["call_count"],
                use_case["estimated_time_to_regain_access"],
            ]);
            let (status, answer) = read(response).await;
            (status, percents, json!([answer["error"]["code"], answer["error"]["error_subcode"]]))
        };
        for percent in [25, 50, 75, 100] {
            assert_eq!(send().await, (200, json!([percent, percent, percent, 0]), json!([null, null])));
        }
        seconds.fetch_add(90, Ordering::Relaxed);
        assert_eq!(send().await, (400, json!([125, 125, 125, 4]), json!(codes)));
        assert_eq!(sandbox.stats().received, 4);
        seconds.fetch_add(210, Ordering::Relaxed);
        assert_eq!(send().await.0, 200);
    }
    let free = start(SandboxOptions::default()).await;
    let body = json!({"data": [event("a")]}).to_string();
    let response = post(&free, "/v26.0/12/events?access_token=t", "application/json", body).await;
    assert!(response.headers().keys().all(|name| !name.as_str().contains("usage")));
}

#[tokio::test]
async fn requests_without_good_data_are_refused() {
    let sandbox = start(SandboxOptions { dataset_id: Some("12".into()), ..SandboxOptions::default() }).await;
    let many: Vec<_> = (0..1001).map(|number| event(&number.to_string())).collect();
    let form = |data: &str| format!("data={}", encode(data));
    for (path, content_type, body, expected) in [
        ("/v26.0/12/events", "application/json", "{}".to_owned(), json!([400, 100, null])),
        ("/v26.0/12/events", "application/json", "{".to_owned(), json!([400, 100, null])),
        ("/v26.0/12/events", "application/json", r#"{"data":{}}"#.to_owned(), json!([400, 100, null])),
        ("/v26.0/12/events", "application/json", r#"{"data":[7]}"#.to_owned(), json!([400, 100, null])),
        ("/v26.0/12/events", "application/json", json!({"data": many}).to_string(), json!([400, 100, null])),
        ("/v26.0/12/events", FORM, form("[[]"), json!([400, 100, null])),
        ("/v26.0/12/events", FORM, form(&json!(many).to_string()), json!([400, 100, null])),
        ("/v26.0/12/events", "multipart/form-data", String::new(), json!([400, 100, null])),
        ("/v26.0/13/events", "application/json", "{}".to_owned(), json!([400, 100, 33])),
        ("/v26.0/pixel/events", "application/json", "{}".to_owned(), json!([404, 803, null])),
        ("/v26.0/12", "application/json", "{}".to_owned(), json!([400, 100, 33])),
        ("/12/events", "application/json", "{}".to_owned(), json!([400, 2635, null])),
        ("/v26.0/12/activities", "application/json", "{}".to_owned(), json!([400, 2500, null])),
    ] {
        let path = format!("{path}?access_token=t");
        let (status, answer) = read(post(&sandbox, &path, content_type, body.clone()).await).await;
        let error = &answer["error"];
        assert_eq!(json!([status, error["code"], error["error_subcode"]]), expected, "{path} {content_type}");
    }
    let (status, answer) = post_events(&sandbox, &many[..1000]).await;
    assert_eq!((status, &answer["events_received"]), (200, &json!(1000)));
}

#[tokio::test]
async fn counters_are_shown_and_forgotten() {
    let sandbox = start(SandboxOptions::default()).await;
    post_events(&sandbox, &[event("a"), event("a"), event("b")]).await;
    post_events(&sandbox, &[event("a")]).await;
    post_events(&sandbox, &[json!({})]).await;
    let mut old = event("c");
    old["event_time"] = json!(1);
    post_events(&sandbox, &[old]).await;
    let test = json!({"data": [event("c")], "test_event_code": "TEST1"}).to_string();
    post(&sandbox, "/v26.0/12/events?access_token=t", "application/json", test).await;
    let expected = json!({
        "requests": 5, "refused": 2, "refused_by_code": {"100": 1, "100/2804003": 1}, "token_in_url": 1,
        "received": 5, "unique": 3, "without_id": 0, "duplicates": 2, "test_events": 1, "faults": {},
    });
    for path in ["/", "/admin/stats"] {
        let (status, shown) = read(reqwest::get(format!("{}{path}", sandbox.base_url())).await.unwrap()).await;
        assert_eq!((status, &shown), (200, &expected), "{path}");
    }
    let get = |query: &str| reqwest::get(format!("{}/admin/events{query}", sandbox.base_url()));
    let (_, repeated) = read(get("").await.unwrap()).await;
    let a = json!({"dataset_id": "12", "event_name": "Lead", "event_id": "a", "times": 3});
    assert_eq!((repeated, sandbox.times_taken("12", "Lead", "b")), (json!([a]), 1));
    for (query, expected) in [
        ("?dataset_id=12&event_name=Lead&event_id=a", json!({"times": 3})),
        ("?dataset_id=12&event_name=Lead&event_id=z", json!({"times": 0})),
        ("?event_id=a", json!({"error": "give dataset_id, event_name and event_id, or none of them"})),
    ] {
        assert_eq!(read(get(query).await.unwrap()).await.1, expected, "{query}");
    }
    Client::new().delete(format!("{}/admin/stats", sandbox.base_url())).send().await.unwrap();
    assert_eq!((sandbox.stats(), sandbox.repeated()), (sandbox::Stats::default(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_come_at_once_stay_whole() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let sandbox = Arc::new(start(SandboxOptions { record: Some(record.clone()), ..SandboxOptions::default() }).await);
    let mut posts = tokio::task::JoinSet::new();
    for client in 0..8 {
        let sandbox = Arc::clone(&sandbox);
        posts.spawn(async move {
            // Half of a client's events are its own, the other half everyone's.
            let events: Vec<_> =
                (0..200).map(|n| event(&if n < 100 { format!("{client}-{n}") } else { n.to_string() })).collect();
            post_events(&sandbox, &events).await
        });
    }
    while let Some(answer) = posts.join_next().await {
        assert_eq!(answer.unwrap().0, 200);
    }
    assert_eq!((sandbox.stats().received, sandbox.stats().unique), (1600, 900));
    let lines = std::fs::read_to_string(&record).unwrap();
    let ids: Vec<_> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["event_id"].clone()).collect();
    assert_eq!(ids.len(), 1600);
    assert!(ids.chunks(200).all(|batch| batch[199] == "199"), "two batches were mixed");
}

#[tokio::test]
async fn a_sandbox_that_cannot_start_says_why() {
    let first = start(SandboxOptions::default()).await;
    let port = first.address().port();
    let taken = sandbox::start(SandboxOptions { port, ..SandboxOptions::default() }).await.unwrap_err();
    assert_eq!(taken.to_string(), format!("cannot listen on 127.0.0.1:{port}"));
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("missing/record.ndjson");
    let nowhere = sandbox::start(SandboxOptions { record: Some(record.clone()), ..SandboxOptions::default() }).await;
    assert_eq!(nowhere.unwrap_err().to_string(), format!("cannot open the record file {}", record.display()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn events_that_cannot_be_recorded_are_not_accepted() {
    let sandbox = start(SandboxOptions { record: Some("/dev/full".into()), ..SandboxOptions::default() }).await;
    let (status, answer) = post_events(&sandbox, &[event("a")]).await;
    assert_eq!((status, &answer["error"]["is_transient"]), (500, &json!(true)));
    assert_eq!((sandbox.stats().received, sandbox.stats().unique), (0, 0));
}

#[tokio::test]
async fn a_sandbox_that_stopped_lets_its_port_go() {
    let sandbox = start(SandboxOptions::default()).await;
    let port = sandbox.address().port();
    sandbox.stop().await;
    let again = sandbox::start(SandboxOptions { port, ..SandboxOptions::default() }).await.unwrap();
    assert_eq!(again.address().port(), port);
}

#[tokio::test]
async fn a_dataset_can_be_asked_for() {
    let sandbox = start(SandboxOptions { dataset_id: Some("12".into()), ..SandboxOptions::default() }).await;
    let get = |path: &str| reqwest::get(format!("{}{path}", sandbox.base_url()));
    let (status, dataset) = read(get("/v26.0/12?access_token=t&fields=id").await.unwrap()).await;
    assert_eq!((status, &dataset["id"]), (200, &json!("12")));
    let (status, answer) = read(get("/v26.0/13?access_token=t").await.unwrap()).await;
    assert_eq!((status, &answer["error"]["error_subcode"]), (400, &json!(33)));
    let (status, answer) = read(get("/v26.0/12").await.unwrap()).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(104)));
    let (status, answer) = read(get("/v26.0/12/events?access_token=t").await.unwrap()).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("GraphMethodException")));
    let old = get("/v20.0/12?access_token=t").await.unwrap();
    let warning = old.headers().get("x-ad-api-version-warning").unwrap().to_str().unwrap();
    assert_eq!(warning, "The call has been auto-upgraded to v26.0 as v20.0 has been deprecated");
    assert!(get("/v21.0/12?access_token=t").await.unwrap().headers().get("x-ad-api-version-warning").is_none());
}

#[tokio::test]
async fn a_clock_that_moves_makes_events_old() {
    let seconds = Arc::new(AtomicI64::new(NOW));
    let shown = Arc::clone(&seconds);
    let clock = Clock::new(move || DateTime::from_timestamp(shown.load(Ordering::Relaxed), 0).unwrap());
    let sandbox = sandbox::start(SandboxOptions { clock, ..SandboxOptions::default() }).await.unwrap();
    assert_eq!(post_events(&sandbox, &[event("a")]).await.0, 200);
    seconds.store(NOW + 7 * 86_400, Ordering::Relaxed);
    assert_eq!(post_events(&sandbox, &[event("a")]).await.0, 400);
}

#[tokio::test]
async fn a_body_that_was_cut_off_is_not_kept() {
    let sandbox = start(SandboxOptions::default()).await;
    let body = json!({"data": [event("a")]}).to_string();
    let mut cut = TcpStream::connect(sandbox.address()).await.unwrap();
    cut.write_all(raw_post(body.len() + 1, &body).as_bytes()).await.unwrap();
    cut.shutdown().await.unwrap();
    // The sandbox has dealt with the request when it closes the connection.
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), cut.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!((sandbox.stats().requests, sandbox.stats().received), (1, 0));
}

#[tokio::test]
async fn an_answer_that_is_never_read_loses_nothing() {
    let latency = Some(Duration::from_secs(600));
    let sandbox = start(SandboxOptions { latency, ..SandboxOptions::default() }).await;
    let body = json!({"data": [event("a")]}).to_string();
    let mut lost = TcpStream::connect(sandbox.address()).await.unwrap();
    lost.write_all(raw_post(body.len(), &body).as_bytes()).await.unwrap();
    let kept = async {
        while sandbox.stats().received == 0 {
            reqwest::get(sandbox.base_url()).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.unwrap();
    drop(lost);
    sandbox.stop().await;
}
