//! Statements that write, against a server that plays the faults of the protocol.

use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::server::{Reply, Script, Server, done, refused, renewal, running, unavailable};
use super::super::{Connection, Login, Patience, Protocol};
use super::*;
use crate::private::Secret;

#[expect(dead_code, reason = "the tests from outside use the rest")]
#[path = "../../../../tests/it/support/snowflake.rs"]
mod server;

const INSERT: &str = "INSERT INTO log SELECT 1";

/// The way to a server.
fn settings(server: &Server) -> SnowflakeSettings {
    SnowflakeSettings {
        connection: Connection {
            account: "o-a".into(),
            host: server.address.ip().to_string(),
            port: server.address.port(),
            protocol: Protocol::Http,
            user: "U".into(),
            role: None,
            warehouse: None,
            database: None,
            schema: None,
            login: Login::Password(Secret::new("password-secret".into())),
            service_token_file: None,
        },
        table: "t".into(),
        where_clause: None,
        query_timeout: Duration::from_secs(20),
    }
}

/// A session with a server that follows a script.
fn session(server: &Server) -> Session {
    let patience = Patience {
        attempts: 3,
        read: Duration::from_millis(300),
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(4),
        ..Patience::default()
    };
    Session::new(&Arc::new(settings(server)), Surroundings { patience, ..Surroundings::default() }).unwrap()
}

/// Writes once and says what came of it, with the number of logins and of statements.
async fn outcome(script: Script) -> (String, usize, usize, Server) {
    let server = Server::start(|_| script).await;
    let mut session = session(&server);
    let said = match session.write(INSERT).await {
        Ok(rows) => format!("{rows} rows"),
        Err(Fault::InDoubt(fault)) => format!("in doubt: {}", word(&fault)),
        Err(fault) => format!("nothing: {}", word(&fault)),
    };
    session.close().await;
    let counted = |path| server.seen(path).len();
    (said, counted("/session/v1/login-request"), counted("/queries/v1/query-request"), server)
}

/// Names a fault in short.
fn word(fault: &Fault) -> String {
    match fault {
        Fault::Refused { code, .. } => code.clone(),
        Fault::Status(_, status) => status.to_string(),
        Fault::Broken { breakage, .. } => format!("{breakage:?}").split('(').next().unwrap_or_default().to_owned(),
        Fault::Unreadable(..) => "unreadable".into(),
        fault => format!("{fault:?}"),
    }
}

/// A script whose statement and questions for its result are answered so.
fn script(rows: impl IntoIterator<Item = Reply>, polls: impl IntoIterator<Item = Reply>) -> Script {
    Script { rows: rows.into_iter().collect(), polls: polls.into_iter().collect(), ..Script::default() }
}

/// The result of a statement that writes: the counts by the names of their columns, in JSON as Snowflake sends them.
fn changed(counts: &[(&str, u64)]) -> Reply {
    let rowtype: Vec<_> = counts.iter().map(|(name, _)| json!({ "name": name, "type": "fixed" })).collect();
    let row: Vec<_> = counts.iter().map(|(_, count)| count.to_string()).collect();
    done(&json!({ "total": 1, "returned": 1, "rowtype": rowtype, "rowset": [row], "queryResultFormat": "json" }))
}

fn inserted(rows: u64) -> Reply {
    changed(&[("number of rows inserted", rows)])
}

fn accepted() -> Reply {
    running("333334", "/queries/q/result")
}

async fn check(script: Script, expected: &str, logins: usize, statements: usize) -> Server {
    let (said, found_logins, found_statements, server) = outcome(script).await;
    assert_eq!((said.as_str(), found_logins, found_statements), (expected, logins, statements));
    server
}

#[tokio::test]
async fn a_statement_that_writes_says_how_many_rows_it_changed() {
    let one = |counts: &[(&str, u64)]| script([changed(counts)], []);
    check(one(&[("number of rows inserted", 3)]), "3 rows", 1, 1).await;
    check(one(&[("number of rows deleted", 2)]), "2 rows", 1, 1).await;
    // A row that matched several rows is among those updated.
    let updated = [("number of rows updated", 4), ("number of multi-joined rows updated", 1)];
    check(one(&updated), "4 rows", 1, 1).await;
    check(one(&[("number of rows inserted", 3), ("number of rows updated", 4)]), "7 rows", 1, 1).await;
    check(one(&[("number of rows inserted into LOG", 0)]), "0 rows", 1, 1).await;
    check(one(&[("status", 1)]), "in doubt: unreadable", 1, 1).await;

    let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![5])) as ArrayRef)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let rowset = STANDARD.encode(writer.into_inner().unwrap());
    let in_arrow = done(&json!({
        "total": 1, "rowtype": [{ "name": "number of rows inserted", "type": "fixed" }], "rowsetBase64": rowset,
        "queryResultFormat": "arrow",
    }));
    check(script([in_arrow], []), "5 rows", 1, 1).await;
}

#[tokio::test]
async fn what_snowflake_refuses_or_never_hears_has_written_nothing() {
    check(script([refused("002003", "No such table.")], []), "nothing: 002003", 1, 1).await;
    check(script([accepted()], [refused("100132", "Division by zero")]), "nothing: 100132", 1, 1).await;
    let no_login = || refused("390100", "Incorrect username or password was specified.");
    check(Script { logins: [no_login()].into(), ..Script::default() }, "nothing: 390100", 1, 0).await;
    check(script([Reply::Bytes(403, b"<html>".to_vec(), vec![])], []), "nothing: 403", 1, 1).await;

    // What is known of an earlier statement says nothing about one that never arrived.
    let mut shut = script([accepted()], [refused("390111", "Gone.")]);
    shut.logins = [server::login(), no_login(), no_login()].into();
    let server = Server::start(|_| shut).await;
    let mut session = session(&server);
    assert!(matches!(session.write(INSERT).await, Err(Fault::InDoubt(_))));
    assert_eq!(word(&session.write(INSERT).await.unwrap_err()), "390100");
    assert_eq!(server.statements().len(), 1);
}

#[tokio::test]
async fn a_session_lost_before_the_statement_began_lets_it_be_handed_in_again_once() {
    for code in ["390111", "390112", "390114", "390104"] {
        check(script([refused(code, "Lost."), inserted(1)], []), "1 rows", 2, 2).await;
        check(script([refused(code, "Lost."), refused(code, "Lost.")], []), &format!("nothing: {code}"), 2, 2).await;
    }
    let mut renewed = script([refused("390112", "Expired."), inserted(1)], []);
    renewed.renewals = [renewal()].into();
    let server = check(renewed, "1 rows", 1, 2).await;
    let sent = server.statements();
    assert_eq!(sent[0].query["requestId"], sent[1].query["requestId"]);
    assert_eq!(sent[1].query["retry"], "true");
    assert_eq!(sent[1].headers["authorization"], "Snowflake Token=\"renewed-secret\"");
}

#[tokio::test]
async fn a_session_lost_while_the_statement_runs_is_opened_again_and_the_statement_is_not() {
    let lost = script([accepted()], [refused("390111", "Gone."), inserted(2)]);
    let server = check(lost, "2 rows", 2, 1).await;
    assert_eq!(server.seen("/queries/q/result").len(), 2);

    let mut renewed = script([accepted()], [refused("390112", "Expired."), inserted(2)]);
    renewed.renewals = [renewal()].into();
    check(renewed, "2 rows", 1, 1).await;

    let twice = script([accepted()], [refused("390111", "Gone."), refused("390111", "Gone.")]);
    check(twice, "in doubt: 390111", 2, 1).await;
    let mut shut = script([accepted()], [refused("390111", "Gone.")]);
    shut.logins = [server::login(), refused("390100", "No.")].into();
    check(shut, "in doubt: 390100", 2, 1).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_else_told_as_in_doubt() {
    for lost in [Reply::Reset, Reply::Hang, unavailable()] {
        let server = check(script([lost.clone(), inserted(1)], []), "1 rows", 1, 2).await;
        let sent = server.statements();
        assert_eq!(sent[0].query["requestId"], sent[1].query["requestId"]);
        assert_eq!((sent[0].query.get("retry"), sent[1].query["retry"].as_str()), (None, "true"));

        let (said, _, statements, server) = outcome(script([lost.clone(), lost.clone(), lost.clone()], [])).await;
        assert!(said.starts_with("in doubt: "), "{said}");
        assert_eq!(statements, 3);
        let [abort] = server.seen("/queries/v1/abort-request").try_into().unwrap();
        assert_eq!(abort.body["requestId"], server.statements()[0].query["requestId"].as_str());

        // The first may have been carried out, and a new session does not know of it.
        check(script([lost, refused("390111", "Gone."), inserted(1)], []), "in doubt: 390111", 1, 2).await;
    }
    check(script([Reply::Json(200, json!({ "success": true, "data": 1 }))], []), "in doubt: unreadable", 1, 1).await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_and_in_doubt() {
    let server = Server::start(|_| script([accepted()], std::iter::repeat_n(accepted(), 10_000))).await;
    let mut settings = settings(&server);
    settings.query_timeout = Duration::from_millis(100);
    let mut session = Session::new(&Arc::new(settings), Surroundings::default()).unwrap();
    let fault = session.write(INSERT).await.unwrap_err();
    assert_eq!(fault, Fault::InDoubt(Box::new(Fault::Overdue(Duration::from_millis(100)))));
    assert_eq!(server.seen("/queries/v1/abort-request").len(), 1);
}
