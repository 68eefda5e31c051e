//! What can be asked of a state afterwards: which runs there were, what became of an event, what needs a decision.

use chrono::{DateTime, Utc};

use super::{Answer, BatchId, Entry, Outcome, RunId};

/// A run of which something is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Which.
    pub run: RunId,
    /// When it began.
    pub started: DateTime<Utc>,
    /// How it ended; none for one that is under way or was killed.
    pub end: Option<RunEnd>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// The exit code.
    pub exit_code: u8,
    /// The report as JSON.
    pub report: String,
}

/// An attempt to deliver a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// Which.
    pub batch: BatchId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The events asked for: all of the batch, or the one in question.
    pub entries: Vec<Entry>,
    /// What became of it; none if the run did not live to write it.
    pub outcome: Option<Outcome>,
    /// How many requests it took.
    pub requests: u32,
    /// The last answer.
    pub answer: Answer,
}

impl PastAttempt {
    /// Whether nobody knows what became of it.
    pub fn is_in_doubt(&self) -> bool {
        match self.outcome {
            None | Some(Outcome::Unknown) => true,
            Some(Outcome::Accepted | Outcome::Cleared | Outcome::Released | Outcome::Dropped) => false,
        }
    }
}

/// An event that was refused and not sent since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The event.
    pub entry: Entry,
    /// Its name.
    pub event_name: String,
    /// Its id.
    pub event_id: String,
    /// Code of the reason.
    pub reason: String,
    /// Meta's answer, when Meta refused it.
    pub answer: Answer,
    /// When.
    pub at: DateTime<Utc>,
    /// When someone took it back, so that it is tried again.
    pub pardoned: Option<DateTime<Utc>>,
}

/// What a state holds, every seal of it checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Holdings {
    /// Version of the stored form.
    pub version: i32,
    /// Runs.
    pub runs: u64,
    /// Batches that were tried.
    pub batches: u64,
    /// Events that were sent, or count so.
    pub sent: u64,
    /// Events of which nobody knows whether Meta took them.
    pub in_doubt: u64,
    /// Events that were refused and not sent since.
    pub refused: u64,
}

/// A batch of which nobody knows what became, and those of its events of which nothing else is known either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Which attempt.
    pub batch: BatchId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Its events that no other attempt has sent, each with the time of its first attempt.
    pub events: Vec<(Entry, DateTime<Utc>)>,
    /// How many events it has in all.
    pub posted: u64,
    /// The last answer.
    pub answer: Answer,
    /// How many requests it took.
    pub requests: u32,
}

/// Events that were tried and have come to no end, as far as the state knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unsent {
    /// How many.
    pub events: u64,
    /// The time of the oldest in seconds since 1970.
    pub oldest: Option<i64>,
}
