//! The shape of the report as a JSON Schema, for whoever reads reports with a program.
//!
//! Keys are only ever added while [`SCHEMA_VERSION`] stays, so a reader must pass over keys that it does not know;
//! this schema is that of one version and knows all of them.

use serde_json::{Map, Value, json};

use super::SCHEMA_VERSION;
use crate::commands::exit::Exit;
use crate::event::Reason;
use crate::meta::MatchKey;

/// What became of a batch, as [`super::BatchReport`] names it.
const OUTCOMES: [&str; 5] = ["accepted", "rejected", "divided", "pending", "unknown"];

/// Writes the schema of the report.
pub fn schema() -> Value {
    let mut schema = object([
        ("schema_version", "Version of this shape.", json!({ "const": SCHEMA_VERSION })),
        (
            "run_id",
            "The run.",
            json!({ "type": "string", "pattern": "^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(-[0-9]+of[0-9]+)?$" }),
        ),
        ("version", "The program's version.", text()),
        ("started_at", "When it began.", moment()),
        ("finished_at", "When it ended.", moment()),
        ("dataset_id", "The dataset.", json!({ "type": "string", "pattern": "^[0-9]+$" })),
        ("source", "The table or files.", text()),
        ("window", "Which rows were asked for.", window()),
        ("counts", "What became of the rows.", json!({ "$ref": "#/$defs/counts" })),
        (
            "possible_duplicates",
            "Events that were posted again although an earlier attempt may have been taken.",
            count(),
        ),
        ("changed_after_send", "Rows that differ from what was sent under their key.", count()),
        ("by_event", "What became of the rows by event name.", map_of(&json!({ "$ref": "#/$defs/counts" }))),
        ("by_reason", "Why rows were not sent and fields left out, by code.", by_reason()),
        ("match_keys", "Share of the sent events that carry a match key.", match_keys()),
        ("age_seconds", "Age of the sent events when they were sent.", ages()),
        ("requests", "Requests that were made.", count()),
        ("retries", "Requests beyond the first of each part.", count()),
        ("batches", "What was tried, in order of its end.", json!({ "type": "array", "items": batch() })),
        ("warnings", "What someone should know.", texts()),
        ("hints", "What would make the next runs better.", texts()),
        ("error", "What ended the run early.", or_null(text())),
        ("exit_code", "The exit code.", json!({ "enum": Exit::TABLE.map(|(exit, _)| exit.code()) })),
    ]);
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "Report of fbcapi sync".into());
        object.insert("description".to_owned(), "What a run did, as JSON. Every key is always present.".into());
        object.insert("$defs".to_owned(), json!({ "counts": counts() }));
    }
    schema
}

fn counts() -> Value {
    object([
        ("selected", "Rows that the run met.", count()),
        ("already_sent", "Sent by an earlier run.", count()),
        ("sent", "Taken by Meta in this run.", count()),
        ("rejected", "Refused, here or by Meta.", count()),
        ("expired", "Older than Meta accepts.", count()),
        ("skipped", "Left out because the configuration says so.", count()),
        ("unknown", "Posted, and nobody knows whether Meta took it.", count()),
        ("deferred", "Not yet due.", count()),
        ("pending", "Left to the next run.", count()),
        ("collapsed", "Further rows of an event that was met before.", count()),
    ])
}

fn window() -> Value {
    object([("since", "From here on.", moment()), ("until", "Before this.", or_null(moment()))])
}

fn by_reason() -> Value {
    let codes = Reason::ALL.map(Reason::code);
    json!({ "type": "object", "propertyNames": { "enum": codes.as_slice() }, "additionalProperties": { "type": "integer", "minimum": 1 } })
}

fn match_keys() -> Value {
    let keys = MatchKey::ALL.map(MatchKey::wire);
    let share = json!({ "type": "number", "minimum": 0, "maximum": 1 });
    json!({ "type": "object", "propertyNames": { "enum": keys.as_slice() }, "additionalProperties": share })
}

fn ages() -> Value {
    object([
        ("p50", "Half were younger.", or_null(count())),
        ("p95", "95 of 100 were younger.", or_null(count())),
        ("max", "The oldest.", or_null(count())),
    ])
}

fn batch() -> Value {
    let number = || or_null(json!({ "type": "integer" }));
    object([
        ("number", "Number within the run, as in the ledger.", json!({ "type": "integer", "minimum": 1 })),
        ("events", "How many events.", count()),
        ("outcome", "`accepted`, `rejected`, `divided`, `pending` or `unknown`.", json!({ "enum": OUTCOMES })),
        ("requests", "Requests made.", count()),
        ("status", "HTTP status of the last answer.", number()),
        ("code", "Graph error code.", number()),
        ("subcode", "Graph error subcode.", number()),
        ("trace", "Meta's trace id.", or_null(text())),
        ("millis", "Milliseconds from intent to outcome.", count()),
    ])
}

/// An object with these keys and no other, each of which is always there.
fn object<const N: usize>(keys: [(&str, &str, Value); N]) -> Value {
    let required = keys.each_ref().map(|(key, ..)| *key);
    let required = json!(required.as_slice());
    let mut properties = Map::new();
    for (key, description, mut schema) in keys {
        schema["description"] = description.into();
        properties.insert(key.to_owned(), schema);
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// An object with any keys, of which each has such a value.
fn map_of(value: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": value })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn texts() -> Value {
    json!({ "type": "array", "items": text() })
}

/// An instant in RFC 3339, in UTC.
fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// The same, or null.
fn or_null(mut schema: Value) -> Value {
    let of = schema["type"].take();
    schema["type"] = json!([of, "null"]);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Ages, BatchReport, Counts, Report};

    /// Holds every key of a value to the schema of it, and the reverse.
    fn check(path: &str, schema: &Value, value: &Value) {
        let Some(properties) = schema["properties"].as_object() else { return };
        let keys = |object: &Map<String, Value>| object.keys().cloned().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(keys(properties), keys(value.as_object().unwrap()), "{path}");
        let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(required.len(), properties.len(), "{path}");
        for (key, schema) in properties {
            check(&format!("{path}.{key}"), schema, &value[key]);
        }
    }

    #[test]
    fn no_key_of_the_report_is_missing_and_none_is_invented() {
        let mut report = Report::empty();
        report.batches.push(BatchReport {
            number: 1,
            events: 1,
            outcome: "accepted",
            requests: 1,
            status: Some(200),
            code: None,
            subcode: None,
            trace: None,
            millis: 1,
        });
        report.age_seconds = Ages::default();
        let value = serde_json::to_value(&report).unwrap();
        let schema = schema();
        check("report", &schema, &value);
        check("counts", &schema["$defs"]["counts"], &serde_json::to_value(Counts::default()).unwrap());
        check("batch", &schema["properties"]["batches"]["items"], &value["batches"][0]);
    }

    #[test]
    fn descriptions_are_those_of_the_code() {
        let code = concat!(include_str!("mod.rs"), include_str!("tally.rs"));
        let mut descriptions = Vec::new();
        gather(&schema(), &mut descriptions);
        assert!(descriptions.len() > 40, "{}", descriptions.len());
        for description in descriptions {
            assert!(code.contains(&format!("/// {description}\n")), "the code does not say {description:?}");
        }
    }

    fn gather(schema: &Value, descriptions: &mut Vec<String>) {
        let Some(object) = schema.as_object() else { return };
        descriptions.extend(schema["description"].as_str().map(str::to_owned));
        for value in object.values() {
            gather(value, descriptions);
        }
    }

    #[test]
    fn every_outcome_of_a_part_is_known() {
        use crate::deliver::PartFate;
        let all = [PartFate::Accepted, PartFate::Rejected, PartFate::Divided, PartFate::Pending, PartFate::Unknown];
        assert_eq!(all.map(PartFate::name), OUTCOMES);
    }
}
