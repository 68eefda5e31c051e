//! What was tried and what became of it, so that nothing is lost and nothing is sent twice.
//!
//! A ledger is a log of [`Record`]s. Order of writes: an intent is durable before the first byte of its POST; its
//! outcome is durable before the run goes on; a definite non-delivery clears the intent; a run's end comes last.

mod cause;
pub mod exchange;
pub mod ground;
pub mod history;
mod key_set;
mod known;
mod lock;
mod place;
mod memory;
mod sqlite;
pub mod snowflake;
mod writer;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod contract_stores;

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::source::SourceError;

pub use self::known::{Known, Meeting};
pub use self::lock::LockHolder;
pub use self::memory::MemoryLedger;
pub use self::snowflake::{Permit, SnowflakeLedger};
pub use self::sqlite::{Restored, SqliteLedger};
#[cfg(test)]
pub(crate) use self::writer::serve_here;
pub use self::writer::{Appender, Writer};

/// Identifies one event of one dataset: the first 16 bytes of SHA-256 over dataset id, event name and event id,
/// separated by U+001F.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey(pub [u8; 16]);

impl EventKey {
    /// Makes the key of an event.
    pub fn new(dataset_id: &str, event_name: &str, event_id: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [dataset_id, "\u{1f}", event_name, "\u{1f}", event_id] {
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Tells whether the payload of an event is still the one that was tried: 32 bits of a stable hash of its bytes.
///
/// A collision only hides a change of an event that is not sent again anyway, or keeps a refused one refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub u32);

/// Identifies a run: its start and eight random digits, as `20261123T150901Z-1a2b3c4d`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(pub String);

/// Identifies one attempt to deliver a set of events: the run and a number that counts up within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BatchId {
    /// The run that tries.
    pub run: RunId,
    /// Counts up from 1.
    pub number: u32,
}

/// One event of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which event.
    pub key: EventKey,
    /// Which payload.
    pub fingerprint: Fingerprint,
    /// The event's time in seconds since 1970, by which entries are pruned.
    pub event_time: i64,
}

/// What an event is called, for a ledger that others read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLabel {
    /// Its name as it is sent.
    pub name: String,
    /// Its id.
    pub id: String,
}

/// What a ledger keeps of the events of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Keys are enough.
    Keys,
    /// Names and ids, too.
    Labels,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Meta took every event of it.
    Accepted,
    /// It provably did not arrive or was refused as a whole; its events are free to be sent again.
    Cleared,
    /// Nobody knows whether Meta took it.
    Unknown,
    /// Nobody knew, and someone decided that its events may be sent again.
    Released,
    /// Nobody knew, and someone decided that its events count as sent.
    Dropped,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Cleared, Self::Unknown, Self::Released, Self::Dropped];

    /// The word that stands for it where it is stored or shown.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Cleared => "cleared",
            Self::Unknown => "unknown",
            Self::Released => "released",
            Self::Dropped => "dropped",
        }
    }
}

/// What Meta said, for looking an attempt up later. Codes only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: Option<u16>,
    /// Graph error code.
    pub code: Option<i64>,
    /// Graph error subcode.
    pub subcode: Option<i64>,
    /// Meta's trace id.
    pub trace: Option<String>,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A run begins.
    RunStarted {
        /// Which.
        run: RunId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Events are about to be posted.
    Intent {
        /// Which attempt.
        batch: BatchId,
        /// When.
        at: DateTime<Utc>,
        /// The events; never empty.
        entries: Vec<Entry>,
        /// What the events are called, in the same order, for a ledger that wants it; else empty.
        labels: Vec<EventLabel>,
    },
    /// What became of an intent. `Unknown` may be settled by a later outcome; any other outcome is final.
    Outcome {
        /// Which attempt.
        batch: BatchId,
        /// When.
        at: DateTime<Utc>,
        /// What became of it.
        outcome: Outcome,
        /// How many requests it took.
        requests: u32,
        /// The last answer.
        answer: Answer,
    },
    /// An event was refused, here or by Meta. A later refusal of the same key replaces the earlier.
    Rejected {
        /// Which event.
        entry: Entry,
        /// Its name.
        event_name: String,
        /// Its id.
        event_id: String,
        /// Code of the reason.
        reason: &'static str,
        /// Meta's code and subcode, when Meta refused it.
        answer: Answer,
        /// When.
        at: DateTime<Utc>,
    },
    /// Someone wants refused events to be tried again although they have not changed. A key that is not refused stays
    /// as it is.
    Pardoned {
        /// Which events.
        keys: Vec<EventKey>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A run ends.
    RunFinished {
        /// Which.
        run: RunId,
        /// When.
        at: DateTime<Utc>,
        /// The report as JSON.
        report: String,
        /// The exit code.
        exit_code: u8,
    },
}

/// What is known of an event from earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Meta took it, or someone decided that it counts so.
    Sent(Fingerprint),
    /// It was posted and nobody knows whether Meta took it.
    Unknown {
        /// The payload that was posted.
        fingerprint: Fingerprint,
        /// When it was first posted.
        first_attempt: DateTime<Utc>,
    },
    /// It was refused with this payload.
    Rejected(Fingerprint),
}

/// A store of records.
///
/// One process uses a ledger at a time; the implementation holds a lock from opening until it is dropped.
pub trait Ledger: Send {
    /// Reads the fate of every event whose time is not before `since` (seconds since 1970).
    ///
    /// An intent without outcome counts as unknown, first attempted when the intent was written. Where several
    /// batches hold a key: sent wins over unknown, unknown over rejected; the earliest attempt and the latest payload
    /// count.
    fn load(&mut self, since: i64) -> Result<Known, LedgerError>;

    /// Writes all the records or none; they are durable when this returns.
    ///
    /// May not be repeated after success. After an error nothing of it is stored. Records out of order are refused as
    /// a [`Disorder`].
    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError>;

    /// Forgets events whose time is before `before` (seconds since 1970). Whole batches only, and never one that
    /// still holds a younger event. Runs from before then go too when nothing of them is left, but never the last one.
    fn prune(&mut self, before: i64) -> Result<(), LedgerError>;

    /// Whether no run was ever recorded.
    fn is_new(&self) -> Result<bool, LedgerError>;

    /// Forgets at the end of a run what no run can meet again, where that is a run's task: events whose time is before
    /// `events`, and what is left of runs that began before `runs` (seconds since 1970).
    fn tidy(&mut self, events: i64, runs: i64) -> Result<(), LedgerError>;

    /// What it keeps of the events of an intent.
    fn wants(&self) -> Wants {
        Wants::Keys
    }

    /// What must be waited for before every request, where the right to send can be lost.
    fn permit(&self) -> Option<Permit> {
        None
    }
}

/// Why the ledger cannot be used. The run stops before it posts anything more.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The thread that writes is gone.
    #[error("the state is not being written any more")]
    Gone,
    /// Another run holds the lock.
    #[error("another run is using {path}: {holder}")]
    Locked {
        /// The state file.
        path: String,
        /// Which process it is and when it started, as far as the lock file says.
        holder: String,
    },
    /// The file is not what this program wrote, or is damaged, or was written by a newer version.
    #[error("the state file {path} cannot be used: {why}")]
    Unusable {
        /// The state file.
        path: String,
        /// Why, in lower case.
        why: String,
    },
    /// Snowflake cannot be asked, or refuses.
    #[error("the state in {schema} cannot be {verb}")]
    Remote {
        /// The schema.
        schema: String,
        /// `read`, `locked`, `made` or `written`.
        verb: &'static str,
        /// The cause.
        #[source]
        source: SourceError,
    },
    /// There are no tables where the state should be.
    #[error("there is no state in {schema}: its tables are missing, or this role may not see them")]
    NoTables {
        /// The schema.
        schema: String,
    },
    /// The tables are not what this program wrote, or were written by a newer version.
    #[error("the state in {schema} cannot be used: {why}")]
    Unfit {
        /// The schema.
        schema: String,
        /// Why, in lower case.
        why: String,
    },
    /// The lease that lets this run send has ended under it.
    #[error("this run may send no more by the state in {schema}: {why}")]
    LeaseLost {
        /// The schema.
        schema: String,
        /// Why, in lower case.
        why: &'static str,
    },
    /// The file or its folder cannot be created, read or written.
    #[error("the state file {path} cannot be {verb}")]
    Io {
        /// The state file.
        path: String,
        /// `created`, `read`, `locked`, `written`, `copied`, `migrated` or `restored`.
        verb: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Records in an order that no run makes, which would be a mistake in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disorder {
    /// A run was started twice.
    #[error("the run was started before")]
    RunRepeated,
    /// A run ends that was not started or has ended.
    #[error("the run is not under way")]
    RunNotUnderWay,
    /// An intent has no events.
    #[error("the intent is empty")]
    EmptyIntent,
    /// A batch has an intent already.
    #[error("the batch was tried before")]
    IntentRepeated,
    /// A batch has no intent.
    #[error("the outcome has no intent")]
    OutcomeWithoutIntent,
    /// A batch has a final outcome already.
    #[error("the batch has an outcome")]
    OutcomeRepeated,
}
