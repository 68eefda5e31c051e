//! What a person or a test asks of a running sandbox, on the port that it serves: counters, events, fault rules.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::answer;
use super::fault::FaultRule;
use super::form;
use super::server::Shared;

/// How often an event was accepted.
#[derive(Serialize)]
struct Times {
    times: u64,
}

/// Why nothing was changed.
#[derive(Serialize)]
struct Mistake {
    error: String,
}

/// The routes. Only this machine reaches them: the sandbox listens on loopback.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(show_stats))
        .route("/admin/stats", get(show_stats).delete(reset))
        .route("/admin/events", get(show_events))
        .route("/admin/faults", get(show_faults).post(add_faults).delete(clear_faults))
}

/// Answers with the counters.
async fn show_stats(State(shared): State<Arc<Shared>>) -> Response {
    show(&shared.store.stats())
}

/// Forgets every event and answers with the counters, all zero.
async fn reset(State(shared): State<Arc<Shared>>) -> Response {
    shared.store.reset();
    show(&shared.store.stats())
}

/// Answers how often an event was accepted, or which were accepted more than once.
async fn show_events(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let fields = form::read_urlencoded(query.unwrap_or_default().as_bytes());
    let value = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    match (value("dataset_id"), value("event_name"), value("event_id")) {
        (None, None, None) => show(&shared.store.repeated()),
        (Some(dataset_id), Some(name), Some(id)) => show(&Times { times: shared.store.times(dataset_id, name, id) }),
        _ => refuse("give dataset_id, event_name and event_id, or none of them".to_owned()),
    }
}

/// Answers with the fault rules in force.
async fn show_faults(State(shared): State<Arc<Shared>>) -> Response {
    show(&shared.rules.shown())
}

/// Adds the fault rules of the body, all or none: one a line, or with semicolons between them.
async fn add_faults(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let texts = body.split(['\n', ';']).map(str::trim).filter(|text| !text.is_empty());
    match texts.map(str::parse::<FaultRule>).collect::<Result<Vec<_>, _>>() {
        Ok(rules) => {
            shared.rules.add(rules);
            show(&shared.rules.shown())
        }
        Err(error) => refuse(error.to_string()),
    }
}

/// Removes every fault rule.
async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.rules.clear();
    show(&shared.rules.shown())
}

/// Answers with a value.
fn show(value: &impl Serialize) -> Response {
    answer::json(StatusCode::OK, answer::encode(value))
}

/// Answers that nothing was done.
fn refuse(error: String) -> Response {
    answer::json(StatusCode::BAD_REQUEST, answer::encode(&Mistake { error }))
}
