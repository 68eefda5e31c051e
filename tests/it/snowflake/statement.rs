//! Running the statements: long ones, repeated ones, refused ones, abandoned ones.

use super::*;

/// What requests were made in the name of.
fn tokens_of(seen: &[Seen]) -> Vec<&str> {
    seen.iter().filter_map(|seen| seen.headers["authorization"].to_str().ok()).collect()
}

#[tokio::test]
async fn fm_12_a_long_query_is_waited_for() {
    let server = Server::start(|_| Script {
        rows: [running("333334", "/queries/q/result")].into(),
        polls: [
            running("333333", "/queries/q/result"),
            unavailable(),
            running("333334", "/queries/q/result"),
            result(4, 0..4, &[]),
        ]
        .into(),
        ..Script::default()
    })
    .await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(4));
    let polls = server.seen("/queries/q/result");
    assert_eq!(polls.len(), 4);
    assert_eq!(polls[0].headers["authorization"], "Snowflake Token=\"session-secret\"");
}

#[tokio::test]
async fn fm_12_a_query_that_never_ends_is_aborted() {
    let polls = std::iter::repeat_n(running("333333", "/queries/q/result"), 10_000).collect();
    let server =
        Server::start(|_| Script { rows: [running("333334", "/queries/q/result")].into(), polls, ..Script::default() })
            .await;
    let mut settings = settings(&server);
    settings.query_timeout = Duration::from_millis(400);
    let found = read(open_with(settings).await).await;
    check_error(&server, found, Trouble::Temporary, "ran longer than");
    let [abort] = server.seen("/queries/v1/abort-request").try_into().unwrap();
    assert_eq!(abort.body["requestId"], server.statements()[0].query["requestId"].as_str());
}

#[tokio::test]
async fn the_token_is_never_sent_to_another_host() {
    let server = Server::start(rows([running("333334", "http://example.com/queries/q/result")])).await;
    check_error(&server, rows_of(&server).await, Trouble::Protocol, "a place on another host");
}

#[tokio::test]
async fn fm_13_a_lost_session_is_opened_again_once() {
    let server = Server::start(rows([refused("390112", "Your session has expired."), result(2, 0..2, &[])])).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
    assert_eq!(server.seen("/session/v1/login-request").len(), 2);

    let server = Server::start(rows([refused("390112", "Expired."), refused("390111", "Gone.")])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the session ended twice");
}

#[tokio::test]
async fn fm_13_an_expired_session_is_renewed_and_where_it_cannot_be_opened_again() {
    let expired = || refused("390112", "Your session has expired.");
    let (first, renewed) = ("Snowflake Token=\"session-secret\"", "Snowflake Token=\"renewed-secret\"");

    // When the statement is handed in.
    let server = Server::start(|_| Script {
        renewals: [renewal()].into(),
        rows: [expired(), result(2, 0..2, &[])].into(),
        ..Script::default()
    })
    .await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
    assert_eq!(server.seen("/session/v1/login-request").len(), 1);
    let [renewal_seen] = server.seen("/session/token-request").try_into().unwrap();
    assert_eq!(renewal_seen.body, json!({ "oldSessionToken": "session-secret", "requestType": "RENEW" }));
    assert_eq!(renewal_seen.headers["authorization"], "Snowflake Token=\"master-secret\"");
    let sent = server.statements();
    assert_eq!(sent[0].query["requestId"], sent[1].query["requestId"]);
    assert_ne!(sent[0].query["request_guid"], sent[1].query["request_guid"]);
    assert_eq!(tokens_of(&sent), [first, renewed]);

    // While it runs: it is not handed in again.
    let server = Server::start(|_| Script {
        renewals: [renewal()].into(),
        rows: [running("333334", "/queries/q/result")].into(),
        polls: [expired(), result(2, 0..2, &[])].into(),
        ..Script::default()
    })
    .await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
    assert_eq!(server.statements().len(), 1);
    assert_eq!(tokens_of(&server.seen("/queries/q/result")), [first, renewed]);

    // Without a way to renew it.
    for refusal in [refused("390114", "Authentication token has expired."), Reply::Bytes(404, vec![], vec![])] {
        let server = Server::start(|_| Script {
            renewals: [refusal].into(),
            rows: [expired(), result(2, 0..2, &[])].into(),
            ..Script::default()
        })
        .await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(2));
        assert_eq!(server.seen("/session/v1/login-request").len(), 2);
    }
}

#[tokio::test]
async fn fm_13_a_session_that_is_lost_while_the_query_runs_is_opened_again_and_the_query_run_again() {
    for code in ["390111", "390114", "390104"] {
        let server = Server::start(|_| Script {
            rows: [running("333334", "/queries/q/result"), result(2, 0..2, &[])].into(),
            polls: [refused(code, "Gone.")].into(),
            ..Script::default()
        })
        .await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(2));
        assert_eq!((server.seen("/session/v1/login-request").len(), server.statements().len()), (2, 2));
    }
}

#[tokio::test]
async fn a_query_that_snowflake_ended_is_not_ended_again() {
    let server = Server::start(|_| Script {
        rows: [running("333334", "/queries/q/result")].into(),
        polls: [refused("000604", "SQL execution canceled")].into(),
        ..Script::default()
    })
    .await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "SQL execution canceled (000604)");
    assert_eq!(server.seen("/queries/v1/abort-request").len(), 0);
}

#[tokio::test]
async fn an_expired_session_is_renewed_to_end_the_query_that_runs() {
    let polls = std::iter::repeat_n(running("333333", "/queries/q/result"), 10_000).collect();
    let server = Server::start(|_| Script {
        renewals: [renewal()].into(),
        rows: [running("333334", "/queries/q/result")].into(),
        polls,
        aborts: [refused("390112", "Your session has expired.")].into(),
        ..Script::default()
    })
    .await;
    let mut settings = settings(&server);
    settings.query_timeout = Duration::from_millis(100);
    let found = read(open_with(settings).await).await;
    check_error(&server, found, Trouble::Temporary, "ran longer than");
    assert_eq!(server.seen("/queries/v1/abort-request").len(), 2);
    let closed: Vec<_> = server.seen("/session").into_iter().filter(|seen| seen.path == "/session").collect();
    assert_eq!(tokens_of(&closed), ["Snowflake Token=\"renewed-secret\""]);
}

#[tokio::test]
async fn fm_14_a_missing_table_names_role_and_grants() {
    let message = "SQL compilation error:\nObject 'FACEBOOK_EVENTS' does not exist or not authorized.";
    let server = Server::start(|_| Script { columns: [refused("002003", message)].into(), ..Script::default() }).await;
    let words = "facebook_events does not exist or role READER may not read it: SQL compilation error: Object \
                 'FACEBOOK_EVENTS' does not exist or not authorized (002003) check the name; else GRANT USAGE ON \
                 DATABASE ANALYTICS TO ROLE READER; GRANT USAGE ON SCHEMA ANALYTICS.MARTS TO ROLE READER; GRANT SELECT \
                 ON TABLE ANALYTICS.MARTS.FACEBOOK_EVENTS TO ROLE READER;";
    check_error(&server, rows_of(&server).await, Trouble::Permission, words);
}

#[tokio::test]
async fn fm_14_missing_columns_are_named_before_the_rows_are_asked_for() {
    let server =
        Server::start(|_| Script { columns: [columns(&[("EVENTID", "text")])].into(), ..Script::default() }).await;
    let words = "facebook_events has no column `event_id` (there is `EVENTID`), `occurred_at` correct the names under [columns]; \
                 where it is silent they come from the preset; the table has: EVENTID";
    check_error(&server, rows_of(&server).await, Trouble::Configuration, words);
    assert!(server.statements().is_empty());
}

#[tokio::test]
async fn fm_16_no_rows_is_no_error_in_any_format() {
    for data in [
        json!({ "total": 0, "returned": 0, "rowset": [], "queryResultFormat": "json" }),
        json!({ "total": 0, "returned": 0, "rowsetBase64": "", "queryResultFormat": "arrow", "chunks": null }),
    ] {
        let server = Server::start(rows([done(&data)])).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(0));
    }
}

#[tokio::test]
async fn a_repeated_statement_is_marked_so_that_it_runs_once() {
    let server = Server::start(rows([unavailable(), Reply::Reset, result(2, 0..2, &[])])).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
    let sent = server.statements();
    assert_eq!(sent.len(), 3);
    for (again, first) in sent[1..].iter().zip(std::iter::repeat(&sent[0])) {
        assert_eq!(again.query["requestId"], first.query["requestId"]);
        assert_ne!(again.query["request_guid"], first.query["request_guid"]);
        assert_eq!(again.query["retry"], "true");
        assert_eq!(first.query.get("retry"), None);
    }
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let server = Server::start(rows([unavailable(), unavailable(), unavailable(), unavailable()])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the query failed with HTTP 503");
    assert_eq!(server.statements().len(), 3);

    let server = Server::start(rows([Reply::Reset, Reply::Reset, Reply::Reset])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the query failed: the connection to 127.0.0.1:");

    let server = Server::start(rows([Reply::Hang, Reply::Hang, Reply::Hang])).await;
    let mut impatient = surroundings();
    impatient.patience.read = Duration::from_millis(150);
    let found = read(open(settings(&server), selection(), impatient).await).await;
    check_error(&server, found, Trouble::Temporary, "gave no answer within 1 s");
    assert_eq!(server.seen("/queries/v1/abort-request").len(), 1, "the statement may still run");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let away = vec![("location", "http://example.com/".to_owned())];
    let server = Server::start(rows([Reply::Bytes(302, b"moved".to_vec(), away)])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the query failed with HTTP 302");
}

#[tokio::test]
async fn giving_up_while_the_query_runs_aborts_it_and_closes_the_session() {
    let server = Server::start(rows([Reply::Hang])).await;
    let (gone, mut closed) = mpsc::channel(1);
    let surroundings = Surroundings { farewell: Some(gone), ..surroundings() };
    let opening = tokio::spawn(open(settings(&server), selection(), surroundings));
    while server.statements().is_empty() {
        tokio::task::yield_now().await;
    }
    opening.abort();
    assert_eq!(closed.recv().await, None);
    let [abort] = server.seen("/queries/v1/abort-request").try_into().unwrap();
    assert_eq!(abort.body["requestId"], server.statements()[0].query["requestId"].as_str());
    assert_eq!(server.seen("/session").last().unwrap().path, "/session");
}
