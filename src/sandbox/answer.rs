//! Answers as the events edge gives them.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::refusal::Refusal;
use super::server::Shared;

/// The body of a success. Source: live calls to v26.0.
#[derive(Serialize)]
struct Success<'a> {
    events_received: usize,
    messages: [&'a str; 0],
    fbtrace_id: &'a str,
}

/// Answers what became of a request, and counts it if it was refused.
pub(super) fn to(shared: &Shared, outcome: &Result<usize, Refusal>) -> Response {
    match outcome {
        Ok(count) => success(shared, *count),
        Err(refusal) => {
            shared.store.count_refusal(refusal);
            refuse(shared, refusal)
        }
    }
}

/// Says that so many events were received.
pub(super) fn success(shared: &Shared, count: usize) -> Response {
    let trace = shared.trace();
    json(StatusCode::OK, encode(&Success { events_received: count, messages: [], fbtrace_id: &trace }))
}

/// Turns a refusal into an answer.
pub(super) fn refuse(shared: &Shared, refusal: &Refusal) -> Response {
    let body = refusal.body(shared.options.language, shared.options.blame, &shared.trace());
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, body)
}

/// Makes an answer of JSON.
pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response {
    of(status, "application/json", body)
}

/// Makes an answer of some media type.
pub(super) fn of(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Encodes one of this folder's structs.
pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers always become JSON")
}
