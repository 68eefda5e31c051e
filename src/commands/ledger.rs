//! What the commands over the ledger share: opening it, and telling what came of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::exit::Exit;
use crate::config::{LedgerConfig, StatePlace};
use crate::event::Reason;
use crate::ledger::snowflake::{Setting, SnowflakeLedger};
use crate::ledger::{Answer, BatchId, Ledger as _, LedgerError, Record, SqliteLedger};
use crate::report::{console, human, printable};
use crate::source::snowflake::Surroundings;
use crate::sync::Failure;

/// Version of the shape of the commands' JSON; it rises when a key changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What a command over the ledger leaves.
pub(super) struct Told {
    /// For people.
    pub(super) text: String,
    /// For programs: an object.
    pub(super) json: Value,
    /// How it ended.
    pub(super) exit: Exit,
}

/// For whom a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// People.
    Person,
    /// Programs: one JSON object.
    Program,
}

impl Reader {
    /// Who asked for it.
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Program } else { Self::Person }
    }
}

/// Why a command over the ledger ended early.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The ledger cannot be used, or something else ended it as it would end a run.
    Failure(Failure),
    /// What was asked for cannot be done: what it is, and what to do.
    Request(String, &'static str),
    /// Its streams fail.
    Other(anyhow::Error),
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Self {
        Self::Failure(Failure::Ledger(Arc::new(error)))
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// Tells what a command found or did, or why it did not.
pub(super) fn tell(told: Result<Told, Trouble>, config: &LedgerConfig, reader: Reader) -> anyhow::Result<Exit> {
    let (mut json, exit, text) = match told {
        Ok(Told { text, json, exit }) => (json, exit, Some(text)),
        Err(Trouble::Failure(failure)) => {
            console::say(&human::failure_lines(&failure));
            (json!({ "error": failure.to_string() }), Exit::of_failure(&failure), None)
        }
        Err(Trouble::Request(what, remedy)) => {
            console::say(&format!("✗ {what}\n  → {remedy}\n"));
            (json!({ "error": what }), Exit::Configuration, None)
        }
        Err(Trouble::Other(error)) => return Err(error),
    };
    if reader == Reader::Program {
        if let Some(object) = json.as_object_mut() {
            object.insert("schema_version".into(), SCHEMA_VERSION.into());
            object.insert("dataset_id".into(), config.dataset_id.clone().into());
            object.insert("state".into(), config.state.to_string().into());
            object.insert("exit_code".into(), exit.code().into());
            object.entry("error").or_insert(Value::Null);
        }
        let line = format!("{json}\n");
        console::print(line.as_bytes()).context("cannot write to standard output")?;
    } else if let Some(text) = text {
        console::show(&text).context("cannot write to standard output")?;
    }
    Ok(exit)
}

/// A state that was opened by a command.
///
/// Of a state in Snowflake a copy answers every question; what is written goes to both.
pub(super) struct Book {
    /// What answers questions.
    pub(super) history: SqliteLedger,
    /// The state itself, where it is not that.
    pub(super) remote: Option<SnowflakeLedger>,
    /// Outcomes that were written after their run had lost its lease.
    pub(super) late: u64,
}

impl Book {
    /// Writes records.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        if let Some(remote) = &mut self.remote {
            remote.append(records)?;
        }
        self.history.append(records)
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        // The lease is given back before the program ends.
        if let Some(remote) = self.remote.take() {
            remote.close();
        }
    }
}

/// What a ledger in Snowflake needs for a command.
pub(super) fn setting(config: &LedgerConfig) -> Setting {
    Setting::new(&config.dataset_id, None, Surroundings::default())
}

/// Opens a state that must be there, to change it.
pub(super) fn open(config: &LedgerConfig) -> Result<Book, Trouble> {
    match &config.state {
        StatePlace::File { path, choice: _ } => {
            must_exist(path)?;
            Ok(Book { history: SqliteLedger::open(path)?, remote: None, late: 0 })
        }
        StatePlace::Snowflake(warehouse) => Ok(copied(SnowflakeLedger::open(warehouse, &setting(config))?)?),
    }
}

/// Opens a state that must be there, to look at it.
pub(super) fn look(config: &LedgerConfig) -> Result<Book, Trouble> {
    if let StatePlace::File { path, choice: _ } = &config.state {
        must_exist(path)?;
    }
    Ok(look_anyway(config)?)
}

/// Opens a state to look at it; where there is no file, nothing is known.
pub(super) fn look_anyway(config: &LedgerConfig) -> Result<Book, LedgerError> {
    match &config.state {
        StatePlace::File { path, choice: _ } => {
            Ok(Book { history: SqliteLedger::open_read_only(path)?, remote: None, late: 0 })
        }
        StatePlace::Snowflake(warehouse) => copied(SnowflakeLedger::open_read_only(warehouse, &setting(config))?),
    }
}

/// Reads all of a state in Snowflake.
fn copied(mut remote: SnowflakeLedger) -> Result<Book, LedgerError> {
    match remote.copy() {
        Ok((history, late)) => Ok(Book { history, remote: Some(remote), late }),
        Err(error) => {
            remote.close();
            Err(error)
        }
    }
}

/// What is not there must not be made in passing, or the next run takes it for a state that knows of nothing.
fn must_exist(path: &Path) -> Result<(), Trouble> {
    if path.exists() {
        return Ok(());
    }
    // A state that was moved away under its own log is damaged rather than missing.
    SqliteLedger::open_read_only(path)?;
    let what = format!("there is no state at {}", path.display());
    Err(Trouble::Request(what, "run fbcapi sync, restore a copy, or correct [state] path"))
}

/// A batch as people name it.
pub(super) fn batch_name(batch: &BatchId) -> String {
    format!("{}/{}", batch.run.0, batch.number)
}

/// What to do about a reason, if it is one that this version knows.
pub(super) fn remedy_of(code: &str) -> Option<&'static str> {
    Reason::ALL.into_iter().find(|reason| reason.code() == code).map(Reason::remedy)
}

/// What Meta said, for people; empty if it said nothing.
pub(super) fn answer_text(answer: &Answer) -> String {
    let Answer { status, code, subcode, trace } = answer;
    let part = |name: &str, value: Option<i64>| value.map(|value| format!("{name} {value}"));
    let trace = trace.as_ref().map(|trace| format!("trace {}", printable(trace)));
    let parts = [part("HTTP", status.map(i64::from)), part("code", *code), part("subcode", *subcode), trace];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What Meta said, for programs.
pub(super) fn answer_json(answer: &Answer) -> Value {
    let Answer { status, code, subcode, trace } = answer;
    json!({ "status": status, "code": code, "subcode": subcode, "trace": trace })
}

/// A time for people.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%F %H:%M:%S").to_string()
}
