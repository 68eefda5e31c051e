//! What feeds a field, as written: a column or a constant, and for a key of `custom_data` how it is to be written.

use toml::de::{DeTable, DeValue};

use super::reader::{Form, Found, Raw, Section, toml_text};
use crate::source::Nature;

/// What feeds a field, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnOrValue {
    /// A column.
    Column(String),
    /// The same value for every row, as text, and what it is in the file.
    Value(String, Nature),
}

/// What feeds a key of `custom_data`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feed {
    /// The column or value.
    pub(super) origin: ColumnOrValue,
    /// How it is to be written.
    pub(super) kind: Option<String>,
    /// Whether the owner says what it is.
    pub(super) is_personal: Option<bool>,
}

impl Feed {
    fn read(table: &DeTable<'_>) -> Option<Self> {
        let (mut origin, mut kind, mut is_personal) = (None, None, None);
        for (key, value) in table {
            let value = value.get_ref();
            match key.get_ref().as_ref() {
                "column" if origin.is_none() => origin = Some(ColumnOrValue::Column(value.as_str()?.to_owned())),
                "value" if origin.is_none() => {
                    let (text, nature) = scalar(value)?;
                    origin = Some(ColumnOrValue::Value(text, nature));
                }
                "as" => kind = Some(value.as_str()?.to_owned()),
                "personal" => is_personal = Some(value.as_bool()?),
                _ => return None,
            }
        }
        Some(Self { origin: origin?, kind, is_personal })
    }
}

impl Section<'_, '_> {
    /// A column by its name, `{ column = "…" }` or `{ value = … }`.
    pub(super) fn origin(&mut self, key: &str) -> Option<Found<ColumnOrValue>> {
        let found = self.feed(key);
        self.ask(key, Form::Origin);
        let found = found?;
        if found.value.kind.is_some() || found.value.is_personal.is_some() {
            self.mistake(&found.place, key, "takes no `as` and no `personal`: they are for custom_data");
        }
        Some(Found { value: found.value.origin, place: found.place })
    }

    /// What feeds a key of `custom_data`: as above, and beside it `as = "…"` and `personal = false`.
    pub(super) fn feed(&mut self, key: &str) -> Option<Found<Feed>> {
        self.ask(key, Form::Feed);
        let found = self.find(key)?;
        let column =
            |name: &str| Feed { origin: ColumnOrValue::Column(name.to_owned()), kind: None, is_personal: None };
        let feed = match &found.value {
            Raw::Text(text) => Some(column(text)),
            Raw::Toml(DeValue::String(text)) => Some(column(text)),
            Raw::Toml(DeValue::Table(table)) => Feed::read(table),
            Raw::Toml(_) => None,
        };
        let Some(feed) = feed else {
            self.mistake(&found.place, key, "must be a column's name, { column = \"…\" } or { value = … }");
            return None;
        };
        let mut shown = match &feed.origin {
            ColumnOrValue::Column(name) => toml_text(name),
            ColumnOrValue::Value(value, _) => format!("{{ value = {} }}", toml_text(value)),
        };
        if let Some(kind) = &feed.kind {
            shown.push_str(", as ");
            shown.push_str(kind);
        }
        self.show(key, &shown, &found.place);
        Some(Found { value: feed, place: found.place })
    }
}

/// A number or flag with the very digits that were written, or a text, and which of them it is.
fn scalar(value: &DeValue<'_>) -> Option<(String, Nature)> {
    match value {
        DeValue::String(text) => Some((text.to_string(), Nature::Text)),
        DeValue::Integer(number) if number.radix() == 10 => Some((number.as_str().to_owned(), Nature::Number)),
        DeValue::Float(number) => Some((number.as_str().to_owned(), Nature::Number)),
        DeValue::Boolean(flag) => Some((flag.to_string(), Nature::Flag)),
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
