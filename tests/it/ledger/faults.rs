//! What goes wrong between a ledger and Snowflake: a server in between loses, refuses or breaks off what it passes on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use fbcapi::ledger::snowflake::{Setting, Terms, Warehouse};
use fbcapi::ledger::{
    Answer, BatchId, Entry, EventKey, EventLabel, Fate, Fingerprint, Ledger, LedgerError, Outcome, Record, RunId,
    SnowflakeLedger,
};
use fbcapi::source::snowflake::{Patience, Surroundings};
use http::{HeaderMap, Method, Uri};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::stage::{SCHEMA, warehouse_at};
use crate::support::fakesnow::Database;
use crate::support::run::runtime;

/// What becomes of a statement on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It arrives, and so does its answer.
    Through,
    /// It does not arrive, and the connection breaks.
    Lost,
    /// It takes effect, and the connection breaks.
    AnswerLost,
    /// It is refused, because the session has expired.
    Expired,
    /// It does not arrive, and nothing is ever answered.
    Silent,
}

/// Decides about each statement, given its text and how often one like it was seen: requests of one id count as many.
pub(super) type Decide = fn(&str, usize) -> Passage;

/// A server between a ledger and fakesnow.
pub(super) struct Between {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Shared {
    port: u16,
    client: reqwest::Client,
    decide: Decide,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Between {
    pub(super) fn start(port: u16, decide: Decide) -> Self {
        let runtime = runtime();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let shared = Shared { port, client, decide, seen: Arc::clone(&seen) };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(shared);
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen, _runtime: runtime }
    }

    /// How many requests had such a statement.
    pub(super) fn seen(&self, words: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|sql| sql.contains(words)).count()
    }
}

async fn pass(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let sql = json["sqlText"].as_str().unwrap_or_default().to_owned();
    let passage = if sql.is_empty() {
        Passage::Through
    } else {
        let mut seen = shared.seen.lock().unwrap();
        seen.push(sql.clone());
        let word: String = sql.chars().take(40).collect();
        let times = seen.iter().filter(|other| other.starts_with(&word)).count();
        (shared.decide)(&sql, times)
    };
    match passage {
        // The connection's task ends without an answer, and without a word on stderr.
        Passage::Lost => std::panic::resume_unwind(Box::new(())),
        Passage::Expired => {
            let refusal = r#"{"data":null,"code":"390112","message":"Your session has expired.","success":false}"#;
            return Response::new(Body::from(refusal));
        }
        Passage::Silent => std::future::pending().await,
        Passage::Through | Passage::AnswerLost => {}
    }
    let url = format!("http://127.0.0.1:{}{}", shared.port, uri.path_and_query().unwrap());
    let mut request = shared.client.request(method, url).body(body);
    for (name, value) in &headers {
        if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let bytes = answer.bytes().await.unwrap();
    if passage == Passage::AnswerLost {
        std::panic::resume_unwind(Box::new(()));
    }
    Response::builder().status(status).body(Body::from(bytes)).unwrap()
}

/// A world in which nothing is waited for long.
fn setting() -> Setting {
    let patience = Patience {
        attempts: 2,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(4),
        ..Patience::default()
    };
    Setting::new("12", None, Surroundings { patience, ..Surroundings::default() })
}

/// A database with tables, and the way to it through a server in between.
fn stage(decide: Decide) -> Option<(Database, Between, Warehouse)> {
    let database = Database::new()?;
    SnowflakeLedger::make(&warehouse_at("127.0.0.1", database.port, &database.name), &setting()).unwrap();
    let between = Between::start(database.port, decide);
    let mut warehouse = warehouse_at("127.0.0.1", between.address.port(), &database.name);
    warehouse.terms = Terms::of(Duration::from_secs(300));
    Some((database, between, warehouse))
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_446_541 + second, 0).unwrap()
}

fn key(number: u32) -> EventKey {
    EventKey::new("12", "Lead", &number.to_string())
}

/// An intent of three events.
fn intent(number: u32) -> Record {
    let entry = |n: u32| Entry { key: key(10 * number + n), fingerprint: Fingerprint(n), event_time: 100 };
    let label = |n: u32| EventLabel { name: "Lead".into(), id: (10 * number + n).to_string() };
    Record::Intent {
        batch: BatchId { run: RunId("r".into()), number },
        at: at(1),
        entries: (0..3).map(entry).collect(),
        labels: (0..3).map(label).collect(),
    }
}

fn accepted(number: u32) -> Record {
    Record::Outcome {
        batch: BatchId { run: RunId("r".into()), number },
        at: at(2),
        outcome: Outcome::Accepted,
        requests: 1,
        answer: Answer { status: Some(200), ..Answer::default() },
    }
}

/// Counts rows of the log.
fn count(database: &Database, condition: &str) -> String {
    database.cell(&format!("SELECT COUNT(*) FROM {SCHEMA}.FBCAPI_SEND_LOG WHERE {condition}")).unwrap()
}

/// Writes an intent and its outcome on a way that is as it is, and finds each row once in the log.
#[track_caller]
fn check_written(decide: Decide, least_attempts: usize) {
    let Some((database, between, warehouse)) = stage(decide) else { return };
    let mut ledger = SnowflakeLedger::open(&warehouse, &setting()).unwrap();
    ledger.append(&[intent(1)]).unwrap();
    ledger.append(&[accepted(1), intent(2)]).unwrap();
    assert!(between.seen("INSERT INTO") > least_attempts, "{} requests", between.seen("INSERT INTO"));
    assert_eq!(count(&database, "STATUS = 'sending'"), "6");
    assert_eq!(count(&database, "STATUS = 'sent'"), "1");
    let known = ledger.load(i64::MIN).unwrap();
    assert!(matches!(known.fate(&key(11)), Some(Fate::Sent(_))));
    assert!(matches!(known.fate(&key(21)), Some(Fate::Unknown { .. })));
    ledger.close();
}

fn is_log_write(sql: &str) -> bool {
    sql.starts_with("INSERT INTO") && sql.contains("VALUES")
}

#[test]
fn fm_55_a_write_whose_answer_is_lost_is_found_in_the_log_and_not_written_twice() {
    // Each write takes effect twice over and is never answered.
    check_written(|sql, _| if is_log_write(sql) { Passage::AnswerLost } else { Passage::Through }, 4);
    // The answer to the first request of each write is lost.
    check_written(
        |sql, times| if is_log_write(sql) && times % 2 == 1 { Passage::AnswerLost } else { Passage::Through },
        3,
    );
}

#[test]
fn fm_55_a_write_that_never_arrived_is_written_again() {
    // Neither request of the first attempts arrives.
    check_written(|sql, times| if is_log_write(sql) && times <= 3 { Passage::Lost } else { Passage::Through }, 5);
}

#[test]
fn fm_55_a_write_that_cannot_arrive_is_told_and_nothing_of_it_is_stored() {
    let decide: Decide = |sql, _| if is_log_write(sql) { Passage::Lost } else { Passage::Through };
    let Some((database, _between, warehouse)) = stage(decide) else { return };
    let mut ledger = SnowflakeLedger::open(&warehouse, &setting()).unwrap();
    let failed = ledger.append(&[intent(1)]);
    assert!(matches!(failed, Err(LedgerError::Remote { verb: "written", .. })), "{failed:?}");
    assert_eq!(count(&database, "TRUE"), "0");
    ledger.close();
}

#[test]
fn a_session_that_expires_in_the_middle_is_opened_anew_and_nothing_is_written_twice() {
    check_written(|sql, times| if is_log_write(sql) && times == 1 { Passage::Expired } else { Passage::Through }, 2);
}

#[test]
fn fm_54_without_the_lease_no_intent_is_written_and_an_outcome_is_kept_and_marked() {
    let Some((database, _between, warehouse)) = stage(|_, _| Passage::Through) else { return };
    let mut ledger = SnowflakeLedger::open(&warehouse, &setting()).unwrap();
    ledger.append(&[intent(1)]).unwrap();
    database
        .sql(&format!("UPDATE {SCHEMA}.FBCAPI_LEASE SET EXPIRES_AT = DATEADD(HOUR, -1, SYSDATE()) WHERE NAME = '12'"));
    let mut other = SnowflakeLedger::open(&warehouse, &setting()).unwrap();
    // What the first has posted is in doubt for the second.
    assert!(matches!(other.load(i64::MIN).unwrap().fate(&key(11)), Some(Fate::Unknown { .. })));
    let lost = ledger.append(&[intent(2), accepted(1)]);
    assert!(matches!(lost, Err(LedgerError::LeaseLost { .. })), "{lost:?}");
    let waited = runtime().block_on(ledger.permit().unwrap().wait());
    assert!(matches!(waited.as_ref().map_err(|error| &**error), Err(LedgerError::LeaseLost { .. })), "{waited:?}");
    assert_eq!(count(&database, "STATUS = 'sending' AND BATCH_NO = 2"), "0");
    assert_eq!(count(&database, "STATUS = 'sent' AND BATCH_NO = 1 AND LATE"), "1");
    assert!(matches!(other.load(i64::MIN).unwrap().fate(&key(11)), Some(Fate::Sent(_))));
    ledger.close();
    // Who has lost the lease does not give it back for another.
    other.append(&[intent(3)]).unwrap();
    other.close();
}

#[test]
fn of_two_who_take_a_lease_at_once_no_more_than_one_has_it() {
    const TAKERS: usize = 6;
    let Some((database, _between, warehouse)) = stage(|_, _| Passage::Through) else { return };
    // Two rows for one lease are what a race of their makers could leave.
    database.sql(&format!("INSERT INTO {SCHEMA}.FBCAPI_LEASE (NAME, EPOCH) VALUES ('12', 0), ('12', 0)"));
    let takers: Vec<_> = (0..TAKERS)
        .map(|_| {
            let warehouse = warehouse.clone();
            std::thread::spawn(move || SnowflakeLedger::open(&warehouse, &setting()))
        })
        .collect();
    let taken: Vec<_> = takers.into_iter().map(|taker| taker.join().unwrap()).collect();
    let holders = taken.into_iter().filter_map(|taken| match taken {
        Ok(ledger) => Some(ledger),
        Err(LedgerError::Locked { .. } | LedgerError::Remote { .. }) => None,
        Err(error) => panic!("{error:?}"),
    });
    let holders: Vec<_> = holders.collect();
    assert!(holders.len() <= 1, "{} hold the lease", holders.len());
    holders.into_iter().for_each(SnowflakeLedger::close);
    SnowflakeLedger::open(&warehouse, &setting()).unwrap().close();
}

/// What the lease leaves: it is held only while it is renewed.
#[test]
fn a_lease_is_renewed_for_as_long_as_its_holder_lives() {
    let Some((_database, between, mut warehouse)) = stage(|_, _| Passage::Through) else { return };
    warehouse.terms = Terms::of(Duration::from_secs(4));
    let mut ledger = SnowflakeLedger::open(&warehouse, &setting()).unwrap();
    crate::support::run::wait_until("some renewals", || between.seen("SET EXPIRES_AT") >= 5);
    runtime().block_on(ledger.permit().unwrap().wait()).unwrap();
    assert!(matches!(SnowflakeLedger::open(&warehouse, &setting()), Err(LedgerError::Locked { .. })));
    ledger.append(&[intent(1)]).unwrap();
    ledger.close();
    SnowflakeLedger::open(&warehouse, &setting()).unwrap().close();
}
