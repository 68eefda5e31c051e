//! The HTTP side: which path means what, and the way of a request to the events edge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::SandboxOptions;
use super::call::Call;
use super::check::{self, Moment};
use super::form::{self, Field};
use super::refusal::Refusal;
use super::store::{self, Batch, Store};

/// The most bytes that a body may have; Meta documents no limit.
const MAX_BODY_BYTES: usize = 32 << 20;

/// The newest version of the Graph API and the oldest that is still served. Source: Graph API changelog.
const VERSIONS: std::ops::RangeInclusive<u32> = 21..=26;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: SandboxOptions,
    pub(crate) store: Store,
    traces: AtomicU64,
}

/// The body of a success. Source: live calls to v26.0.
#[derive(Serialize)]
struct Success<'a> {
    events_received: usize,
    messages: [&'a str; 0],
    fbtrace_id: &'a str,
}

/// A dataset as the Graph API shows it. Source: Conversions API, offline events; `AdsPixel` of Meta's SDKs.
#[derive(Serialize)]
struct Dataset<'a> {
    id: &'a str,
    name: &'a str,
    is_consolidated_container: bool,
    is_unavailable: bool,
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    /// The events edge of a dataset.
    Events { version: &'a str, id: &'a str },
    /// A dataset.
    Dataset { version: &'a str, id: &'a str },
    /// Either of them, without version.
    Unversioned,
    /// Nothing.
    Nowhere,
}

impl Shared {
    /// Makes the state of a sandbox that has received nothing.
    pub(crate) fn new(options: SandboxOptions, store: Store) -> Self {
        Self { options, store, traces: AtomicU64::new(0) }
    }

    /// Makes a trace id: an `A` and 22 characters of base64url. Source: live calls to v26.0.
    fn trace(&self) -> String {
        let number = self.traces.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::new().chain_update(b"trace").chain_update(number.to_le_bytes()).finalize();
        let text = URL_SAFE_NO_PAD.encode(hash.first_chunk::<16>().expect("a SHA-256 digest has 32 bytes"));
        format!("A{text}")
    }

    /// Says whether a token and its proof are good.
    fn admit(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let Some(token) = call.token.as_deref().filter(|token| !token.is_empty()) else {
            return Err(Refusal::TokenMissing);
        };
        if self.options.token.as_ref().is_some_and(|expected| expected.expose() != token) {
            return Err(Refusal::TokenUnknown);
        }
        let Some(secret) = &self.options.app_secret else { return Ok(()) };
        let Some(proof) = call.proof.as_deref() else { return Err(Refusal::ProofMissing) };
        // Source: Graph API, securing requests: the hex of HMAC-SHA256 over the token with the app's secret.
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let proof = hex::decode(proof).unwrap_or_default();
        hmac::verify(&key, token.as_bytes(), &proof).map_err(|_| Refusal::ProofWrong)
    }

    /// Says whether a dataset is there.
    fn find(&self, method: &Method, id: &str) -> Result<(), Refusal> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::AliasUnknown { id: id.to_owned() });
        }
        match &self.options.dataset_id {
            Some(expected) if expected != id => Err(unknown(method, id)),
            Some(_) | None => Ok(()),
        }
    }

    /// Judges a call to the events edge and keeps its events, all or none.
    fn receive(&self, dataset_id: &str, call: Call<'_>) -> Result<usize, Refusal> {
        self.admit(&call)?;
        self.find(&Method::POST, dataset_id)?;
        let purpose = call.purpose;
        let events = call.data.events()?;
        let moment = Moment::new(self.options.clock.now(), self.options.future_tolerance);
        let mut keys = Vec::with_capacity(events.len());
        for (index, json) in events.iter().enumerate() {
            match check::read(json, moment) {
                Ok(event) => keys.push(store::key(dataset_id, &event)),
                Err(fault) => return Err(Refusal::Event { index, fault }),
            }
        }
        let count = events.len();
        let batch = Batch { dataset_id, purpose, received_at: moment.seconds(), events, keys };
        self.store.commit(&batch).map_err(|_| Refusal::NotRecorded)?;
        Ok(count)
    }

    /// Turns a refusal into an answer.
    fn refuse(&self, refusal: &Refusal) -> Response {
        let body = refusal.body(self.options.language, self.options.blame, &self.trace());
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
        json(status, body)
    }
}

/// Makes the routes of the sandbox.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(show_stats))
        .route("/sandbox/stats", get(show_stats))
        .route("/sandbox/reset", post(reset))
        .fallback(answer_graph)
        .with_state(shared)
}

/// Answers with the counters.
async fn show_stats(State(shared): State<Arc<Shared>>) -> Response {
    json(StatusCode::OK, encode(&shared.store.stats()))
}

/// Forgets everything and answers with the counters, all zero.
async fn reset(State(shared): State<Arc<Shared>>) -> Response {
    shared.store.reset();
    json(StatusCode::OK, encode(&shared.store.stats()))
}

/// Answers what the Graph API would answer.
async fn answer_graph(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = target(head.uri.path());
    let mut response = match target {
        Target::Events { id, .. } if head.method == Method::POST => answer_events(&shared, id, &head, body).await,
        Target::Dataset { id, .. } if head.method == Method::GET => answer_dataset(&shared, id, &head),
        Target::Events { id, .. } | Target::Dataset { id, .. } => shared.refuse(&unknown(&head.method, id)),
        Target::Unversioned => shared.refuse(&Refusal::VersionMissing),
        Target::Nowhere => shared.refuse(&Refusal::PathUnknown { path: head.uri.path().to_owned() }),
    };
    if let Target::Events { version, .. } | Target::Dataset { version, .. } = target
        && let Some(warning) = version_warning(version)
    {
        response.headers_mut().insert("x-ad-api-version-warning", warning);
    }
    response
}

/// Answers a POST to the events edge.
///
/// Nothing of a body that was cut off is kept. There is no await between the first look at the events and their
/// being kept, so a client that leaves cannot leave half a batch behind.
async fn answer_events(shared: &Shared, dataset_id: &str, head: &Parts, body: Body) -> Response {
    shared.store.count_request();
    let outcome = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => read_call(shared, dataset_id, head, &body),
        Err(_) => Err(Refusal::BodyUnreadable),
    };
    if let Err(refusal) = &outcome {
        shared.store.count_refusal(refusal);
    }
    if let Some(latency) = shared.options.latency {
        tokio::time::sleep(latency).await;
    }
    match outcome {
        Ok(count) => {
            let trace = shared.trace();
            json(StatusCode::OK, encode(&Success { events_received: count, messages: [], fbtrace_id: &trace }))
        }
        Err(refusal) => shared.refuse(&refusal),
    }
}

/// Answers a GET of a dataset, which checks a token without sending anything.
fn answer_dataset(shared: &Shared, id: &str, head: &Parts) -> Response {
    let query = form::read_urlencoded(head.uri.query().unwrap_or_default().as_bytes());
    let call = bearer(&head.headers).or(Call::from_fields(&query));
    match shared.admit(&call).and_then(|()| shared.find(&Method::GET, id)) {
        Ok(()) => {
            let dataset =
                Dataset { id, name: "Sandbox dataset", is_consolidated_container: true, is_unavailable: false };
            json(StatusCode::OK, encode(&dataset))
        }
        Err(refusal) => shared.refuse(&refusal),
    }
}

/// Brings header, query and body together and judges them.
fn read_call(shared: &Shared, dataset_id: &str, head: &Parts, body: &Bytes) -> Result<usize, Refusal> {
    let query = form::read_urlencoded(head.uri.query().unwrap_or_default().as_bytes());
    if query.iter().any(|field| field.name == "access_token") {
        shared.store.count_token_in_url();
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fields: Vec<Field>;
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let from_body = match media_type.as_str() {
        "application/json" => Call::from_json(body),
        "multipart/form-data" => {
            let boundary = form::boundary(content_type).ok_or(Refusal::DataMissing)?;
            fields = form::read_multipart(body, boundary);
            Call::from_fields(&fields)
        }
        _ => {
            fields = form::read_urlencoded(body);
            Call::from_fields(&fields)
        }
    };
    let call = bearer(&head.headers).or(Call::from_fields(&query)).or(from_body);
    shared.receive(dataset_id, call)
}

/// Takes the token out of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Call<'_> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().into());
    Call { token, ..Call::default() }
}

/// Says what a path means.
fn target(path: &str) -> Target<'_> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [version, id, "events"] if is_version(version) => Target::Events { version, id },
        [version, id] if is_version(version) => Target::Dataset { version, id },
        [id, "events"] | [id] if id.bytes().all(|byte| byte.is_ascii_digit()) => Target::Unversioned,
        _ => Target::Nowhere,
    }
}

/// Whether a part of a path is a version, as `v26.0`.
fn is_version(part: &str) -> bool {
    major(part).is_some()
}

/// The first number of a version.
fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.strip_prefix('v')?.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

/// What Meta says of a version that it serves no longer. Source: Marketing API, versioning.
fn version_warning(version: &str) -> Option<axum::http::HeaderValue> {
    let (oldest, newest) = (*VERSIONS.start(), *VERSIONS.end());
    let old = major(version).filter(|major| *major < oldest)?;
    let text = format!("The call has been auto-upgraded to v{newest}.0 as v{old}.0 has been deprecated");
    axum::http::HeaderValue::try_from(text).ok()
}

/// The refusal of an object that is not there or cannot do this.
fn unknown(method: &Method, id: &str) -> Refusal {
    Refusal::ObjectUnknown { method: method.as_str().to_ascii_lowercase(), id: id.to_owned() }
}

/// Makes an answer of JSON.
fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json"));
    response
}

/// Encodes one of this folder's structs.
fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers always become JSON")
}
