//! Where rows come from. Every source gives Arrow record batches.

pub mod file;
pub mod snowflake;
mod nearest;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::event::Zone;
use crate::meta::MatchKey;
use crate::meta::normalize::{Country, Settings};

/// How a source is to hand over a column.
///
/// `Text` arrives as a string array (any Arrow string type). `Time` arrives as `Timestamp(_, Some("UTC"))`
/// when the source can make one, else as the cell was (text, or an integer), which the event layer then reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As text: strings as they are, decimals exactly, lists and objects as JSON, booleans as `true` and `false`.
    Text,
    /// As an instant. A timestamp without zone is read in the configured zone.
    Time,
    /// As a calendar date, in ISO form (`1997-02-16`).
    Date,
    /// Not at all, but normalised and hashed where it is, in a column of the name that [`HashedField::column`] gives.
    ///
    /// A cell is then null where the clear one is null or blank, else a digest in 64 lower-case digits, or `!` and the
    /// code of the reason for which there is none, or `!` alone for a value that stands for nobody.
    Hashed(HashedField),
}

/// A field that a source normalises and hashes itself, so that no clear value leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashedField {
    /// A match key.
    Key(MatchKey),
    /// The person's id in the warehouse, as a further external id.
    PersonId,
    /// The first name within a full one.
    FirstOfFullName,
    /// The last name within a full one.
    LastOfFullName,
}

impl HashedField {
    /// The column in which the digest arrives.
    pub fn column(self) -> String {
        let field = match self {
            Self::Key(key) => key.wire(),
            Self::PersonId => "person_id",
            Self::FirstOfFullName => "full_name_first",
            Self::LastOfFullName => "full_name_last",
        };
        format!("_FBCAPI_HASHED_{field}")
    }
}

/// What hashing needs to know besides the values.
#[derive(Debug, Clone)]
pub struct Hashing {
    /// How customer data is normalised.
    pub settings: Settings,
    /// The country of every row, where the configuration names it.
    pub country: Option<Country>,
}

/// Whether a run can do without a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The table must have it: the configuration names it, or no event can be made without it.
    Required,
    /// A preset names it; a table without it is fine.
    IfPresent,
}

/// A column that the mapping wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRequest {
    /// The name as configured, compared without regard to case.
    pub name: String,
    /// How the cell is to be handed over.
    pub reading: Reading,
    /// Whether the run can do without it.
    pub need: Need,
}

/// Which rows and columns a run wants.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The columns to read; never all of them. A column occurs once.
    pub columns: Vec<ColumnRequest>,
    /// The column of `columns` that holds the event time.
    pub time_column: String,
    /// The column of `columns` that holds the event id.
    pub id_column: String,
    /// The columns of `columns` that hold the event name and the name that the event has where it comes from, if any
    /// do; with the id they tell copies.
    pub name_columns: Vec<String>,
    /// Columns of match keys, for choosing the richest of several copies of one event.
    pub match_columns: Vec<String>,
    /// Rows before this instant are not wanted.
    pub since: DateTime<Utc>,
    /// Rows at or after this instant are not wanted.
    pub until: Option<DateTime<Utc>>,
    /// Rows since this earlier instant are wanted too where the column of [`StoreWindow`] says `physical_store`.
    pub store: Option<StoreWindow>,
    /// Event names to keep, as the first of `name_columns` has them but for white space around; empty keeps all. A row
    /// without a name is kept too.
    pub names: Vec<String>,
    /// Only rows with this event id are wanted; a source that is read whole anyway may give others too.
    pub event_id: Option<String>,
    /// The zone of timestamps without one.
    pub zone: Zone,
    /// How the columns are hashed of which only a digest is wanted.
    pub hashing: Hashing,
    /// Rows of events that were sent are not wanted, where the source can know it.
    pub unsent: Option<Unsent>,
    /// Only the rows of a shard are wanted; a source that cannot tell gives others, too.
    pub shard: Option<Shard>,
}

impl Selection {
    /// Every row since an instant, with no name told apart and times read in UTC.
    pub fn new(columns: Vec<ColumnRequest>, id_column: &str, time_column: &str, since: DateTime<Utc>) -> Self {
        Self {
            columns,
            time_column: time_column.to_owned(),
            id_column: id_column.to_owned(),
            name_columns: Vec::new(),
            match_columns: Vec::new(),
            since,
            until: None,
            store: None,
            names: Vec::new(),
            event_id: None,
            zone: Zone::UTC,
            hashing: Hashing { settings: Settings::standard(since.date_naive()), country: None },
            unsent: None,
            shard: None,
        }
    }
}

/// What a source in Snowflake needs to know to leave out events that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The log of what was sent, as SQL names it.
    pub log: String,
    /// The dataset, the first part of every key.
    pub dataset_id: String,
    /// Events before this second are not in the log any more.
    pub since: i64,
    /// Where an event's name comes from.
    pub name: NameSource,
    /// Where the name comes from that an event has at its source.
    pub source_name: NameSource,
    /// The names for which there are rules, and what is sent instead, if anything.
    pub renames: Vec<(String, Option<String>)>,
    /// What an event is called whose name at its source is not known and that has no other.
    pub fallback: Option<String>,
    /// The names wanted as they are sent; empty wants all.
    pub names: Vec<String>,
}

/// Where a name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameSource {
    /// There is none.
    None,
    /// From a column.
    Column(String),
    /// It is the same for every row.
    Constant(String),
}

/// Events that were sent and did not leave their source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Their name as it is sent.
    pub name: Option<String>,
    /// How many events.
    pub events: u64,
    /// How many rows.
    pub rows: u64,
}

/// One of several parts into which the events are divided by a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// Whether the event with this id belongs to the part; one without an id belongs to the first.
    ///
    /// The first four bytes of the SHA-256 of the id, as a number, leave the part's number less one when they are
    /// divided by the number of parts.
    pub fn holds(self, event_id: Option<&str>) -> bool {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(event_id.unwrap_or_default()));
        let rest = event_id.map_or(0, |_| u32::from_be_bytes([a, b, c, d]) % self.of);
        rest + 1 == self.number
    }
}

/// The longer window that Meta grants to events in a physical store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreWindow {
    /// The column that holds the action source of a row.
    pub column: String,
    /// Rows of physical stores since this instant are wanted.
    pub since: DateTime<Utc>,
}

/// The name of the column in which a source that collapses copies says how many a row stands for.
///
/// An integer column; absent or null means one.
pub const COPIES_COLUMN: &str = "_FBCAPI_COPIES";

/// The name of the column in which such a source says whether the copies differ.
///
/// A boolean or 0/1 column; absent or null means no.
pub const COPIES_DIFFER_COLUMN: &str = "_FBCAPI_COPIES_DIFFER";

/// The name of the column in which a source that leaves out what was sent gives the key by which it looked, as hex.
pub const KEY_COLUMN: &str = "_FBCAPI_KEY";

/// The key of an Arrow field's metadata under which a source that hands a column over as text says what it holds.
pub const NATURE: &str = "fbcapi:nature";

/// What a column holds, whatever it is handed over as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Text, dates and times.
    Text,
    /// Numbers.
    Number,
    /// `true` and `false`.
    Flag,
    /// Lists, objects and what else JSON holds.
    Json,
}

impl Nature {
    const NAMES: [(&'static str, Self); 4] =
        [("text", Self::Text), ("number", Self::Number), ("flag", Self::Flag), ("json", Self::Json)];

    /// The word under [`NATURE`].
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(_, nature)| *nature == self).map_or("", |(word, _)| word)
    }

    /// What a column of a record batch holds: as its source says, else as its Arrow type says.
    pub fn of(field: &arrow_schema::Field) -> Self {
        let stated = field.metadata().get(NATURE);
        let stated = stated.and_then(|stated| Self::NAMES.iter().find(|(word, _)| word == stated));
        match (stated, field.data_type()) {
            (Some((_, nature)), _) => *nature,
            (None, DataType::Boolean) => Self::Flag,
            (None, DataType::List(_) | DataType::LargeList(_)) => Self::Json,
            (None, kind) if kind.is_numeric() => Self::Number,
            (None, _) => Self::Text,
        }
    }
}

/// Rows on their way from a source, a record batch at a time and a few ahead at most.
///
/// All batches hold the same columns, though not always in the same Arrow types. An error is the last thing that
/// comes. A source that ends without error has given every row: it checks that itself.
#[derive(Debug)]
pub struct RowStream {
    /// How many rows will come, when the source knows.
    pub total: Option<u64>,
    /// Columns that were asked for `IfPresent` and are not there.
    pub absent: Vec<String>,
    /// What was sent and is therefore not among the rows.
    pub left_out: Vec<LeftOut>,
    batches: mpsc::Receiver<Result<RecordBatch, SourceError>>,
}

impl RowStream {
    /// Makes a stream of what a source's task sends.
    pub fn new(
        total: Option<u64>,
        absent: Vec<String>,
        batches: mpsc::Receiver<Result<RecordBatch, SourceError>>,
    ) -> Self {
        Self { total, absent, left_out: Vec::new(), batches }
    }

    /// Waits for the next batch; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, SourceError>> {
        self.batches.recv().await
    }
}

/// What kind of trouble a source is in, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The configuration names something that is not there or cannot be read.
    Configuration,
    /// The login was refused or a privilege is missing.
    Permission,
    /// A later run may succeed.
    Temporary,
    /// The source answered in a way that this program does not understand.
    Protocol,
}

/// Why rows could not be read. Never holds a value of a row, a token or a URL.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// What failed and on what, in lower case without full stop.
    pub what: String,
    /// What to do about it, for a line of its own.
    pub remedy: Option<String>,
}
