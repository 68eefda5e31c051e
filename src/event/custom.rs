//! What an event was about: `custom_data` and the objects within an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::columns::{Origin, Personal, Slot};
use super::note::Note;
use super::object::Object;
use super::people::{Shape, shape};
use super::personal::{holds_personal, looks_personal};
use super::reason::Reason;
use super::table::{BoundPart, Table};
use super::value::{self, Kind, Value, scalar};
use crate::source::Nature;

/// The event for which Meta asks a value and a currency. Source: Conversions API, custom data parameters.
const PURCHASE: &str = "Purchase";

/// Reads the keys of `custom_data` but for its objects, or says why the event cannot be sent.
pub(super) fn custom_data<'a>(
    table: &'a Table<'_>,
    row: usize,
    name: &str,
    notes: &mut Vec<Note>,
) -> Result<Vec<(&'a str, Value<'a>)>, Reason> {
    let is_purchase = name == PURCHASE;
    let mut custom: Vec<(&str, Value<'_>)> = Vec::with_capacity(table.custom.len());
    for bound in &table.custom {
        let Some(text) = bound.texts.filled(row) else { continue };
        let field = bound.field;
        let value = value::read(field.kind, bound.nature, text, table.zone)
            .and_then(|value| if field.kind.is_open() { unless_personal(value, field.personal) } else { Ok(value) });
        match value {
            Ok(value) => custom.push((&field.key, value)),
            Err(_) if is_purchase && field.key == "value" => return Err(Reason::PurchaseWithInvalidValue),
            Err(_) if is_purchase && field.key == "currency" => return Err(Reason::PurchaseWithInvalidCurrency),
            Err(reason) => notes.push(Note { slot: Some(bound.slot), reason }),
        }
    }
    let has = |key: &str| custom.iter().any(|(known, _)| *known == key);
    let (has_value, has_currency) = (has("value"), has("currency"));
    if is_purchase && !has_value {
        return Err(Reason::PurchaseWithoutValue);
    }
    if is_purchase && !has_currency {
        return Err(Reason::PurchaseWithoutCurrency);
    }
    if has_value && !has_currency {
        // Meta refuses such an event (2804023), and with it the whole batch.
        custom.retain(|(key, _)| *key != "value");
        let slot = table.custom.iter().find(|bound| bound.field.key == "value").map(|bound| bound.slot);
        notes.push(Note { slot, reason: Reason::ValueWithoutCurrency });
    }
    Ok(custom)
}

fn unless_personal(value: Value<'_>, personal: Personal) -> Result<Value<'_>, Reason> {
    let is_personal = personal == Personal::Refused
        && match &value {
            Value::Text(text) => looks_personal(text),
            Value::Json(json) if json.starts_with(['[', '{', '"']) => holds_personal(json),
            Value::Json(_) => false,
        };
    if is_personal { Err(Reason::PersonalData) } else { Ok(value) }
}

/// The objects of an event, as JSON.
#[derive(Debug, Default)]
pub(super) struct Objects<'a> {
    /// Those that stand beside `user_data`.
    pub(super) beside: Vec<(&'static str, String)>,
    /// Those that stand in `custom_data`.
    pub(super) within: Vec<(&'a str, Value<'a>)>,
    /// What `app_data` has.
    pub(super) app: App,
}

/// Whether `app_data` has what Meta asks of an event in an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum App {
    /// Both flags about tracking, and what is known of the device.
    Complete,
    /// Something is missing.
    #[default]
    Incomplete,
}

/// Reads the objects of an event.
pub(super) fn objects<'a>(table: &'a Table<'_>, row: usize, notes: &mut Vec<Note>) -> Objects<'a> {
    let mut objects = Objects::default();
    if table.parts.is_empty() {
        return objects;
    }
    for object in Object::ALL {
        let parts = || table.parts.iter().filter(|bound| bound.part.object == object);
        let mut reader = ObjectReader { table, row, object, notes };
        let json = match object {
            Object::Contents => reader.contents(parts()),
            Object::OriginalEventData | Object::AttributionData | Object::AppData | Object::StoreData => {
                reader.keys(parts())
            }
        };
        let Some(Members { json, written }) = json else { continue };
        if object == Object::AppData {
            let has = |key| written.contains(&key);
            // Source: Conversions API, app data parameters, required of events whose action source is `app`.
            let is_complete = has("application_tracking_enabled") && has("advertiser_tracking_enabled");
            objects.app = if is_complete && has("extinfo") { App::Complete } else { App::Incomplete };
        }
        if object.is_custom() {
            objects.within.push((object.wire(), Value::Json(json.into())));
        } else {
            objects.beside.push((object.wire(), json));
        }
    }
    objects
}

/// An object as JSON and the keys that it has.
struct Members {
    json: String,
    written: Vec<&'static str>,
}

struct ObjectReader<'r, 'a, 'n> {
    table: &'r Table<'a>,
    row: usize,
    object: Object,
    notes: &'n mut Vec<Note>,
}

impl<'r, 'a> ObjectReader<'r, 'a, '_> {
    /// Reads an object whose keys stand in columns, or that stands in one column as JSON.
    fn keys(&mut self, parts: impl Iterator<Item = &'r BoundPart<'a>>) -> Option<Members> {
        let mut members = Vec::new();
        for BoundPart { part, slot, texts } in parts {
            let Some(text) = texts.filled(self.row) else { continue };
            match part.key {
                Some(key) => self.member(&mut members, *slot, key, text),
                None => self.whole(&mut members, *slot, text),
            }
        }
        self.written(&members)
    }

    /// Adds the members of an object that stands in a column as JSON. A key that Meta does not know is left out: it
    /// would have the request refused.
    fn whole(&mut self, members: &mut Vec<(&'static str, String)>, slot: Slot, text: &str) {
        let Ok(given) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(text) else {
            self.notes.push(Note { slot: Some(slot), reason: Reason::InvalidJson });
            return;
        };
        for (key, raw) in given {
            let Some(key) = self.object.kind(&key) else {
                self.notes.push(Note { slot: Some(slot), reason: Reason::UnknownKey });
                continue;
            };
            match scalar(raw) {
                Some(text) => self.member(members, slot, key, &text),
                None if raw.get() == "null" => {}
                None => self.member(members, slot, key, raw.get()),
            }
        }
    }

    fn member(
        &mut self,
        members: &mut Vec<(&'static str, String)>,
        slot: Slot,
        (key, kind): (&'static str, Kind),
        text: &str,
    ) {
        let value = value::read(kind, Nature::Text, text, self.table.zone);
        match value.and_then(|value| unless_personal(value, Personal::Refused)) {
            Ok(value) => members.push((key, json(&value))),
            Err(reason) => self.notes.push(Note { slot: Some(slot), reason }),
        }
    }

    fn written(&self, members: &[(&'static str, String)]) -> Option<Members> {
        // The order is Meta's, whatever the order of the columns is.
        let mut written = Vec::new();
        let mut out = String::from("{");
        for (key, _) in self.object.keys() {
            let Some((key, value)) = members.iter().find(|(known, _)| known == key) else { continue };
            if !written.is_empty() {
                out.push(',');
            }
            out.push('"');
            out.push_str(key);
            out.push_str("\":");
            out.push_str(value);
            written.push(*key);
        }
        out.push('}');
        (!written.is_empty()).then_some(Members { json: out, written })
    }

    /// Reads the products: one column with a JSON list of objects, or a list in each of several columns.
    fn contents(&mut self, parts: impl Iterator<Item = &'r BoundPart<'a>>) -> Option<Members> {
        let mut lists = Vec::new();
        for BoundPart { part, slot, texts } in parts {
            let Some(text) = texts.filled(self.row) else { continue };
            let Some(key) = part.key else {
                let value = value::read(Kind::Products, Nature::Text, text, self.table.zone);
                return match value.and_then(|value| unless_personal(value, Personal::Refused)) {
                    Ok(value) => Some(Members { json: json(&value), written: Vec::new() }),
                    Err(reason) => {
                        self.notes.push(Note { slot: Some(*slot), reason });
                        None
                    }
                };
            };
            let items = match shape(text) {
                Shape::List(items) => items.into_iter().map(scalar).collect(),
                Shape::Plain | Shape::Object => vec![Some(Cow::Borrowed(text))],
            };
            lists.push(List { key, slot: *slot, is_constant: matches!(part.origin, Origin::Constant(_)), items });
        }
        self.products(&lists)
    }

    /// Makes products of lists that stand side by side; a constant holds for each of them.
    fn products(&mut self, lists: &[List<'_>]) -> Option<Members> {
        let ids = lists.iter().find(|list| list.key.0 == "id")?;
        let length = ids.items.len();
        if let Some(uneven) = lists.iter().find(|list| !list.is_constant && list.items.len() != length) {
            self.notes.push(Note { slot: Some(uneven.slot), reason: Reason::UnevenLists });
            return None;
        }
        let mut out = String::from("[");
        for index in 0..length {
            let mut members = Vec::new();
            for List { key, slot, is_constant, items } in lists {
                let item = items.get(if *is_constant { 0 } else { index });
                let text = item.and_then(Option::as_deref).filter(|text| !text.trim().is_empty());
                if let Some(text) = text {
                    self.member(&mut members, *slot, *key, text);
                }
            }
            let product = self.written(&members).filter(|product| product.written.contains(&"id"));
            let Some(product) = product else {
                self.notes.push(Note { slot: Some(ids.slot), reason: Reason::ContentsWithoutId });
                return None;
            };
            if index > 0 {
                out.push(',');
            }
            out.push_str(&product.json);
        }
        out.push(']');
        (length > 0).then_some(Members { json: out, written: Vec::new() })
    }
}

/// A column with one value for each product.
struct List<'t> {
    key: (&'static str, Kind),
    slot: Slot,
    is_constant: bool,
    items: Vec<Option<Cow<'t, str>>>,
}

fn json(value: &Value<'_>) -> String {
    match value {
        Value::Json(json) => json.clone().into_owned(),
        Value::Text(text) => serde_json::to_string(text).expect("a string written to memory cannot fail"),
    }
}
