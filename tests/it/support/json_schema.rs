//! A validator for the part of JSON Schema (draft 2020-12) that the program's own schemas use. A keyword that it does
//! not know fails the test, so that nothing is passed over.

use serde_json::Value;

/// Everything in a value that a schema does not allow, each with its place.
pub(crate) fn mistakes(schema: &Value, value: &Value) -> Vec<String> {
    let mut mistakes = Vec::new();
    Validator { root: schema }.check(schema, value, "$", &mut mistakes);
    mistakes
}

struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, place: &str, mistakes: &mut Vec<String>) {
        let Some(keywords) = schema.as_object() else { panic!("{place}: a schema is {schema}") };
        for (keyword, of) in keywords {
            let mut no = |what: String| mistakes.push(format!("{place}: {what}"));
            match keyword.as_str() {
                "$ref" => {
                    let pointer = of.as_str().and_then(|reference| reference.strip_prefix('#'));
                    let target = pointer.and_then(|pointer| self.root.pointer(pointer));
                    let target = target.unwrap_or_else(|| panic!("{of} leads nowhere"));
                    self.check(target, value, place, mistakes);
                }
                "type" => {
                    let allowed: Vec<&Value> = of.as_array().map_or_else(|| vec![of], |list| list.iter().collect());
                    if !allowed.iter().any(|kind| is_of(value, kind.as_str().expect("a type is a word"))) {
                        no(format!("{value} is not of type {of}"));
                    }
                }
                "const" if of != value => no(format!("{value} is not {of}")),
                "enum" if !of.as_array().expect("a list").contains(value) => no(format!("{value} is none of {of}")),
                "minimum" => {
                    if value.as_f64().is_some_and(|number| number < of.as_f64().expect("a number")) {
                        no(format!("{value} is under {of}"));
                    }
                }
                "maximum" => {
                    if value.as_f64().is_some_and(|number| number > of.as_f64().expect("a number")) {
                        no(format!("{value} is over {of}"));
                    }
                }
                "minItems" => {
                    if value.as_array().is_some_and(|items| (items.len() as u64) < of.as_u64().expect("a number")) {
                        no(format!("fewer than {of} items"));
                    }
                }
                "pattern" => {
                    if let Some(text) = value.as_str()
                        && !matches(of.as_str().expect("a pattern"), text)
                    {
                        no(format!("{value} is not like {of}"));
                    }
                }
                "format" => {
                    assert_eq!(of, "date-time");
                    if value.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_err()) {
                        no(format!("{value} is no time"));
                    }
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(of, item, &format!("{place}[{at}]"), mistakes);
                    }
                }
                "anyOf" => {
                    let fits = |schema| mistakes_of(self, schema, value, place).is_empty();
                    if !of.as_array().expect("a list").iter().any(fits) {
                        mistakes.push(format!("{place}: {value} fits no alternative"));
                    }
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
                        self.check(of, &Value::from(name.as_str()), &format!("{place} key"), mistakes);
                    }
                }
                // What says something of a value that is not so was told above, and objects are looked at below.
                "const"
                | "enum"
                | "$schema"
                | "$defs"
                | "title"
                | "description"
                | "default"
                | "required"
                | "properties"
                | "additionalProperties" => {}
                _ => panic!("{place}: nobody checks {keyword}"),
            }
        }
        if let Some(object) = value.as_object() {
            self.check_object(schema, object, place, mistakes);
        }
    }

    fn check_object(
        &self,
        schema: &Value,
        object: &serde_json::Map<String, Value>,
        place: &str,
        mistakes: &mut Vec<String>,
    ) {
        for key in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(key.as_str().expect("a key")) {
                mistakes.push(format!("{place}: {key} is missing"));
            }
        }
        for (key, value) in object {
            let place = format!("{place}.{key}");
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (None, Some(Value::Bool(false))) => mistakes.push(format!("{place}: is not a key")),
                (Some(schema), _) | (None, Some(schema)) => self.check(schema, value, &place, mistakes),
                (None, None) => {}
            }
        }
    }
}

fn mistakes_of(validator: &Validator<'_>, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    validator.check(schema, value, place, &mut mistakes);
    mistakes
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => panic!("there is no type {kind}"),
    }
}

/// Whether a text is like a pattern of digits and such, as far as the schemas use it.
fn matches(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        "^[0-9]+$" => digits(text),
        "^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(-[0-9]+of[0-9]+)?$" => {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            let suffix = text.get(17..25).unwrap_or_default();
            let shard = text.get(25..).unwrap_or_default();
            let numbers = shard.strip_prefix('-').and_then(|shard| shard.split_once("of"));
            shape.starts_with("00000000T000000Z-")
                && suffix.len() == 8
                && (shard.is_empty() || numbers.is_some_and(|(number, of)| digits(number) && digits(of)))
                && suffix.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        }
        _ => panic!("nobody checks the pattern {pattern}"),
    }
}
