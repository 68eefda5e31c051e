//! The Snowflake source against a server that plays every fault of the protocol.

use std::net::SocketAddr;
use std::time::Duration;

use arrow_array::cast::AsArray;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use fbcapi::private::Secret;
use fbcapi::source::snowflake::{
    Connection, Login, Patience, Protocol, SnowflakeSettings, Surroundings, TokenKind, open,
};
use fbcapi::source::{ColumnRequest, Need, Reading, RowStream, Selection, SourceError, Trouble};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::snowflake::{
    Reply, Script, Server, arrow, arrow_of, columns, done, gzip, login_with_role, part, part_address, refused, result,
    result_data, running, unavailable,
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
        },
        table: "facebook_events".into(),
        where_clause: None,
        query_timeout: Duration::from_secs(20),
    }
}

fn selection() -> Selection {
    let request = |name: &str, reading, need| ColumnRequest { name: name.into(), reading, need };
    Selection {
        columns: vec![
            request("event_id", Reading::Text, Need::Required),
            request("occurred_at", Reading::Time, Need::Required),
            request("phone", Reading::Text, Need::IfPresent),
        ],
        time_column: "occurred_at".into(),
        id_column: "event_id".into(),
        name_column: None,
        match_columns: Vec::new(),
        since: clock() - chrono::Duration::days(7),
        until: None,
        store: None,
        names: Vec::new(),
        limit: None,
        zone: chrono_tz::UTC,
    }
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
    for kept in ["secret", "http://", "127.0.0.1", &server.address.port().to_string(), "HEADERKEY", "MASTERKEY"] {
        assert!(!said.contains(kept), "{kept} in: {said}");
    }
}

/// A script whose selection of rows is answered so.
fn rows(replies: impl IntoIterator<Item = Reply>) -> impl FnOnce(SocketAddr) -> Script {
    let rows = replies.into_iter().collect();
    move |_| Script { rows, ..Script::default() }
}

/// A script with two rows in the answer and four in each of three parts, answered as given.
fn parts(replies: [Vec<Reply>; 3], change: impl FnOnce(&mut Value)) -> impl FnOnce(SocketAddr) -> Script {
    move |address| {
        let list: Vec<_> = (0..3).map(|number| (part_address(address, number), 4)).collect();
        let mut data = result_data(14, 0..2, &list);
        change(&mut data);
        let parts = replies.into_iter().enumerate().map(|(number, replies)| (number, replies.into())).collect();
        Script { rows: [done(&data)].into(), parts, ..Script::default() }
    }
}

#[tokio::test]
async fn rows_come_in_order_and_the_session_is_closed() {
    let server = Server::start(parts([vec![part(2..6)], vec![part(6..10)], vec![part(10..14)]], |_| ())).await;
    let stream = open_with(settings(&server)).await.unwrap();
    assert_eq!((stream.total, stream.absent.as_slice()), (Some(14), &["phone".to_owned()][..]));
    assert_eq!(read(Ok(stream)).await.unwrap(), ids(14));
    let [closed] = server
        .seen("/session")
        .into_iter()
        .filter(|seen| seen.path == "/session")
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(closed.query["delete"], "true");
    assert_eq!(closed.headers["authorization"], "Snowflake Token=\"session-secret\"");
    for part in server.seen("/parts/") {
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-key"], "HEADERKEY");
        assert!(part.headers.get("authorization").is_none());
    }
}

#[tokio::test]
async fn the_session_is_asked_for_what_the_run_needs() {
    let server = Server::start(rows([])).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(0));
    let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
    let data = &login.body["data"];
    assert_eq!(data["ACCOUNT_NAME"], "MY_ORG-ACCT");
    assert_eq!(data["LOGIN_NAME"], "Fbcapi_Svc");
    assert_eq!(data["PASSWORD"], "password-secret");
    assert_eq!(data["CLIENT_ENVIRONMENT"]["APPLICATION"], "fbcapi");
    let parameters = &data["SESSION_PARAMETERS"];
    for (name, expected) in [
        ("QUERY_TAG", json!("fbcapi")),
        ("TIMEZONE", json!("UTC")),
        ("GO_QUERY_RESULT_FORMAT", json!("ARROW")),
        ("STATEMENT_TIMEOUT_IN_SECONDS", json!(20)),
        ("CLIENT_RESULT_CHUNK_SIZE", json!(48)),
    ] {
        assert_eq!(parameters[name], expected, "{name}");
    }
    for (name, expected) in
        [("roleName", "\"Mixed Role\""), ("warehouse", "wh"), ("databaseName", "analytics"), ("schemaName", "marts")]
    {
        assert_eq!(login.query[name], expected, "{name}");
    }
    assert!(login.headers["user-agent"].to_str().unwrap().starts_with("fbcapi/"));
}

#[tokio::test]
async fn tokens_log_in_without_a_password() {
    for (kind, expected) in [(TokenKind::ProgrammaticAccess, "PROGRAMMATIC_ACCESS_TOKEN"), (TokenKind::OAuth, "OAUTH")]
    {
        let server = Server::start(rows([])).await;
        let mut settings = settings(&server);
        settings.connection.login = Login::Token { kind, token: Secret::new("token-secret".into()) };
        read(open_with(settings).await).await.unwrap();
        let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
        assert_eq!(login.body["data"]["AUTHENTICATOR"], expected);
        assert_eq!(login.body["data"]["TOKEN"], "token-secret");
        assert_eq!(login.body["data"].get("PASSWORD"), None);
    }
}

#[tokio::test]
async fn a_key_pair_logs_in_with_a_token_that_its_public_half_confirms() {
    let server = Server::start(rows([])).await;
    let mut settings = settings(&server);
    settings.connection.login = Login::KeyPair {
        key: Secret::new(include_str!("../data/snowflake/encrypted.p8").into()),
        passphrase: Some(Secret::new("correct-horse".into())),
    };
    read(open_with(settings).await).await.unwrap();
    let [login] = server.seen("/session/v1/login-request").try_into().unwrap();
    assert_eq!(login.body["data"]["AUTHENTICATOR"], "SNOWFLAKE_JWT");
    let token = login.body["data"]["TOKEN"].as_str().unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "MY_ORG-ACCT.FBCAPI_SVC");
    assert_eq!(claims["iat"], clock().timestamp());
    let pem = include_str!("../data/snowflake/public.pem");
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der[24..]);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[tokio::test]
async fn row_10_a_refused_login_gives_snowflakes_own_reason() {
    let server = Server::start(|_| Script {
        logins: [refused("390100", "Incorrect username or password was specified.")].into(),
        ..Script::default()
    })
    .await;
    let words = "Incorrect username or password was specified (390100)";
    check_error(&server, rows_of(&server).await, Trouble::Permission, words);
    assert_eq!(server.seen("/session/v1/login-request").len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn row_11_a_clock_that_is_off_is_named() {
    let refusal = json!({ "data": null, "code": "390144", "message": "JWT token is invalid.", "success": false });
    let date = ("date", "Mon, 23 Nov 2026 14:53:00 GMT".to_owned());
    let server = Server::start(|_| Script {
        logins: [Reply::Bytes(200, refusal.to_string().into_bytes(), vec![date])].into(),
        ..Script::default()
    })
    .await;
    let mut settings = settings(&server);
    let key = Secret::new(include_str!("../data/snowflake/plain.p8").into());
    settings.connection.login = Login::KeyPair { key, passphrase: None };
    let found = read(open_with(settings).await).await;
    check_error(&server, found, Trouble::Permission, "set this machine's clock: it is 420 seconds ahead");
}

#[tokio::test]
async fn a_login_without_role_is_fine() {
    let server = Server::start(|_| Script {
        logins: [login_with_role(&Value::Null)].into(),
        rows: [result(2, 0..2, &[])].into(),
        ..Script::default()
    })
    .await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
}

#[tokio::test]
async fn row_12_a_long_query_is_waited_for() {
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
async fn row_12_a_query_that_never_ends_is_aborted() {
    let polls = std::iter::repeat_n(running("333333", "/queries/q/result"), 10_000).collect();
    let server =
        Server::start(|_| Script { rows: [running("333334", "/queries/q/result")].into(), polls, ..Script::default() })
            .await;
    let mut settings = settings(&server);
    settings.query_timeout = Duration::from_millis(60);
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
async fn row_13_a_lost_session_is_opened_again_once() {
    let server = Server::start(rows([refused("390112", "Your session has expired."), result(2, 0..2, &[])])).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(2));
    assert_eq!(server.seen("/session/v1/login-request").len(), 2);

    let server = Server::start(rows([refused("390112", "Expired."), refused("390111", "Gone.")])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the session ended twice");
}

#[tokio::test]
async fn row_14_a_missing_table_names_role_and_grants() {
    let message = "SQL compilation error:\nObject 'FACEBOOK_EVENTS' does not exist or not authorized.";
    let server = Server::start(|_| Script { columns: [refused("002003", message)].into(), ..Script::default() }).await;
    let words = "facebook_events does not exist or role READER may not read it: SQL compilation error: Object \
                 'FACEBOOK_EVENTS' does not exist or not authorized (002003) check the name; else GRANT USAGE ON \
                 DATABASE ANALYTICS TO ROLE READER; GRANT USAGE ON SCHEMA ANALYTICS.MARTS TO ROLE READER; GRANT SELECT \
                 ON TABLE ANALYTICS.MARTS.FACEBOOK_EVENTS TO ROLE READER;";
    check_error(&server, rows_of(&server).await, Trouble::Permission, words);
}

#[tokio::test]
async fn row_14_missing_columns_are_named_before_the_rows_are_asked_for() {
    let server =
        Server::start(|_| Script { columns: [columns(&[("EVENTID", "text")])].into(), ..Script::default() }).await;
    let words = "has no column `event_id`, `occurred_at` for `event_id` did you mean `EVENTID`?";
    check_error(&server, rows_of(&server).await, Trouble::Configuration, words);
    assert!(server.statements().is_empty());
}

#[tokio::test]
async fn row_16_no_rows_is_no_error_in_any_format() {
    for data in [
        json!({ "total": 0, "returned": 0, "rowset": [], "queryResultFormat": "json" }),
        json!({ "total": 0, "returned": 0, "rowsetBase64": "", "queryResultFormat": "arrow", "chunks": null }),
    ] {
        let server = Server::start(rows([done(&data)])).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(0));
    }
}

#[tokio::test]
async fn rows_in_json_are_refused_rather_than_lost() {
    let data =
        json!({ "total": 1, "returned": 1, "rowset": [["evt_0000", "1", "1", "0"]], "queryResultFormat": "json" });
    let server = Server::start(rows([done(&data)])).await;
    check_error(&server, rows_of(&server).await, Trouble::Protocol, "in JSON although Arrow was asked for");
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
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the connection to Snowflake broke");

    let server = Server::start(rows([Reply::Hang, Reply::Hang, Reply::Hang])).await;
    let mut impatient = surroundings();
    impatient.patience.read = Duration::from_millis(30);
    let found = read(open(settings(&server), selection(), impatient).await).await;
    check_error(&server, found, Trouble::Temporary, "Snowflake did not answer in time");
    assert_eq!(server.seen("/queries/v1/abort-request").len(), 1, "the statement may still run");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let away = vec![("location", "http://example.com/".to_owned())];
    let server = Server::start(rows([Reply::Bytes(302, b"moved".to_vec(), away)])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "the query failed with HTTP 302");
}

#[tokio::test]
async fn row_17_a_part_that_fails_is_fetched_again() {
    let whole = gzip(&arrow(6..10));
    let cut_gzip = Reply::Bytes(200, whole[..whole.len() / 2].to_vec(), vec![]);
    let plain = arrow(6..10);
    // The cut falls between the two batches of the part, where an Arrow stream may just as well end.
    let one_batch = arrow_of(std::iter::once(6..8));
    let short = Reply::Bytes(200, one_batch, vec![]);
    for fault in [unavailable(), Reply::Reset, cut_gzip, short, Reply::Bytes(200, plain[..40].to_vec(), vec![])] {
        let replies = [vec![part(2..6)], vec![fault, part(6..10)], vec![part(10..14)]];
        let server = Server::start(parts(replies, |_| ())).await;
        assert_eq!(rows_of(&server).await.unwrap(), ids(14));
        assert_eq!(server.seen("/parts/1").len(), 2);
    }
}

#[tokio::test]
async fn row_17_an_expired_part_ends_the_run_and_not_in_silence() {
    let expired = Reply::Bytes(403, b"<Error><Code>AccessDenied</Code></Error>".to_vec(), vec![]);
    let server = Server::start(parts([vec![part(2..6)], vec![expired], vec![part(10..14)]], |_| ())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "no longer there to download");
    assert_eq!(server.seen("/session").iter().filter(|seen| seen.path == "/session").count(), 1);
}

#[tokio::test]
async fn row_17_too_few_or_too_many_rows_fail_the_run() {
    let server = Server::start(rows([result(3, 0..2, &[])])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "Snowflake announced 3 rows and gave 2");
    let server = Server::start(rows([result(1, 0..2, &[])])).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "Snowflake announced 1 rows and gave 2");
    let replies = [vec![part(2..6)], vec![part(6..9), part(6..9), part(6..9)], vec![part(10..14)]];
    let server = Server::start(parts(replies, |_| ())).await;
    check_error(&server, rows_of(&server).await, Trouble::Temporary, "announced 4 rows and gave 3");
}

#[tokio::test]
async fn parts_may_be_compressed_without_saying_so_or_not_at_all() {
    let replies = [
        vec![Reply::Bytes(200, gzip(&arrow(2..6)), vec![])],
        vec![Reply::Bytes(200, arrow(6..10), vec![])],
        vec![part(10..14)],
    ];
    let server = Server::start(parts(replies, |_| ())).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(14));
}

#[tokio::test]
async fn parts_without_headers_are_fetched_with_the_master_key() {
    let replies = [vec![part(2..6)], vec![part(6..10)], vec![part(10..14)]];
    let without = |data: &mut Value| drop(data.as_object_mut().unwrap().remove("chunkHeaders"));
    let server = Server::start(parts(replies, without)).await;
    assert_eq!(rows_of(&server).await.unwrap(), ids(14));
    for part in server.seen("/parts/") {
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-key"], "MASTERKEY");
        assert_eq!(part.headers["x-amz-server-side-encryption-customer-algorithm"], "AES256");
    }
}

#[tokio::test]
async fn row_19_few_parts_are_fetched_before_they_are_read() {
    let server = Server::start(|address| {
        let list: Vec<_> = (0..40).map(|number| (part_address(address, number), 1)).collect();
        let parts = (0..40).map(|number| (number, [part(number..number + 1)].into())).collect();
        Script { rows: [result(40, 0..0, &list)].into(), parts, ..Script::default() }
    })
    .await;
    let mut stream = open_with(settings(&server)).await.unwrap();
    for _ in 0..5 {
        stream.next().await.unwrap().unwrap();
    }
    // Five were read; two wait to be read, one to be handed on, and three are ahead.
    assert!(server.seen("/parts/").len() <= 11, "{}", server.seen("/parts/").len());
    assert_eq!(read(Ok(stream)).await.unwrap().len(), 35);
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

#[tokio::test]
async fn dropping_the_stream_closes_the_session() {
    let server = Server::start(parts([vec![part(2..6)], vec![Reply::Hang], vec![part(10..14)]], |_| ())).await;
    let (gone, mut closed) = mpsc::channel(1);
    let surroundings = Surroundings { farewell: Some(gone), ..surroundings() };
    let mut stream = open(settings(&server), selection(), surroundings).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(closed.recv().await, None);
    assert_eq!(server.seen("/session").last().unwrap().path, "/session");
}
