//! The Snowflake source against a server that plays every fault of the protocol.

mod login;
mod statement;
mod parts;
mod whole;

use std::net::SocketAddr;
use std::time::Duration;

use arrow_array::cast::AsArray;
use chrono::{DateTime, Utc};
use fbcapi::private::Secret;
use fbcapi::source::snowflake::{
    Connection, Login, Patience, Protocol, SnowflakeSettings, Surroundings, TokenKind, open,
};
use fbcapi::source::{ColumnRequest, Need, Reading, RowStream, Selection, SourceError, Trouble};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::snowflake::{
    Reply, Script, Seen, Server, arrow, arrow_of, columns, done, gzip, json_rows, login_with_role, part, part_address,
    refused, renewal, result, result_data, running, unavailable,
};

fn settings(server: &Server) -> SnowflakeSettings {
    SnowflakeSettings {
        connection: Connection {
            account: "my_org-acct.eu-central-1".into(),
            host: server.address.ip().to_string(),
            port: server.address.port(),
            protocol: Protocol::Http,
            user: "Fbcapi_Svc".into(),
            role: Some("\"Mixed Role\"".into()),
            warehouse: Some("wh".into()),
            database: Some("analytics".into()),
            schema: Some("marts".into()),
            login: Login::Password(Secret::new("password-secret".into())),
            service_token_file: None,
        },
        table: "facebook_events".into(),
        where_clause: None,
        query_timeout: Duration::from_secs(20),
    }
}

fn selection() -> Selection {
    let request = |name: &str, reading, need| ColumnRequest { name: name.into(), reading, need };
    let columns = vec![
        request("event_id", Reading::Text, Need::Required),
        request("occurred_at", Reading::Time, Need::Required),
        request("phone", Reading::Text, Need::IfPresent),
    ];
    Selection::new(columns, "event_id", "occurred_at", clock() - chrono::Duration::days(7))
}

fn clock() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_446_000, 0).expect("the time is in range")
}

/// A world in which nothing is waited for long.
fn surroundings() -> Surroundings {
    let patience = Patience {
        attempts: 3,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(4),
        ..Patience::default()
    };
    Surroundings { now: clock, patience, ..Surroundings::default() }
}

async fn open_with(settings: SnowflakeSettings) -> Result<RowStream, SourceError> {
    open(settings, selection(), surroundings()).await
}

/// Reads to the end and gives the ids in the order in which they came.
async fn read(stream: Result<RowStream, SourceError>) -> Result<Vec<String>, SourceError> {
    let mut stream = stream?;
    let mut ids = Ok(Vec::new());
    while let Some(batch) = stream.next().await {
        let so_far = ids.expect("an error is the last thing that comes");
        ids = batch.map(|batch| {
            let new = batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned);
            so_far.into_iter().chain(new).collect()
        });
    }
    ids
}

async fn rows_of(server: &Server) -> Result<Vec<String>, SourceError> {
    read(open_with(settings(server)).await).await
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|row| format!("evt_{row:04}")).collect()
}

/// Checks what is said about a fault, and that nothing is said that must not be.
#[track_caller]
fn check_error(server: &Server, found: Result<Vec<String>, SourceError>, trouble: Trouble, words: &str) {
    let error = found.expect_err("the run fails");
    let said = format!("{error} {}", error.remedy.clone().unwrap_or_default());
    assert_eq!(error.trouble, trouble, "{said}");
    assert!(said.contains(words), "{said}");
    // Host and port may be said, but nothing of a path or query.
    let path = format!("{}/", server.address);
    let query = format!("{}?", server.address);
    for kept in ["secret", "://", &path, &query, "/queries", "/session", "requestId", "HEADERKEY", "MASTERKEY"] {
        assert!(!said.contains(kept), "{kept} in: {said}");
    }
}

/// A script whose selection of rows is answered so.
fn rows(replies: impl IntoIterator<Item = Reply>) -> impl FnOnce(SocketAddr) -> Script {
    let rows = replies.into_iter().collect();
    move |_| Script { rows, ..Script::default() }
}
