//! A record batch whose columns are bound to the fields that they feed.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use chrono_tz::Tz;

use super::columns::{Columns, CustomField, Field, Origin};
use super::texts::{Texts, Times};
use crate::meta::MatchKey;
use crate::source::{COPIES_COLUMN, COPIES_DIFFER_COLUMN};

/// A column that holds a type from which its field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} has type {data_type}, from which {field} cannot be read")]
pub struct UnreadableColumn {
    /// The column's name.
    pub column: String,
    /// Its Arrow type.
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
    pub(super) action_source: Texts<'a>,
    pub(super) event_source_url: Texts<'a>,
    pub(super) referrer_url: Texts<'a>,
    pub(super) opt_out: Texts<'a>,
    pub(super) person_id: Texts<'a>,
    pub(super) full_name: Texts<'a>,
    pub(super) fbclid: Texts<'a>,
    pub(super) fbclid_time: Times<'a>,
    pub(super) consent: Option<Texts<'a>>,
    /// The columns of `user_data`, those without a column left out, in the order of [`MatchKey::ALL`].
    pub(super) matches: Vec<(MatchKey, Texts<'a>)>,
    pub(super) custom: Vec<(&'a CustomField, Texts<'a>)>,
    copies: Texts<'a>,
    copies_differ: Texts<'a>,
    rows: usize,
}

impl<'a> Table<'a> {
    /// Binds a batch; timestamps without zone that the source left as they were are read in `zone`.
    pub fn bind(batch: &'a RecordBatch, columns: &'a Columns, zone: Tz) -> Result<Self, UnreadableColumn> {
        let binder = Binder { batch, zone };
        let field = |field: Field| match columns.origin(field) {
            Some(origin) => binder.texts(origin, field.name()),
            None => Ok(Texts::Absent),
        };
        let time = |field: Field| match columns.origin(field) {
            Some(origin) => binder.times(origin, field.name()),
            None => Ok(Times::Texts(Texts::Absent, zone)),
        };
        let mut matches = Vec::new();
        for key in MatchKey::ALL {
            match field(Field::Match(key))? {
                Texts::Absent => {}
                texts => matches.push((key, texts)),
            }
        }
        let mut custom = Vec::new();
        for custom_field in columns.custom() {
            match binder.texts(&custom_field.origin, &custom_field.key)? {
                Texts::Absent => {}
                texts => custom.push((custom_field, texts)),
            }
        }
        Ok(Self {
            id: field(Field::EventId)?,
            time: time(Field::EventTime)?,
            name: field(Field::EventName)?,
            action_source: field(Field::ActionSource)?,
            event_source_url: field(Field::EventSourceUrl)?,
            referrer_url: field(Field::ReferrerUrl)?,
            opt_out: field(Field::OptOut)?,
            person_id: field(Field::PersonId)?,
            full_name: field(Field::FullName)?,
            fbclid: field(Field::Fbclid)?,
            fbclid_time: time(Field::FbclidTime)?,
            consent: columns.origin(Field::Consent).map(|_| field(Field::Consent)).transpose()?,
            matches,
            custom,
            copies: binder.named(COPIES_COLUMN, "the number of copies")?,
            copies_differ: binder.named(COPIES_DIFFER_COLUMN, "whether copies differ")?,
            rows: batch.num_rows(),
        })
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

    /// Whether the rows that a row stands for differ.
    pub fn copies_differ(&self, row: usize) -> bool {
        self.copies_differ.get(row).is_some_and(|text| matches!(text, "true" | "1"))
    }
}

struct Binder<'a> {
    batch: &'a RecordBatch,
    zone: Tz,
}

impl<'a> Binder<'a> {
    fn texts(&self, origin: &'a Origin, field: &str) -> Result<Texts<'a>, UnreadableColumn> {
        match origin {
            Origin::Constant(text) => Ok(Texts::Constant(text)),
            Origin::Column(name) | Origin::Preset(name) => self.named(name, field),
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
