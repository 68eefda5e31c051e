//! Reads the table in Snowflake: one session, one look at the columns, one statement, one stream.
//!
//! A role with USAGE on the database and the schema and SELECT on the table is enough. Nothing is written, but for the
//! state, where that is kept in Snowflake (`desk`).

mod connections_file;
mod connection;
mod account;
mod identifier;
mod columns;
mod candidates;
mod codes;
mod query;
mod count;
mod hashing;
mod keys;
mod jwt;
mod login;
mod wire;
mod tokens;
mod transport;
mod statement;
mod session;
mod desk;
mod answer;
mod json_rows;
mod shapes;
mod decode;
mod rows;
mod probe;
mod fault;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub use self::account::{Connection, Login, Protocol, TokenKind};
pub use self::candidates::{candidates, grants_on};
pub use self::codes::{Explained, explained, known_codes};
pub use self::columns::Kind;
pub use self::connection::{Given, Layer, Mistake, canonical_key, settle};
pub use self::connections_file::{FileText, Named, World, named_connections, read_file};
pub(crate) use self::desk::{Desk, DeskError, Effect};
pub(crate) use self::identifier::{Identifier, dotted, literal, parse_path};
pub use self::probe::{Counted, Fed, Mapped, Probe, Told, probe};
pub use self::wire::Patience;

use self::answer::Manifest;
use self::columns::match_columns;
use self::decode::Decoder;
use self::fault::{Context, Statement};
use self::session::Session;
use super::{LeftOut, RowStream, Selection, SourceError, Trouble};

/// Batches that wait to be read; more would only cost memory.
const BATCHES_AHEAD: usize = 2;

/// A table in Snowflake and the way to it, every value checked.
#[derive(Debug, Clone)]
pub struct SnowflakeSettings {
    /// How to log in, and where.
    pub connection: Connection,
    /// The table or view, in one to three parts, as a person writes it.
    pub table: String,
    /// The owner's own condition on the rows, in SQL.
    pub where_clause: Option<String>,
    /// How long a statement may run.
    pub query_timeout: Duration,
}

impl SnowflakeSettings {
    /// Gives the parts of the table's name, completed from the connection.
    fn table_path(&self) -> Result<Vec<Identifier>, SourceError> {
        let configuration = |name: &str, value: &str, why: &str| SourceError {
            trouble: Trouble::Configuration,
            what: format!("{name} `{value}` {why}"),
            remedy: Some("write it as DATABASE.SCHEMA.TABLE, with double quotes around a name in mixed case".into()),
        };
        let mut path = parse_path(&self.table, 3).map_err(|why| configuration("table", &self.table, why))?;
        let Connection { database, schema, .. } = &self.connection;
        for (length, name, value) in [(1, "schema", schema), (2, "database", database)] {
            if let (Some(value), true) = (value, path.len() == length) {
                let part = parse_path(value, 1).map_err(|why| configuration(name, value, why))?;
                path.splice(0..0, part);
            }
        }
        Ok(path)
    }
}

/// Says what is wrong with the name of a table, for a message that begins with the name; needs no connection.
pub fn check_table(name: &str) -> Result<(), &'static str> {
    parse_path(name, 3).map(drop)
}

/// Gives the name of a table as SQL understands it, and its last part alone.
pub(crate) fn table_name(name: &str) -> Result<(String, String), &'static str> {
    let path = parse_path(name, 3)?;
    let last = path.last().map(|part| part.spelling().to_owned()).unwrap_or_default();
    Ok((dotted(&path), last))
}

/// What a run takes from the world around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub now: fn() -> DateTime<Utc>,
    /// Gives random bits.
    pub random: fn() -> u64,
    /// How long to wait for what.
    pub patience: Patience,
    /// Since when Snowflake has been running a query that is waited for, for whoever watches.
    pub query_since: watch::Sender<Option<Instant>>,
    /// Held until the session is closed; whoever holds the receiver can wait for that before the process ends.
    pub farewell: Option<mpsc::Sender<()>>,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            now: Utc::now,
            random: random_bits,
            patience: Patience::default(),
            query_since: watch::Sender::new(None),
            farewell: None,
        }
    }
}

/// Gives random bits of the operating system, which waits and request ids are made of.
fn random_bits() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness waits are merely the shortest and ids alike within one run of zero bits.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return u64::from(Utc::now().timestamp_subsec_nanos()) << 32;
    }
    u64::from_ne_bytes(bytes)
}

/// Logs in, finds the columns, runs the statement and gives its rows.
///
/// Dropping the future or the stream ends the statement and the session, in the background and within
/// [`Patience::farewell`]. The stream ends after the session was closed.
pub async fn open(
    settings: SnowflakeSettings,
    selection: Selection,
    surroundings: Surroundings,
) -> Result<RowStream, SourceError> {
    let (head, opened) = oneshot::channel();
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    tokio::spawn(read(Arc::new(settings), selection, surroundings, head, sender));
    let stopped =
        || SourceError { trouble: Trouble::Temporary, what: "reading from Snowflake was stopped".into(), remedy: None };
    let Head { total, absent, left_out } = opened.await.unwrap_or_else(|_| Err(stopped()))?;
    let mut stream = RowStream::new(Some(total), absent, batches);
    stream.left_out = left_out;
    Ok(stream)
}

/// What is known once the statement has run.
struct Head {
    total: u64,
    absent: Vec<String>,
    left_out: Vec<LeftOut>,
}

/// The life of one session, which goes on to its proper end even when nobody waits any more.
async fn read(
    settings: Arc<SnowflakeSettings>,
    selection: Selection,
    surroundings: Surroundings,
    mut head: oneshot::Sender<Result<Head, SourceError>>,
    sender: mpsc::Sender<Result<arrow_array::RecordBatch, SourceError>>,
) {
    let _until_closed = surroundings.farewell.clone();
    let mut session = match Session::new(&settings, surroundings) {
        Ok(session) => session,
        Err(fault) => {
            let context = Context { settings: &settings, role: None, statement: Statement::Columns };
            drop(head.send(Err(fault.explain(&context))));
            return;
        }
    };
    let found = tokio::select! {
        found = find_rows(&mut session, &settings, &selection) => found,
        () = head.closed() => {
            session.close().await;
            return;
        }
    };
    match found {
        Err(error) => {
            session.close().await;
            drop(head.send(Err(error)));
        }
        Ok(Found { manifest, absent, decoder, left_out }) => {
            if head.send(Ok(Head { total: manifest.total, absent, left_out })).is_ok() {
                let handed_on = rows::hand_on(manifest, decoder, &mut session, sender.clone()).await;
                if let Err(fault) = handed_on {
                    let role = session.role();
                    let context = Context { settings: &settings, role: role.as_deref(), statement: Statement::Rows };
                    drop(sender.send(Err(fault.explain(&context))).await);
                }
            }
            session.close().await;
        }
    }
}

/// A result whose rows have not been fetched yet.
struct Found {
    manifest: Manifest,
    absent: Vec<String>,
    decoder: Decoder,
    left_out: Vec<LeftOut>,
}

async fn find_rows(
    session: &mut Session,
    settings: &SnowflakeSettings,
    selection: &Selection,
) -> Result<Found, SourceError> {
    let table = settings.table_path()?;
    let head = session.run(&query::columns_query(&table)).await;
    let role = session.role();
    tracing::info!(role, "logged in to Snowflake");
    let context = |statement| Context { settings, role: role.as_deref(), statement };
    let columns = head.map_err(|fault| fault.explain(&context(Statement::Columns)))?.columns;
    let matched = match_columns(&selection.columns, &columns).map_err(|unsuited| unsuited.explain(settings))?;
    tracing::info!(
        table = settings.table,
        columns = matched.present.len(),
        "the columns are known; the statement is running"
    );
    let query = query::rows_query(&table, &columns, &matched.present, selection, settings.where_clause.as_deref());
    let manifest = session.run(&query.sql).await;
    let manifest = manifest.map_err(|fault| fault.explain(&context(Statement::Rows)))?;
    tracing::info!(rows = manifest.total, "the statement has run");
    let mut left_out = Vec::new();
    if let Some(sql) = &query.left_out {
        let counted = match session.run(sql).await {
            Ok(manifest) => desk::show_texts(manifest, session, |batch| add(&batch, &mut left_out)).await,
            Err(fault) => Err(fault),
        };
        counted.map_err(|fault| fault.explain(&context(Statement::Rows)))?;
    }
    Ok(Found { manifest, absent: matched.absent, decoder: Decoder::new(query.outputs), left_out })
}

/// Reads how many rows and events of each name were left out.
fn add(batch: &arrow_array::RecordBatch, left_out: &mut Vec<LeftOut>) {
    let columns: Vec<_> = batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()).collect();
    let [names, rows, events] = columns.as_slice() else { return };
    for ((name, rows), events) in names.iter().zip(rows.iter()).zip(events.iter()) {
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        left_out.push(LeftOut { name: name.map(str::to_owned), rows: number(rows), events: number(events) });
    }
}
