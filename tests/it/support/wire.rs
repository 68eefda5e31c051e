//! A server that answers byte by byte as a test wants it, for what no HTTP server would do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What is done with one request.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Whether its events are taken.
    pub(crate) is_taken: bool,
    /// What is answered, in pieces with a pause before each.
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) pause: Duration,
    /// What becomes of the connection.
    pub(crate) then: Then,
}

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It stays open for the next request.
    Keep,
    /// It is closed.
    Close,
    /// It is reset: a byte of the request was never read.
    Reset,
    /// It is closed after so many bytes of the body were read.
    CloseAfter(usize),
}

impl Step {
    /// Answers with some bytes at once, and closes.
    pub(crate) fn answer(bytes: impl Into<Vec<u8>>) -> Self {
        Self { is_taken: false, pieces: vec![bytes.into()], pause: Duration::ZERO, then: Then::Close }
    }

    /// Takes the events.
    pub(crate) fn taken(self) -> Self {
        Self { is_taken: true, ..self }
    }

    /// Waits before the connection is closed.
    pub(crate) fn slow(self) -> Self {
        Self { pause: Duration::from_millis(300), ..self }
    }

    /// Does something else with the connection.
    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }
}

/// What the server has seen.
#[derive(Debug, Default)]
struct Seen {
    steps: VecDeque<Step>,
    /// The ids of the events taken, copies included.
    taken: Vec<String>,
    /// The number of the connection on which each request came.
    connections: Vec<usize>,
}

/// The server; its threads end with the tests.
pub(crate) struct Wire {
    pub(crate) base_url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Wire {
    /// Starts a server that does some steps, and afterwards takes everything.
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen { steps: steps.into(), ..Seen::default() }));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let shared = Arc::clone(&shared);
                // A client that leaves is no failure of the server.
                thread::spawn(move || drop(serve(stream.unwrap(), number, &shared)));
            }
        });
        Self { base_url, seen }
    }

    /// The ids of the events taken, in order, copies included.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.seen.lock().unwrap().taken.clone()
    }

    /// The number of the connection on which each request came.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.seen.lock().unwrap().connections.clone()
    }
}

fn serve(mut stream: TcpStream, number: usize, seen: &Mutex<Seen>) -> io::Result<()> {
    loop {
        let length = read_head(&mut stream)?;
        let step = {
            let mut seen = seen.lock().unwrap();
            seen.connections.push(number);
            seen.steps.pop_front()
        };
        let then = step.as_ref().map_or(Then::Close, |step| step.then);
        let wanted = match then {
            Then::Keep | Then::Close => length,
            Then::Reset => length - 1,
            Then::CloseAfter(bytes) => bytes.min(length),
        };
        let mut body = vec![0; wanted];
        stream.read_exact(&mut body)?;
        if then == Then::Reset {
            body.push(b'}');
        }
        let events = if matches!(then, Then::CloseAfter(_)) { Vec::new() } else { ids(&body) };
        let step = step.unwrap_or_else(|| Step::answer(received(events.len())).taken());
        if step.is_taken {
            seen.lock().unwrap().taken.extend(events);
        }
        for piece in step.pieces {
            thread::sleep(step.pause);
            stream.write_all(&piece)?;
        }
        if then != Then::Keep {
            return Ok(());
        }
    }
}

/// Reads up to the body and gives its length.
fn read_head(stream: &mut TcpStream) -> io::Result<usize> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    Ok(length.unwrap_or_default())
}

fn ids(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["data"].as_array().unwrap().iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

/// The body of Meta's answer to a request that it took.
pub(crate) fn received_body(events: usize) -> String {
    format!(r#"{{"events_received":{events},"messages":[],"fbtrace_id":"Atrace"}}"#)
}

/// Meta's answer to a request that it took.
pub(crate) fn received(events: usize) -> String {
    reply(200, "", &received_body(events))
}

/// An answer as it is written.
pub(crate) fn reply(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Wire\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}
