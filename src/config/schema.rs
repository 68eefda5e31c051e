//! The configuration as a JSON Schema, for editors that check and complete TOML.
//!
//! Nothing of it is written by hand twice: the keys and what they may hold are those that the sections are asked for
//! when the example is read with every key in force, the defaults are those that are then shown, and the descriptions
//! are the example's comments.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use toml::de::DeTable;

use super::reader::{Asked, Form, Overrides, Reader, Shown};
use super::{Context, Machine, Purpose, meta, model, people};
use crate::event::object::Object;
use crate::event::preset::Preset;
use crate::event::value::Kind;

/// The example, which names every key; a test holds it to the code.
const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Keys whose default is made of others.
const DERIVED: [(&str, &str); 1] = [("state", "path")];

/// Sections whose keys are any, each with a text.
const ANY_TEXTS: [[&str; 2]; 1] = [["model", "content_types"]];

/// Writes the schema of the configuration.
pub fn schema() -> Value {
    let (asked, _) = read(&every_key());
    let (_, shown) = read("");
    let descriptions = descriptions();
    let mut root = open();
    for Asked { section, key, form } in asked {
        let mut schema = of_form(&form);
        let path: Vec<&str> = section.iter().map(String::as_str).collect();
        if let Some(description) = descriptions.get(&(section.join("."), key.clone())) {
            schema["description"] = description.as_str().into();
        }
        if let Some(default) = default_of(&shown, &path, &key) {
            schema["default"] = default;
        }
        put(&mut root, &path, &key, schema);
    }
    for section in ANY_TEXTS {
        let place = section.iter().fold(&mut root, |place, part| within(place, part));
        *place = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    }
    root["title"] = "Configuration of fbcapi".into();
    root["$defs"] = defs();
    root
}

/// The example with every key in force.
fn every_key() -> String {
    settings(EXAMPLE).map(|(line, _)| line).collect::<Vec<_>>().join("\n")
}

/// Reads every section of a text, and gives what was asked for and what is in force.
fn read(text: &str) -> (Vec<Asked>, Vec<Shown>) {
    let nothing = |_: &str| None;
    let machine = Machine { environment: &nothing, variables: &Vec::new, today: NaiveDate::default() };
    let mut reader = Reader::new("config.toml", text, Overrides { environment: &nothing, flags: &[] });
    let context = Context { file: Path::new("config.toml"), purpose: Purpose::Show, machine };
    let date_format = context.source(&mut reader).date_format;
    drop(context.meta(&mut reader));
    let mut columns = people::columns(&mut reader, Preset::FacebookEvents);
    drop(meta::names(&mut reader));
    drop(context.normalize(&mut reader, date_format));
    people::privacy(&mut reader, &mut columns);
    drop(model::section(&mut reader));
    drop(context.state(&mut reader, None, None));
    drop(context.ping(&mut reader));
    (reader.asked, reader.shown)
}

/// Puts a key's schema where it belongs. Names of events and own keys of `custom_data` are any.
fn put(root: &mut Value, section: &[&str], key: &str, schema: Value) {
    let place = match section {
        ["events"] => return,
        ["events", _] => &mut within(root, "events")["additionalProperties"]["anyOf"][1],
        ["columns", "custom_data"] => {
            within(within(root, "columns"), "custom_data")["additionalProperties"] = schema;
            return;
        }
        ["columns", object] if Object::parse(object).is_some() => {
            let whole = json!([{ "$ref": "#/$defs/origin" }, open()]);
            let alternatives = &mut within(root, "columns")["properties"][*object]["anyOf"];
            if alternatives.is_null() {
                *alternatives = whole;
            }
            &mut alternatives[1]
        }
        parts => parts.iter().fold(root, |place, part| within(place, part)),
    };
    place["properties"][key] = schema;
}

/// The section of a name, which is made if it is not there yet.
fn within<'v>(place: &'v mut Value, name: &str) -> &'v mut Value {
    let section = &mut place["properties"][name];
    if section.is_null() {
        *section = match name {
            "events" => {
                json!({ "type": "object", "additionalProperties": { "anyOf": [{ "type": "string" }, open()] } })
            }
            _ => open(),
        };
    }
    section
}

/// A section to which keys can be added, and which has no other.
fn open() -> Value {
    json!({ "type": "object", "properties": Map::new(), "additionalProperties": false })
}

/// What a key may hold.
fn of_form(form: &Form) -> Value {
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Word => json!({ "type": ["string", "integer"] }),
        Form::Choice(words) => json!({ "enum": words }),
        Form::Whole(bounds) => json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Secret => json!({ "$ref": "#/$defs/secret" }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Origin => json!({ "$ref": "#/$defs/origin" }),
        Form::Feed => json!({ "$ref": "#/$defs/feed" }),
    }
}

/// What may stand in several places: the forms that [`super::secret`] and [`super::feed`] read.
fn defs() -> Value {
    let one = |key: &str, schema: Value| json!({ "type": "object", "properties": { key: schema }, "required": [key], "additionalProperties": false });
    let text = || json!({ "type": "string" });
    let constant = || json!({ "type": ["string", "number", "boolean"] });
    let words = json!({ "type": "array", "items": text(), "minItems": 1 });
    let kinds = Kind::NAMES.map(|(name, _)| name);
    let feed = |key: &str, schema: Value| {
        let properties = json!({ key: schema, "as": { "enum": kinds }, "personal": { "type": "boolean" } });
        json!({ "type": "object", "properties": properties, "required": [key], "additionalProperties": false })
    };
    json!({
        "secret": { "anyOf": [text(), one("env", text()), one("file", text()), one("command", words)] },
        "origin": { "anyOf": [text(), one("column", text()), one("value", constant())] },
        "feed": { "anyOf": [text(), feed("column", text()), feed("value", constant())] },
    })
}

/// The default of a key, if it has one that stands for itself.
fn default_of(shown: &[Shown], section: &[&str], key: &str) -> Option<Value> {
    let path = section.join(".");
    let is_derived = DERIVED.contains(&(path.as_str(), key));
    let default = shown.iter().find(|shown| shown.section == path && shown.key == key && shown.origin == "default");
    let default = default.filter(|_| !is_derived)?;
    let table: toml::Table = toml::from_str(&format!("default = {}", default.value)).ok()?;
    serde_json::to_value(table.get("default")?).ok()
}

/// The comments of the example, by section and key.
fn descriptions() -> BTreeMap<(String, String), String> {
    let mut descriptions = BTreeMap::new();
    let mut section = String::new();
    for (line, above) in settings(EXAMPLE) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            name.clone_into(&mut section);
        } else if let Some((key, rest)) = line.split_once(" = ") {
            let beside = rest.split_once("  # ").map(|(_, comment)| comment.trim().to_owned());
            if let Some(description) = beside.or(above) {
                descriptions.insert((section.clone(), key.to_owned()), description);
            }
        }
    }
    descriptions
}

/// The lines of the example that set a key or open a section, in force, each with the comment right above it.
fn settings(example: &str) -> impl Iterator<Item = (&str, Option<String>)> {
    let mut above: Vec<&str> = Vec::new();
    example.lines().filter_map(move |line| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if DeTable::parse(bare).is_ok_and(|table| !table.get_ref().is_empty()) && !bare.starts_with(' ') {
            let comment = (!above.is_empty()).then(|| above.join(" "));
            above.clear();
            return Some((bare, comment));
        }
        match line.strip_prefix("# ") {
            Some(comment) => above.push(comment),
            None => above.clear(),
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_holds_what_it_is_and_what_it_is_by_default() {
        let schema = schema();
        let key = |section: &str, key: &str| schema["properties"][section]["properties"][key].clone();
        assert_eq!(
            key("meta", "concurrency"),
            json!({
                "type": "integer", "minimum": 1, "maximum": 16, "default": 4,
                "description": "requests that run at once, 1 to 16",
            })
        );
        assert_eq!(key("meta", "on_unknown")["enum"], json!(["resend", "hold"]));
        assert_eq!(key("phone", "assume_international")["default"], false);
        assert_eq!(key("snowflake", "port")["type"], json!(["string", "integer"]));
        assert_eq!(key("meta", "access_token")["$ref"], "#/$defs/secret");
        assert!(key("source", "table")["description"].as_str().unwrap().starts_with("The table or view:"));
        assert_eq!(key("state", "path").get("default"), None);
        assert_eq!(key("columns", "email")["$ref"], "#/$defs/origin");
        assert_eq!(key("columns", "contents")["anyOf"][1]["properties"]["quantity"]["$ref"], "#/$defs/origin");
        let events = &schema["properties"]["events"]["additionalProperties"]["anyOf"];
        let keys: Vec<_> = events[1]["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["action_source", "on_unknown", "rename"]);
    }

    #[test]
    fn every_key_of_the_example_is_in_the_schema_and_no_other() {
        let mut section = Vec::new();
        let mut named = Vec::new();
        for (line, _) in settings(EXAMPLE) {
            match line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                Some(name) => section = name.split('.').map(str::to_owned).collect(),
                None => named.push((section.clone(), line.split(" = ").next().unwrap().to_owned())),
            }
        }
        let (asked, _) = read(&every_key());
        let mut asked: Vec<_> = asked.into_iter().map(|asked| (asked.section, asked.key)).collect();
        // An object may be fed as a whole; the example shows its keys.
        asked.retain(|(section, key)| section != &["columns"] || Object::parse(key).is_none());
        asked.sort();
        named.sort();
        assert_eq!(named, asked);
    }
}
