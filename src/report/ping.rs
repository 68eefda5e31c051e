//! Tells a watchdog like healthchecks that a run begins, and how it ended.
//!
//! Source: healthchecks.io, pinging API: `<url>/start`, and `<url>/<exit code>` with 0 for success.
//! The path of the address is its credential, so nothing of it is ever shown; Meta is posted to elsewhere.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Url};

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is tried.
const ATTEMPTS: u32 = 2;

/// The address of a watchdog.
#[derive(Clone)]
pub struct Watchdog(Url);

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why nobody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client,
    /// There was no connection.
    #[error("there was no connection")]
    NoConnection,
    /// It took too long.
    #[error("there was no answer within {} seconds", TIMEOUT.as_secs())]
    TimedOut,
    /// The answer was cut off.
    #[error("the connection broke")]
    Broken,
    /// The answer was no success.
    #[error("the answer was HTTP {0}")]
    Status(u16),
}

impl Watchdog {
    /// Takes an address, which must be https, or http on this machine.
    pub fn new(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
        (is_safe && url.host_str().is_some() && url.fragment().is_none()).then_some(Self(url))
    }

    /// Tells that a run begins.
    pub async fn start(&self) -> Result<(), PingError> {
        self.ping("start", String::new()).await
    }

    /// Tells how a run ended.
    pub async fn end(&self, exit_code: u8, body: String) -> Result<(), PingError> {
        self.ping(&exit_code.to_string(), body).await
    }

    async fn ping(&self, what: &str, body: String) -> Result<(), PingError> {
        let mut url = self.0.clone();
        url.path_segments_mut().map_err(|()| PingError::Client)?.pop_if_empty().push(what);
        let mut client = Client::builder();
        if url.scheme() == "http" {
            // It is this machine, which no proxy for the internet can reach.
            client = client.no_proxy();
        }
        let client = client
            .user_agent(concat!("fbcapi/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|_| PingError::Client)?;
        let mut result = Err(PingError::NoConnection);
        for _ in 0..ATTEMPTS {
            result = match client.post(url.clone()).body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => Err(PingError::Status(answer.status().as_u16())),
                Err(error) if error.is_timeout() => Err(PingError::TimedOut),
                Err(error) if error.is_connect() => Err(PingError::NoConnection),
                Err(_) => Err(PingError::Broken),
            };
        }
        result
    }
}

/// Whether an address names this machine, to which nothing travels over a network.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_keeps_its_path_secret_is_taken() {
        let check = |text: &str, expected| assert_eq!(Watchdog::new(text).is_some(), expected, "{text}");
        check("https://watchdog.example.com/11111111-2222", true);
        check("https://watchdog.example.com/ping/key/fbcapi?create=1", true);
        check("http://127.0.0.1:8000/ping/1", true);
        check("http://localhost/1", true);
        check("http://[::1]:1/1", true);
        check("http://watchdog.example.com/1", false);
        check("http://127.0.0.1.example.com/1", false);
        check("ftp://127.0.0.1/1", false);
        check("https://watchdog.example.com/1#part", false);
        check("watchdog.example.com/1", false);
        check("", false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watchdog_that_hangs_is_waited_for_within_bounds() {
        // The system takes the connection, and nobody ever reads from it.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/key", listener.local_addr().unwrap());
        let began = tokio::time::Instant::now();
        assert_eq!(Watchdog::new(&address).unwrap().start().await, Err(PingError::TimedOut));
        let took = began.elapsed();
        assert!(took >= TIMEOUT && took <= TIMEOUT * ATTEMPTS + Duration::from_secs(1), "{took:?}");
    }

    #[test]
    fn the_address_is_not_shown() {
        assert_eq!(format!("{:?}", Watchdog::new("https://watchdog.example.com/key")), "Some([secret])");
    }
}
