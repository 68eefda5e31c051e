//! `[columns]`, `[phone]`, `[external_id]` and `[privacy]`: what is known of people, and how it is told.

use super::Context;
use super::feed::ColumnOrValue;
use super::reader::{Found, Reader, Section, did_you_mean};
use super::source::Kind as SourceKind;
use crate::event::columns::{CUSTOM_KEYS, Columns, CustomField, HashIn, Origin, Personal};
use crate::event::field::Field;
use crate::event::object::Object;
use crate::event::personal::is_personal_name;
use crate::event::preset::Preset;
use crate::event::value::Kind;
use crate::meta::MatchKey;
use crate::meta::normalize::{Country, ExternalIdForm, Settings};
use crate::source::Nature;

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
    let mut section = reader.section("columns");
    section.know("custom_data");
    for key in Field::names() {
        let Some(found) = section.origin(key) else { continue };
        if matches!(key, "event_id" | "event_time") && matches!(found.value, ColumnOrValue::Value(..)) {
            section.mistake(&found.place, key, "must be a column: each event has its own");
            continue;
        }
        columns.set(key, origin(found.value));
    }
    for (key, _) in CUSTOM_KEYS {
        custom(&mut section, key, &mut columns);
    }
    let mut objects = Vec::new();
    for object in Object::ALL {
        if section.is_section(object.wire()) {
            section.know(object.wire());
            objects.push(object);
        } else if let Some(found) = section.origin(object.wire()) {
            columns.set(object.wire(), origin(found.value));
        }
    }
    for field in [Field::DataProcessingCountry, Field::DataProcessingState] {
        if columns.origin(field).is_some() && columns.origin(Field::DataProcessingOptions).is_none() {
            section.missing("data_processing_options", &format!("{} says nothing without it", field.name()));
        }
    }
    section.end();
    for object in objects {
        let mut section = reader.section_of(&["columns", object.wire()]);
        for (key, _) in object.keys() {
            if let Some(found) = section.origin(key) {
                columns.set_part(object, key, origin(found.value));
            }
        }
        section.end();
    }
    let mut section = reader.section("columns.custom_data");
    for key in section.keys() {
        match Object::parse(&key).filter(|object| object.is_custom()) {
            Some(_) => drop(section.origin(&key).map(|found| columns.set(&key, origin(found.value)))),
            None => custom(&mut section, &key, &mut columns),
        }
    }
    section.end();
    columns
}

fn origin(found: ColumnOrValue) -> Origin {
    match found {
        ColumnOrValue::Column(name) => Origin::Column(name),
        ColumnOrValue::Value(text, _) => Origin::Constant(text),
    }
}

/// Reads what feeds a key of `custom_data`. One whose name says that it is personal is refused, unless the owner says
/// that it is not.
fn custom(section: &mut Section<'_, '_>, key: &str, columns: &mut Columns) {
    let Some(Found { value: feed, place }) = section.feed(key) else { return };
    let known = CUSTOM_KEYS.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind);
    let asked = feed.kind.as_deref().map(|word| Kind::NAMES.iter().find(|(name, _)| *name == word));
    let kind = match (asked, known, &feed.origin) {
        (Some(Some((_, kind))), None, _) => *kind,
        (Some(Some(_)), Some(_), _) => {
            section.mistake(&place, key, "takes no `as`: Meta says what it is");
            return;
        }
        (Some(None), ..) => {
            let words: Vec<String> = Kind::NAMES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            section.mistake(&place, key, &format!("`as` must be {}", words.join(" or ")));
            return;
        }
        (None, Some(Kind::Own) | None, ColumnOrValue::Value(_, Nature::Number)) => Kind::Number,
        (None, Some(Kind::Own) | None, ColumnOrValue::Value(_, Nature::Flag)) => Kind::Flag,
        (None, known, _) => known.unwrap_or(Kind::Own),
    };
    let personal = if feed.is_personal == Some(false) { Personal::Denied } else { Personal::Refused };
    if known.is_none() && personal == Personal::Refused && is_personal_name(key) {
        let what = "looks like personal data, which Meta forbids in custom_data: map it in [columns], where it is \
                    hashed, or write { column = \"…\", personal = false } if it is no one's";
        section.mistake(&place, key, what);
        return;
    }
    columns.set_custom(CustomField { key: key.to_owned(), kind, origin: origin(feed.origin), personal });
}

/// Whether the people in the table consented, which a config must say, and what never leaves.
pub(super) fn privacy(reader: &mut Reader<'_>, columns: &mut Columns) {
    let mut section = reader.section("privacy");
    let consent = section.origin("consent");
    match consent {
        Some(found) => match found.value {
            ColumnOrValue::Column(word) if word == "not-needed" => {}
            ColumnOrValue::Column(word) => drop(columns.set(Field::Consent.name(), Origin::Column(word))),
            ColumnOrValue::Value(..) => {
                section.mistake(&found.place, "consent", "must be \"not-needed\" or { column = \"…\" }");
            }
        },
        None if section.has("consent") => {}
        None => section.missing("consent", "say { column = \"…\" } or \"not-needed\""),
    }
    let excluded = section.texts("exclude_fields");
    for name in excluded.value {
        let field = Field::parse(&name);
        if matches!(field, Some(Field::EventId | Field::EventTime | Field::EventName | Field::Consent)) {
            section.mistake(
                &excluded.place,
                "exclude_fields",
                &format!("cannot hold {name}: no event goes without it"),
            );
        } else if !columns.exclude(&name) {
            let fields = Field::names().chain(CUSTOM_KEYS.iter().map(|(key, _)| *key));
            let known = fields.chain(Object::ALL.map(Object::wire));
            let what = format!("names no field: {name}{}", did_you_mean(&name, known, "", ""));
            section.mistake(&excluded.place, "exclude_fields", &what);
        }
    }
    let places = [("client", HashIn::Client), ("warehouse", HashIn::Warehouse)];
    columns.hash_in(section.choice("hash_in", &places, "client").unwrap_or_default());
    section.end();
}

/// Refuses a configuration under which clear values would leave the warehouse, or none could be hashed there.
pub(super) fn hashing(reader: &mut Reader<'_>, columns: &Columns, source: Option<SourceKind>, normalize: &Settings) {
    match columns.hashes_in() {
        HashIn::Client => {}
        HashIn::Warehouse => {
            let mut section = reader.section("privacy");
            let place = section.find("hash_in").map(|found| found.place).unwrap_or_default();
            for what in in_the_way(columns, source, normalize) {
                section.mistake(&place, "hash_in", &what);
            }
        }
    }
}

/// What keeps the warehouse from hashing all that is known of people.
fn in_the_way(columns: &Columns, source: Option<SourceKind>, normalize: &Settings) -> Vec<String> {
    if matches!(source, Some(SourceKind::File)) {
        return vec![
            "cannot be \"warehouse\" where [source] kind is \"file\": files are hashed on this machine".to_owned(),
        ];
    }
    let mut mistakes = Vec::new();
    let is_hashed = |field| !columns.hashed_in_warehouse(field).is_empty();
    let ids = [Field::Match(MatchKey::ExternalId), Field::PersonId];
    if normalize.external_id == ExternalIdForm::Raw && ids.into_iter().any(is_hashed) {
        let what = "\"warehouse\" keeps clear values in Snowflake, but [external_id] form = \"raw\" sends ids in the clear: \
                    set it to \"hashed\", or hash on this machine";
        mistakes.push(what.to_owned());
    }
    for (clear, hashed, column) in columns.clear_beside_hashed() {
        mistakes.push(format!(
            "\"warehouse\" keeps {hashed} in Snowflake, but its column {column} feeds {clear} too, which leaves in the \
             clear: take one of the two out of [columns]"
        ));
    }
    for key in [MatchKey::Ph, MatchKey::St, MatchKey::Zp] {
        let field = Field::Match(key);
        if is_hashed(Field::Match(MatchKey::Country)) && matches!(columns.origin(field), Some(Origin::Constant(_))) {
            mistakes.push(format!(
                "\"warehouse\" keeps the country of a row in Snowflake, where the one {} for all is not known: make it a \
                 column too",
                field.name()
            ));
        }
    }
    mistakes
}
