//! A value of `custom_data` or of an object within an event: from a cell's text to what stands on the wire.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::reason::Reason;
use super::time;
use super::zone::Zone;
use crate::meta::normalize::currency::currency;
use crate::meta::number::{json_number, json_whole};
use crate::source::Nature;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As the column's type says: numbers and flags as such, lists and objects as JSON, everything else as a string.
    Own,
    /// A string.
    Text,
    /// A number with its very digits.
    Number,
    /// A whole number that is not negative.
    Whole,
    /// `true` or `false`, or `1` or `0` where the cell says it so.
    Flag,
    /// A currency code.
    Currency,
    /// A list of strings.
    Texts,
    /// Seconds since 1970.
    Time,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Any JSON.
    Json,
    /// What is known of a device, as Meta's app events have it.
    Extinfo,
    /// The products, as a JSON list of objects.
    Products,
}

impl Kind {
    /// The kinds that a configuration can ask for, by their names there.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("number", Self::Number),
        ("boolean", Self::Flag),
        ("list", Self::Texts),
        ("json", Self::Json),
    ];

    /// Whether such a value may hold any text.
    pub(super) const fn is_open(self) -> bool {
        match self {
            Self::Own | Self::Text | Self::Texts | Self::Json | Self::Extinfo | Self::Products => true,
            Self::Number | Self::Whole | Self::Flag | Self::Currency | Self::Time | Self::Choice(_) => false,
        }
    }
}

/// A value on its way to the wire.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Written as it is: a number, flag, list or object that is valid JSON.
    Json(Cow<'a, str>),
    /// Written as a string.
    Text(Cow<'a, str>),
}

/// Reads the text of a cell, which is not blank, or says why there is no such value in it.
pub(super) fn read(kind: Kind, nature: Nature, text: &str, zone: Zone) -> Result<Value<'_>, Reason> {
    let number = |number: Option<_>| number.map(Value::Json).ok_or(Reason::InvalidValue);
    match kind {
        Kind::Own => match nature {
            Nature::Text => Ok(Value::Text(text.into())),
            Nature::Number => number(json_number(text)),
            Nature::Flag => flag(text),
            // A text or a number in a VARIANT stands there bare.
            Nature::Json => Ok(json(text).map_or_else(|_| Value::Text(text.into()), Value::Json)),
        },
        Kind::Text => Ok(Value::Text(text.into())),
        Kind::Number => number(json_number(text)),
        Kind::Whole => number(json_whole(text)),
        Kind::Flag => flag(text),
        Kind::Currency => {
            let code = currency(text)?.ok_or(Reason::InvalidCurrency)?;
            // Most columns hold the code as it is sent.
            let is_as_sent = text.as_bytes() == code.as_slice();
            let owned = || Cow::Owned(code.iter().map(|letter| char::from(*letter)).collect());
            Ok(Value::Text(if is_as_sent { Cow::Borrowed(text) } else { owned() }))
        }
        Kind::Texts => {
            let trimmed = text.trim();
            let texts = if trimmed.starts_with('[') { texts(trimmed)? } else { vec![Cow::Borrowed(trimmed)] };
            Ok(Value::Json(as_json(&texts).into()))
        }
        Kind::Time => match time::parse(text, zone) {
            Ok(micros) => Ok(Value::Json(micros.div_euclid(1_000_000).to_string().into())),
            Err(_) => Err(Reason::InvalidTime),
        },
        Kind::Choice(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text.trim()));
            word.map(|word| Value::Text(Cow::Borrowed(word))).ok_or(Reason::InvalidChoice)
        }
        Kind::Json => json(text).map(Value::Json),
        Kind::Extinfo => {
            let slots = texts(text.trim())?;
            // Source: Conversions API, app data parameters: sixteen slots, of which the first names the system.
            let is_known = slots.len() == 16 && matches!(slots.first().map(AsRef::as_ref), Some("a2" | "i2"));
            if is_known { Ok(Value::Json(as_json(&slots).into())) } else { Err(Reason::InvalidExtinfo) }
        }
        Kind::Products => products(text),
    }
}

fn flag(text: &str) -> Result<Value<'static>, Reason> {
    let word = match text.trim() {
        "1" => "1",
        "0" => "0",
        other if is_word(other, &["true", "t", "yes", "y"]) => "true",
        other if is_word(other, &["false", "f", "no", "n"]) => "false",
        _ => return Err(Reason::InvalidFlag),
    };
    Ok(Value::Json(word.into()))
}

/// Whether a text is one of some words, without regard to case and surrounding white space.
pub(super) fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

fn json(text: &str) -> Result<Cow<'_, str>, Reason> {
    let trimmed = text.trim();
    serde_json::from_str::<&RawValue>(trimmed).map_err(|_| Reason::InvalidJson)?;
    Ok(compact(trimmed))
}

/// Reads a JSON list of strings and numbers; nulls in it are left out.
pub(super) fn texts(list: &str) -> Result<Vec<Cow<'_, str>>, Reason> {
    let items: Vec<&RawValue> = serde_json::from_str(list).map_err(|_| Reason::InvalidJson)?;
    items.into_iter().filter(|item| item.get() != "null").map(|item| scalar(item).ok_or(Reason::InvalidJson)).collect()
}

/// The text of a JSON string, number or flag.
pub(super) fn scalar(json: &RawValue) -> Option<Cow<'_, str>> {
    match json.get() {
        quoted if quoted.starts_with('"') => serde_json::from_str::<Text<'_>>(quoted).ok().map(|text| text.0),
        nested if nested.starts_with(['[', '{']) => None,
        "null" => None,
        other => Some(Cow::Borrowed(other)),
    }
}

/// A string that is borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn as_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts written to memory cannot fail")
}

/// Checks the products: an item without id makes Meta refuse the whole batch (2804008).
fn products(text: &str) -> Result<Value<'_>, Reason> {
    let items: Vec<std::collections::HashMap<Cow<'_, str>, &RawValue>> =
        serde_json::from_str(text).map_err(|_| Reason::InvalidJson)?;
    let is_named = |id: &&RawValue| !matches!(id.get(), "null" | "\"\"");
    if items.iter().all(|item| item.get("id").is_some_and(is_named)) {
        Ok(Value::Json(compact(text.trim())))
    } else {
        Err(Reason::ContentsWithoutId)
    }
}

/// Takes white space out of valid JSON where it means nothing: an event is one line.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r', '\t', ' ']) {
        return Cow::Borrowed(json);
    }
    let mut compact = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for letter in json.chars() {
        if !is_text && letter.is_ascii_whitespace() {
            continue;
        }
        is_text ^= letter == '"' && !is_escaped;
        is_escaped = is_text && letter == '\\' && !is_escaped;
        compact.push(letter);
    }
    Cow::Owned(compact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, nature: Nature, text: &str, expected: Result<&str, Reason>) {
        let shown = read(kind, nature, text, Zone::UTC).map(|value| match value {
            Value::Json(json) => json.into_owned(),
            Value::Text(text) => format!("{text:?}"),
        });
        assert_eq!(shown, expected.map(str::to_owned), "{kind:?} {nature:?} {text:?}");
    }

    #[test]
    fn a_value_is_what_its_column_is() {
        let check = |nature, text, expected| check(Kind::Own, nature, text, Ok(expected));
        check(Nature::Text, "12", "\"12\"");
        check(Nature::Number, "12.50", "12.50");
        check(Nature::Number, "0", "0");
        check(Nature::Flag, "false", "false");
        check(Nature::Json, "[1, 2]", "[1,2]");
        check(Nature::Json, "{\"a\": \"b c\"}", "{\"a\":\"b c\"}");
        check(Nature::Json, "gold", "\"gold\"");
        check(Nature::Json, "7", "7");
    }

    #[test]
    fn a_value_is_what_the_configuration_says() {
        let check = |kind, text, expected| check(kind, Nature::Text, text, expected);
        check(Kind::Text, "007", Ok("\"007\""));
        check(Kind::Number, "007", Ok("7"));
        check(Kind::Number, "seven", Err(Reason::InvalidValue));
        check(Kind::Whole, "2.00", Ok("2"));
        check(Kind::Flag, "0", Ok("0"));
        check(Kind::Flag, "1", Ok("1"));
        check(Kind::Flag, " No ", Ok("false"));
        check(Kind::Flag, "T", Ok("true"));
        check(Kind::Flag, "2", Err(Reason::InvalidFlag));
        check(Kind::Texts, "a", Ok("[\"a\"]"));
        check(Kind::Texts, "[\"a\", 7, null, \"c\\\"d\"]", Ok("[\"a\",\"7\",\"c\\\"d\"]"));
        check(Kind::Texts, "[[1]]", Err(Reason::InvalidJson));
        check(Kind::Time, "2025-11-24 16:00:00", Ok("1764000000"));
        check(Kind::Time, "1764000000", Ok("1764000000"));
        check(Kind::Time, "1764000000000", Err(Reason::InvalidTime));
        check(Kind::Choice(&["in_store"]), " In_Store", Ok("\"in_store\""));
        check(Kind::Choice(&["in_store"]), "store", Err(Reason::InvalidChoice));
        check(Kind::Json, "false", Ok("false"));
        check(Kind::Json, "{", Err(Reason::InvalidJson));
        check(Kind::Products, "[{\"id\": 7}]", Ok("[{\"id\":7}]"));
        check(Kind::Products, "[{\"id\": \"\"}]", Err(Reason::ContentsWithoutId));
        check(Kind::Products, "[{\"sku\": \"7\"}]", Err(Reason::ContentsWithoutId));
        check(Kind::Products, "[7]", Err(Reason::InvalidJson));
    }

    #[test]
    fn what_is_known_of_a_device_has_sixteen_slots() {
        let slots = |first: &str, count: usize| format!("[\"{first}\"{}]", ",\"\"".repeat(count - 1));
        let check = |text: &str, expected: Result<&str, Reason>| check(Kind::Extinfo, Nature::Text, text, expected);
        check(&slots("a2", 16), Ok(&slots("a2", 16)));
        check(&slots("i2", 16), Ok(&slots("i2", 16)));
        check(&slots("a2", 15), Err(Reason::InvalidExtinfo));
        check(&slots("w1", 16), Err(Reason::InvalidExtinfo));
        check("a2", Err(Reason::InvalidJson));
    }
}
