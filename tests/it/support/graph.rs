//! A scripted Graph server: it answers as a list says, in order, and keeps every body that it read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::run::{Stage, runtime};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Takes every event.
    Accept,
    /// Takes every event but says that one is missing.
    TooFew,
    /// Refuses with a Graph error: status, code, subcode.
    Error(u16, i64, i64),
    /// Refuses with a Graph error (status, code, subcode) and a further header.
    ErrorWith(u16, i64, i64, String),
    /// Answers with a page of HTML, as a proxy does.
    Html(u16),
    /// Answers with these headers and bytes, whatever they mean: status, headers, body.
    Raw(u16, String, Vec<u8>),
    /// Points to another address.
    Redirect(String),
    /// Takes every event, but the answer is lost.
    LostAfterCommit,
    /// Takes every event and never answers.
    Hang,
    /// Resets the connection before it reads anything.
    ResetBeforeReading,
    /// Takes every event, but the answer is cut in the middle.
    CutInTheMiddle,
    /// Refuses the whole request when it holds one of these event ids, and does not say which.
    RefuseIds(Vec<String>),
    /// Refuses the whole request with this code when it holds one of these event ids.
    RefuseIdsAs(Vec<String>, i64),
    /// Refuses requests of more events than this as too large.
    AtMost(usize),
}

/// What the server saw.
#[derive(Debug, Default)]
struct Seen {
    answers: VecDeque<Answer>,
    connections: u64,
    requests: Vec<Request>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers.
    pub(crate) head: String,
    /// The body, byte for byte.
    pub(crate) body: Vec<u8>,
    /// Whether its events were taken.
    pub(crate) is_taken: bool,
    /// Whether the answer says so, whole.
    pub(crate) is_told: bool,
}

impl Request {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of its events; a look at the dataset has none.
    pub(crate) fn ids(&self) -> Vec<String> {
        if self.head.starts_with("GET ") {
            return Vec::new();
        }
        let json = self.json();
        let events = json["data"].as_array().unwrap().iter();
        events.map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
    }
}

/// A running server.
pub(crate) struct Graph {
    seen: Arc<Mutex<Seen>>,
    pub(crate) base_url: String,
}

/// A stage with a scripted server in Meta's place.
pub(crate) struct Scripted {
    pub(crate) stage: Stage,
    pub(crate) graph: Graph,
}

impl Scripted {
    /// Makes a stage whose server answers as the list says, and after it as `then` says.
    pub(crate) fn new(answers: &[Answer], then: Answer) -> Self {
        let runtime = runtime();
        let graph = Graph::start(&runtime, answers, then);
        Self { stage: Stage::within(runtime, &graph.base_url), graph }
    }

    /// The stage with a changed configuration.
    pub(crate) fn on(self, change: impl FnOnce(Stage) -> Stage) -> Self {
        Self { stage: change(self.stage), graph: self.graph }
    }
}

impl Graph {
    /// Starts a server on loopback.
    pub(crate) fn start(runtime: &Runtime, answers: &[Answer], then: Answer) -> Self {
        let seen = Arc::new(Mutex::new(Seen { answers: answers.to_vec().into(), ..Seen::default() }));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&seen);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = {
                    let mut seen = shared.lock().unwrap();
                    seen.connections += 1;
                    seen.answers.pop_front().unwrap_or_else(|| then.clone())
                };
                let shared = Arc::clone(&shared);
                // A client that leaves is no failure of the server.
                tokio::spawn(async move { drop(serve(stream, answer, &shared).await) });
            }
        });
        Self { seen, base_url }
    }

    /// Gives answers for the next requests.
    pub(crate) fn then_answer(&self, answers: &[Answer]) {
        self.seen.lock().unwrap().answers.extend(answers.iter().cloned());
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.seen.lock().unwrap().connections
    }

    /// The requests whose bodies were read, in that order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The ids of the events that were taken, in order, copies included.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.requests().iter().filter(|request| request.is_taken).flat_map(Request::ids).collect()
    }
}

/// Answers the one request of a connection.
async fn serve(mut stream: TcpStream, answer: Answer, seen: &Mutex<Seen>) -> io::Result<()> {
    if matches!(answer, Answer::ResetBeforeReading) {
        // What was sent and never read makes the system answer with a reset.
        return stream.readable().await;
    }
    let (head, body) = read(&mut stream).await?;
    let mut request = Request { head, body, is_taken: false, is_told: false };
    let ids = request.ids();
    let reply = match &answer {
        Answer::TooFew => received(ids.len() - 1),
        Answer::Error(status, code, subcode) => error(*status, *code, *subcode, ""),
        Answer::ErrorWith(status, code, subcode, header) => error(*status, *code, *subcode, header),
        Answer::Html(status) => reply(*status, "Content-Type: text/html\r\n", "<html><h1>Bad Gateway</h1></html>"),
        Answer::Raw(status, headers, body) => raw(*status, headers, body.len()),
        Answer::Redirect(location) => reply(307, &format!("Location: {location}\r\n"), ""),
        Answer::RefuseIds(bad) if ids.iter().any(|id| bad.contains(id)) => error(400, 100, 2_804_003, ""),
        Answer::RefuseIdsAs(bad, code) if ids.iter().any(|id| bad.contains(id)) => error(400, *code, 0, ""),
        Answer::AtMost(most) if ids.len() > *most => reply(413, "", "too large"),
        // A reset was dealt with before anything was read.
        Answer::Accept
        | Answer::LostAfterCommit
        | Answer::CutInTheMiddle
        | Answer::Hang
        | Answer::ResetBeforeReading
        | Answer::RefuseIds(_)
        | Answer::RefuseIdsAs(..)
        | Answer::AtMost(_) => received(ids.len()),
    };
    request.is_taken = reply.starts_with("HTTP/1.1 200") && !matches!(answer, Answer::Html(_));
    let is_spoilt = matches!(answer, Answer::TooFew | Answer::LostAfterCommit | Answer::CutInTheMiddle | Answer::Hang);
    request.is_told = request.is_taken && !is_spoilt;
    seen.lock().unwrap().requests.push(request);
    match &answer {
        Answer::Raw(_, _, body) => stream.write_all(&[reply.as_bytes(), body].concat()).await?,
        Answer::LostAfterCommit => return Ok(()),
        // The client leaves at some time.
        Answer::Hang => return stream.read_u8().await.map(drop),
        Answer::CutInTheMiddle => stream.write_all(&reply.as_bytes()[..reply.len() - 9]).await?,
        _ => stream.write_all(reply.as_bytes()).await?,
    }
    stream.shutdown().await
}

/// Reads a request whole.
async fn read(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            let body = end + 4..end + 4 + length.unwrap_or_default();
            if bytes.len() >= body.end {
                return Ok((head, bytes[body].to_vec()));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Meta's answer to a request that it took.
fn received(events: usize) -> String {
    reply(200, "", &json!({"events_received": events, "messages": [], "fbtrace_id": "Atrace"}).to_string())
}

/// Meta's answer to a request that it did not take.
fn error(status: u16, code: i64, subcode: i64, header: &str) -> String {
    let error = json!({
        "message": "(#100) user@example.com is not valid", "type": "OAuthException", "code": code,
        "error_subcode": subcode, "fbtrace_id": "Atrace",
    });
    reply(status, header, &json!({ "error": error }).to_string())
}

/// An answer on the wire, after which the connection ends.
fn reply(status: u16, headers: &str, body: &str) -> String {
    raw(status, headers, body.len()) + body
}

/// The head of an answer on the wire.
fn raw(status: u16, headers: &str, length: usize) -> String {
    format!("HTTP/1.1 {status} Scripted\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n")
}
