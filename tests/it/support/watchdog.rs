//! A watchdog that is pinged, and what it heard.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// The part of the address that nobody must see.
pub(crate) const KEY: &str = "9b2f0c1e-secret-of-the-watchdog";

/// A watchdog on this machine.
pub(crate) struct Watchdog {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Watchdog {
    /// Starts one that answers everything with a status.
    pub(crate) fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{KEY}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let pings = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut request = String::new();
                stream.read_line(&mut request).unwrap();
                let (mut line, mut length) = (String::new(), 0);
                while stream.read_line(&mut line).unwrap() > 2 {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let what = request.split(' ').nth(1).unwrap().replace(&format!("/{KEY}"), "");
                pings.lock().unwrap().push((what, String::from_utf8(body).unwrap()));
                let answer = format!("HTTP/1.1 {status} OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { url, heard }
    }

    /// What it heard, in order: what stood behind the key, and the body.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        self.heard.lock().unwrap().clone()
    }

    /// What stood behind the key, in order.
    pub(crate) fn pings(&self) -> Vec<String> {
        self.heard().into_iter().map(|(what, _)| what).collect()
    }
}
