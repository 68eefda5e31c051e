//! The way of a request to the events edge, from the token to the answer.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::hmac;
use sha2::{Digest, Sha256};

use super::call::{Call, Purpose};
use super::check::{self, Moment};
use super::event_fault::EventFault;
use super::fault::{Fault, Taking};
use super::form::{self, Field};
use super::quota::{Gauge, Reading};
use super::refusal::Refusal;
use super::rules::{Chosen, Rules};
use super::store::{self, Batch, Store};
use super::target::{self, Target};
use super::wire::{Break, Line};
use super::{SandboxOptions, admin, answer, dataset, play};

/// The most bytes that a body may have; Meta documents no limit.
const MAX_BODY_BYTES: usize = 32 << 20;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: SandboxOptions,
    pub(crate) store: Store,
    pub(super) rules: Rules,
    gauge: Option<Gauge>,
    traces: AtomicU64,
}

/// What became of a request to the events edge.
struct Judged {
    /// How many events it brought, or why they were refused.
    outcome: Result<usize, Refusal>,
    /// What is to go wrong with the answer.
    chosen: Option<Chosen>,
    /// How much of the quota is used.
    usage: Option<Reading>,
}

impl Shared {
    /// Makes the state of a sandbox that has received nothing.
    pub(crate) fn new(options: SandboxOptions, store: Store) -> Self {
        let rules = Rules::new(&options.faults, options.seed);
        let gauge = options.quota.map(Gauge::new);
        Self { options, store, rules, gauge, traces: AtomicU64::new(0) }
    }

    /// Makes a trace id: an `A` and 22 characters of base64url. Source: live calls to v26.0.
    pub(super) fn trace(&self) -> String {
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

    /// Judges a call to the events edge and keeps its events, all or none, unless a fault rule is against it.
    fn receive(&self, dataset_id: &str, mut call: Call<'_>) -> Judged {
        let now = self.options.clock.now();
        let usage = self.gauge.as_ref().map(|gauge| gauge.count(now.timestamp()));
        let data = std::mem::take(&mut call.data);
        let admitted = self.admit(&call).and_then(|()| self.find(&Method::POST, dataset_id));
        let admitted = admitted.and_then(|()| match usage.and_then(|usage| usage.reached) {
            Some(limit) => Err(Refusal::Throttled(limit)),
            None => data.events(),
        });
        let sent = admitted.as_ref().map_or(0, Vec::len);
        let chosen = self.rules.choose(admitted.as_deref().unwrap_or_default());
        let outcome = match chosen {
            Some(Chosen { taking: Taking::NotTaken, .. }) => Ok(sent),
            Some(_) | None => admitted.and_then(|events| self.keep(dataset_id, call.purpose, now, events)),
        };
        Judged { outcome, chosen, usage }
    }

    /// Keeps events if every one of them is good.
    fn keep(
        &self,
        dataset_id: &str,
        purpose: Purpose,
        now: DateTime<Utc>,
        events: Vec<Cow<'_, str>>,
    ) -> Result<usize, Refusal> {
        let moment = Moment::new(now, self.options.future_tolerance);
        let mut keys = Vec::with_capacity(events.len());
        for (index, json) in events.iter().enumerate() {
            match check::read(json, moment, self.options.strictness) {
                Ok(event) => keys.push(store::key(dataset_id, &event)),
                Err(fault) => return Err(Refusal::Event { index, fault }),
            }
        }
        if let Some((index, subcode)) = self.rules.choose_bad_event(&events) {
            self.store.count_fault(&Fault::Refuse(subcode).kind());
            return Err(Refusal::Event { index, fault: EventFault::Asked(subcode) });
        }
        let count = events.len();
        let batch = Batch { dataset_id, purpose, received_at: moment.seconds(), events, keys };
        self.store.commit(&batch).map_err(|_| Refusal::NotRecorded)?;
        Ok(count)
    }
}

/// Makes the routes of the sandbox.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    admin::routes().fallback(answer_graph).with_state(shared)
}

/// Answers what the Graph API would answer.
async fn answer_graph(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let target = target::target(head.uri.path());
    let mut response = match target {
        Target::Events { id, .. } if head.method == Method::POST => {
            answer_events(&shared, &line, id, &head, body).await
        }
        Target::Dataset { id, .. } if head.method == Method::GET => answer_dataset(&shared, id, &head),
        Target::Events { id, .. } | Target::Dataset { id, .. } => answer::refuse(&shared, &unknown(&head.method, id)),
        Target::Unversioned => answer::refuse(&shared, &Refusal::VersionMissing),
        Target::Nowhere => answer::refuse(&shared, &Refusal::PathUnknown { path: head.uri.path().to_owned() }),
    };
    if let Target::Events { version, .. } | Target::Dataset { version, .. } = target
        && let Some(warning) = target::version_warning(version)
    {
        response.headers_mut().insert("x-ad-api-version-warning", warning);
    }
    response
}

/// Answers a POST to the events edge.
///
/// Nothing of a body that was cut off is kept. There is no await between the first look at the events and their
/// being kept, so a client that leaves cannot leave half a batch behind.
async fn answer_events(shared: &Shared, line: &Line, dataset_id: &str, head: &Parts, body: Body) -> Response {
    shared.store.count_request();
    if let Some(chosen) = shared.rules.choose_before_read() {
        shared.store.count_fault(&chosen.fault.kind());
        line.break_at_answer(Break::Reset);
        return Response::default();
    }
    let judged = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => read_call(shared, dataset_id, head, &body),
        Err(_) => Judged { outcome: Err(Refusal::BodyUnreadable), chosen: None, usage: None },
    };
    if let Some(latency) = shared.options.latency {
        tokio::time::sleep(latency).await;
    }
    let mut response = match judged.chosen {
        None => answer::to(shared, &judged.outcome),
        Some(chosen) => play::answer(shared, line, chosen, judged.outcome, dataset_id).await,
    };
    if let Some(usage) = judged.usage {
        usage.write(dataset_id, response.headers_mut());
    }
    response
}

/// Answers a GET of a dataset, which checks a token without sending anything.
fn answer_dataset(shared: &Shared, id: &str, head: &Parts) -> Response {
    let query = form::read_urlencoded(head.uri.query().unwrap_or_default().as_bytes());
    let call = bearer(&head.headers).or(Call::from_fields(&query));
    let fields = query.iter().filter(|field| field.name == "fields").flat_map(|field| field.value.split(','));
    let admitted = shared.admit(&call).and_then(|()| shared.find(&Method::GET, id));
    match admitted.and_then(|()| dataset::show(id, fields)) {
        Ok(dataset) => answer::json(StatusCode::OK, answer::encode(&dataset)),
        Err(refusal) => answer::refuse(shared, &refusal),
    }
}

/// Brings header, query and body together and judges them.
fn read_call(shared: &Shared, dataset_id: &str, head: &Parts, body: &Bytes) -> Judged {
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
            // Without a boundary there are no parts, and so no data.
            fields = form::boundary(content_type).map_or_else(Vec::new, |it| form::read_multipart(body, it));
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

/// The refusal of an object that is not there or cannot do this.
fn unknown(method: &Method, id: &str) -> Refusal {
    Refusal::ObjectUnknown { method: method.as_str().to_ascii_lowercase(), id: id.to_owned() }
}
