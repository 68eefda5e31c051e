//! Events, key by key as Meta's SDKs make them, and rows that another project refuses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::deviations::{ABSENT, Deviations, Found, Group, cases};
use super::events;

/// Keys of an event that hold further keys.
const NESTED: [&str; 2] = ["user_data", "custom_data"];

/// A row and what somebody's code makes of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Case {
    /// Events of Meta's SDKs; that for Node refuses some rows.
    Event { id: String, row: Map<String, Value>, python: Value, node: Option<Value> },
    /// Whether a row is sent.
    Verdict { id: String, what: String, now: i64, row: Map<String, Value>, verdict: Verdict },
}

/// Whether a row is sent.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// It is.
    Accepted,
    /// It is not.
    Rejected,
}

/// Gives each key of an event with its value; keys of nested objects with a dot before them.
fn keys(event: &Value) -> BTreeMap<String, &Value> {
    let mut keys = BTreeMap::new();
    for (key, value) in event.as_object().into_iter().flatten() {
        match value {
            Value::Object(inner) if NESTED.contains(&key.as_str()) => {
                keys.extend(inner.iter().map(|(inner, value)| (format!("{key}.{inner}"), value)));
            }
            _ => drop(keys.insert(key.clone(), value)),
        }
    }
    keys
}

/// Says whether two values are the same, `1000000` and `1000000.0` included.
fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Tells a value as the list of deviations does: a digest by the text that is listed, if it is the digest of that.
fn tell(value: Option<&Value>, case: &str, listed: &[Group]) -> String {
    let Some(value) = value else { return ABSENT.to_owned() };
    let text = listed.iter().flat_map(Group::cases).find(|(listed, _)| *listed == case).map_or("", |(_, text)| text);
    let digest = hex::encode(<Sha256 as sha2::Digest>::digest(text));
    if *value == serde_json::json!([digest]) { text.to_owned() } else { value.to_string() }
}

#[test]
fn every_event_agrees_with_metas_sdks_or_its_deviation_is_listed() {
    let cases = cases::<Case>(include_str!("../vectors/payload.jsonl"));
    assert_eq!(cases.len(), 49);
    let (listed, rules) = (Deviations::read().event, events::rules());
    let (mut found, mut compared) = (Found::default(), 0);
    for case in cases {
        match case {
            Case::Event { id, row, python, node } => {
                let time = row.get("event_time").and_then(Value::as_i64).unwrap_or_default();
                let event = match events::event(&row, time + 60, &rules) {
                    Ok(event) => event,
                    Err(why) => {
                        found.add(id.clone(), &format!("{why:?}"), "both SDKs send it");
                        // What is refused for the place where it happened can be compared as if it were another place.
                        let mut elsewhere = row;
                        let place = elsewhere.insert("action_source".into(), "other".into());
                        let Ok(mut event) = events::event(&elsewhere, time + 60, &rules) else { continue };
                        event["action_source"] = place.unwrap_or_default();
                        event
                    }
                };
                let (ours, python, node) = (keys(&event), keys(&python), node.as_ref().map(keys));
                let names: BTreeSet<&String> =
                    ours.keys().chain(python.keys()).chain(node.iter().flat_map(BTreeMap::keys)).collect();
                for name in names {
                    let (ours, python) = (ours.get(name).copied(), python.get(name).copied());
                    let of_node = node.as_ref().map(|node| node.get(name).copied());
                    compared += 1;
                    if !is_same(ours, python) && !of_node.is_some_and(|node| is_same(ours, node)) {
                        let case = format!("{id}/{name}");
                        let outcome = tell(ours, &case, &listed);
                        found.add(case, &outcome, format!("Python sends {python:?}, Node {of_node:?}"));
                    }
                }
            }
            Case::Verdict { id, what, now, row, verdict } => {
                let ours = match events::event(&row, now, &rules) {
                    Ok(_) => Verdict::Accepted,
                    Err(_) => Verdict::Rejected,
                };
                if ours != verdict {
                    found.add(id, &format!("{ours:?}"), format!("{what} is {verdict:?}"));
                }
            }
        }
    }
    assert!(compared > 400, "{compared} keys were compared");
    found.compare(&listed);
}
