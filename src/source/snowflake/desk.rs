//! A session for statements that are not the rows of the table: what the state in Snowflake is kept with.
//!
//! A statement that writes is handed in once. Whether it took effect is told as exactly as it is known, so that whoever
//! writes can look before it writes again.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use tokio::sync::mpsc;

use super::answer::Manifest;
use super::decode::Decoder;
use super::fault::{Context, Fault, Statement};
use super::query::{Form, Output};
use super::session::Session;
use super::{Connection, SnowflakeSettings, Surroundings, rows};
use crate::source::{Nature, SourceError};

/// How long one of these statements may run: a warehouse that starts, and the keys of a large window.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(600);

/// Batches that wait to be read.
const BATCHES_AHEAD: usize = 2;

/// Codes with which Snowflake says that an object is not there, or is not to be seen by this role.
/// Source: Snowflake, "object does not exist or not authorized".
const NO_OBJECT: [&str; 3] = ["002003", "002043", "003001"];

/// A session for statements of the state.
pub(crate) struct Desk {
    session: Session,
    settings: Arc<SnowflakeSettings>,
    surroundings: Surroundings,
}

/// What is known of a statement that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changed nothing.
    None,
    /// It changed nothing, because what it names is not there or not to be seen.
    NoObject,
    /// Nobody knows.
    InDoubt,
}

/// Why a statement did not end well.
#[derive(Debug)]
pub(crate) struct DeskError {
    /// What is known of its effect.
    pub(crate) effect: Effect,
    /// What happened.
    pub(crate) error: SourceError,
}

impl Desk {
    /// Makes a session that logs in at its first statement; `schema` is where the state is, for messages.
    pub(crate) fn new(connection: &Connection, schema: &str, surroundings: Surroundings) -> Result<Self, SourceError> {
        let settings = Arc::new(SnowflakeSettings {
            connection: connection.clone(),
            table: schema.to_owned(),
            where_clause: None,
            query_timeout: STATEMENT_TIMEOUT,
        });
        let session = Session::new(&settings, surroundings.clone()).map_err(|fault| explain(&settings, None, fault))?;
        Ok(Self { session, settings, surroundings })
    }

    /// Runs a statement that only reads and whose columns are all text; hands its rows on.
    pub(crate) async fn select(&mut self, sql: &str, show: impl FnMut(RecordBatch) + Send) -> Result<(), DeskError> {
        let manifest = self.session.run(sql).await;
        let manifest = manifest.map_err(|fault| self.refuse(fault))?;
        show_texts(manifest, &mut self.session, show).await.map_err(|fault| self.refuse(fault))
    }

    /// Ends a statement for whose end nobody waits any more.
    pub(crate) async fn abort(&mut self) {
        self.session.abort().await;
    }

    /// Runs a statement that writes, once at most; gives how many rows it changed.
    pub(crate) async fn write(&mut self, sql: &str) -> Result<u64, DeskError> {
        self.session.write(sql).await.map_err(|fault| self.refuse(fault))
    }

    /// Runs a statement that makes something unless it is there, so that it may run twice.
    pub(crate) async fn make(&mut self, sql: &str) -> Result<(), DeskError> {
        self.session.run(sql).await.map(drop).map_err(|fault| self.refuse(fault))
    }

    /// Ends the session.
    pub(crate) async fn close(self) {
        self.session.close().await;
        drop(self.surroundings.farewell);
    }

    fn refuse(&self, fault: Fault) -> DeskError {
        let effect = match &fault {
            Fault::Refused { code, .. } if NO_OBJECT.contains(&code.as_str()) => Effect::NoObject,
            Fault::InDoubt(_) => Effect::InDoubt,
            Fault::Refused { .. }
            | Fault::Status(..)
            | Fault::Broken { .. }
            | Fault::Overdue(_)
            | Fault::Expired
            | Fault::Unreadable(..)
            | Fault::Short { .. }
            | Fault::Unusable { .. }
            | Fault::Stopped => Effect::None,
        };
        DeskError { effect, error: explain(&self.settings, self.session.role().as_deref(), fault) }
    }
}

/// Shows the rows of a result, every column as text.
pub(super) async fn show_texts(
    manifest: Manifest,
    session: &mut Session,
    mut show: impl FnMut(RecordBatch) + Send,
) -> Result<(), Fault> {
    let decoder = Decoder::new(outputs(&manifest, Form::Text));
    let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let handing = rows::hand_on(manifest, decoder, session, sender);
    let taking = async {
        while let Some(batch) = batches.recv().await {
            // Only what reads a stream of rows puts errors into it.
            if let Ok(batch) = batch {
                show(batch);
            }
        }
    };
    let (handed, ()) = tokio::join!(handing, taking);
    handed
}

/// Says what happened to people.
fn explain(settings: &SnowflakeSettings, role: Option<&str>, fault: Fault) -> SourceError {
    fault.explain(&Context { settings, role, statement: Statement::Rows })
}

/// What the columns of a result are, all of one form.
fn outputs(manifest: &Manifest, form: Form) -> Vec<Output> {
    let names = manifest.columns.iter().map(|column| column.name.spelling().to_owned());
    names.map(|name| Output { name, form, nature: Nature::Text }).collect()
}
