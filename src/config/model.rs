//! `[model]`: the dbt model that makes the table, as far as the other sections do not say it.

use std::path::Path;

use super::reader::{Mistake, Overrides, Reader, Section};
use super::{Context, Machine, Purpose, Refused, meta, people, read};
use crate::event::columns::{Columns, Origin};
use crate::event::field::Field;
use crate::event::preset::Preset;
use crate::event::rules::NameRules;
use crate::model::{Column, Content, Model, People, TargetEvent, USUAL_CURRENCY, USUAL_EVENTS, usual_columns};
use crate::source::snowflake::table_name;

/// The name of the model in the customer's design, which holds where rows come from files.
const USUAL_NAME: &str = "facebook_events";

/// The beginnings of what dbt carries out in a model. Source: Jinja, "Template Designer Documentation", "Synopsis".
const TEMPLATE_MARKS: [&str; 3] = ["{{", "{%", "{#"];

/// What `[model]` says.
pub(super) struct ModelSection {
    people: People,
    events: Vec<String>,
    sources: Vec<String>,
    role: String,
    send_log: Option<String>,
    content_types: Vec<(String, String)>,
}

/// Reads the section.
pub(super) fn section(reader: &mut Reader<'_>) -> ModelSection {
    let mut section = reader.section("model");
    section.know("content_types");
    let people = section.choice("schema", &People::NAMES, "persons").unwrap_or(People::Persons);
    let events = texts(&mut section, "events");
    let sources = texts(&mut section, "sources");
    let role = section.text_or("role", "customer");
    check(&mut section, &role.place, "role", &role.value);
    let send_log = section.text("send_log").and_then(|found| match table_name(&found.value) {
        Ok((name, _)) => {
            check(&mut section, &found.place, "send_log", &name);
            Some(name)
        }
        Err(what) => {
            section.mistake(&found.place, "send_log", &format!("{what}: write it as DATABASE.SCHEMA.TABLE"));
            None
        }
    });
    section.end();
    let mut section = reader.section("model.content_types");
    let mut content_types = Vec::new();
    for event in section.keys() {
        if let Some(found) = section.text(&event) {
            check(&mut section, &found.place, &event, &found.value);
            content_types.push((event, found.value));
        }
    }
    section.end();
    ModelSection { people, events, sources, role: role.value, send_log, content_types }
}

/// Reads what the model needs, and leaves the rest of the file unread: no secret, no connection.
pub fn load_model(file: &Path, machine: Machine<'_>) -> Result<Model, Refused> {
    let (file_name, text) = read(file)?;
    let mut reader = Reader::new(&file_name, &text, Overrides { environment: machine.environment, flags: &[] });
    if !reader.mistakes.is_empty() {
        return Err(Refused { mistakes: reader.mistakes, shown: Vec::new() });
    }
    let context = Context { file, purpose: Purpose::Show, machine };
    let preset = context.source(&mut reader).preset;
    let meta = context.meta(&mut reader);
    let mut columns = people::columns(&mut reader, preset);
    let rules = meta::names(&mut reader).rules;
    people::privacy(&mut reader, &mut columns);
    let section = section(&mut reader);
    let (events, mut notes) = target_events(&section, &rules);
    let mut mistake = |key: &str, what: String| {
        reader.mistakes.push(Mistake { place: file_name.clone(), key: key.to_owned(), what });
    };
    match preset {
        Preset::FacebookEvents => {}
        Preset::MarketingConversionsFacebook => {
            mistake("[source] preset", "is a view that dbt-nexus makes: it needs no model".to_owned());
        }
    }
    for (event, _) in &section.content_types {
        if !events.iter().any(|known| known.name == *event) {
            let what = format!("names no event of the model: {event}; name it in [events] or in [model] events");
            mistake("[model.content_types]", what);
        }
    }
    let made = made_columns(&columns, &mut notes);
    let mapped = events.iter().flat_map(|event| [Some(&event.name), event.sent_as.as_ref()]);
    for (key, text) in mapped.flatten().map(|text| ("[events]", text)).chain(column_texts(&made)) {
        if let Err(what) = check_text(text) {
            mistake(key, format!("has a text that {what}"));
        }
    }
    let table = reader.section("source").text("table").map(|found| found.value);
    let mut mistakes = reader.mistakes;
    mistakes.sort_by_key(Mistake::order);
    let (true, Some(meta)) = (mistakes.is_empty(), meta) else {
        return Err(Refused { mistakes, shown: Vec::new() });
    };
    Ok(Model {
        name: model_name(table.as_deref()),
        dataset_id: meta.graph.dataset_id,
        people: section.people,
        events,
        sources: section.sources,
        role: section.role,
        send_log: section.send_log,
        columns: made,
        notes,
    })
}

/// The events that the model takes, and what people should know of them.
///
/// What `[events]` renames is the case statement of the model; without it, that of the customer's design is.
fn target_events(section: &ModelSection, rules: &[NameRules]) -> (Vec<TargetEvent>, Vec<String>) {
    let mut notes = Vec::new();
    let mut mapping: Vec<(&str, &str)> =
        rules.iter().filter_map(|rules| Some((rules.name.as_str(), rules.rename.as_deref()?))).collect();
    if mapping.is_empty() {
        mapping = USUAL_EVENTS.to_vec();
        let names: Vec<String> = mapping.iter().map(|(name, sent_as)| format!("\"{name}\" = \"{sent_as}\"")).collect();
        notes.push(format!("[events] maps no event, so the model has the usual ones: {}", names.join(", ")));
    }
    let names: Vec<&str> = match section.events.as_slice() {
        [] => mapping.iter().map(|(name, _)| *name).collect(),
        events => events.iter().map(String::as_str).collect(),
    };
    let events = names.into_iter().map(|name| TargetEvent {
        name: name.to_owned(),
        sent_as: mapping.iter().find(|(known, _)| *known == name).map(|(_, sent_as)| (*sent_as).to_owned()),
        content_type: section.content_types.iter().find(|(known, _)| known == name).map(|(_, what)| what.clone()),
    });
    let events: Vec<TargetEvent> = events.collect();
    let unmapped: Vec<&str> =
        events.iter().filter(|event| event.sent_as.is_none()).map(|event| event.name.as_str()).collect();
    if !unmapped.is_empty() {
        notes.push(format!("[events] has no name for {}, so it becomes Other", unmapped.join(", ")));
    }
    (events, notes)
}

/// The columns that the model makes: those from which `[columns]` feeds fbcapi, and nothing that is excluded.
fn made_columns(columns: &Columns, notes: &mut Vec<String>) -> Vec<Column> {
    let usual = usual_columns();
    let mut made: Vec<Column> = Vec::new();
    for (usual_name, fed, content) in &usual {
        let (name, content) = match fed.map(|fed| (fed, origin(columns, fed))) {
            None if is_of_click(content) && origin(columns, "fbclid").is_none() => continue,
            None => (*usual_name, content.clone()),
            // What is excluded is not even made.
            Some((_, None)) => continue,
            Some((_, Some(Origin::Constant(text)))) => (*usual_name, Content::Constant(text.clone())),
            Some((_, Some(Origin::Column(name)))) if name != usual_name && is_usual(name) => continue,
            Some((fed, Some(Origin::Column(name) | Origin::Preset(name)))) => {
                if fed == "currency" {
                    notes.push(format!(
                        "the model says that every value is in {USUAL_CURRENCY}: if not, say [columns] currency = \
                         {{ value = \"EUR\" }}, or \"value_unit\" where that column holds the currency"
                    ));
                }
                (name.as_str(), content.clone())
            }
        };
        made.push(Column { name: name.to_owned(), content });
    }
    for (slot, origin) in columns.slot_names().into_iter().zip(columns.slot_origins()) {
        let Origin::Column(name) = origin else { continue };
        if made.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let is_of_person = match Field::parse(&slot) {
            Some(Field::Match(key)) => key.is_hashed(),
            Some(field) => field == Field::Consent,
            None => false,
        };
        if is_of_person {
            made.push(Column { name: name.clone(), content: Content::Person(name.clone()) });
        } else {
            notes.push(format!("[columns] {slot} reads the column {name}, which you have to add to the model"));
        }
    }
    made
}

/// Where a field or a key of `custom_data` comes from, unless it is excluded.
fn origin<'a>(columns: &'a Columns, name: &str) -> Option<&'a Origin> {
    match Field::parse(name) {
        Some(field) => columns.origin(field),
        None => columns.custom().iter().find(|custom| custom.key == name).map(|custom| &custom.origin),
    }
}

/// Whether the customer's model has a column of that name.
fn is_usual(name: &str) -> bool {
    usual_columns().iter().any(|(usual, ..)| usual.eq_ignore_ascii_case(name))
}

/// Whether a column tells of the click.
fn is_of_click(content: &Content) -> bool {
    matches!(content, Content::Click(_))
}

/// The texts that columns bring into the model, each with the section that has them.
fn column_texts(made: &[Column]) -> impl Iterator<Item = (&'static str, &String)> {
    let constants = made.iter().filter_map(|column| match &column.content {
        Content::Constant(text) => Some(text),
        Content::Event(_)
        | Content::PersonId
        | Content::Person(_)
        | Content::Click(_)
        | Content::MetaName
        | Content::ContentType
        | Content::Now => None,
    });
    made.iter().map(|column| &column.name).chain(constants).map(|text| ("[columns]", text))
}

/// The name of the model that makes a table: the table's own in lower case, as dbt's models are called.
fn model_name(table: Option<&str>) -> String {
    let name = table.and_then(|table| table_name(table).ok()).map(|(_, name)| name.to_ascii_lowercase());
    let is_plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    name.filter(is_plain).unwrap_or_else(|| USUAL_NAME.to_owned())
}

/// Reads texts that go into the model.
fn texts(section: &mut Section<'_, '_>, key: &str) -> Vec<String> {
    let found = section.texts(key);
    for text in &found.value {
        check(section, &found.place, key, text);
    }
    found.value
}

/// Notes a mistake if a text cannot stand in the model.
fn check(section: &mut Section<'_, '_>, place: &str, key: &str, text: &str) {
    if let Err(what) = check_text(text) {
        section.mistake(place, key, what);
    }
}

/// Whether a text can stand in the model: quotes are no matter, but what dbt would carry out is.
fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.chars().any(char::is_control) {
        Err("holds a control character")
    } else if TEMPLATE_MARKS.iter().any(|mark| text.contains(mark)) {
        Err("holds {{, {% or {#, which dbt would carry out")
    } else {
        Ok(())
    }
}
