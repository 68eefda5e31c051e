//! A record batch whose columns are bound to the fields that they feed.

use arrow_array::RecordBatch;
use arrow_schema::DataType;

use super::columns::{Columns, CustomField, Origin, Part, Slot};
use super::field::Field;
use super::note::Note;
use super::reason::Reason;
use super::suit::{Want, of_field};
use super::texts::{Texts, Times};
use super::zone::Zone;
use crate::meta::{KeySet, MatchKey};
use crate::source::{COPIES_COLUMN, COPIES_DIFFER_COLUMN, KEY_COLUMN, Nature};

/// A column that holds a type from which its field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} has type {data_type}, from which {field} cannot be read")]
pub struct UnreadableColumn {
    /// The column's name.
    pub column: String,
    /// What it holds, as an Arrow type.
    pub data_type: DataType,
    /// The field or key that it was to feed.
    pub field: String,
}

/// A record batch whose columns are bound to the fields that they feed.
#[derive(Debug)]
pub struct Table<'a> {
    pub(super) id: Texts<'a>,
    pub(super) time: Times<'a>,
    pub(super) name: Texts<'a>,
    pub(super) source_name: Texts<'a>,
    pub(super) action_source: Texts<'a>,
    pub(super) event_source_url: Texts<'a>,
    pub(super) referrer_url: Texts<'a>,
    pub(super) opt_out: Texts<'a>,
    pub(super) processing: Texts<'a>,
    pub(super) processing_country: Texts<'a>,
    pub(super) processing_state: Texts<'a>,
    pub(super) channel: Texts<'a>,
    pub(super) measurement: Texts<'a>,
    pub(super) person_id: Texts<'a>,
    pub(super) full_name: Texts<'a>,
    /// The digest of the last name within a full one, where the first one stands as the full name.
    pub(super) full_name_last: Texts<'a>,
    pub(super) fbclid: Texts<'a>,
    pub(super) fbclid_time: Times<'a>,
    pub(super) consent: Option<Texts<'a>>,
    /// The columns of `user_data`, those without a column left out, in the order of [`MatchKey::ALL`].
    pub(super) matches: Vec<(MatchKey, Texts<'a>)>,
    pub(super) custom: Vec<BoundKey<'a>>,
    pub(super) parts: Vec<BoundPart<'a>>,
    /// What the warehouse has hashed.
    pub(super) hashed: HashedThere,
    pub(super) columns: &'a Columns,
    pub(super) zone: Zone,
    copies: Texts<'a>,
    copies_differ: Texts<'a>,
    key: Texts<'a>,
    rows: usize,
}

/// Which fields come as digests that the warehouse has made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HashedThere {
    pub(super) keys: KeySet,
    pub(super) person_id: bool,
    pub(super) full_name: bool,
}

/// A key of `custom_data` with its column.
#[derive(Debug)]
pub(super) struct BoundKey<'a> {
    pub(super) field: &'a CustomField,
    pub(super) nature: Nature,
    pub(super) slot: Slot,
    pub(super) texts: Texts<'a>,
}

/// A key of an object, or a whole one, with its column.
#[derive(Debug)]
pub(super) struct BoundPart<'a> {
    pub(super) part: &'a Part,
    pub(super) slot: Slot,
    pub(super) texts: Texts<'a>,
}

impl<'a> Table<'a> {
    /// Binds a batch; timestamps without zone that the source left as they were are read in `zone`.
    pub fn bind(batch: &'a RecordBatch, columns: &'a Columns, zone: Zone) -> Result<Self, UnreadableColumn> {
        let binder = Binder { batch, zone };
        let field = |field: Field| match (columns.hashed_in_warehouse(field), columns.origin(field)) {
            ([digest, ..], _) => binder.named(&digest.column(), field.name()),
            ([], Some(origin)) => binder.suited(origin, field).and_then(|()| binder.texts(origin, field.name())),
            ([], None) => Ok(Texts::Absent),
        };
        let full_name_last = match columns.hashed_in_warehouse(Field::FullName) {
            [_, last] => binder.named(&last.column(), Field::FullName.name())?,
            _ => Texts::Absent,
        };
        let mut hashed = HashedThere {
            keys: KeySet::default(),
            person_id: !columns.hashed_in_warehouse(Field::PersonId).is_empty(),
            full_name: !columns.hashed_in_warehouse(Field::FullName).is_empty(),
        };
        let time = |field: Field| match columns.origin(field) {
            Some(origin) => binder.suited(origin, field).and_then(|()| binder.times(origin, field.name())),
            None => Ok(Times::Texts(Texts::Absent, zone)),
        };
        let mut matches = Vec::new();
        for key in MatchKey::ALL {
            match field(Field::Match(key))? {
                Texts::Absent => {}
                texts => {
                    matches.push((key, texts));
                    if !columns.hashed_in_warehouse(Field::Match(key)).is_empty() {
                        hashed.keys.insert(key);
                    }
                }
            }
        }
        let mut custom = Vec::new();
        for (index, field) in columns.custom().iter().enumerate() {
            match binder.texts(&field.origin, &field.key)? {
                Texts::Absent => {}
                texts => {
                    let nature = binder.nature(&field.origin);
                    custom.push(BoundKey { field, nature, slot: columns.custom_slot(index), texts });
                }
            }
        }
        let mut parts = Vec::new();
        for (index, part) in columns.parts().iter().enumerate() {
            let name = part.key.map_or(part.object.wire(), |(key, _)| key);
            match binder.texts(&part.origin, name)? {
                Texts::Absent => {}
                texts => parts.push(BoundPart { part, slot: columns.part_slot(index), texts }),
            }
        }
        Ok(Self {
            id: field(Field::EventId)?,
            time: time(Field::EventTime)?,
            name: field(Field::EventName)?,
            source_name: field(Field::SourceName)?,
            action_source: field(Field::ActionSource)?,
            event_source_url: field(Field::EventSourceUrl)?,
            referrer_url: field(Field::ReferrerUrl)?,
            opt_out: field(Field::OptOut)?,
            processing: field(Field::DataProcessingOptions)?,
            processing_country: field(Field::DataProcessingCountry)?,
            processing_state: field(Field::DataProcessingState)?,
            channel: field(Field::MessagingChannel)?,
            measurement: field(Field::AdvancedMeasurementTable)?,
            person_id: field(Field::PersonId)?,
            full_name: field(Field::FullName)?,
            full_name_last,
            fbclid: field(Field::Fbclid)?,
            fbclid_time: time(Field::FbclidTime)?,
            consent: columns.origin(Field::Consent).map(|_| field(Field::Consent)).transpose()?,
            matches,
            custom,
            parts,
            hashed,
            columns,
            zone,
            copies: binder.named(COPIES_COLUMN, "the number of copies")?,
            copies_differ: binder.named(COPIES_DIFFER_COLUMN, "whether copies differ")?,
            key: binder.named(KEY_COLUMN, "the key")?,
            rows: batch.num_rows(),
        })
    }

    /// A note about a field.
    pub(super) fn note(&self, field: Field, reason: Reason) -> Note {
        Note { slot: self.columns.slot(field), reason }
    }

    /// The slots that hold something in a row: a cell that is neither null nor blank, or a constant.
    pub fn filled(&self, row: usize) -> impl Iterator<Item = Slot> {
        let is_filled = move |field: Field| match field {
            Field::EventTime => self.time.get(row).is_some(),
            Field::FbclidTime => self.fbclid_time.get(row).is_some(),
            Field::Match(key) => self.matches.iter().any(|(known, texts)| *known == key && texts.filled(row).is_some()),
            text => self.texts(text).is_some_and(|texts| texts.filled(row).is_some()),
        };
        let fields = self.columns.fields().filter(move |field| is_filled(*field));
        let custom = self.custom.iter().filter(move |key| key.texts.filled(row).is_some()).map(|key| key.slot);
        let parts = self.parts.iter().filter(move |part| part.texts.filled(row).is_some()).map(|part| part.slot);
        fields.filter_map(|field| self.columns.slot(field)).chain(custom).chain(parts)
    }

    /// The column of a field that is read as text.
    fn texts(&self, field: Field) -> Option<&Texts<'a>> {
        match field {
            Field::EventId => Some(&self.id),
            Field::EventName => Some(&self.name),
            Field::SourceName => Some(&self.source_name),
            Field::ActionSource => Some(&self.action_source),
            Field::EventSourceUrl => Some(&self.event_source_url),
            Field::ReferrerUrl => Some(&self.referrer_url),
            Field::OptOut => Some(&self.opt_out),
            Field::DataProcessingOptions => Some(&self.processing),
            Field::DataProcessingCountry => Some(&self.processing_country),
            Field::DataProcessingState => Some(&self.processing_state),
            Field::MessagingChannel => Some(&self.channel),
            Field::AdvancedMeasurementTable => Some(&self.measurement),
            Field::PersonId => Some(&self.person_id),
            Field::FullName => Some(&self.full_name),
            Field::Fbclid => Some(&self.fbclid),
            Field::Consent => self.consent.as_ref(),
            Field::EventTime | Field::FbclidTime | Field::Match(_) => None,
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many rows of the table a row stands for, at least one.
    pub fn copies(&self, row: usize) -> u64 {
        self.copies.get(row).and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
    }

    /// The key by which the source has found that a row was not sent, as hex, if it looked.
    pub fn unsent_key(&self, row: usize) -> Option<&str> {
        self.key.get(row)
    }

    /// Whether the rows that a row stands for differ.
    pub fn copies_differ(&self, row: usize) -> bool {
        self.copies_differ.get(row).is_some_and(|text| matches!(text, "true" | "1"))
    }
}

struct Binder<'a> {
    batch: &'a RecordBatch,
    zone: Zone,
}

impl<'a> Binder<'a> {
    fn texts(&self, origin: &'a Origin, field: &str) -> Result<Texts<'a>, UnreadableColumn> {
        match origin {
            Origin::Constant(text) => Ok(Texts::Constant(text)),
            Origin::Column(name) | Origin::Preset(name) => self.named(name, field),
        }
    }

    /// Refuses a column of yes and no for a field that takes something else: `true` would be hashed as a name.
    fn suited(&self, origin: &Origin, field: Field) -> Result<(), UnreadableColumn> {
        let takes_flags = matches!(of_field(field), Want::Flag | Want::Anything);
        let flags = origin.column().and_then(|name| self.position(name));
        match flags.filter(|at| !takes_flags && Nature::of(self.batch.schema_ref().field(*at)) == Nature::Flag) {
            Some(at) => Err(UnreadableColumn { data_type: DataType::Boolean, ..self.unreadable(at, field.name()) }),
            None => Ok(()),
        }
    }

    fn named(&self, name: &str, field: &str) -> Result<Texts<'a>, UnreadableColumn> {
        let Some(at) = self.position(name) else { return Ok(Texts::Absent) };
        let column = self.batch.column(at);
        Texts::bind(column).ok_or_else(|| self.unreadable(at, field))
    }

    fn times(&self, origin: &'a Origin, field: &str) -> Result<Times<'a>, UnreadableColumn> {
        match origin {
            Origin::Constant(text) => Ok(Times::Texts(Texts::Constant(text), self.zone)),
            Origin::Column(name) | Origin::Preset(name) => {
                let Some(at) = self.position(name) else { return Ok(Times::Texts(Texts::Absent, self.zone)) };
                Times::bind(self.batch.column(at), self.zone).ok_or_else(|| self.unreadable(at, field))
            }
        }
    }

    fn nature(&self, origin: &Origin) -> Nature {
        let at = origin.column().and_then(|name| self.position(name));
        at.map_or(Nature::Text, |at| Nature::of(self.batch.schema_ref().field(at)))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.batch.schema_ref().fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
    }

    fn unreadable(&self, at: usize, field: &str) -> UnreadableColumn {
        let schema = self.batch.schema_ref();
        UnreadableColumn {
            column: schema.field(at).name().clone(),
            data_type: self.batch.column(at).data_type().clone(),
            field: field.to_owned(),
        }
    }
}
