//! Faults on request: how each is played.

use std::io::Write as _;
use std::time::Duration;

use axum::http::header::{CONTENT_ENCODING, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer;
use super::fault::Fault;
use super::quota::Reading;
use super::refusal::{Limit, Refusal};
use super::rules::Chosen;
use super::server::Shared;
use super::wire::{Break, Line};

/// A client that waits for longer than this for an answer waits for ever.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// How large the body of `huge` is, and that of `gzip-bomb` once it is unpacked.
const HUGE_BYTES: usize = 64 << 20;

/// What a proxy says when it cannot reach what is behind it.
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>";

/// Answers in the way that a rule wants; `outcome` is what became of the events, or their number if the rule does not
/// let them be judged.
pub(super) async fn answer(
    shared: &Shared,
    line: &Line,
    chosen: Chosen,
    outcome: Result<usize, Refusal>,
    dataset_id: &str,
) -> Response {
    shared.store.count_fault(&chosen.fault.kind());
    let usual = answer::to(shared, &outcome);
    let refuse = |refusal| match &outcome {
        Ok(_) => answer::to(shared, &Err(refusal)),
        // It was refused and counted before.
        Err(_) => answer::refuse(shared, &refusal),
    };
    match chosen.fault {
        // A bad event was refused when the events were judged.
        Fault::Refuse(_) => usual,
        Fault::Error(code, subcode) => refuse(Refusal::Asked { status: 400, code, subcode }),
        Fault::Status(429) => too_many_requests(),
        Fault::Status(status) => refuse(refusal_with(status)),
        Fault::Throttle(minutes) => {
            let mut response = refuse(Refusal::Throttled(Limit::AdAccount));
            Reading::full(minutes).write(dataset_id, response.headers_mut());
            response
        }
        Fault::Expired => refuse(Refusal::TokenExpired),
        Fault::Slow(time) => {
            tokio::time::sleep(time).await;
            usual
        }
        Fault::Hang => {
            tokio::time::sleep(FOR_EVER).await;
            broken(line, Break::Close, usual)
        }
        Fault::Lost => broken(line, Break::Close, usual),
        Fault::Half => broken(line, Break::Half, usual),
        Fault::ResetBeforeRead | Fault::ResetAfterRead => broken(line, Break::Reset, usual),
        Fault::Html(status) => answer::of(status_of(status), "text/html; charset=utf-8", PAGE),
        // Source of both: facebook_business for Python, `FacebookResponse.is_success`.
        Fault::ErrorIn200 => {
            let mut response = refuse(Refusal::Unavailable { status: 400 });
            *response.status_mut() = StatusCode::OK;
            response
        }
        Fault::TextIn200 => answer::of(StatusCode::OK, "text/plain", "Service Unavailable"),
        Fault::WrongCount(count) => match outcome {
            Ok(sent) => answer::success(shared, count.unwrap_or(sent.saturating_sub(1))),
            Err(_) => usual,
        },
        Fault::Redirect => {
            let elsewhere = (LOCATION, HeaderValue::from_static("/elsewhere"));
            with(elsewhere, answer::of(StatusCode::TEMPORARY_REDIRECT, "text/plain", ""))
        }
        Fault::GzipBomb => {
            let encoding = (CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            with(encoding, answer::of(StatusCode::OK, "application/json", bomb()))
        }
        Fault::Huge => answer::of(StatusCode::OK, "application/json", vec![b' '; HUGE_BYTES]),
    }
}

/// Lets the connection break at an answer.
fn broken(line: &Line, how: Break, response: Response) -> Response {
    line.break_at_answer(how);
    response
}

/// Gives an answer a header.
fn with((name, value): (HeaderName, HeaderValue), mut response: Response) -> Response {
    response.headers_mut().insert(name, value);
    response
}

/// The refusal that goes with a status.
fn refusal_with(status: u16) -> Refusal {
    match status {
        401 => Refusal::TokenUnknown,
        // Source: the edge's own table of errors; the status is assumed.
        403 => Refusal::Asked { status, code: 200, subcode: None },
        413 => Refusal::BodyUnreadable,
        500.. => Refusal::Unavailable { status },
        _ => Refusal::Asked { status, code: 1, subcode: None },
    }
}

/// What a proxy says to too many requests: nothing but how long to wait.
fn too_many_requests() -> Response {
    let wait = (RETRY_AFTER, HeaderValue::from_static("1"));
    with(wait, answer::of(StatusCode::TOO_MANY_REQUESTS, "text/plain", ""))
}

/// A status that was read as one.
fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}

/// A small body that becomes a large one.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = vec![b' '; HUGE_BYTES >> 10];
    let packed = (0..HUGE_BYTES / spaces.len()).try_for_each(|_| encoder.write_all(&spaces));
    packed.and_then(|()| encoder.finish()).unwrap_or_default()
}
