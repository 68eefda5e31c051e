//! Stands between the `snowflake-api` crate and the network, and mends what the crate lacks.
//!
//! The crate builds the requests of a session; here they get their real address, login and repetitions. The answer to
//! a statement is kept here, and the crate is told that there were no rows, so that no row passes through it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Extensions, Method};
use reqwest::{Request, Response, Url};
use reqwest_middleware::{Middleware, Next};
use tokio::time::Instant;

use super::answer::{self, Manifest, Meaning, open_envelope};
use super::fault::{Fault, Step};
use super::login;
use super::statement::Standing;
use super::tokens::Tokens;
use super::wire::Wire;
use super::{Connection, Protocol};

/// What the transport and the session that uses the crate leave for each other.
#[derive(Default)]
pub(super) struct Left {
    /// The result of the last statement.
    pub(super) manifest: Option<Manifest>,
    /// Why the last request failed.
    pub(super) fault: Option<Fault>,
    /// The role in effect, as Snowflake named it at login.
    pub(super) role: Option<String>,
    /// The path of a result that the session wants: the next statement of the crate stands for it and is not run.
    pub(super) wanted: Option<String>,
    /// The request id of the statement that was handed in and has not ended.
    pub(super) running: Option<String>,
    /// What is known of that statement, or of the one before.
    pub(super) standing: Standing,
    tokens: Option<Tokens>,
}

/// The middleware; its clones share what they leave.
#[derive(Clone)]
pub(super) struct Transport {
    connection: Arc<Connection>,
    query_timeout: Duration,
    wire: Wire,
    left: Arc<Mutex<Left>>,
}

impl Transport {
    pub(super) fn new(connection: Connection, query_timeout: Duration, wire: Wire) -> Self {
        Self { connection: Arc::new(connection), query_timeout, wire, left: Arc::default() }
    }

    /// Looks at what was left, without waiting while doing so.
    pub(super) fn left<T>(&self, look: impl FnOnce(&mut Left) -> T) -> T {
        look(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives the wire, for what does not pass through the crate.
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// How long a statement may run.
    pub(super) fn query_timeout(&self) -> Duration {
        self.query_timeout
    }

    /// Passes a request of the crate on and gives the body of the answer that the crate is to see.
    async fn pass(&self, mut request: Request) -> Result<String, Fault> {
        let step = step_of(request.url())?;
        let path = request.url().path().replace("//", "/");
        let query = request.url().query().map(str::to_owned);
        let mut url = self.url(&path)?;
        url.set_query(query.as_deref());
        *request.url_mut() = url;
        match step {
            Step::Login => self.login(request).await,
            Step::Statement => self.statement(request).await,
            Step::Renewal | Step::Close | Step::Poll | Step::Chunk | Step::Abort => {
                let text = self.ask(step, self.deadline(step), &request).await?;
                open_envelope(&text, step)?;
                Ok(text)
            }
        }
    }

    async fn login(&self, mut request: Request) -> Result<String, Fault> {
        let now = (self.wire.surroundings().now)();
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let body = login::body(body, &self.connection, self.query_timeout, now)?;
        login::name_session(request.url_mut(), &self.connection);
        request.headers_mut().remove(CONTENT_LENGTH);
        *request.body_mut() = Some(body.into());

        let (text, server_clock) = self.exchange(Step::Login, self.deadline(Step::Login), &request, 0).await?;
        match open_envelope(&text, Step::Login) {
            Ok(Meaning::Done(data)) => {
                let (tokens, role) = Tokens::of_login(data)?;
                self.left(|left| (left.role, left.tokens) = (role, Some(tokens)));
                Ok(answer::SESSION.to_owned())
            }
            Ok(Meaning::Running(_)) => Err(Fault::Unreadable(Step::Login, "it is said to be running".into())),
            Err(Fault::Refused { step, code, message, .. }) => {
                let clock_ahead = server_clock.map(|clock| now.signed_duration_since(clock).num_seconds());
                Err(Fault::Refused { step, code, message, clock_ahead })
            }
            Err(fault) => Err(fault),
        }
    }

    /// Asks something in the name of the session, and once more when Snowflake says that the session has expired and
    /// renews it.
    ///
    /// Source: Go driver, `restful.go`, `postRestfulQueryHelper`, which asks again with the same request id.
    pub(super) async fn ask(&self, step: Step, deadline: Instant, request: &Request) -> Result<String, Fault> {
        let (text, _) = self.exchange(step, deadline, request, 0).await?;
        match open_envelope(&text, step) {
            Err(fault) if fault.is_session_expired() => match self.renew().await {
                Ok(()) => Ok(self.exchange(step, deadline, request, 1).await?.0),
                Err(fault) => {
                    tracing::debug!(?fault, "the session could not be renewed");
                    Ok(text)
                }
            },
            _ => Ok(text),
        }
    }

    /// Gets a new session token for the master token.
    async fn renew(&self) -> Result<(), Fault> {
        let tokens = self.left(|left| left.tokens.clone());
        let lost = || Fault::Unreadable(Step::Renewal, "there is nothing to renew".into());
        let (authorization, body) = tokens.as_ref().and_then(Tokens::renewal).ok_or_else(lost)?;
        let mut url = self.url("/session/token-request")?;
        url.query_pairs_mut().append_pair("requestId", &self.uuid()).append_pair("request_guid", &self.uuid());
        let mut request = Request::new(Method::POST, url);
        *request.body_mut() = Some(body.into());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let (text, _) = self.exchange(Step::Renewal, self.deadline(Step::Renewal), &request, 0).await?;
        match open_envelope(&text, Step::Renewal)? {
            Meaning::Done(data) => {
                let renewed = tokens.ok_or_else(lost)?.renewed(data)?;
                self.left(|left| left.tokens = Some(renewed));
                Ok(())
            }
            Meaning::Running(_) => Err(Fault::Unreadable(Step::Renewal, "it is said to be running".into())),
        }
    }

    /// Sends a request, and again if need be, and gives the text of the answer with the server's clock.
    ///
    /// A request that was made before, so many times, is a repetition from the first.
    async fn exchange(
        &self,
        step: Step,
        deadline: Instant,
        request: &Request,
        made_before: u32,
    ) -> Result<(String, Option<DateTime<Utc>>), Fault> {
        let authorization = match step {
            Step::Login | Step::Renewal | Step::Chunk => None,
            Step::Statement | Step::Poll | Step::Abort | Step::Close => {
                self.left(|left| left.tokens.as_ref().and_then(Tokens::authorization))
            }
        };
        let answer = self.wire.send(step, deadline, |attempt, before| {
            let mut again =
                request.try_clone().ok_or_else(|| Fault::Unreadable(step, "the request has another shape".into()))?;
            if let (Step::Statement, Some(fault)) = (step, before) {
                self.note(fault);
            }
            if attempt + made_before > 0 {
                self.mark_repeated(step, again.url_mut(), attempt + made_before);
            }
            if let Some(authorization) = &authorization {
                again.headers_mut().insert(AUTHORIZATION, authorization.clone());
            }
            Ok(again)
        });
        // An answer that cannot be read says as little of a statement as one that did not come.
        let read = answer.await.and_then(|answer| Ok((answer::text_of(&answer.body, step)?, answer.date)));
        read.inspect_err(|fault| {
            if step == Step::Statement {
                self.note(fault);
            }
        })
    }

    /// Marks a request as a repetition, so that Snowflake does not run a statement twice.
    /// Source: SQL API, "Resubmitting a request to execute SQL statements"; drivers' `retry` and `request_guid`.
    fn mark_repeated(&self, step: Step, url: &mut Url, attempt: u32) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != "request_guid")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let mut pairs = url.query_pairs_mut();
        pairs.clear().extend_pairs(kept).append_pair("request_guid", &self.uuid());
        if step == Step::Statement {
            pairs.append_pair("retry", "true").append_pair("retryCount", &attempt.to_string());
        }
    }

    /// Until when a step may take.
    pub(super) fn deadline(&self, step: Step) -> Instant {
        let patience = &self.wire.surroundings().patience;
        Instant::now()
            + match step {
                Step::Statement | Step::Poll => self.query_timeout,
                Step::Login | Step::Renewal => patience.login,
                Step::Chunk => patience.answer,
                Step::Abort | Step::Close => patience.farewell,
            }
    }

    /// Gives the address of a path at the configured host; a path that leads to another host is refused.
    pub(super) fn url(&self, path: &str) -> Result<Url, Fault> {
        let Connection { host, port, protocol, .. } = &*self.connection;
        let scheme = match protocol {
            Protocol::Https => "https",
            Protocol::Http if self.connection.is_loopback() => "http",
            Protocol::Http => {
                return Err(Fault::unusable(
                    "`protocol` is http, which would send the login in the clear",
                    "leave it out",
                ));
            }
        };
        let base = Url::parse(&format!("{scheme}://{host}:{port}/"));
        let base = base.map_err(|_| {
            Fault::unusable("`host` is not the name of a host", "write it without https://, port and path")
        })?;
        let url = base.join(path).map_err(|_| Fault::Unreadable(Step::Poll, "a place that is no path".into()))?;
        if url.origin() == base.origin() {
            Ok(url)
        } else {
            Err(Fault::Unreadable(Step::Poll, "a place on another host".into()))
        }
    }

    /// Makes a random id.
    pub(super) fn uuid(&self) -> String {
        let random = self.wire.surroundings().random;
        uuid(random(), random())
    }
}

/// Formats random bits as a UUID of version 4.
fn uuid(high: u64, low: u64) -> String {
    let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let low = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    let text = format!("{high:016x}{low:016x}");
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    groups.into_iter().filter_map(|group| text.get(group)).collect::<Vec<_>>().join("-")
}

/// Tells what a request of the crate is for.
fn step_of(url: &Url) -> Result<Step, Fault> {
    match url.path().replace("//", "/").as_str() {
        "/session/v1/login-request" => Ok(Step::Login),
        "/session" => Ok(Step::Close),
        "/queries/v1/query-request" => Ok(Step::Statement),
        _ => Err(Fault::Unreadable(Step::Statement, "the crate asked for something unknown".into())),
    }
}

/// What the crate is told when the real reason is kept for the session.
#[derive(Debug, thiserror::Error)]
#[error("the reason is kept by the transport")]
struct Kept;

impl Middleware for Transport {
    // This is what the `async_trait` attribute on the trait makes of `async fn handle`.
    fn handle<'me, 'extensions, 'next, 'future>(
        &'me self,
        request: Request,
        _: &'extensions mut Extensions,
        _: Next<'next>,
    ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'future>>
    where
        'me: 'future,
        'extensions: 'future,
        'next: 'future,
        Self: 'future,
    {
        Box::pin(async move {
            match self.pass(request).await {
                Ok(body) => Ok(http::Response::new(body).into()),
                Err(fault) => {
                    self.left(|left| left.fault = Some(fault));
                    Err(reqwest_middleware::Error::middleware(Kept))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Secret;
    use crate::source::snowflake::{Login, Surroundings};

    fn check(host: &str, protocol: Protocol, path: &str, expected: Option<&str>) {
        let connection = Connection {
            account: "o-a".into(),
            host: host.into(),
            port: 8443,
            protocol,
            user: "U".into(),
            role: None,
            warehouse: None,
            database: None,
            schema: None,
            login: Login::Password(Secret::new("p".into())),
            service_token_file: None,
        };
        let wire = Wire::new(Surroundings::default(), false).unwrap();
        let transport = Transport::new(connection, Duration::from_secs(1), wire);
        let url = transport.url(path).ok();
        assert_eq!(url.as_ref().map(Url::as_str), expected, "{host} {path}");
    }

    #[test]
    fn a_request_goes_to_the_configured_host_and_in_the_clear_to_this_machine_only() {
        use Protocol::{Http, Https};
        check("o-a.example.com", Https, "/queries/1/result", Some("https://o-a.example.com:8443/queries/1/result"));
        check("o-a.example.com", Https, "//evil.example.com/x", None);
        check("o-a.example.com", Https, "https://evil.example.com/x", None);
        check("o-a.example.com", Https, "http://o-a.example.com:8443/x", None);
        check("o-a.example.com", Http, "/session", None);
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            check(host, Http, "/session", Some(format!("http://{host}:8443/session").as_str()));
        }
        check("localhost.example.com", Http, "/session", None);
    }

    #[test]
    fn random_bits_make_a_uuid_of_version_4() {
        for (high, low, expected) in [
            (0, 0, "00000000-0000-4000-8000-000000000000"),
            (u64::MAX, u64::MAX, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef, "01234567-89ab-4def-8123-456789abcdef"),
        ] {
            assert_eq!(uuid(high, low), expected);
        }
    }
}
