//! What Meta's own SDKs send, the sandbox takes: recorded requests byte for byte, and on demand the SDKs themselves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use fbcapi::private::Secret;
use fbcapi::sandbox::{self, Clock, Sandbox, SandboxOptions};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What `sdk/record.py` wrote: a request a line, of `facebook_business` 26.0.3 and
/// `facebook-nodejs-business-sdk` 24.0.1.
const RECORDED: &str = include_str!("sdk/requests.jsonl");

/// A minute after the events of the recorded requests.
const NOW: i64 = 1_790_000_000;

/// The ways in which the SDKs send, in the order of the scripts.
const WAYS: [&str; 6] = ["python sync", "python proof", "python async", "node plain", "node proof", "node client"];

/// A request of an SDK.
#[derive(Deserialize)]
struct Recorded {
    way: String,
    head: String,
    body: String,
}

/// The recorded requests.
fn recorded() -> Vec<Recorded> {
    RECORDED.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The scripts' token.
fn token() -> Secret {
    Secret::new("token-of-the-sdk".into())
}

/// Plays a recorded request and gives the status of the answer.
async fn play(sandbox: &Sandbox, request: &Recorded) -> u16 {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(format!("{}{}", request.head, request.body).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    std::str::from_utf8(&answer).unwrap().strip_prefix("HTTP/1.1 ").unwrap().parse().unwrap()
}

/// How often the events of a way were taken.
fn taken(sandbox: &Sandbox, way: &str) -> [u64; 2] {
    let way = way.replace(' ', "-");
    [("Purchase", 1), ("Lead", 2)]
        .map(|(name, number)| sandbox.times_taken("1234567890", name, &format!("{way}-{number}")))
}

#[tokio::test]
async fn what_the_sdks_send_is_taken_byte_for_byte() {
    let clock = Clock::new(|| DateTime::from_timestamp(NOW, 0).unwrap());
    let options = SandboxOptions { token: Some(token()), clock, ..SandboxOptions::default() };
    let sandbox = sandbox::start(options.clone()).await.unwrap();
    let requests = recorded();
    assert_eq!(requests.iter().map(|request| request.way.as_str()).collect::<Vec<_>>(), WAYS);
    for request in &requests {
        assert_eq!(play(&sandbox, request).await, 200, "{}", request.way);
        assert_eq!(taken(&sandbox, &request.way), [1, 1], "{}", request.way);
    }
    let stats = sandbox.stats();
    assert_eq!((stats.received, stats.unique, stats.refused), (12, 12, 0));
    // Both SDKs put the token into the URL where they are left to themselves.
    assert_eq!(stats.token_in_url, 4);

    for (secret, expected) in [("secret-of-the-sdk", 200), ("another secret", 400)] {
        let app_secret = Some(Secret::new(secret.into()));
        let sandbox = sandbox::start(SandboxOptions { app_secret, ..options.clone() }).await.unwrap();
        for request in &requests {
            let is_proven = ["python proof", "python async", "node proof"].contains(&request.way.as_str());
            let expected = if is_proven { expected } else { 400 };
            assert_eq!(play(&sandbox, request).await, expected, "{}", request.way);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs Meta's SDKs from the network: cargo test -- --ignored sdks"]
async fn the_sdks_themselves_are_answered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = root.join("tests/it/sdk");
    let folder = root.join("target/sdk");
    let installed = Command::new(scripts.join("install.sh")).arg(&folder).status().unwrap();
    assert!(installed.success());
    let sandbox = sandbox::start(SandboxOptions { token: Some(token()), ..SandboxOptions::default() }).await.unwrap();
    let now = Utc::now().timestamp().to_string();
    let mut told = Vec::new();
    for (sdk, program, script) in
        [("python", folder.join("python/bin/python"), "send.py"), ("node", "node".into(), "send.js")]
    {
        let mut command = Command::new(program);
        command.arg(scripts.join(script)).args([&sandbox.base_url(), &now]);
        let output = command.env("NODE_PATH", folder.join("node/node_modules")).output().unwrap();
        assert!(output.status.success(), "{sdk}: {}", String::from_utf8_lossy(&output.stderr));
        told.extend(String::from_utf8(output.stdout).unwrap().lines().map(|line| format!("{sdk} {line}")));
    }
    assert_eq!(told, WAYS.map(|way| format!("{way} 2")));
    for way in WAYS {
        assert_eq!(taken(&sandbox, way), [1, 1], "{way}");
    }
    assert_eq!((sandbox.stats().received, sandbox.stats().refused), (12, 0));
}
