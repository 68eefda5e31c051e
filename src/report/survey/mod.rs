//! What is learnt of the rows of a table without sending any: counts and shapes, never a value.

mod findings;
mod text;

use std::collections::BTreeMap;

pub use findings::{AgeBand, EventCounts, FieldFindings, Findings, HashedIn, Leaves, Ratio, RowsRead, SetFindings};
pub use text::describe;

use super::{Counts, Coverage, End, Tally};
use crate::event::columns::{Columns, Origin, Slot};
use crate::event::field::Field;
use crate::event::personal::looks_personal;
use crate::event::rules::FALLBACK_NAME;
use crate::event::{Note, Reason};
use crate::meta::event_name::{STANDARD, near_miss};
use crate::meta::normalize::ExternalIdForm;
use crate::meta::{KeySet, MatchKey};
use crate::report::human::{differing_copies_warning, near_miss_warning};

/// How many names events may have before it looks as if another column were taken for the name.
const MOST_NAMES: usize = 50;

/// How many combinations of match keys are told apart.
const MOST_SETS: usize = 256;

/// The bounds of the bands of age, in seconds, each with what the band below it is called.
///
/// Source: Conversions API, using the API: events are best sent within an hour; server event parameters, `event_time`:
/// seven days.
const BANDS: [(i64, &str); 6] = [
    (0, "in the future"),
    (3_600, "under 1 hour"),
    (2 * 3_600, "1 to 2 hours"),
    (86_400, "2 to 24 hours"),
    (3 * 86_400, "1 to 3 days"),
    (7 * 86_400, "3 to 7 days"),
];

/// What the last band is called, which has no bound.
const OLDEST_BAND: &str = "over 7 days";

/// What is learnt of one row.
#[derive(Debug, Clone, Copy)]
pub struct RowFacts<'a> {
    /// What becomes of it; a row that can be sent is pending.
    pub end: End,
    /// Why it is not sent.
    pub reason: Option<Reason>,
    /// What its event is called, if it has a name.
    pub name: Option<&'a str>,
    /// How many seconds ago it happened, if that can be read.
    pub age_seconds: Option<i64>,
    /// The match keys that are left of it.
    pub keys: KeySet,
    /// The slots that hold something.
    pub filled: &'a [Slot],
    /// What is wrong with it.
    pub notes: &'a [Note],
    /// How many rows of the table it stands for.
    pub copies: u64,
    /// Whether these differ, or it differs from the row of which it is a copy.
    pub copies_differ: bool,
}

/// What was learnt of what feeds a field.
#[derive(Debug)]
struct FieldFacts {
    name: String,
    origin: Origin,
    is_absent: bool,
    leaves: Leaves,
    hashed_in: Option<HashedIn>,
    present: u64,
    valid: u64,
    dropped: BTreeMap<Reason, u64>,
}

/// Learns of one row after another.
#[derive(Debug)]
pub struct Survey {
    fields: Vec<FieldFacts>,
    rows: u64,
    tally: Tally,
    coverage: Coverage,
    sets: Vec<(KeySet, u64)>,
    bands: [u64; BANDS.len() + 1],
    newest: Option<i64>,
    advice: BTreeMap<Reason, u64>,
}

impl Survey {
    /// Starts with the fields that are fed, some of them from columns that the table lacks.
    pub fn new(columns: &Columns, external_id: ExternalIdForm, absent: &[String]) -> Self {
        let leaves = columns.fields().map(|field| leaves(field, external_id)).chain(std::iter::repeat(Leaves::Clear));
        let in_warehouse = columns.fields().map(|field| !columns.hashed_in_warehouse(field).is_empty());
        let hashed_in =
            leaves.zip(in_warehouse.chain(std::iter::repeat(false))).map(|(leaves, is_there)| match leaves {
                Leaves::Hashed if is_there => (leaves, Some(HashedIn::Warehouse)),
                Leaves::Hashed => (leaves, Some(HashedIn::Client)),
                Leaves::Clear | Leaves::Not => (leaves, None),
            });
        let slots = columns.slot_names().into_iter().zip(columns.slot_origins()).zip(hashed_in);
        let fields = slots.map(|((name, origin), (leaves, hashed_in))| FieldFacts {
            name,
            origin: origin.clone(),
            is_absent: origin.column().is_some_and(|name| absent.iter().any(|other| other.eq_ignore_ascii_case(name))),
            leaves,
            hashed_in,
            present: 0,
            valid: 0,
            dropped: BTreeMap::new(),
        });
        Self {
            fields: fields.collect(),
            rows: 0,
            tally: Tally::default(),
            coverage: Coverage::default(),
            sets: Vec::new(),
            bands: [0; BANDS.len() + 1],
            newest: None,
            advice: BTreeMap::new(),
        }
    }

    /// Learns of a row.
    pub fn add(&mut self, row: &RowFacts<'_>) {
        self.rows += 1;
        let name = self.tally.name(row.name);
        self.tally.counts(name).add(row.end, 1);
        if row.copies > 1 {
            self.tally.counts(name).add(End::Collapsed, row.copies - 1);
        }
        self.tally.differing_copies += u64::from(row.copies_differ);
        if let Some(reason) = row.reason {
            self.tally.reason(reason);
        }
        if let Some(age) = row.age_seconds {
            let band = BANDS.iter().position(|(bound, _)| age < *bound).unwrap_or(BANDS.len());
            self.bands[band] += 1;
            self.newest = Some(self.newest.map_or(age, |newest| newest.min(age)));
        }
        if row.end == End::Pending {
            self.coverage.add(row.keys, row.age_seconds.unwrap_or_default());
        }
        if row.end == End::Pending || row.reason == Some(Reason::TooFewMatchKeys) {
            let is_full = self.sets.len() >= MOST_SETS;
            match self.sets.iter_mut().find(|(keys, _)| *keys == row.keys) {
                Some((_, rows)) => *rows += 1,
                None if is_full => {}
                None => self.sets.push((row.keys, 1)),
            }
        }
        self.judge_fields(row);
    }

    fn judge_fields(&mut self, row: &RowFacts<'_>) {
        let faults = || row.notes.iter().filter(|note| !note.reason.is_advice());
        for slot in row.filled {
            if let Some(field) = self.fields.get_mut(usize::from(slot.0)) {
                field.present += 1;
                field.valid += u64::from(!faults().any(|note| note.slot == Some(*slot)));
            }
        }
        for (at, note) in row.notes.iter().enumerate() {
            // Several values of one cell may be wrong in the same way.
            if row.notes.iter().take(at).any(|before| before == note) {
                continue;
            }
            if note.reason.is_advice() {
                if row.end != End::Pending {
                    continue;
                }
                *self.advice.entry(note.reason).or_default() += 1;
            } else if let Some(field) = note.slot.and_then(|slot| self.fields.get_mut(usize::from(slot.0))) {
                *field.dropped.entry(note.reason).or_default() += 1;
            }
        }
    }

    /// Writes down what was learnt.
    pub fn conclude(self, findings: &mut Findings) {
        let by_event = self.tally.by_event();
        let is_flooded = by_event.len() > MOST_NAMES;
        if self.tally.differing_copies > 0 {
            findings.warnings.push(differing_copies_warning(self.tally.differing_copies));
        }
        if is_flooded {
            findings.warnings.push(format!(
                "events have more than {MOST_NAMES} different names: is [columns] event_name the right column? Names \
                 that are not Meta's are not shown"
            ));
        }
        for (name, counts) in by_event {
            let shown = shown_name(&name, is_flooded);
            if shown == name {
                findings.warnings.extend(near_miss_warning(&name));
            }
            *findings.by_event.entry(shown.to_owned()).or_default() += counts.into();
        }
        findings.rows.read = self.rows;
        findings.counts = self.tally.total().into();
        findings.by_reason = codes(&self.tally.by_reason);
        findings.advice = codes(&self.advice);
        findings.match_keys = self.coverage.shares();
        findings.match_key_events = self.coverage.counts();
        findings.differing_copies = self.tally.differing_copies;
        findings.fields = self.fields.into_iter().map(FieldFacts::into_findings).collect();
        findings.key_sets = self.sets.into_iter().map(|(keys, rows)| SetFindings::new(keys, rows)).collect();
        findings.key_sets.sort_by_key(|set| std::cmp::Reverse(set.rows));
        let names = BANDS.iter().map(|(_, name)| *name).chain([OLDEST_BAND]);
        let bounds = BANDS.iter().map(|(bound, _)| Some(*bound));
        let (from, to) = ([None].into_iter().chain(bounds.clone()), bounds.chain([None]));
        findings.ages = names
            .zip(from.zip(to))
            .zip(self.bands)
            .map(|((name, (from_seconds, to_seconds)), rows)| AgeBand { name, from_seconds, to_seconds, rows })
            .collect();
        findings.newest_age_seconds = self.newest;
    }
}

impl FieldFacts {
    fn into_findings(self) -> FieldFindings {
        let (column, is_constant) = match self.origin {
            Origin::Column(name) | Origin::Preset(name) => (Some(name), false),
            Origin::Constant(_) => (None, true),
        };
        FieldFindings {
            name: self.name,
            column,
            column_type: None,
            is_constant,
            is_absent: self.is_absent,
            leaves: self.leaves,
            hashed_in: self.hashed_in,
            present: self.present,
            valid: self.valid,
            dropped: codes(&self.dropped),
        }
    }
}

fn codes(reasons: &BTreeMap<Reason, u64>) -> BTreeMap<&'static str, u64> {
    reasons.iter().map(|(reason, count)| (reason.code(), *count)).collect()
}

/// The name of an event, unless it may be somebody's: a wrong column can stand for the name.
fn shown_name(name: &str, is_flooded: bool) -> &str {
    let is_known = STANDARD.contains(&name) || name == FALLBACK_NAME || near_miss(name).is_some();
    if is_known || !(is_flooded || looks_personal(name)) { name } else { "(not shown)" }
}

/// In which form what feeds a field leaves.
fn leaves(field: Field, external_id: ExternalIdForm) -> Leaves {
    let id = match external_id {
        ExternalIdForm::Hashed => Leaves::Hashed,
        ExternalIdForm::Raw => Leaves::Clear,
    };
    match field {
        Field::Match(MatchKey::ExternalId) | Field::PersonId => id,
        Field::Match(key) if key.is_hashed() => Leaves::Hashed,
        Field::FullName => Leaves::Hashed,
        // These only decide what is sent.
        Field::Consent | Field::SourceName => Leaves::Not,
        Field::EventId
        | Field::EventTime
        | Field::EventName
        | Field::ActionSource
        | Field::EventSourceUrl
        | Field::ReferrerUrl
        | Field::OptOut
        | Field::DataProcessingOptions
        | Field::DataProcessingCountry
        | Field::DataProcessingState
        | Field::MessagingChannel
        | Field::AdvancedMeasurementTable
        | Field::Fbclid
        | Field::FbclidTime
        | Field::Match(_) => Leaves::Clear,
    }
}

impl From<Counts> for EventCounts {
    fn from(counts: Counts) -> Self {
        let Counts { selected, rejected, expired, skipped, deferred, pending, collapsed, .. } = counts;
        Self { selected, sendable: pending, rejected, expired, skipped, deferred, collapsed }
    }
}

#[cfg(test)]
mod tests;
