//! What a check found, as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::meta::{KeySet, MatchKey};
use crate::report::WindowAsked;
use crate::report::checks::Check;

/// Version of the findings' shape; it rises when a key changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What a check found, as JSON. Every key is always present.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// Version of this shape.
    pub schema_version: u32,
    /// The program's version.
    pub version: &'static str,
    /// When the rows were read.
    pub checked_at: DateTime<Utc>,
    /// The dataset to which they would go.
    pub dataset_id: String,
    /// The table or files.
    pub source: String,
    /// Which rows were asked for.
    pub window: WindowAsked,
    /// What was looked at beside the rows themselves, in the order of the data.
    pub checks: Vec<Check>,
    /// How many rows were read.
    pub rows: RowsRead,
    /// What would become of them.
    pub counts: EventCounts,
    /// What would become of them by event name.
    pub by_event: BTreeMap<String, EventCounts>,
    /// Why rows would not be sent, by code.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// What Meta asks for and events lack that would be sent all the same, by code.
    pub advice: BTreeMap<&'static str, u64>,
    /// Events of which there are copies that differ.
    pub differing_copies: u64,
    /// Where customer data of a warehouse is hashed; nothing for files.
    pub hash_in: Option<HashedIn>,
    /// What feeds the event's fields, in the order of the mapping.
    pub fields: Vec<FieldFindings>,
    /// Share of the events that can be sent that carry a match key.
    pub match_keys: BTreeMap<&'static str, f64>,
    /// How many these events are.
    pub match_key_events: BTreeMap<&'static str, u64>,
    /// Which match keys occur together, the most frequent first.
    pub key_sets: Vec<SetFindings>,
    /// How old the events are.
    pub ages: Vec<AgeBand>,
    /// The age of the newest event; negative when it is in the future.
    pub newest_age_seconds: Option<i64>,
    /// The share of rows that cannot be sent because of what they hold, in percent.
    pub invalid_percent: Option<Ratio>,
    /// The share that was allowed.
    pub max_invalid_percent: Option<Ratio>,
    /// What someone should know.
    pub warnings: Vec<String>,
    /// The first thing that failed.
    pub error: Option<String>,
    /// The exit code.
    pub exit_code: u8,
}

impl Findings {
    /// Starts without any row.
    pub fn new(
        checked_at: DateTime<Utc>,
        dataset_id: String,
        source: String,
        window: WindowAsked,
        limit: Option<u64>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            checked_at,
            dataset_id,
            source,
            window,
            checks: Vec::new(),
            rows: RowsRead { read: 0, limit, is_whole: false },
            counts: EventCounts::default(),
            by_event: BTreeMap::new(),
            by_reason: BTreeMap::new(),
            advice: BTreeMap::new(),
            differing_copies: 0,
            hash_in: None,
            fields: Vec::new(),
            match_keys: BTreeMap::new(),
            match_key_events: BTreeMap::new(),
            key_sets: Vec::new(),
            ages: Vec::new(),
            newest_age_seconds: None,
            invalid_percent: None,
            max_invalid_percent: None,
            warnings: Vec::new(),
            error: None,
            exit_code: 0,
        }
    }
}

/// How many rows were read.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RowsRead {
    /// Rows as the source gave them, of which one may stand for several copies.
    pub read: u64,
    /// At most so many were wanted.
    pub limit: Option<u64>,
    /// Whether these are all that were selected.
    pub is_whole: bool,
}

/// What would become of rows. `selected` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EventCounts {
    /// Rows that were read.
    pub selected: u64,
    /// Those that can be sent.
    pub sendable: u64,
    /// Those that cannot be sent because of what they hold.
    pub rejected: u64,
    /// Those that are older than Meta accepts.
    pub expired: u64,
    /// Those that are left out because the configuration says so.
    pub skipped: u64,
    /// Those that are not yet due.
    pub deferred: u64,
    /// Further rows of an event.
    pub collapsed: u64,
}

impl EventCounts {
    /// Whether every row comes to exactly one end.
    pub fn is_balanced(&self) -> bool {
        let Self { selected, sendable, rejected, expired, skipped, deferred, collapsed } = *self;
        selected == sendable + rejected + expired + skipped + deferred + collapsed
    }

    /// The rows that time, consent and their copies let pass: what they hold decides.
    pub fn judged(&self) -> u64 {
        self.sendable + self.rejected
    }

    /// The share of the judged rows that cannot be sent, unless there is none.
    pub fn invalid(&self) -> Option<Ratio> {
        Ratio::of(self.rejected, self.judged())
    }
}

impl AddAssign for EventCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { selected, sendable, rejected, expired, skipped, deferred, collapsed } = other;
        self.selected += selected;
        self.sendable += sendable;
        self.rejected += rejected;
        self.expired += expired;
        self.skipped += skipped;
        self.deferred += deferred;
        self.collapsed += collapsed;
    }
}

/// What feeds a field, and how many rows hold what.
#[derive(Debug, Clone, Serialize)]
pub struct FieldFindings {
    /// The field's name in `[columns]`.
    pub name: String,
    /// The column, unless it is a constant.
    pub column: Option<String>,
    /// The column's type in Snowflake, where the table was looked at.
    pub column_type: Option<String>,
    /// Whether it is the same for every row.
    pub is_constant: bool,
    /// Whether the table lacks the column.
    pub is_absent: bool,
    /// In which form it leaves.
    pub leaves: Leaves,
    /// Where it is hashed; nothing for what is not hashed.
    pub hashed_in: Option<HashedIn>,
    /// Rows that hold something there.
    pub present: u64,
    /// Rows that hold something there with which nothing is wrong.
    pub valid: u64,
    /// Rows in which something there is left out or sent otherwise, by code.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// Where a field is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HashedIn {
    /// On this machine.
    Client,
    /// In the warehouse, of which no clear value of it leaves.
    Warehouse,
}

/// In which form a field leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// As its SHA-256.
    Hashed,
    /// As it is.
    Clear,
    /// Not at all.
    Not,
}

/// Match keys that occur together.
#[derive(Debug, Clone, Serialize)]
pub struct SetFindings {
    /// The keys, as Meta calls them.
    pub keys: Vec<&'static str>,
    /// Rows that have these and no others.
    pub rows: u64,
    /// Whether Meta can look for a person with them.
    pub is_sufficient: bool,
}

impl SetFindings {
    pub(super) fn new(keys: KeySet, rows: u64) -> Self {
        Self { keys: keys.keys().map(MatchKey::wire).collect(), rows, is_sufficient: keys.is_sufficient() }
    }
}

/// Rows of an age.
#[derive(Debug, Clone, Serialize)]
pub struct AgeBand {
    /// What the band is called.
    pub name: &'static str,
    /// From this age on.
    pub from_seconds: Option<i64>,
    /// Up to, but without, this age.
    pub to_seconds: Option<i64>,
    /// How many.
    pub rows: u64,
}

/// A share of a whole, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

/// A whole, in millionths.
const WHOLE: u32 = 1_000_000;

impl Ratio {
    /// The share that a part is of a whole, rounded up so that no fault is rounded away; none of nothing.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let millionths = u128::from(part) * u128::from(WHOLE);
        let whole = u128::from(whole);
        (whole > 0).then(|| Self(u32::try_from(millionths.div_ceil(whole)).map_or(WHOLE, |share| share.min(WHOLE))))
    }

    /// Reads a share in percent, with or without the sign: at most 100 and four digits after the point.
    pub fn parse_percent(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(rest) || rest.len() > 4 {
            return None;
        }
        let percent = whole.parse::<u32>().ok()?.checked_mul(WHOLE / 100)?;
        let share = percent.checked_add(format!("{rest:0<4}").parse().ok()?)?;
        (share <= WHOLE).then_some(Self(share))
    }

    fn percent(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE / 100)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

impl Serialize for Ratio {
    /// Writes the share in percent.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_as_they_are_typed() {
        let check = |text: &str, expected: Option<&str>| {
            let shown = Ratio::parse_percent(text).map(|ratio| ratio.to_string());
            assert_eq!(shown.as_deref(), expected, "{text:?}");
        };
        check("10%", Some("10 %"));
        check("10", Some("10 %"));
        check("10 %", Some("10 %"));
        check("0", Some("0 %"));
        check("100%", Some("100 %"));
        check("0.5%", Some("0.5 %"));
        check("2.5907", Some("2.5907 %"));
        for text in ["", "%", "100.0001", "101", "-1", "+1", ".5", "1.", "1.23456", "1e1", "1,5", "ten", "10%%"] {
            check(text, None);
        }
    }

    #[test]
    fn a_share_is_compared_exactly() {
        let check = |part, whole, most: &str, is_over| {
            let share = Ratio::of(part, whole);
            assert_eq!(share > Ratio::parse_percent(most), is_over, "{part} of {whole} against {most}");
        };
        check(57, 10_000, "0.57", false);
        check(58, 10_000, "0.57", true);
        check(1, 10, "10", false);
        check(1, 3, "33.3333", true);
        check(1, u64::MAX, "0", true);
        check(0, 1, "0", false);
        check(u64::MAX, u64::MAX, "100", false);
        assert_eq!(Ratio::of(0, 0), None);
    }
}
