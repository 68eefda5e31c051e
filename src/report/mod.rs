//! What a run tells: to people, to programs, and to the ledger.

pub mod checks;
pub mod manner;
mod entry;
pub mod console;
pub mod log;
pub mod digest;
pub mod hints;
pub mod html;
pub mod human;
pub mod progress;
pub mod schema;
pub mod metrics;
pub mod ping;
pub mod survey;
mod tally;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use entry::{is_steering, printable};
pub use tally::{Counts, Coverage, End, Minutes, Tally};

/// Version of the report's shape; it rises when a key changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run did, as JSON. Every key is always present.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this shape.
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// The program's version.
    pub version: &'static str,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The dataset.
    pub dataset_id: String,
    /// The table or files.
    pub source: String,
    /// Which rows were asked for.
    pub window: WindowAsked,
    /// What became of the rows.
    pub counts: Counts,
    /// Events that were posted again although an earlier attempt may have been taken.
    pub possible_duplicates: u64,
    /// Rows that differ from what was sent under their key.
    pub changed_after_send: u64,
    /// What became of the rows by event name.
    pub by_event: BTreeMap<String, Counts>,
    /// Why rows were not sent and fields left out, by code.
    pub by_reason: BTreeMap<String, u64>,
    /// Share of the sent events that carry a match key.
    pub match_keys: BTreeMap<&'static str, f64>,
    /// Age of the sent events when they were sent.
    pub age_seconds: Ages,
    /// Requests that were made.
    pub requests: u64,
    /// Requests beyond the first of each part.
    pub retries: u64,
    /// What was tried, in order of its end.
    pub batches: Vec<BatchReport>,
    /// What someone should know.
    pub warnings: Vec<String>,
    /// What would make the next runs better.
    pub hints: Vec<String>,
    /// What ended the run early.
    pub error: Option<String>,
    /// The exit code.
    pub exit_code: u8,
}

impl Report {
    /// How the run ended and what became of how many rows, in a line.
    pub fn in_a_line(&self) -> String {
        let ends = self.counts.ends().into_iter().filter(|(_, rows)| *rows > 0);
        let ends: Vec<String> = ends.map(|(end, rows)| format!("{rows} {}", end.replace('_', " "))).collect();
        let ends = if ends.is_empty() { "no rows".to_owned() } else { ends.join(", ") };
        format!("exit code {}: {ends}", self.exit_code)
    }

    /// What a line of a log tells of the run.
    fn facts(&self) -> [(&'static str, serde_json::Value); 9] {
        let seconds = (self.finished_at - self.started_at).as_seconds_f64();
        [
            ("run_id", self.run_id.as_str().into()),
            ("dataset_id", self.dataset_id.as_str().into()),
            ("exit_code", self.exit_code.into()),
            ("counts", serde_json::to_value(self.counts).unwrap_or_default()),
            ("possible_duplicates", self.possible_duplicates.into()),
            ("requests", self.requests.into()),
            ("retries", self.retries.into()),
            ("seconds", seconds.into()),
            ("hints", self.hints.clone().into()),
        ]
    }
}

#[cfg(test)]
impl Report {
    /// A report of a run that met nothing.
    fn empty() -> Self {
        let at = DateTime::UNIX_EPOCH;
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: "20261123T150901Z-1a2b3c4d".to_owned(),
            version: "0.0.0",
            started_at: at,
            finished_at: at,
            dataset_id: "1234567890".to_owned(),
            source: "rows.ndjson".to_owned(),
            window: WindowAsked { since: at, until: None },
            counts: Counts::default(),
            possible_duplicates: 0,
            changed_after_send: 0,
            by_event: BTreeMap::new(),
            by_reason: BTreeMap::new(),
            match_keys: BTreeMap::new(),
            age_seconds: Ages::default(),
            requests: 0,
            retries: 0,
            batches: Vec::new(),
            warnings: Vec::new(),
            hints: Vec::new(),
            error: None,
            exit_code: 0,
        }
    }
}

/// Which rows were asked for.
#[derive(Debug, Clone, Serialize)]
pub struct WindowAsked {
    /// From here on.
    pub since: DateTime<Utc>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
}

/// Age of events when they were sent, in seconds; null when none was.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Ages {
    /// Half were younger.
    pub p50: Option<u64>,
    /// 95 of 100 were younger.
    pub p95: Option<u64>,
    /// The oldest.
    pub max: Option<u64>,
}

/// One part of a batch that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct BatchReport {
    /// Number within the run, as in the ledger.
    pub number: u32,
    /// How many events.
    pub events: usize,
    /// `accepted`, `rejected`, `divided`, `pending` or `unknown`.
    pub outcome: &'static str,
    /// Requests made.
    pub requests: u32,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// Graph error code.
    pub code: Option<i64>,
    /// Graph error subcode.
    pub subcode: Option<i64>,
    /// Meta's trace id.
    pub trace: Option<String>,
    /// Milliseconds from intent to outcome.
    pub millis: u64,
}
