//! Values one by one.

use std::collections::BTreeSet;
use std::io::Read as _;

use fbcapi::meta::normalize::Country;
use flate2::read::GzDecoder;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::*;

/// Every key that is hashed.
fn keys() -> Vec<MatchKey> {
    MatchKey::ALL.into_iter().filter(|key| key.is_hashed() && *key != MatchKey::Country).collect()
}

/// The fields of which there are vectors.
const FIELDS: [&str; 11] = ["em", "ph", "fn", "ln", "ct", "st", "zp", "country", "db", "ge", "external_id"];

/// The countries in which every value stands once, as they are written.
const COUNTRIES: [Option<&str>; 6] = [None, Some("US"), Some("Canada"), Some("de"), Some("Atlantis"), Some("[\"US\"]")];

/// The vectors of a field, of those that are texts.
fn vectors(field: &str) -> Vec<Input> {
    let lines = include_str!("../../vectors/normalisation.jsonl").lines();
    let vectors = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|case| case["field"] == field);
    let inputs = vectors.filter_map(|case| {
        let country = case["country"].as_str();
        case["input"].as_str().filter(|text| !text.contains('\0')).map(|text| Input::new(text, country))
    });
    inputs.collect()
}

/// Counts nothing.
fn nothing(_: MatchKey, _: &Input) -> bool {
    false
}

/// Says whether a text is printable ASCII.
fn is_plain(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_graphic() || character == ' ')
}

/// Checks that enough of the values that the program hashes are hashed in the warehouse too, in percent.
#[track_caller]
fn check_share(counts: &BTreeMap<&'static str, Counts>, key: &str, least: usize) {
    let Counts { here, there } = counts[key];
    assert!(here > 10 && there * 100 >= here * least, "{key}: {there} of {here}");
}

#[test]
fn every_vector_is_hashed_alike_under_every_rule() {
    let own: BTreeMap<&str, BTreeSet<Input>> =
        FIELDS.iter().map(|field| (*field, vectors(field).into_iter().collect())).collect();
    // What is said of one field is tried as every other, and as the country too.
    let mut inputs: BTreeSet<Input> = own.values().flatten().cloned().collect();
    assert!(inputs.len() > 1_200, "{} vectors", inputs.len());
    inputs.extend(own.values().flatten().map(|input| Input::new("12345-6789", Some(&input.text))));
    let Some(table) = Table::new(inputs.into_iter().collect()) else { return };
    let counts = table.compare(&keys(), &settings(), |key, input| match key {
        MatchKey::Country => input.text == "12345-6789" && input.country.as_deref().is_some_and(is_plain),
        key => own.get(key.wire()).is_some_and(|own| own.contains(input)) && is_plain(&input.text),
    });
    for key in ["em", "fn", "ln", "ct", "st", "zp", "country", "db", "ge", "external_id"] {
        check_share(&counts, key, 98);
    }
    check_share(&counts, "ph", 50);
}

#[test]
fn the_settings_steer_the_warehouse_too() {
    let inputs: BTreeSet<Input> = ["ph", "db", "zp", "st"].iter().flat_map(|field| vectors(field)).collect();
    let Some(table) = Table::new(inputs.into_iter().collect()) else { return };
    let keys = [MatchKey::Ph, MatchKey::Db, MatchKey::Dobd, MatchKey::Doby];
    for (home, assume_international, date_format) in
        [(Some("us"), false, None), (Some("de"), true, Some("%m/%d/%Y")), (None, true, Some("%Y-%d-%m"))]
    {
        let phone_country = home.and_then(Country::parse);
        let date_format = date_format.map(str::to_owned);
        let settings = Settings { phone_country, assume_international, date_format, ..settings() };
        table.compare(&keys, &settings, nothing);
    }
}

#[test]
fn phones_of_thirteen_countries_are_hashed_alike_or_left_alone() {
    let mut text = String::new();
    GzDecoder::new(include_bytes!("../../vectors/phones.tsv.gz").as_slice()).read_to_string(&mut text).unwrap();
    let mut as_e164_says = BTreeSet::new();
    let numbers = text.lines().map(|line| {
        let parts: Vec<&str> = line.split('\t').collect();
        let input = Input::new(parts[1], Some(parts[0]));
        if parts[1].strip_prefix('+') == Some(parts[2]) {
            as_e164_says.insert(input.clone());
        }
        input
    });
    let numbers: Vec<Input> = numbers.collect();
    assert_eq!(numbers.len(), 50_000);
    let Some(table) = Table::new(numbers) else { return };
    // The file is made of what is hard: numbers of odd length, and those of Italy that keep their zero.
    let counts = table.compare(&[MatchKey::Ph], &settings(), |_, input| as_e164_says.contains(input));
    check_share(&counts, "ph", 60);
}

/// Values that are nearly right, and values of everything that is hard.
fn generated(count: usize) -> Vec<Input> {
    let texts = [
        "[ \u{A0}\u{200B}\t]{0,2}[a-zA-Z0-9._+'éßİΣ-]{1,12}@[a-z0-9A-Z.-]{1,12}[.]?[a-z]{0,3}[ \n]{0,2}",
        "[+0(]{0,3}[0-9 ().-]{4,18}",
        "[+]?(1|44|49|33|81|55)?[ -]?[(]?[0-9]{2,4}[)]?[ .-]?[0-9]{3,4}[ .-]?[0-9]{3,5}",
        "00{0,2}(1|44|49|33)[0-9]{8,11}",
        "(18|19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-9:]{0,5})?",
        "(19|20)[0-9]{2}[01][0-9][0-3][0-9]|[0-9]{1,4}",
        "[0-9]{5}[ -]?[0-9]{0,4}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]",
        "[A-Za-zÀ-ÿĀ-žΑ-ωА-яŠđ' .’,-]{1,24}",
        "(?s).{0,12}",
        "[0-9a-fA-F]{32}|[0-9a-fA-F]{64}|[0-9a-f]{8}-[0-9a-f]{56}",
        "\\[\"?[a-z]{1,4}\"?\\]|\\{[a-z]{0,3}\\}|![a-z_]{0,8}|=[a-z]{1,4}",
        "(California|NEW YORK|ont\\.|Québec|US-CA|n\\.y\\.|Bayern|ca|XX)[ ,.0-9]{0,3}",
    ];
    let countries =
        "|US|us |Canada|DE|U\\.K\\.|Atlantis|Côte d’Ivoire|Trinidad & Tobago|&US|US&|\\[\"US\"\\]|東京|ＵＳ|[A-Z]{2,3}";
    let mut runner = TestRunner::deterministic();
    let mut draw = |pattern: &str| {
        let strategy = proptest::string::string_regex(pattern).unwrap();
        strategy.new_tree(&mut runner).unwrap().current()
    };
    let mut inputs = Vec::new();
    for at in 0..count {
        let text = draw(texts[at % texts.len()]).replace('\0', "");
        let country = draw(countries);
        inputs.push(Input::new(text, Some(country.as_str()).filter(|country| !country.is_empty())));
    }
    inputs
}

#[test]
fn whatever_a_cell_holds_is_hashed_alike_or_left_alone() {
    let mut inputs = generated(6_000);
    for country in COUNTRIES {
        inputs.extend(
            ["94035-1234", "California", "650 555 1212", "+49 151 23456789"].map(|text| Input::new(text, country)),
        );
    }
    let Some(table) = Table::new(inputs) else { return };
    let is_one_text = |input: &Input| is_plain(&input.text) && !input.text.trim_start().starts_with(['[', '{']);
    let counts = table.compare(&keys(), &settings(), |_, input| is_one_text(input));
    for key in ["em", "fn", "ln", "ct", "external_id", "db", "ge"] {
        check_share(&counts, key, 90);
    }
}
