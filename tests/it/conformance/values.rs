//! Values of match keys and of a few other fields, as Meta's own code and its neighbours' normalise them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDate};
use fbcapi::event::{columns, field};
use fbcapi::meta::hash::Digest;
use fbcapi::meta::normalize::explain::{Field, explain};
use fbcapi::meta::normalize::{Country, Settings};
use fbcapi::private::{Pii, Scratch};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::deviations::{ABSENT, Deviations, Found, cases};
use super::events;

/// A case: an input and what somebody's code makes of it.
#[derive(Deserialize)]
struct Case {
    id: String,
    from: String,
    field: String,
    input: Value,
    country: Option<String>,
    #[serde(flatten)]
    want: Want,
    by: Vec<String>,
    #[serde(default)]
    conflict: Vec<Opinion>,
}

/// What somebody else expects of the same input.
#[derive(Deserialize)]
struct Opinion {
    #[serde(flatten)]
    want: Want,
    by: Vec<String>,
}

/// What is expected.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Want {
    /// This text, hashed where the field is.
    Value(String),
    /// This digest.
    Sha256(String),
    /// Nothing, or an error: for a field that is left out, both are the same.
    Absent(Absence),
}

/// How somebody's code says that a value is left out.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Absence {
    /// It gives nothing.
    Null,
    /// It refuses the whole event.
    Error,
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(text) => write!(f, "\"{text}\""),
            Self::Sha256(digest) => write!(f, "the digest {digest}"),
            Self::Absent(Absence::Null) => f.write_str("nothing"),
            Self::Absent(Absence::Error) => f.write_str("an error"),
        }
    }
}

/// What this program makes of an input.
#[derive(Debug, PartialEq, Eq)]
enum Ours {
    /// Nothing is sent.
    Absent,
    /// The digest of a text is sent.
    Hashed { text: String, digest: String },
    /// A text is sent as it is.
    Raw(String),
}

impl Ours {
    /// Gives the text that is hashed or sent.
    fn text(&self) -> &str {
        match self {
            Self::Absent => ABSENT,
            Self::Hashed { text, .. } | Self::Raw(text) => text,
        }
    }

    /// Says whether this is what somebody expects.
    fn is(&self, want: &Want) -> bool {
        match (self, want) {
            (Self::Absent, Want::Absent(_)) => true,
            (Self::Hashed { digest, .. }, Want::Value(value)) => *digest == sha256(value),
            (Self::Hashed { digest, .. }, Want::Sha256(expected)) => digest == expected,
            (Self::Raw(text), Want::Value(value)) => text == value,
            (Self::Absent, Want::Value(_) | Want::Sha256(_))
            | (Self::Hashed { .. } | Self::Raw(_), Want::Absent(_))
            | (Self::Raw(_), Want::Sha256(_)) => false,
        }
    }
}

impl Case {
    /// Gives every authority whose expectation is met.
    fn followed(&self, ours: &Ours) -> Vec<&str> {
        let opinions = self.conflict.iter().map(|opinion| (&opinion.want, &opinion.by));
        let met = std::iter::once((&self.want, &self.by)).chain(opinions).filter(|(want, _)| ours.is(want));
        met.flat_map(|(_, by)| by.iter().map(String::as_str)).collect()
    }

    /// Tells the case to those who must look into it.
    fn tell(&self) -> String {
        let opinions = self.conflict.iter().map(|opinion| (&opinion.want, &opinion.by));
        let wanted = std::iter::once((&self.want, &self.by)).chain(opinions);
        let wanted: Vec<String> = wanted.map(|(want, by)| format!("{want} by {}", by.join(", "))).collect();
        let input: String = self.input.to_string().chars().take(100).collect();
        format!("{} {input} is {} ({})", self.field, wanted.join(", but "), self.from)
    }

    /// Says whether Meta's code or documentation says so.
    fn is_of_meta(&self) -> bool {
        self.by.iter().any(|authority| authority.starts_with("meta:"))
    }
}

/// Every case.
fn all() -> Vec<Case> {
    let cases = cases::<Case>(include_str!("../vectors/normalisation.jsonl"));
    let ids: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.id.as_str(), case)).collect();
    assert_eq!((ids.len(), cases.len()), (1_867, 1_867));
    cases
}

/// The day on which the cases are run.
fn today() -> NaiveDate {
    DateTime::from_timestamp(1_795_435_200, 0).map_or(NaiveDate::MIN, |now| now.date_naive())
}

/// What Meta's code takes for granted: a phone number holds its country code, and dates of birth that are not of ISO
/// 8601 are written as on Meta's page (`2/16/1997`).
fn metas_settings() -> Settings {
    Settings { assume_international: true, date_format: Some("%m/%d/%Y".to_owned()), ..Settings::standard(today()) }
}

/// The SHA-256 of a text in lower-case hexadecimal, by another way than the program's.
fn sha256(text: &str) -> String {
    hex::encode(<Sha256 as sha2::Digest>::digest(text))
}

/// Makes of a case's input what the program makes of it.
fn ours(case: &Case, settings: &Settings) -> Ours {
    let Some(input) = events::text(&case.input) else { return Ours::Absent };
    if let Some(field) = Field::parse(&case.field) {
        let country = case.country.as_deref().and_then(Country::parse);
        let told = explain(field, Pii::new(&input), country, settings);
        return match (told.normalised.as_ref().map(Scratch::expose), told.sha256.as_ref().map(Digest::as_str)) {
            (None, _) => Ours::Absent,
            (Some(text), Some(digest)) => Ours::Hashed { text: text.to_owned(), digest: digest.to_owned() },
            (Some(text), None) => Ours::Raw(text.to_owned()),
        };
    }
    match case.field.as_str() {
        "event_time" => events::time(&row("event_time", &input), &events::rules())
            .map_or(Ours::Absent, |seconds| Ours::Raw(seconds.to_string())),
        "event_name" => sent(&row("event_name", &input), "/event_name"),
        "fbc" => sent(&row("fbc", &input), "/user_data/fbc"),
        "delivery_category" => sent(&row("delivery_category", &input), "/custom_data/delivery_category"),
        unknown => {
            assert_eq!(field::Field::parse(unknown), None, "{unknown} can be mapped, but is not run");
            assert!(
                columns::CUSTOM_KEYS.iter().all(|(key, _)| *key != unknown),
                "{unknown} can be mapped, but is not run"
            );
            Ours::Absent
        }
    }
}

/// A row that can be sent, with a value in a column.
fn row(column: &str, value: &str) -> Map<String, Value> {
    let lead = json!({ "event_id": "e-1", "event_name": "Lead", "event_time": 0, "email": "ada@example.com" });
    let Value::Object(mut row) = lead else { return Map::new() };
    row.insert(column.to_owned(), value.into());
    row
}

/// Gives what is sent of a row in one place of its event.
fn sent(row: &Map<String, Value>, place: &str) -> Ours {
    let event = events::event(row, 60, &events::rules()).ok();
    let text = event.as_ref().and_then(|event| event.pointer(place)).and_then(Value::as_str);
    text.map_or(Ours::Absent, |text| Ours::Raw(text.to_owned()))
}

/// Says whether a text is of the shape that a field has on an ordinary day, so that nobody should stumble over it.
fn is_ordinary(case: &Case) -> bool {
    let Some(text) = case.input.as_str() else { return false };
    let is_word = |word: &str| !word.is_empty() && word.chars().all(char::is_alphabetic);
    let is_code = |letters| text.len() == letters && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let authorities = case.by.iter().filter(|authority| authority.starts_with("meta:")).count();
    case.is_of_meta()
        && case.conflict.is_empty()
        && match case.field.as_str() {
            "em" => text.split_once('@').is_some_and(|(local, domain)| is_plain(local) && is_domain(domain)),
            "fn" | "ln" => is_word(text),
            // The parameter builder alone drops letters that are not ASCII, which Meta's SDKs keep.
            "ct" => text.split(' ').all(is_word) && (text.is_ascii() || authorities > 1),
            "st" => is_code(2),
            "zp" => text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit()),
            "country" => {
                is_code(2) && Country::parse(text).is_some_and(|country| text.eq_ignore_ascii_case(country.code()))
            }
            _ => false,
        }
}

/// Says whether the part before the `@` is plain ASCII: letters and digits, parted by one sign at a time.
fn is_plain(local: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    local.split(['.', '_', '-', '+']).all(is_part)
}

/// Says whether a domain is plain ASCII, of two labels or more.
fn is_domain(domain: &str) -> bool {
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    domain.contains('.') && domain.split('.').all(is_label)
}

/// Finds what deviates, and whom is followed where the sources contradict each other.
fn run() -> (Vec<Case>, Found, Found) {
    let (settings, cases) = (metas_settings(), all());
    let (mut deviating, mut followed) = (Found::default(), Found::default());
    for case in &cases {
        let ours = ours(case, &settings);
        let authorities = case.followed(&ours);
        if authorities.is_empty() {
            deviating.add(&case.id, ours.text(), case.tell());
        } else if !case.conflict.is_empty() {
            followed.add(&case.id, &authorities.join(", "), case.tell());
        }
    }
    (cases, deviating, followed)
}

#[test]
fn every_value_agrees_or_its_deviation_is_listed() {
    let (_, deviating, followed) = run();
    let listed = Deviations::read();
    deviating.compare(&listed.value);
    followed.compare(&listed.disagreement);
}

#[test]
fn a_deviation_from_meta_cites_the_documentation_or_the_rule() {
    let cases = all();
    let by_id: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let settings = metas_settings();
    for group in Deviations::read().value {
        for (id, _) in group.cases() {
            let case = by_id.get(id).unwrap_or_else(|| panic!("there is no case {id}"));
            let is_cited = group.documented.is_some() || group.rule.is_some() || !case.is_of_meta();
            assert!(is_cited, "{:?} cites nothing, but deviates from {:?}", group.what, case.by);
            let (Some(words), Some(field)) = (&group.rule, Field::parse(&case.field)) else { continue };
            let rule = explain(field, Pii::new(""), None, &settings).rule;
            assert!(rule.contains(words.as_str()), "{:?} cites {words:?}, but the rule is {rule:?}", group.what);
        }
    }
}

#[test]
fn metas_documented_vectors_agree() {
    let (cases, deviating, _) = run();
    let mut documented = 0;
    for case in cases.iter().filter(|case| case.by.iter().any(|authority| authority == "meta:docs")) {
        assert!(!deviating.has(&case.id), "{}: {}", case.id, case.tell());
        documented += 1;
    }
    assert_eq!(documented, 8);
}

#[test]
fn ordinary_values_on_which_meta_agrees_agree() {
    let (cases, deviating, _) = run();
    let mut ordinary: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases.iter().filter(|case| is_ordinary(case)) {
        assert!(!deviating.has(&case.id), "{}: {}", case.id, case.tell());
        *ordinary.entry(&case.field).or_default() += 1;
    }
    let told: Vec<String> = ordinary.iter().map(|(field, count)| format!("{field} {count}")).collect();
    assert_eq!(told.join(", "), "country 46, ct 38, em 77, fn 63, ln 50, st 67, zp 10");
}

#[test]
fn what_the_settings_do_not_say_is_not_guessed() {
    let standard = Settings::standard(today());
    let mut left_out = 0;
    for case in all().iter().filter(|case| matches!(case.field.as_str(), "ph" | "db")) {
        let (told, untold) = (ours(case, &metas_settings()), ours(case, &standard));
        assert!(untold == told || untold == Ours::Absent, "{}: {}; ours: {}", case.id, case.tell(), untold.text());
        left_out += usize::from(untold != told);
    }
    assert!(left_out > 50, "{left_out} values need a setting");
}
