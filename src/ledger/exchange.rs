//! A state as JSON Lines, to look at and to carry to another machine: keys as hex, and no clear data but the ids of
//! refused events.
//!
//! The first line says what it is, the last how much there was, so that half a file is known for one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Answer, Entry, EventKey, Fingerprint, LedgerError, Outcome};

/// Version of these lines.
pub const EXPORT_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first.
    State {
        /// Version of these lines.
        schema_version: u32,
        /// When it was written.
        exported_at: DateTime<Utc>,
    },
    /// A run.
    Run {
        /// Which run.
        run: String,
        /// When it began.
        started_at: DateTime<Utc>,
        /// When it ended, if it did; then it has the next two as well.
        finished_at: Option<DateTime<Utc>>,
        /// The exit code.
        exit_code: Option<u8>,
        /// The report as JSON.
        report: Option<String>,
    },
    /// A batch and what became of it.
    Batch {
        /// Which run.
        run: String,
        /// Its number in the run.
        number: u32,
        /// When.
        at: DateTime<Utc>,
        /// Key, fingerprint and event time of each event.
        events: Vec<(String, u32, i64)>,
        /// What became of it, if that was written.
        outcome: Option<OutcomeForm>,
    },
    /// A refused event.
    Reject {
        /// Its key.
        key: String,
        /// Its payload's fingerprint.
        fingerprint: u32,
        /// Until when it is remembered, in seconds since 1970.
        event_time: i64,
        /// Its name.
        event_name: String,
        /// Its id.
        event_id: String,
        /// Code of the reason.
        reason: String,
        /// What Meta said.
        answer: AnswerForm,
        /// When.
        at: DateTime<Utc>,
        /// When it was taken back.
        pardoned_at: Option<DateTime<Utc>>,
    },
    /// The last.
    End {
        /// Lines of runs.
        runs: u64,
        /// Lines of batches.
        batches: u64,
        /// Lines of refused events.
        rejects: u64,
    },
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeForm {
    /// Its word.
    pub outcome: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How many requests it took.
    pub requests: u32,
    /// What Meta said.
    pub answer: AnswerForm,
}

/// What Meta said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerForm {
    /// HTTP status.
    pub status: Option<u16>,
    /// Graph error code.
    pub code: Option<i64>,
    /// Graph error subcode.
    pub subcode: Option<i64>,
    /// Meta's trace id.
    pub trace: Option<String>,
}

impl From<Answer> for AnswerForm {
    fn from(Answer { status, code, subcode, trace }: Answer) -> Self {
        Self { status, code, subcode, trace }
    }
}

impl From<AnswerForm> for Answer {
    fn from(AnswerForm { status, code, subcode, trace }: AnswerForm) -> Self {
        Self { status, code, subcode, trace }
    }
}

/// How many records there were, or were new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amounts {
    /// Runs.
    pub runs: u64,
    /// Batches.
    pub batches: u64,
    /// Refused events.
    pub rejects: u64,
}

/// Why a state was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The state cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The lines cannot be written.
    #[error("the lines cannot be written")]
    Output(#[source] std::io::Error),
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The state cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The lines cannot be read.
    #[error("the lines cannot be read")]
    Input(#[source] std::io::Error),
    /// A line is not what an export writes.
    #[error("line {number} {what}")]
    Line {
        /// Which, from 1.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// An event of a batch as it stands in a line.
pub(super) fn event_form(entry: &Entry) -> (String, u32, i64) {
    (hex::encode(entry.key.0), entry.fingerprint.0, entry.event_time)
}

/// The event of which that is the form; `None` if its key is not 32 hex digits.
pub(super) fn event_of((key, fingerprint, event_time): &(String, u32, i64)) -> Option<Entry> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(key, &mut bytes).ok()?;
    Some(Entry { key: EventKey(bytes), fingerprint: Fingerprint(*fingerprint), event_time: *event_time })
}

/// The outcome that a word stands for.
pub(super) fn outcome_of(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
}

/// Which of two outcomes of one batch is kept: what says that Meta has it comes before what does not.
pub(super) fn weight(outcome: Option<&Outcome>) -> u8 {
    match outcome {
        None => 0,
        Some(Outcome::Unknown) => 1,
        Some(Outcome::Released) => 2,
        Some(Outcome::Cleared) => 3,
        Some(Outcome::Dropped) => 4,
        Some(Outcome::Accepted) => 5,
    }
}
