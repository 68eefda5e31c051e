//! `[columns]`, `[phone]`, `[external_id]` and `[privacy]`: what is known of people, and how it is told.

use super::Context;
use super::reader::{ColumnOrValue, Reader};
use crate::event::columns::{CUSTOM_KEYS, Columns, Field, Origin, Preset};
use crate::meta::normalize::{Country, ExternalIdForm, Settings};

impl Context<'_> {
    /// Reads how customer data is normalised.
    pub(super) fn normalize(&self, reader: &mut Reader<'_>, date_format: Option<String>) -> Settings {
        let mut section = reader.section("phone");
        let phone_country = section.text("default_country").and_then(|found| {
            let country = Country::parse(&found.value);
            if country.is_none() {
                section.mistake(&found.place, "default_country", "must be a country of ISO 3166-1, such as \"US\"");
            }
            country
        });
        let assume_international = section.flag("assume_international");
        section.end();
        let mut section = reader.section("external_id");
        let forms = [("hashed", ExternalIdForm::Hashed), ("raw", ExternalIdForm::Raw)];
        let external_id = section.choice("form", &forms, "hashed").unwrap_or(ExternalIdForm::Hashed);
        section.end();
        Settings { phone_country, assume_international, today: self.machine.today, date_format, external_id }
    }
}

/// Reads which column or value feeds which field, on top of a preset.
pub(super) fn columns(reader: &mut Reader<'_>, preset: Preset) -> Columns {
    let mut columns = Columns::new(preset);
    let origin = |found: ColumnOrValue| match found {
        ColumnOrValue::Column(name) => Origin::Column(name),
        ColumnOrValue::Value(text) => Origin::Constant(text),
    };
    let mut section = reader.section("columns");
    section.know("custom_data");
    for key in Field::names().chain(CUSTOM_KEYS) {
        let Some(found) = section.origin(key) else { continue };
        if matches!(key, "event_id" | "event_time") && matches!(found.value, ColumnOrValue::Value(_)) {
            section.mistake(&found.place, key, "must be a column: each event has its own");
            continue;
        }
        columns.set(key, origin(found.value));
    }
    section.end();
    let mut section = reader.section("columns.custom_data");
    for key in section.keys() {
        if let Some(found) = section.origin(&key) {
            columns.set_custom(&key, origin(found.value));
        }
    }
    section.end();
    columns
}

/// Whether the people in the table consented: a config must say.
pub(super) fn privacy(reader: &mut Reader<'_>, columns: &mut Columns) {
    let mut section = reader.section("privacy");
    let consent = section.origin("consent");
    match consent {
        Some(found) => match found.value {
            ColumnOrValue::Column(word) if word == "not-needed" => {}
            ColumnOrValue::Column(word) => drop(columns.set(Field::Consent.name(), Origin::Column(word))),
            ColumnOrValue::Value(_) => {
                section.mistake(&found.place, "consent", "must be \"not-needed\" or { column = \"…\" }");
            }
        },
        None if section.has("consent") => {}
        None => section.missing("consent", "say { column = \"…\" } or \"not-needed\""),
    }
    section.end();
}
