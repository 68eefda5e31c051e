//! Sends a request and gets its whole answer: timeouts, repetitions and the waits between them.

use std::error::Error;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use arrow_ipc::reader::StreamReader;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, DATE, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Request, StatusCode, Url};
use tokio::time::Instant;

use super::Surroundings;
use super::fault::{Breakage, Fault, Obstacle, Step};

/// How long to wait for what, and how often to try.
#[derive(Debug, Clone)]
pub struct Patience {
    /// For a connection to be made.
    pub connect: Duration,
    /// For the next bytes of an answer. Snowflake holds a query up to 45 seconds before it answers.
    /// Source: SQL API reference, "POST /api/v2/statements", response 202.
    pub read: Duration,
    /// For a login, all attempts together.
    pub login: Duration,
    /// For a whole answer.
    pub answer: Duration,
    /// For the session to be closed at the end.
    pub farewell: Duration,
    /// How often a request is made at most.
    pub attempts: u32,
    /// The longest first wait before another attempt; it doubles each time.
    pub first_wait: Duration,
    /// The longest wait before another attempt.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(90),
            login: Duration::from_secs(120),
            answer: Duration::from_secs(600),
            farewell: Duration::from_secs(5),
            attempts: 6,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(16),
        }
    }
}

/// An answer that arrived whole.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its body, as it came.
    pub(super) body: Bytes,
    /// The server's clock.
    pub(super) date: Option<DateTime<Utc>>,
}

/// A client with the manners that Snowflake's protocol needs.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    client: reqwest::Client,
    surroundings: Surroundings,
}

impl Wire {
    pub(super) fn new(surroundings: Surroundings, is_loopback: bool) -> Result<Self, Fault> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(surroundings.patience.connect)
            .read_timeout(surroundings.patience.read)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip();
        if is_loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|_| {
            Fault::unusable("no HTTP client could be made", "check the proxy variables of the environment")
        })?;
        Ok(Self { client, surroundings })
    }

    /// Gives the client itself, for the crate that speaks through the middleware.
    pub(super) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Gives what the wire was made with.
    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Sends a request until it is answered, at most as often as patience allows and not beyond the deadline.
    ///
    /// `prepare` makes the request of each attempt, counted from zero, and hears why the attempt before failed.
    pub(super) async fn send(
        &self,
        step: Step,
        deadline: Instant,
        prepare: impl Fn(u32, Option<&Fault>) -> Result<Request, Fault> + Send,
    ) -> Result<Answer, Fault> {
        let patience = &self.surroundings.patience;
        let mut attempt = 0;
        let mut before = None;
        loop {
            let request = prepare(attempt, before.as_ref())?;
            let (fault, asked_wait) = match self.send_once(step, deadline, request).await {
                Ok(answer) => return Ok(answer),
                Err(Setback::Final(fault)) => return Err(fault),
                Err(Setback::Passing(fault, wait)) => (fault, wait),
            };
            attempt += 1;
            let wait = asked_wait.unwrap_or_else(|| self.wait(attempt)).min(patience.longest_wait);
            if attempt >= patience.attempts || Instant::now() + wait >= deadline {
                return Err(fault);
            }
            tracing::info!(step = ?step, attempt, "a request to Snowflake is made again");
            tokio::time::sleep(wait).await;
            before = Some(fault);
        }
    }

    /// Gives a random wait between nothing and a bound that doubles with each attempt.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        let patience = &self.surroundings.patience;
        let bound = patience.first_wait.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let share = (self.surroundings.random)() >> 32;
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        bound.min(patience.longest_wait).mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    async fn send_once(&self, step: Step, deadline: Instant, mut request: Request) -> Result<Answer, Setback> {
        let left = deadline.saturating_duration_since(Instant::now());
        *request.timeout_mut() = Some(left.min(self.surroundings.patience.answer));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let (address, started) = (address_of(request.url()), Instant::now());
        let broken = |error: &reqwest::Error| {
            let breakage = breakage_of(error, started.elapsed());
            Setback::Passing(Fault::Broken { step, address: address.clone(), breakage }, None)
        };
        let mut response = self.client.execute(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let asked_wait = header(&response, RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        if is_passing(status) {
            return Err(Setback::Passing(Fault::Status(step, status.as_u16()), asked_wait.map(Duration::from_secs)));
        }
        let date = header(&response, DATE)
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
            .map(|date| date.with_timezone(&Utc));
        // Collected at once, the body would stand in memory twice for a moment.
        let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let mut body = BytesMut::with_capacity(announced.min(MOST_RESERVED_BYTES));
        while let Some(bytes) = response.chunk().await.map_err(|error| broken(&error))? {
            body.extend_from_slice(&bytes);
        }
        let body = body.freeze();
        match (step, status.as_u16()) {
            (_, 200..=299) => Ok(Answer { body, date }),
            // S3 and Azure answer 403 for an address that has expired, Google Cloud Storage 400.
            (Step::Chunk, 400 | 401 | 403 | 404 | 410) => Err(Setback::Final(Fault::Expired)),
            (Step::Chunk, status) => Err(Setback::Final(Fault::Status(step, status))),
            // An answer of Snowflake's own says more than its status.
            (_, status) if body.first() != Some(&b'{') => Err(Setback::Final(Fault::Status(step, status))),
            (_, _) => Ok(Answer { body, date }),
        }
    }
}

/// No more memory is reserved for a body because of what it says of its own size.
const MOST_RESERVED_BYTES: usize = 16 << 20;

const USER_AGENT_TEXT: &str = concat!("fbcapi/", env!("CARGO_PKG_VERSION"));

/// Why an attempt failed.
enum Setback {
    /// Another attempt may succeed, after the wait that the server asked for.
    Passing(Fault, Option<Duration>),
    /// Another attempt would end in the same way.
    Final(Fault),
}

/// Whether a status says that the same request may succeed later.
/// Source: Go driver, `retry.go`, which also repeats 400, 403 and 405; these are not passing here.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

/// Gives host and port, which hold nothing secret, unlike path and query.
fn address_of(url: &Url) -> String {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// Classifies an error without its text, which may hold a URL.
fn breakage_of(error: &reqwest::Error, passed: Duration) -> Breakage {
    if error.is_connect() {
        Breakage::Unreachable(if error.is_timeout() { Obstacle::Silence(passed) } else { obstacle_of(error) })
    } else if error.is_timeout() {
        Breakage::Silent(passed)
    } else {
        Breakage::Lost
    }
}

/// Finds out why a connection was not made.
fn obstacle_of(error: &(dyn Error + 'static)) -> Obstacle {
    let mut obstacle = Obstacle::Other;
    let mut cause = Some(error);
    while let Some(error) = cause {
        // The connector has no type or kind for this, only the words.
        if error.to_string().starts_with("dns error") {
            return Obstacle::NameNotFound;
        }
        let Some(io) = error.downcast_ref::<io::Error>() else {
            cause = error.source();
            continue;
        };
        match io.kind() {
            io::ErrorKind::ConnectionRefused => return Obstacle::Refused,
            // What is no TLS, or no certificate to trust, is invalid data; who hangs up within a handshake ends early.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => return Obstacle::Tls,
            io::ErrorKind::Other => {}
            kind => obstacle = Obstacle::System(kind),
        }
        // An error of this type that wraps another passes it over in `source`.
        cause = io.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    obstacle
}

fn header(response: &reqwest::Response, name: http::HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Reads bytes that may be compressed, whatever the headers said about it.
pub(super) fn unzipped(body: &Bytes) -> Box<dyn Read + Send + '_> {
    // Source: RFC 1952, section 2.3.1, the two bytes that begin a gzip member.
    if body.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(body.as_ref())) } else { Box::new(body.as_ref()) }
}

/// The head of an Arrow stream is far smaller than this.
const MOST_SCHEMA_BYTES: i32 = 1 << 20;

/// Opens an Arrow stream; `None` where the bytes are none.
pub(super) fn open_stream(bytes: &Bytes) -> Option<StreamReader<Box<dyn Read + Send + '_>>> {
    let mut stream = unzipped(bytes);
    let (mut head, mut length) = ([0; 4], [0; 4]);
    stream.read_exact(&mut head).ok()?;
    stream.read_exact(&mut length).ok()?;
    // A page of some server would else be taken for the length of a message, and as much memory be reserved.
    // Source: Apache Arrow, "Encapsulated message format"; before version 0.15 the length came first.
    let stated = i32::from_le_bytes(if head == [0xff; 4] { length } else { head });
    if !(0..=MOST_SCHEMA_BYTES).contains(&stated) {
        return None;
    }
    let whole: Box<dyn Read + Send + '_> = Box::new(Cursor::new(head).chain(Cursor::new(length)).chain(stream));
    StreamReader::try_new(whole, None).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn check(random: fn() -> u64, attempt: u32, expected: u64) {
        let surroundings = Surroundings { random, ..Surroundings::default() };
        let wire = Wire::new(surroundings, true).unwrap();
        assert_eq!(wire.wait(attempt), Duration::from_millis(expected), "attempt {attempt}");
    }

    #[test]
    fn waits_are_random_below_a_bound_that_doubles_up_to_a_limit() {
        for (attempt, bound) in [(1, 500), (2, 1_000), (3, 2_000), (6, 16_000), (7, 16_000), (u32::MAX, 16_000)] {
            check(|| u64::MAX, attempt, bound);
            check(|| 0, attempt, 0);
        }
    }

    /// Asks something of an address and says what became of it.
    async fn outcome(url: &str) -> String {
        let patience = Patience { attempts: 1, ..Patience::default() };
        let wire = Wire::new(Surroundings { patience, ..Surroundings::default() }, true).unwrap();
        let url = Url::parse(url).unwrap();
        let prepare = |_, _: Option<&Fault>| Ok(Request::new(http::Method::GET, url.clone()));
        match wire.send(Step::Login, Instant::now() + Duration::from_secs(60), prepare).await {
            Err(Fault::Broken { address, breakage, .. }) => format!("{address} {breakage:?}"),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_named_with_the_cause_and_without_path_or_query() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let babbling = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut greeting = [0; 4_096];
            assert!(stream.read(&mut greeting).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let found = outcome(&format!("https://127.0.0.1:{port}/path?token=secret")).await;
        assert_eq!(found, format!("127.0.0.1:{port} Unreachable(Tls)"));
        babbling.await.unwrap();

        let found = outcome(&format!("https://127.0.0.1:{port}/path?token=secret")).await;
        assert_eq!(found, format!("127.0.0.1:{port} Unreachable(Refused)"));

        // A label of more than 63 characters is no name, so that nobody is asked for it. Source: RFC 1035, 2.3.4.
        let host = format!("{}.example.com", "a".repeat(64));
        assert_eq!(outcome(&format!("http://{host}/path")).await, format!("{host}:80 Unreachable(NameNotFound)"));
    }
}
