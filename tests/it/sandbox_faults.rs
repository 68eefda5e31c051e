//! Faults that the sandbox plays on request: what a client sees of each, and whether the events were taken.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::time::Duration;

use chrono::Utc;
use fbcapi::sandbox::{self, FaultRule, Sandbox, SandboxOptions, Stats};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HASH: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";

/// How long a client waits before it takes a connection for hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// An answer: its status and body.
    Answer(u16, String),
    /// A connection that was closed after the head of an answer and so many bytes less than it promised.
    Cut(usize),
    /// A connection that was closed before any answer.
    Closed,
    /// A connection that was reset.
    Reset,
}

/// Starts a sandbox with faults.
async fn start(rules: &[&str]) -> Sandbox {
    let faults = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    sandbox::start(SandboxOptions { faults, ..SandboxOptions::default() }).await.unwrap()
}

/// Good events.
fn events(ids: &[&str]) -> Value {
    let events = ids.iter().map(|id| {
        json!({"event_name": "Lead", "event_time": Utc::now().timestamp(), "event_id": id,
               "action_source": "other", "user_data": {"em": HASH}})
    });
    json!({"data": events.collect::<Vec<_>>()})
}

/// Posts events over a connection of their own.
async fn send(sandbox: &Sandbox, ids: &[&str]) -> Seen {
    send_body(sandbox, &events(ids).to_string()).await
}

/// Posts a body over a connection of its own.
async fn send_body(sandbox: &Sandbox, body: &str) -> Seen {
    request(sandbox, "POST /v26.0/12/events?access_token=t", body).await
}

/// Makes a request over a connection of its own, and reads until it ends.
async fn request(sandbox: &Sandbox, line: &str, body: &str) -> Seen {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A connection that was reset cannot be written to either.
    drop(stream.write_all(body.as_bytes()).await);
    let mut bytes = Vec::new();
    match tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap() {
        Ok(_) => understand(&bytes),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            Seen::Reset
        }
    }
}

/// Takes an answer apart.
fn understand(bytes: &[u8]) -> Seen {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        assert_eq!(bytes, b"", "there is no whole head");
        return Seen::Closed;
    };
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8(head.to_vec()).unwrap().to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
    if body.len() < length {
        return Seen::Cut(length - body.len());
    }
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Seen::Answer(status, String::from_utf8_lossy(body).into_owned())
}

/// The status and what of the body tells answers apart.
fn gist(seen: &Seen) -> String {
    let Seen::Answer(status, body) = seen else { return format!("{seen:?}") };
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return format!("{status} {}", body.get(..19).unwrap_or(body));
    };
    match body.get("error") {
        Some(error) => format!("{status} error {} {}", error["code"], error["error_subcode"]),
        None => format!("{status} received {}", body["events_received"]),
    }
}

#[tokio::test]
async fn each_fault_is_seen_and_says_whether_the_events_were_taken() {
    for (rule, expected, taken) in [
        ("refuse", "400 error 100 2804003", 0),
        ("refuse=2804016", "400 error 100 2804016", 0),
        ("error=1", "400 error 1 null", 0),
        ("error=613/1996", "400 error 613 1996", 0),
        ("401", "401 error 190 null", 0),
        ("403", "403 error 200 null", 0),
        ("404", "404 error 1 null", 0),
        ("413", "413 error 1 null", 0),
        ("429", "429 ", 0),
        ("503", "503 error 2 null", 0),
        ("503,taken", "503 error 2 null", 2),
        ("throttle", "400 error 80004 2446079", 0),
        ("expired", "401 error 190 463", 0),
        ("slow=1", "200 received 2", 2),
        ("lost", "Closed", 2),
        ("lost,not-taken", "Closed", 0),
        ("half", "Cut", 2),
        ("half,not-taken", "Cut", 0),
        ("reset-before-read", "Reset", 0),
        ("reset-after-read", "Reset", 0),
        ("reset-after-read,taken", "Reset", 2),
        ("html", "502 <!DOCTYPE html><htm", 0),
        ("html=200,taken", "200 <!DOCTYPE html><htm", 2),
        ("error-in-200", "200 error 2 null", 0),
        ("text-in-200", "200 Service Unavailable", 0),
        ("wrong-count", "200 received 1", 2),
        ("wrong-count=7", "200 received 7", 2),
        ("redirect", "307 ", 0),
    ] {
        let sandbox = start(&[rule]).await;
        let seen = gist(&send(&sandbox, &["a", "b"]).await);
        let is_cut = expected == "Cut" && seen.starts_with("Cut(");
        assert!(is_cut || seen == expected, "{rule}: {seen}");
        let Stats { requests, received, faults, .. } = sandbox.stats();
        assert_eq!((requests, received, faults.values().sum::<u64>()), (1, taken, 1), "{rule}: {faults:?}");
        assert!(faults.keys().all(|kind| rule.starts_with(kind.as_str())), "{rule}: {faults:?}");
    }
}

#[tokio::test]
async fn half_an_answer_has_its_head_and_half_its_body() {
    let sandbox = start(&["times=1:half"]).await;
    let Seen::Cut(missing) = send(&sandbox, &["a"]).await else { panic!("the answer was whole") };
    let Seen::Answer(200, whole) = send(&sandbox, &["b"]).await else { panic!("there was no answer") };
    assert_eq!(missing, whole.len().div_ceil(2));
}

#[tokio::test]
async fn a_large_request_is_reset_as_well() {
    let ids: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let sandbox = start(&["nth=1:reset-before-read", "nth=1:reset-after-read"]).await;
    assert_eq!(send(&sandbox, &ids).await, Seen::Reset);
    assert_eq!(send(&sandbox, &ids).await, Seen::Reset);
    assert_eq!(gist(&send(&sandbox, &ids).await), "200 received 1000");
    assert_eq!(sandbox.stats().received, 1_000);
}

#[tokio::test]
async fn large_bodies_are_large_once_they_are_unpacked() {
    let sandbox = start(&["nth=1:huge", "nth=2:gzip-bomb"]).await;
    let Seen::Answer(200, huge) = send(&sandbox, &["a"]).await else { panic!("there was no answer") };
    let Seen::Answer(200, bomb) = send(&sandbox, &["a"]).await else { panic!("there was no answer") };
    assert!(huge.len() == 64 << 20 && bomb.len() < 1 << 20, "{} {}", huge.len(), bomb.len());
    sandbox.set_faults(&["gzip-bomb".parse().unwrap()]);
    let url = format!("{}/v26.0/12/events?access_token=t", sandbox.base_url());
    let response = reqwest::Client::new().post(url).body(events(&["a"]).to_string()).send().await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 64 << 20);
}

#[tokio::test]
async fn an_answer_that_never_comes_keeps_the_connection() {
    let sandbox = start(&["times=1:hang"]).await;
    let mut hung = TcpStream::connect(sandbox.address()).await.unwrap();
    let body = events(&["a"]).to_string();
    let head = format!(
        "POST /v26.0/12/events?access_token=t HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    hung.write_all((head + &body).as_bytes()).await.unwrap();
    // Requests go on being answered, and tell when the events of the hung one are taken.
    while sandbox.stats().received == 0 {
        reqwest::get(sandbox.base_url()).await.unwrap();
    }
    assert_eq!(gist(&send(&sandbox, &["b"]).await), "200 received 1");
    assert_eq!(hung.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(hung);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_bad_event_can_be_found_by_halving() {
    let sandbox = start(&["event=c:refuse"]).await;
    for (ids, expected) in [
        (["a", "b", "c", "d"].as_slice(), "400 error 100 2804003"),
        (&["c", "d"], "400 error 100 2804003"),
        (&["a", "b"], "200 received 2"),
        (&["d"], "200 received 1"),
        (&["c"], "400 error 100 2804003"),
    ] {
        assert_eq!(gist(&send(&sandbox, ids).await), expected, "{ids:?}");
    }
    let stats = sandbox.stats();
    assert_eq!((stats.refused, stats.refused_by_code["100/2804003"], stats.received), (3, 3, 3));
}

#[tokio::test]
async fn a_bad_event_is_not_taken_under_another_fault_either() {
    let sandbox = start(&["nth=1:lost", "nth=2:503,taken", "event=c:refuse"]).await;
    assert_eq!(send(&sandbox, &["a", "c"]).await, Seen::Closed);
    assert_eq!(gist(&send(&sandbox, &["a", "c"]).await), "503 error 2 null");
    assert_eq!(gist(&send(&sandbox, &["a"]).await), "200 received 1");
    let Stats { received, refused, faults, .. } = sandbox.stats();
    assert_eq!((received, refused, faults["refuse"]), (1, 2, 2));
}

#[tokio::test]
async fn a_bad_request_is_refused_for_what_it_is_though_its_answer_is_lost() {
    let sandbox = start(&["nth=2:lost"]).await;
    let bad = r#"{"data":[{}]}"#;
    assert_eq!(gist(&send_body(&sandbox, bad).await), "400 error 100 null");
    assert_eq!(send_body(&sandbox, bad).await, Seen::Closed);
    assert_eq!((sandbox.stats().refused, sandbox.stats().received), (2, 0));
}

#[tokio::test]
async fn what_was_taken_twice_is_told_by_name() {
    let sandbox = start(&["nth=1..2:lost"]).await;
    assert_eq!(send(&sandbox, &["a", "b"]).await, Seen::Closed);
    assert_eq!(send(&sandbox, &["a"]).await, Seen::Closed);
    assert_eq!(gist(&send(&sandbox, &["a", "c"]).await), "200 received 2");
    let stats = sandbox.stats();
    assert_eq!((stats.received, stats.unique, stats.duplicates, stats.faults["lost"]), (5, 3, 2, 2));
    let repeated: Vec<_> = sandbox.repeated().into_iter().map(|event| (event.event_id, event.times)).collect();
    assert_eq!(repeated, [("a".to_owned(), 3)]);
    let times = ["a", "b", "c", "d"].map(|id| sandbox.times_taken("12", "Lead", id));
    assert_eq!(times, [3, 1, 1, 0]);
}

#[tokio::test]
async fn faults_change_while_the_sandbox_runs() {
    let sandbox = start(&["nth=2:503"]).await;
    let faults = |method: &'static str, body: &'static str| {
        let sandbox = &sandbox;
        async move {
            let Seen::Answer(status, body) = request(sandbox, &format!("{method} /admin/faults"), body).await else {
                panic!("there was no answer")
            };
            (status, serde_json::from_str::<Value>(&body).unwrap())
        }
    };
    assert_eq!(faults("GET", "").await, (200, json!([{"rule": "nth=2:503", "fired": 0}])));
    let both = json!([
        {"rule": "nth=2:503", "fired": 0}, {"rule": "nth=1:lost", "fired": 0}, {"rule": "event=x:refuse", "fired": 0},
    ]);
    assert_eq!(faults("POST", "nth=1:lost\n event=x:refuse;").await, (200, both.clone()));
    let (status, answer) = faults("POST", "half\nhlaf").await;
    assert!(status == 400 && answer["error"].as_str().unwrap().starts_with("\"hlaf\" is no fault"), "{answer}");
    assert_eq!(faults("GET", "").await, (200, both), "a mistake changes nothing");
    assert_eq!(send(&sandbox, &["a"]).await, Seen::Closed);
    assert_eq!(gist(&send(&sandbox, &["a"]).await), "503 error 2 null");
    let (_, shown) = faults("GET", "").await;
    let fired: Vec<_> = shown.as_array().unwrap().iter().map(|rule| &rule["fired"]).collect();
    assert_eq!(fired, [&json!(1), &json!(1), &json!(0)]);
    assert_eq!(faults("DELETE", "").await, (200, json!([])));
    assert_eq!(gist(&send(&sandbox, &["x"]).await), "200 received 1");
}

#[tokio::test]
async fn the_same_seed_breaks_the_same_requests() {
    async fn run(seed: u64) -> Vec<bool> {
        let faults: Vec<FaultRule> = vec!["percent=30:503".parse().unwrap()];
        let sandbox = sandbox::start(SandboxOptions { faults, seed, ..SandboxOptions::default() }).await.unwrap();
        let mut broken = Vec::new();
        for _ in 0..40 {
            broken.push(gist(&send(&sandbox, &["a"]).await).starts_with("503"));
        }
        broken
    }
    let (first, again, other) = (run(7).await, run(7).await, run(8).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.contains(&true) && first.contains(&false));
}
