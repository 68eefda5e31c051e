//! Phone numbers of 13 countries, as Google's libphonenumber reads them.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::NaiveDate;
use fbcapi::meta::MatchKey;
use fbcapi::meta::normalize::{Country, Settings, normalize};
use fbcapi::private::Pii;
use flate2::read::GzDecoder;

use super::deviations::{Deviations, Found};

/// Numbers in the file.
const COUNT: usize = 50_000;

/// A line of the file.
struct Number<'a> {
    country: &'a str,
    text: &'a str,
    e164: &'a str,
    rule: &'a str,
}

impl<'a> Number<'a> {
    fn read(line: &'a str) -> Self {
        let parts: Vec<&str> = line.split('\t').collect();
        let [country, text, e164, rule] = parts[..] else { panic!("{line:?} has not four parts") };
        Self { country, text, e164, rule }
    }

    /// Writes the number, and tells what is wrong with it, if anything is.
    fn judge(&self, settings: &Settings, out: &mut String) -> Option<String> {
        let Self { country, text, e164, rule } = self;
        let outcome = normalize(MatchKey::Ph, Pii::new(text), Country::parse(country), settings, out);
        let is_right = out == e164 && outcome.is_ok() != e164.is_empty();
        (!is_right).then(|| format!("{text:?} in {country} is {e164:?} (rule {rule:?}), ours: {out:?}"))
    }
}

/// Reads the file.
fn file() -> String {
    let mut text = String::new();
    let packed = include_bytes!("../vectors/phones.tsv.gz");
    let length = GzDecoder::new(packed.as_slice()).read_to_string(&mut text);
    assert!(length.is_ok_and(|length| length > 0));
    text
}

#[test]
fn phones_agree_with_libphonenumber() {
    let text = file();
    let numbers: Vec<Number<'_>> = text.lines().map(Number::read).collect();
    assert_eq!(numbers.len(), COUNT);
    let settings = Settings::standard(NaiveDate::MAX);
    let halves = numbers.split_at(COUNT / 2);
    let judge = |numbers: &[Number<'_>]| {
        let mut out = String::new();
        numbers.iter().filter_map(|number| number.judge(&settings, &mut out)).collect::<Vec<_>>()
    };
    let wrong = std::thread::scope(|scope| {
        let first = scope.spawn(|| judge(halves.0));
        let mut wrong = judge(halves.1);
        wrong.extend(first.join().unwrap_or_else(|_| panic!("a number made the normaliser panic")));
        wrong
    });
    assert!(wrong.is_empty(), "{} numbers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_asked_of_libphonenumber_in_another_way_is_listed() {
    let text = file();
    let mut counts: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut valid = 0;
    for number in text.lines().map(Number::read) {
        valid += usize::from(!number.e164.is_empty());
        if !number.rule.is_empty() {
            let (count, example) = counts.entry(number.rule).or_default();
            *count += 1;
            *example = format!("such as {:?} in {}", number.text, number.country);
        }
    }
    let mut found = Found::default();
    for (rule, (count, example)) in counts {
        found.add(rule, &format!("{count} numbers"), example);
    }
    found.compare(&Deviations::read().phone);
    assert!((35_000..45_000).contains(&valid), "{valid} numbers can be sent");
}
