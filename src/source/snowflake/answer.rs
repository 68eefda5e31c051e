//! The answers of Snowflake's session protocol, read without surprise: every field may be missing.
//!
//! Source: the drivers' recorded answers (Go driver, `test_data/wiremock`), which these shapes follow.

use std::collections::HashMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::{Column, Kind};
use super::decode::first_count;
use super::fault::{Fault, Step, Words};
use super::identifier::Identifier;
use super::login::CHUNK_MEGABYTES;
use super::wire::{open_stream, unzipped};

/// An answer larger than this is refused: the inline part of a result is far smaller.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// Reads the body of an answer as text.
pub(super) fn text_of(body: &Bytes, step: Step) -> Result<String, Fault> {
    let mut text = String::new();
    match unzipped(body).take(MAX_ANSWER_BYTES).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Fault::Unreadable(step, "it is not UTF-8 text".into())),
    }
}

/// The frame of every answer.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(default)]
    success: bool,
    code: Option<Value>,
    message: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// What an answer means.
#[derive(Debug)]
pub(super) enum Meaning<'a> {
    /// It succeeded; the text of its data.
    Done(&'a str),
    /// The statement is still running, and its result will stand at this path.
    Running(String),
}

/// Codes that say that a statement still runs.
/// Source: Snowflake's drivers, "query in progress" and "query in progress, asynchronous".
const RUNNING: [&str; 2] = ["333333", "333334"];

/// Reads the frame, and takes a refusal for the error that it is, with its code and message whatever the data are.
pub(super) fn open_envelope(text: &str, step: Step) -> Result<Meaning<'_>, Fault> {
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|_| Fault::Unreadable(step, "it is not the JSON expected".into()))?;
    let code = match &envelope.code {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(code)) => code.to_string(),
        _ => String::new(),
    };
    let data = envelope.data.map_or("null", RawValue::get);
    if RUNNING.contains(&code.as_str()) {
        return match serde_json::from_str::<Progress>(data) {
            Ok(Progress { get_result_url: Some(path) }) => Ok(Meaning::Running(path)),
            _ => Err(Fault::Unreadable(step, "a running statement without a place for its result".into())),
        };
    }
    if envelope.success {
        return Ok(Meaning::Done(data));
    }
    let inner: ErrorData = serde_json::from_str(data).unwrap_or_default();
    let code = if code.is_empty() { inner.error_code.unwrap_or_default() } else { code };
    Err(Fault::Refused { step, code, message: Words(envelope.message.unwrap_or_default()), clock_ahead: None })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    get_result_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorData {
    error_code: Option<String>,
}

/// The head of a result and where its rows are.
pub(super) struct Manifest {
    /// The id of the query, under which Snowflake keeps the result for a day.
    /// Source: Snowflake, "Using persisted query results".
    pub(super) query_id: Option<String>,
    /// How many rows the result has.
    pub(super) total: u64,
    /// Its columns.
    pub(super) columns: Vec<Column>,
    /// In which form the rows are.
    pub(super) format: Format,
    /// The first rows.
    pub(super) inline: Option<Bytes>,
    /// Where the other rows are, in order.
    pub(super) chunks: Vec<Chunk>,
    /// Headers to fetch them with; they hold the key of the encryption at rest.
    pub(super) chunk_headers: HeaderMap,
}

/// In which form rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Arrow streams, as the session asks for.
    Arrow,
    /// Lists of texts, which Snowflake may choose all the same.
    Json,
}

/// A part of a result, kept in cloud storage.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    url: String,
    /// How many rows it holds.
    #[serde(default)]
    pub(super) row_count: u64,
    compressed_size: Option<u64>,
}

impl Chunk {
    /// Gives the address, which is signed and therefore as good as a password.
    pub(super) fn address(&self) -> &str {
        &self.url
    }

    /// Gives how many bytes it holds as it is fetched, or the most that was asked for.
    pub(super) fn bytes(&self) -> u64 {
        self.compressed_size.unwrap_or(u64::from(CHUNK_MEGABYTES) << 20)
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[part of {} rows]", self.row_count)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultData<'a> {
    query_id: Option<String>,
    #[serde(default)]
    total: Option<i64>,
    #[serde(default)]
    rowtype: Vec<RowType>,
    #[serde(borrow)]
    rowset: Option<&'a RawValue>,
    rowset_base64: Option<String>,
    query_result_format: Option<String>,
    #[serde(default)]
    chunks: Option<Vec<Chunk>>,
    #[serde(default)]
    chunk_headers: Option<HashMap<String, String>>,
    qrmk: Option<String>,
}

#[derive(Deserialize)]
struct RowType {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Reads the data of a finished statement.
pub(super) fn read_manifest(data: &str) -> Result<Manifest, Fault> {
    let unreadable = |why: &str| Fault::Unreadable(Step::Statement, why.into());
    let result: ResultData<'_> =
        serde_json::from_str(data).map_err(|_| unreadable("its fields are not as expected"))?;
    let total = result.total.and_then(|total| u64::try_from(total).ok());
    let total = total.ok_or_else(|| unreadable("it does not say how many rows there are"))?;
    let rowset = result.rowset.map(RawValue::get).filter(|rows| *rows != "null");
    let format = match result.query_result_format {
        Some(format) if format.eq_ignore_ascii_case("arrow") => Format::Arrow,
        Some(format) if format.eq_ignore_ascii_case("json") => Format::Json,
        Some(_) => return Err(unreadable("its rows are in a form that is neither Arrow nor JSON")),
        None if rowset.is_some() => Format::Json,
        None => Format::Arrow,
    };
    let inline = match format {
        Format::Arrow => result.rowset_base64.filter(|inline| !inline.is_empty()).map(|inline| {
            STANDARD.decode(inline).map(Bytes::from).map_err(|_| unreadable("its first rows are not base64"))
        }),
        // The brackets are taken off, so that these rows look like those of the other parts.
        Format::Json => rowset.map(|rows| {
            let bare = rows.trim().strip_prefix('[').and_then(|rows| rows.strip_suffix(']'));
            bare.map(|rows| Bytes::copy_from_slice(rows.as_bytes())).ok_or_else(|| unreadable("its rows are no list"))
        }),
    };
    let inline = inline.transpose()?.filter(|rows| !rows.trim_ascii().is_empty());
    let columns = result.rowtype.into_iter();
    let columns = columns.map(|row| Column { name: Identifier::exact(&row.name), kind: Kind::of(&row.kind) });
    let mut headers = result.chunk_headers.unwrap_or_default();
    if let (true, Some(key)) = (headers.is_empty(), result.qrmk) {
        // Source: Go driver, `chunk_downloader.go`: the two headers made of `qrmk` when `chunkHeaders` is missing.
        headers.insert("x-amz-server-side-encryption-customer-algorithm".into(), "AES256".into());
        headers.insert("x-amz-server-side-encryption-customer-key".into(), key);
    }
    let mut chunk_headers = HeaderMap::new();
    for (name, value) in headers {
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, mut value) = header.ok_or_else(|| unreadable("a header for its parts is malformed"))?;
        value.set_sensitive(true);
        chunk_headers.insert(name, value);
    }
    Ok(Manifest {
        query_id: result.query_id.filter(|id| is_query_id(id)),
        total,
        columns: columns.collect(),
        format,
        inline,
        chunks: result.chunks.unwrap_or_default(),
        chunk_headers,
    })
}

/// Whether a text can stand in a path as a query's id: it is a UUID.
fn is_query_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Reads how many rows a statement inserted, updated and deleted, which its result says in one row.
///
/// Rows that matched several rows of the source are among those updated and not counted twice.
/// Source: Snowflake SQL reference, "INSERT", "UPDATE", "DELETE", "MERGE"; Python connector, `cursor.py`,
/// `_init_result_and_meta`, for the names of the columns.
pub(super) fn affected_rows(manifest: &Manifest) -> Result<u64, Fault> {
    let unreadable = || Fault::Unreadable(Step::Statement, "it does not say how many rows were changed".into());
    let counts: Vec<Option<u64>> = match (manifest.format, &manifest.inline) {
        (Format::Json, Some(inline)) => {
            let row: Vec<Value> = serde_json::from_slice(inline).map_err(|_| unreadable())?;
            row.iter().map(|cell| cell.as_str().and_then(|text| text.parse().ok()).or_else(|| cell.as_u64())).collect()
        }
        (Format::Arrow, Some(inline)) => {
            let mut reader = open_stream(inline).ok_or_else(unreadable)?;
            let batch = reader.next().and_then(Result::ok).filter(|batch| batch.num_rows() == 1);
            let batch = batch.ok_or_else(unreadable)?;
            batch.columns().iter().map(first_count).collect()
        }
        (_, None) => return Err(unreadable()),
    };
    let mut sum: Option<u64> = None;
    for (column, count) in manifest.columns.iter().zip(counts) {
        let name = column.name.spelling().to_ascii_lowercase();
        if ["number of rows inserted", "number of rows updated", "number of rows deleted"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            sum = Some(sum.unwrap_or(0).saturating_add(count.ok_or_else(unreadable)?));
        }
    }
    sum.ok_or_else(unreadable)
}

/// The answer that the crate is given in place of a session: one that never expires, since the transport keeps the
/// session's tokens and renews them itself.
pub(super) const SESSION: &str = r#"{"success":true,"code":null,"message":null,"data":{"sessionId":0,"token":"kept","masterToken":"kept","serverVersion":"","parameters":[],"sessionInfo":{"databaseName":null,"schemaName":null,"warehouseName":null,"roleName":""},"masterValidityInSeconds":-1,"validityInSeconds":-1}}"#;

/// The answer that the crate is given in place of a result: a statement that brought no rows.
pub(super) const NO_ROWS: &str = r#"{"success":true,"code":null,"message":null,"data":{"parameters":[],"rowtype":[],"total":0,"returned":0,"queryId":"","finalRoleName":"","statementTypeId":0,"version":1}}"#;

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an answer to a statement and says in one line what it means.
    fn meaning(text: &str) -> String {
        match open_envelope(text, Step::Statement) {
            Ok(Meaning::Done(data)) => format!("done {data}"),
            Ok(Meaning::Running(path)) => format!("running {path}"),
            Err(Fault::Refused { code, message, .. }) => format!("refused {code} {}", message.0),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn refusals_keep_their_code_and_message() {
        for (text, expected) in [
            (r#"{"data":null,"code":"390100","message":"Incorrect.","success":false}"#, "refused 390100 Incorrect."),
            (
                r#"{"data":{"errorCode":"002003","x":1},"code":null,"message":"No","success":false}"#,
                "refused 002003 No",
            ),
            (r#"{"code":390144,"success":false}"#, "refused 390144 "),
            (r#"{"success":true,"data":{"total":1}}"#, r#"done {"total":1}"#),
            (r#"{"success":true,"data":null,"code":null}"#, "done null"),
            (
                r#"{"success":true,"code":"333334","data":{"getResultUrl":"/queries/1/result"}}"#,
                "running /queries/1/result",
            ),
            (
                r#"{"success":false,"code":"333333","data":{"getResultUrl":"/queries/1/result"}}"#,
                "running /queries/1/result",
            ),
        ] {
            assert_eq!(meaning(text), expected, "{text}");
        }
        assert!(meaning("<html>").starts_with("Unreadable"));
        assert!(meaning(r#"{"code":"333334","data":{}}"#).starts_with("Unreadable"));
    }

    fn manifest(data: &str) -> Result<Manifest, Fault> {
        read_manifest(data)
    }

    #[test]
    fn a_result_says_where_its_rows_are() {
        let found = manifest(
            r#"{"total":3,"rowtype":[{"name":"ID","type":"text"}],"rowsetBase64":"AAAA","queryResultFormat":"arrow",
            "chunks":[{"url":"http://x/1","rowCount":2}],"qrmk":"KEY"}"#,
        )
        .unwrap();
        assert_eq!((found.total, found.inline.as_deref(), found.chunks.len()), (3, Some(&[0, 0, 0][..]), 1));
        assert_eq!(found.columns, [Column { name: Identifier::exact("ID"), kind: Kind::Text }]);
        assert_eq!(found.chunk_headers["x-amz-server-side-encryption-customer-key"], "KEY");
        assert_eq!(found.chunk_headers["x-amz-server-side-encryption-customer-algorithm"], "AES256");
        assert!(found.chunk_headers.values().all(HeaderValue::is_sensitive));
        assert_eq!(format!("{:?}", found.chunks), "[[part of 2 rows]]");
    }

    #[test]
    fn given_headers_count_more_than_the_key() {
        let found = manifest(r#"{"total":0,"chunkHeaders":{"x-a":"b"},"qrmk":"KEY"}"#).unwrap();
        assert_eq!(found.chunk_headers.len(), 1);
    }

    #[test]
    fn a_query_id_is_one_that_can_stand_in_a_path() {
        for (id, expected) in [
            ("\"01bc-af\"", Some("01bc-af")),
            ("\"../session\"", None),
            ("\"a?b\"", None),
            ("\"\"", None),
            ("null", None),
        ] {
            let found = manifest(&format!(r#"{{"total":0,"queryId":{id}}}"#)).unwrap();
            assert_eq!(found.query_id.as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn an_empty_result_may_be_in_any_format() {
        for data in [
            r#"{"total":0,"rowset":[],"queryResultFormat":"json"}"#,
            r#"{"total":0,"rowsetBase64":"","queryResultFormat":"arrow","chunks":null,"chunkHeaders":null}"#,
            r#"{"total":0}"#,
        ] {
            let found = manifest(data).unwrap();
            assert!(found.total == 0 && found.inline.is_none() && found.chunks.is_empty(), "{data}");
        }
    }

    #[test]
    fn the_form_of_the_rows_is_the_one_that_is_named_or_the_one_there_is() {
        for (data, expected) in [
            (r#"{"total":1,"rowset":[["a"]],"queryResultFormat":"json"}"#, Ok((Format::Json, &br#"["a"]"#[..]))),
            (r#"{"total":1,"rowset":[["a"]]}"#, Ok((Format::Json, br#"["a"]"#))),
            (r#"{"total":9,"rowset":[],"queryResultFormat":"JSON"}"#, Ok((Format::Json, b""))),
            (r#"{"total":1,"rowsetBase64":"AAAA","rowset":null}"#, Ok((Format::Arrow, b"\0\0\0"))),
            (r#"{"total":1,"rowsetBase64":"AAAA","queryResultFormat":"arrow"}"#, Ok((Format::Arrow, b"\0\0\0"))),
            (r#"{"total":1,"rowsetBase64":"???"}"#, Err("its first rows are not base64")),
            (r#"{"total":1,"rowset":{},"queryResultFormat":"json"}"#, Err("its rows are no list")),
            (r#"{"total":1,"queryResultFormat":"xml"}"#, Err("its rows are in a form that is neither Arrow nor JSON")),
            (r#"{"rowset":[]}"#, Err("it does not say how many rows there are")),
        ] {
            let found = manifest(data).map(|found| (found.format, found.inline.unwrap_or_default()));
            let expected = expected.map(|(format, rows)| (format, Bytes::from_static(rows)));
            assert_eq!(found, expected.map_err(|why| Fault::Unreadable(Step::Statement, why.into())), "{data}");
        }
    }
}
