//! A server on this machine that speaks Snowflake's session protocol and plays the faults that a script names.
//!
//! The shapes are those of the official drivers' recorded answers.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Int8Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

/// One answer.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A JSON body with a status.
    Json(u16, Value),
    /// Bytes with a status and headers.
    Bytes(u16, Vec<u8>, Vec<(&'static str, String)>),
    /// No answer, for ever.
    Hang,
    /// The connection breaks.
    Reset,
}

/// Answers a request out of itself, or leaves it to the lists of a script.
pub(crate) type Live = Box<dyn FnMut(&Seen) -> Option<Reply> + Send>;

/// What the server answers. A list is used up in order; when it is empty, all is well.
#[derive(Default)]
pub(crate) struct Script {
    /// To whatever it knows an answer to, before the lists are looked at.
    pub(crate) live: Option<Live>,
    /// To logins.
    pub(crate) logins: VecDeque<Reply>,
    /// To requests for a new session token.
    pub(crate) renewals: VecDeque<Reply>,
    /// To the question who is logged in.
    pub(crate) sessions: VecDeque<Reply>,
    /// To the look at the columns.
    pub(crate) columns: VecDeque<Reply>,
    /// To the count of the rows of the window.
    pub(crate) counts: VecDeque<Reply>,
    /// To the selection of rows.
    pub(crate) rows: VecDeque<Reply>,
    /// To questions for the result of a long statement.
    pub(crate) polls: VecDeque<Reply>,
    /// To requests to end a statement.
    pub(crate) aborts: VecDeque<Reply>,
    /// To requests for the parts of the result, by number.
    pub(crate) parts: HashMap<usize, VecDeque<Reply>>,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Its path.
    pub(crate) path: String,
    /// Its query.
    pub(crate) query: HashMap<String, String>,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, where it is JSON.
    pub(crate) body: Value,
}

/// What is still to be answered, and what arrived.
type Shared = Arc<Mutex<(Script, Vec<Seen>)>>;

/// The server; it stops when dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server that follows a script; the script is made with the address, which parts stand at.
    pub(crate) async fn start(script: impl FnOnce(SocketAddr) -> Script) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new((script(address), Vec::new())));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    /// Gives the requests to a path so far.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let shared = self.shared.lock().unwrap();
        shared.1.iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }

    /// Gives the selections of rows so far.
    pub(crate) fn statements(&self) -> Vec<Seen> {
        let mut seen = self.seen("/queries/v1/query-request");
        seen.retain(|seen| !is_columns_query(seen) && !is_session_query(seen) && !is_count_query(seen));
        seen
    }
}

/// Whether a request is the look at the columns.
pub(crate) fn is_columns_query(seen: &Seen) -> bool {
    seen.body["sqlText"].as_str().is_some_and(|sql| sql.starts_with("SELECT * "))
}

fn is_session_query(seen: &Seen) -> bool {
    seen.body["sqlText"].as_str().is_some_and(|sql| sql.starts_with("SELECT CURRENT_USER()"))
}

fn is_count_query(seen: &Seen) -> bool {
    seen.body["sqlText"].as_str().is_some_and(|sql| sql.contains("COUNT(DISTINCT "))
}

async fn answer(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let query = url_pairs(uri.query().unwrap_or_default());
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let seen = Seen { path: uri.path().to_owned(), query, headers, body };
    let reply = {
        let (script, log) = &mut *shared.lock().unwrap();
        log.push(seen.clone());
        choose(script, &method, &seen)
    };
    match reply {
        Reply::Json(status, body) => response(status, body.to_string().into_bytes(), &[]),
        Reply::Bytes(status, body, headers) => response(status, body, &headers),
        Reply::Hang => std::future::pending().await,
        // The connection's task ends without an answer, and without a word on stderr.
        Reply::Reset => std::panic::resume_unwind(Box::new(())),
    }
}

fn choose(script: &mut Script, method: &Method, seen: &Seen) -> Reply {
    if let Some(reply) = script.live.as_mut().and_then(|live| live(seen)) {
        return reply;
    }
    match (method, seen.path.as_str()) {
        (&Method::POST, "/session/v1/login-request") => script.logins.pop_front().unwrap_or_else(login),
        (&Method::POST, "/session/token-request") => script.renewals.pop_front().unwrap_or(not_found()),
        (&Method::POST, "/session") => done(&Value::Null),
        (&Method::POST, "/queries/v1/abort-request") => script.aborts.pop_front().unwrap_or_else(|| done(&Value::Null)),
        (&Method::POST, "/queries/v1/query-request") if is_columns_query(seen) => script
            .columns
            .pop_front()
            .unwrap_or_else(|| columns(&[("EVENT_ID", "text"), ("OCCURRED_AT", "timestamp_tz")])),
        (&Method::POST, "/queries/v1/query-request") if is_session_query(seen) => {
            let now = chrono::Utc::now().timestamp_millis().to_string();
            let row = [Some("U"), Some("READER"), Some("WH"), Some(now.as_str())];
            script.sessions.pop_front().unwrap_or_else(|| texts(&row))
        }
        (&Method::POST, "/queries/v1/query-request") if is_count_query(seen) => {
            script.counts.pop_front().unwrap_or_else(|| texts(&["40", "40", "40", "40", "1795446000"].map(Some)))
        }
        (&Method::POST, "/queries/v1/query-request") => script.rows.pop_front().unwrap_or_else(|| result(0, 0..0, &[])),
        (&Method::GET, path) if path.starts_with("/queries/") => script.polls.pop_front().unwrap_or(not_found()),
        (&Method::GET, path) => {
            let number = path.strip_prefix("/parts/").and_then(|number| number.parse().ok());
            let replies = number.and_then(|number: usize| script.parts.get_mut(&number));
            replies.and_then(VecDeque::pop_front).unwrap_or(not_found())
        }
        _ => not_found(),
    }
}

fn not_found() -> Reply {
    Reply::Bytes(404, b"<html>no such page</html>".to_vec(), vec![])
}

fn response(status: u16, body: Vec<u8>, headers: &[(&'static str, String)]) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(body)).unwrap()
}

fn url_pairs(query: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}")).unwrap();
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// An answer that succeeded.
pub(crate) fn done(data: &Value) -> Reply {
    Reply::Json(200, json!({ "data": data, "code": null, "message": null, "success": true }))
}

/// A refusal as the drivers' recordings show it, without data.
pub(crate) fn refused(code: &str, message: &str) -> Reply {
    Reply::Json(200, json!({ "data": null, "code": code, "message": message, "success": false, "headers": null }))
}

/// A statement that is still running.
pub(crate) fn running(code: &str, path: &str) -> Reply {
    let data = json!({ "queryId": "q", "getResultUrl": path, "queryAbortsAfterSecs": 300, "progressDesc": null });
    Reply::Json(200, json!({ "data": data, "code": code, "message": "in progress", "success": true }))
}

/// A page of a load balancer.
pub(crate) fn unavailable() -> Reply {
    Reply::Bytes(503, b"<html>503 Service Unavailable</html>".to_vec(), vec![])
}

/// A login that succeeded, with a role.
pub(crate) fn login() -> Reply {
    login_with_role(&json!("READER"))
}

/// A new session token.
pub(crate) fn renewal() -> Reply {
    done(&json!({
        "sessionToken": "renewed-secret", "validityInSecondsST": 3600, "masterToken": "master-secret",
        "validityInSecondsMT": 14400, "sessionId": 1,
    }))
}

/// A login that succeeded, with the role as given.
pub(crate) fn login_with_role(role: &Value) -> Reply {
    done(&json!({
        "token": "session-secret", "masterToken": "master-secret", "validityInSeconds": 3600,
        "masterValidityInSeconds": 14400, "sessionId": 1, "serverVersion": "9.33.1",
        "sessionInfo": { "databaseName": null, "schemaName": null, "warehouseName": null, "roleName": role },
        "parameters": [{ "name": "TIMEZONE", "value": "UTC" }],
    }))
}

/// The head of a table.
pub(crate) fn columns(columns: &[(&str, &str)]) -> Reply {
    let rowtype: Vec<_> = columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    done(&json!({ "total": 0, "returned": 0, "rowtype": rowtype, "rowset": [], "queryResultFormat": "json" }))
}

/// A result of one row of texts, in JSON.
pub(crate) fn texts(row: &[Option<&str>]) -> Reply {
    let columns: Vec<Value> =
        (0..row.len()).map(|column| json!({ "name": format!("C{column}"), "type": "text" })).collect();
    done(&json!({ "total": 1, "returned": 1, "rowtype": columns, "rowset": [row], "queryResultFormat": "json" }))
}

/// A result: how many rows it says it has, those in the answer itself, and the other parts with their row counts.
pub(crate) fn result(total: usize, inline: Range<usize>, parts: &[(String, usize)]) -> Reply {
    done(&result_data(total, inline, parts))
}

/// The data of a result, to be changed.
pub(crate) fn result_data(total: usize, inline: Range<usize>, parts: &[(String, usize)]) -> Value {
    let inline = if inline.is_empty() { String::new() } else { STANDARD.encode(arrow(inline)) };
    let chunks: Vec<_> = parts.iter().map(|(url, rows)| json!({ "url": url, "rowCount": rows })).collect();
    let mut data = json!({
        "total": total, "returned": total, "rowtype": [], "rowsetBase64": inline, "queryResultFormat": "arrow",
    });
    if !chunks.is_empty() {
        data["chunks"] = chunks.into();
        data["qrmk"] = "MASTERKEY".into();
        data["chunkHeaders"] = json!({ "x-amz-server-side-encryption-customer-key": "HEADERKEY" });
    }
    data
}

/// Gives the address of a part, signed like those of cloud storage.
pub(crate) fn part_address(address: SocketAddr, number: usize) -> String {
    format!("http://{address}/parts/{number}?X-Amz-Signature=signature-secret")
}

/// A part with the given rows, compressed and said to be so.
pub(crate) fn part(rows: Range<usize>) -> Reply {
    Reply::Bytes(200, gzip(&arrow(rows)), vec![("content-encoding", "gzip".to_owned())])
}

/// The same rows in JSON, as a part holds them: without brackets around them.
pub(crate) fn json_rows(rows: Range<usize>) -> String {
    let row = |row: usize| json!([format!("evt_{row:04}"), format!("{}", 1_795_446_000_000_000 + row), "1", "0"]);
    rows.map(|number| row(number).to_string()).collect::<Vec<_>>().join(",\n")
}

/// Compresses bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Rows in two batches of an Arrow stream: id, time, number of copies, whether they differ.
pub(crate) fn arrow(rows: Range<usize>) -> Vec<u8> {
    let middle = rows.start + rows.len() / 2;
    arrow_of([rows.start..middle, middle..rows.end])
}

/// An Arrow stream of the given batches.
pub(crate) fn arrow_of(batches: impl IntoIterator<Item = Range<usize>>) -> Vec<u8> {
    let batches: Vec<_> = batches.into_iter().filter(|rows| !rows.is_empty()).map(batch).collect();
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn batch(rows: Range<usize>) -> RecordBatch {
    let ids: StringArray = rows.clone().map(|row| Some(format!("evt_{row:04}"))).collect();
    let times: Int64Array = rows.clone().map(|row| Some(1_795_446_000_000_000 + i64::try_from(row).unwrap())).collect();
    let copies: Int8Array = rows.clone().map(|_| Some(1)).collect();
    let differ: Int8Array = rows.map(|_| Some(0)).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("event_id", Arc::new(ids)),
        ("occurred_at", Arc::new(times)),
        ("_FBCAPI_COPIES", Arc::new(copies)),
        ("_FBCAPI_COPIES_DIFFER", Arc::new(differ)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}
