//! `fbcapi hash`: shows what becomes of a value, or of many, before Meta gets it.
//!
//! Values are shown in the clear because somebody asked for that; they go to the output and nowhere else.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::event::{Reason, Shape, item_text, shape};
use crate::meta::hash::Digest;
use crate::meta::normalize::explain::{Explanation, Field, explain};
use crate::meta::normalize::{Country, Settings};
use crate::private::{Pii, Scratch};

/// The field that stands for JSON Lines, each with a field of its own.
const LINES: &str = "-";

/// What was asked.
#[derive(Debug, Clone)]
pub struct HashArgs {
    /// The name of the field, or `-` to read JSON Lines.
    pub field: String,
    /// The value; without one, or with `-`, the first line of the input is the value.
    pub value: Option<Scratch>,
    /// The country that steers phones, states and postal codes.
    pub country: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashOutcome {
    /// Everything was answered.
    Answered,
    /// Some lines could not be read; each was answered with an error. The exit code is 2.
    SomeLinesUnread,
}

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The field has no such name.
    #[error("no field has this name; the fields are {}", names())]
    UnknownField,
    /// The country is no country.
    #[error("the country is not one of ISO 3166-1")]
    UnknownCountry,
    /// The input could not be read or the output not written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One line of the input. Other keys are passed over.
#[derive(Deserialize)]
struct Question<'a> {
    /// The name of the field.
    field: String,
    /// The value: a text, a number, true, false or null.
    #[serde(borrow)]
    value: &'a RawValue,
    /// The country of the row.
    country: Option<String>,
}

/// One line of the output. The first four keys are always there.
#[derive(Default, Serialize)]
struct Answer<'a> {
    /// The text that is hashed or sent; a list of them for a cell that holds a list.
    normalised: OneOrMany<'a>,
    /// The digest that is sent; a list of them for a cell that holds a list.
    sha256: OneOrMany<'a>,
    /// Why nothing is sent, or why a value of a list is not sent; [`UNREADABLE`] or [`UNKNOWN`] where a line asks
    /// nothing that can be answered.
    reason: Option<&'static str>,
    /// The rule of the field.
    rule: Option<&'static str>,
    /// What is wrong with the line, without anything that stood in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// The number of the line that is wrong, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

/// The reason of a line that cannot be read.
const UNREADABLE: &str = "unreadable_line";

/// The reason of a line that names a field that is none.
const UNKNOWN: &str = "unknown_field";

/// A value, or those of a list.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a> {
    One(Option<&'a str>),
    Many(Vec<&'a str>),
}

impl Default for OneOrMany<'_> {
    fn default() -> Self {
        Self::One(None)
    }
}

/// What became of a cell, and by which rule.
struct Told {
    rule: &'static str,
    cell: Cell,
}

/// What became of a cell.
enum Cell {
    /// It holds one value.
    One(Explanation),
    /// It holds a list.
    Many(Vec<Explanation>),
    /// It holds an object.
    Object,
}

/// Why a line was not answered.
struct Unread {
    reason: &'static str,
    error: &'static str,
}

impl Unread {
    fn line(error: &'static str) -> Self {
        Self { reason: UNREADABLE, error }
    }
}

/// Answers one value, or every line of the input, with a line of JSON each.
pub fn run(
    args: &HashArgs,
    settings: &Settings,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<HashOutcome, HashError> {
    let country = match args.country.as_deref() {
        Some(name) => Some(Country::parse(name).ok_or(HashError::UnknownCountry)?),
        None => None,
    };
    if args.field == LINES {
        return answer_lines(country, settings, input, output);
    }
    let field = Field::parse(&args.field).ok_or(HashError::UnknownField)?;
    let mut line = Zeroizing::new(String::new());
    let value = match args.value.as_ref().map(Scratch::expose) {
        Some(value) if value != "-" => value,
        Some(_) | None => {
            input.read_line(&mut line)?;
            line.as_str()
        }
    };
    write_answer(&tell(field, value, country, settings), output)?;
    output.flush()?;
    Ok(HashOutcome::Answered)
}

/// Answers each line of the input; a blank one is passed over.
fn answer_lines(
    country: Option<Country>,
    settings: &Settings,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<HashOutcome, HashError> {
    let mut outcome = HashOutcome::Answered;
    let mut line = Zeroizing::new(Vec::new());
    let mut number: u64 = 0;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number = number.saturating_add(1);
        if line.trim_ascii().is_empty() {
            continue;
        }
        match answer_line(&line, country, settings) {
            Ok(told) => write_answer(&told, output)?,
            Err(Unread { reason, error }) => {
                outcome = HashOutcome::SomeLinesUnread;
                let line = Some(number);
                write_line(&Answer { reason: Some(reason), error: Some(error), line, ..Answer::default() }, output)?;
            }
        }
    }
    output.flush()?;
    Ok(outcome)
}

/// Tells what becomes of the value of one line; as in a row, a country that is none does not steer.
fn answer_line(line: &[u8], country: Option<Country>, settings: &Settings) -> Result<Told, Unread> {
    let question: Question<'_> =
        serde_json::from_slice(line).map_err(|_| Unread::line("not a JSON object with \"field\" and \"value\""))?;
    let unknown = Unread { reason: UNKNOWN, error: "no field has this name" };
    let field = Field::parse(&question.field).ok_or(unknown)?;
    let country = question.country.as_deref().and_then(Country::parse).or(country);
    let raw = question.value.get();
    let text = match raw.as_bytes().first() {
        Some(b'"') => {
            Zeroizing::new(serde_json::from_str(raw).map_err(|_| Unread::line("the value is not valid text"))?)
        }
        Some(b'n') => Zeroizing::default(),
        _ => Zeroizing::new(raw.to_owned()),
    };
    Ok(tell(field, &text, country, settings))
}

/// Tells what becomes of a cell: of its value, or of each that its list holds.
fn tell(field: Field, text: &str, country: Option<Country>, settings: &Settings) -> Told {
    let explain = |text: &str| explain(field, Pii::new(text), country, settings);
    let cell = match (field, shape(text)) {
        (Field::Currency, _) | (_, Shape::Plain) => Cell::One(explain(text)),
        (_, Shape::List(items)) => {
            Cell::Many(items.into_iter().filter_map(item_text).map(|text| explain(&text)).collect())
        }
        (_, Shape::Object) => Cell::Object,
    };
    let rule = match &cell {
        Cell::One(told) => told.rule,
        Cell::Many(_) | Cell::Object => explain("").rule,
    };
    Told { rule, cell }
}

/// Writes what became of one cell. Of a list, each value stands there once, as it is sent.
fn write_answer(told: &Told, output: &mut dyn Write) -> io::Result<()> {
    fn text(told: &Explanation) -> Option<&str> {
        told.normalised.as_ref().map(Scratch::expose)
    }
    fn digest(told: &Explanation) -> Option<&str> {
        told.sha256.as_ref().map(Digest::as_str)
    }
    let (normalised, sha256, reason) = match &told.cell {
        Cell::One(told) => (OneOrMany::One(text(told)), OneOrMany::One(digest(told)), told.reason),
        Cell::Many(told) => (
            OneOrMany::Many(each_once(told.iter().filter_map(text))),
            OneOrMany::Many(each_once(told.iter().filter_map(digest))),
            told.iter().find_map(|told| told.reason),
        ),
        Cell::Object => (OneOrMany::default(), OneOrMany::default(), Some(Reason::InvalidJson)),
    };
    let (reason, rule) = (reason.map(Reason::code), Some(told.rule));
    write_line(&Answer { normalised, sha256, reason, rule, error: None, line: None }, output)
}

fn each_once<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// Writes one line of JSON.
fn write_line(line: &impl Serialize, output: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line)?;
    output.write_all(b"\n")
}

/// Gives every name of a field, for a message.
fn names() -> String {
    Field::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::normalize::ExternalIdForm;

    fn settings() -> Settings {
        Settings {
            phone_country: None,
            assume_international: false,
            today: chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
            date_format: None,
            external_id: ExternalIdForm::Hashed,
        }
    }

    fn ask(field: &str, value: Option<&str>, country: Option<&str>, mut input: &[u8]) -> (HashOutcome, String) {
        let args = HashArgs {
            field: field.to_owned(),
            value: value.map(|value| {
                let mut scratch = Scratch::default();
                scratch.clear().push_str(value);
                scratch
            }),
            country: country.map(str::to_owned),
        };
        let mut output = Vec::new();
        let outcome = run(&args, &settings(), &mut input, &mut output).unwrap();
        (outcome, String::from_utf8(output).unwrap())
    }

    #[test]
    fn one_value_is_answered_with_its_rule() {
        let expected = concat!(
            r#"{"normalised":"16505551212","sha256":"e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176","#,
            r#""reason":null,"rule":"digits of the E.164 form without +, by the row's country or the configured one; "#,
            r#"extension and trunk zero cut"}"#,
            "\n"
        );
        assert_eq!(ask("phone", Some("(650)555-1212"), Some("US"), b""), (HashOutcome::Answered, expected.to_owned()));
        assert_eq!(ask("ph", None, Some("us"), b"650-555-1212\nnext").1, expected);
        assert_eq!(ask("ph", Some("-"), Some("us"), b"650-555-1212").1, expected);
    }

    #[test]
    fn a_refused_value_is_answered_with_its_reason() {
        let (outcome, answer) = ask("em", Some("nobody"), None, b"");
        assert_eq!(outcome, HashOutcome::Answered);
        assert!(answer.starts_with(r#"{"normalised":null,"sha256":null,"reason":"invalid_email","rule":"#), "{answer}");
    }

    /// The answer to one line without its rule, which must be there.
    #[track_caller]
    fn answer(line: &str) -> String {
        let (_, answer) = ask("-", None, None, line.as_bytes());
        let (told, rule) = answer.strip_suffix("\"}\n").unwrap().split_once(r#","rule":""#).unwrap();
        assert!(!rule.is_empty());
        told.to_owned() + "}"
    }

    #[test]
    fn lines_are_answered_one_by_one() {
        let check = |line: &str, expected: &str| assert_eq!(answer(line), expected, "{line}");
        let us = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621";
        let is_us = format!(r#"{{"normalised":"us","sha256":"{us}","reason":null}}"#);
        check(r#"{"field":"country","value":"USA"}"#, &is_us);
        check(r#"{"id":7,"country":"us","value":"U\u0053","field":"country"}"#, &is_us);
        check(
            r#"{"field":"ph","value":6505551212,"country":"us"}"#,
            r#"{"normalised":"16505551212","sha256":"e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176","reason":null}"#,
        );
        check(
            r#"{"field":"ph","value":"6505551212","country":null}"#,
            r#"{"normalised":null,"sha256":null,"reason":"phone_without_country"}"#,
        );
        check(
            &format!(r#"{{"field":"country","value":"{}"}}"#, us.to_uppercase()),
            &format!(r#"{{"normalised":"{us}","sha256":"{us}","reason":null}}"#),
        );
        check(r#"{"field":"ct","value":null}"#, r#"{"normalised":null,"sha256":null,"reason":null}"#);
        check(r#"{"field":"ge","value":true}"#, r#"{"normalised":null,"sha256":null,"reason":"invalid_gender"}"#);
        check(r#"{"field":"currency","value":"eur"}"#, r#"{"normalised":"EUR","sha256":null,"reason":null}"#);
    }

    #[test]
    fn a_list_is_answered_with_what_is_sent_of_it() {
        let check = |value: &str, expected: &str| {
            let line = format!(r#"{{"field":"country","value":{value}}}"#);
            assert_eq!(answer(&line), expected, "{value}");
            // A list may stand in a column of text.
            let text = serde_json::to_string(value).unwrap();
            assert_eq!(answer(&format!(r#"{{"field":"country","value":{text}}}"#)), expected, "{text}");
        };
        let us = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621";
        let de = "959a45d44e6fcf58361ed004681556fe50129f2109e817dec098c00c9e5d2578";
        let sent = |names: &str, digests: &str, reason: &str| {
            format!(r#"{{"normalised":[{names}],"sha256":[{digests}],"reason":{reason}}}"#)
        };
        check(r#"["USA", "us", null, "", ["de"], true]"#, &sent(r#""us""#, &format!(r#""{us}""#), "null"));
        check(r#"["DE", 7, "us"]"#, &sent(r#""de","us""#, &format!(r#""{de}","{us}""#), r#""invalid_country""#));
        check("[]", &sent("", "", "null"));
        check(r#"{"a":1}"#, r#"{"normalised":null,"sha256":null,"reason":"invalid_json"}"#);
        let one = ask("country", Some(r#"["USA","us"]"#), None, b"").1;
        assert!(one.starts_with(&format!(r#"{{"normalised":["us"],"sha256":["{us}"],"reason":null,"rule":"#)), "{one}");
    }

    #[test]
    fn a_bad_line_is_answered_and_the_rest_goes_on() {
        let input = concat!(
            "{\"field\":\"ge\",\"value\":\"x\"}\n",
            "\n",
            "ada@example.com\n",
            "{\"field\":\"em\"}\n",
            "{\"field\":\"shoe_size\",\"value\":\"ada@example.com\"}\n",
            "{\"field\":\"em\",\"value\":\"\\ud800ada@example.com\"}\n",
            "{\"field\":\"currency\",\"value\":\"usd\"}",
        );
        let (outcome, answers) = ask("-", None, None, input.as_bytes());
        assert_eq!(outcome, HashOutcome::SomeLinesUnread);
        assert!(!answers.contains("ada@"), "{answers}");
        let nothing = r#"{"normalised":null,"sha256":null,"reason""#;
        let unread = format!(r#"{nothing}:"unreadable_line","rule":null,"error""#);
        let expected = [
            format!(r#"{nothing}:"invalid_gender","rule":"f or m, from f, female, m or male"}}"#),
            format!(r#"{unread}:"not a JSON object with \"field\" and \"value\"","line":3}}"#),
            format!(r#"{unread}:"not a JSON object with \"field\" and \"value\"","line":4}}"#),
            format!(r#"{nothing}:"unknown_field","rule":null,"error":"no field has this name","line":5}}"#),
            format!(r#"{unread}:"the value is not valid text","line":6}}"#),
            r#"{"normalised":"USD","sha256":null,"reason":null,"rule":"ISO 4217 code, upper case, not hashed"}"#.into(),
        ];
        assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
        assert_eq!(ask("-", None, None, b"\xff\n").0, HashOutcome::SomeLinesUnread);
    }

    #[test]
    fn what_cannot_be_asked_is_an_error() {
        let check = |field: &str, country: Option<&str>, expected: &str| {
            let args = HashArgs { field: field.to_owned(), value: None, country: country.map(str::to_owned) };
            let error = run(&args, &settings(), &mut io::empty(), &mut io::sink()).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        };
        check("shoe_size", None, "no field has this name; the fields are em, email, ph, phone, fn,");
        check("ph", Some("Atlantis"), "the country is not one of ISO 3166-1");
        check("-", Some("Atlantis"), "the country is not one of ISO 3166-1");
    }
}
