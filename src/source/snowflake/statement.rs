//! One statement from its handing in to its result, and what is known of it when something goes wrong on the way.

use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::Request;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Surroundings;
use super::answer::{self, Manifest, Meaning, open_envelope, read_manifest};
use super::fault::{Fault, Step};
use super::transport::Transport;

/// What is known of the statement that was last handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has changed nothing: it never arrived, or Snowflake refused it.
    #[default]
    WithoutEffect,
    /// It may have arrived, and nobody knows more.
    InDoubt,
    /// Snowflake runs it, and its result will stand at this path.
    Accepted(String),
    /// It has run to its end.
    Done,
}

/// Snowflake itself holds a question for a result until it is there or some time has passed, so the pause between two
/// questions only keeps a hasty server from being flooded.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Tells whoever watches that a query is waited for, until it is dropped.
struct Shown(watch::Sender<Option<Instant>>);

impl Shown {
    fn start(surroundings: &Surroundings) -> Self {
        surroundings.query_since.send_replace(Some(Instant::now()));
        Self(surroundings.query_since.clone())
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Transport {
    /// Runs the statement of a request of the crate and keeps its result; or, where the session wants the result of an
    /// earlier one, asks for that instead.
    pub(super) async fn statement(&self, request: Request) -> Result<String, Fault> {
        let deadline = self.deadline(Step::Statement);
        let _shown = Shown::start(self.wire().surroundings());
        let result = match self.left(|left| left.wanted.take()) {
            None => self.hand_in(request, deadline).await,
            Some(path) => self.fetch(&path, deadline).await,
        };
        let manifest = result.map_err(|fault| match fault {
            Fault::Broken { .. } | Fault::Status(..) if Instant::now() >= deadline => {
                Fault::Overdue(self.query_timeout())
            }
            fault => fault,
        })?;
        self.left(|left| left.manifest = Some(manifest));
        Ok(answer::NO_ROWS.to_owned())
    }

    async fn hand_in(&self, request: Request, deadline: Instant) -> Result<Manifest, Fault> {
        let request_id = request.url().query_pairs().find(|(key, _)| key == "requestId");
        let request_id = request_id.map(|(_, value)| value.into_owned()).unwrap_or_default();
        self.left(|left| {
            left.running = Some(request_id);
            left.standing = Standing::WithoutEffect;
        });
        let answer = self.ask(Step::Statement, deadline, &request).await?;
        self.wait_for_result(Step::Statement, answer, deadline).await
    }

    async fn fetch(&self, path: &str, deadline: Instant) -> Result<Manifest, Fault> {
        let answer = self.poll(path, deadline).await?;
        self.wait_for_result(Step::Poll, answer, deadline).await
    }

    /// Waits until a statement has ended.
    async fn wait_for_result(&self, mut step: Step, mut answer: String, deadline: Instant) -> Result<Manifest, Fault> {
        let mut polls = 0;
        loop {
            let place = match open_envelope(&answer, step) {
                Ok(Meaning::Running(place)) => place,
                Ok(Meaning::Done(data)) => {
                    self.stand(Standing::InDoubt);
                    let manifest = read_manifest(data)?;
                    self.stand(Standing::Done);
                    self.left(|left| left.running = None);
                    return Ok(manifest);
                }
                Err(fault) => {
                    self.note(&fault);
                    return Err(fault);
                }
            };
            self.stand(Standing::Accepted(place.clone()));
            (step, polls) = (Step::Poll, polls + 1);
            let wait = self.wire().wait(polls).min(LONGEST_PAUSE);
            if Instant::now() + wait >= deadline {
                return Err(Fault::Overdue(self.query_timeout()));
            }
            tokio::time::sleep(wait).await;
            answer = self.poll(&place, deadline).await?;
        }
    }

    async fn poll(&self, path: &str, deadline: Instant) -> Result<String, Fault> {
        let mut poll = Request::new(Method::GET, self.url(path)?);
        // Source: the drivers: this media type is the one that allows Arrow.
        poll.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/snowflake"));
        self.ask(Step::Poll, deadline, &poll).await
    }

    /// Notes what a fault says about the statement.
    pub(super) fn note(&self, fault: &Fault) {
        let is_accepted = self.left(|left| matches!(left.standing, Standing::Accepted(_)));
        if fault.is_session_lost() {
            // Snowflake says this before it runs a statement, and nothing by it about one that runs.
            if !is_accepted {
                self.left(|left| left.running = None);
            }
        } else if matches!(fault, Fault::Refused { .. }) {
            self.stand(Standing::WithoutEffect);
            self.left(|left| left.running = None);
        } else if fault.may_have_arrived() && !is_accepted {
            self.stand(Standing::InDoubt);
        }
    }

    fn stand(&self, standing: Standing) {
        self.left(|left| left.standing = standing);
    }

    /// Asks Snowflake to end the statement that is running, if one is.
    pub(super) async fn abort(&self) {
        let Some(request_id) = self.left(|left| left.running.take()) else { return };
        let ended = async {
            let mut url = self.url("/queries/v1/abort-request")?;
            url.query_pairs_mut().append_pair("requestId", &self.uuid());
            let mut request = Request::new(Method::POST, url);
            // Source: Go driver, `connection.go`, `cancelQuery`.
            *request.body_mut() = Some(json!({ "requestId": request_id }).to_string().into());
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let answer = self.ask(Step::Abort, self.deadline(Step::Abort), &request).await?;
            open_envelope(&answer, Step::Abort).map(drop)
        };
        // The statement has a timeout of its own: it ends even if this fails.
        if ended.await.is_err() {
            tracing::debug!("the running statement could not be ended");
        }
    }
}
