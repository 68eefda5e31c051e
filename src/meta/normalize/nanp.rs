//! The short way for plain numbers of the US and Canada, a hundred times faster than the library.

use super::country::Country;

/// Characters of the longest number that is looked at.
const MAX_CHARACTERS: usize = 40;

/// Digits of a number with its country code.
const DIGITS: usize = 11;

/// Writes the number and says so, if it is one that the library would read the same way; else writes nothing.
///
/// Such are ten digits in the US or Canada, or eleven after `1`, that start with 2 to 9 and are written with spaces,
/// dots, dashes and brackets only; with `+1` before them in any country.
pub(super) fn write(text: &str, country: Option<Country>, out: &mut String) -> bool {
    if text.len() > MAX_CHARACTERS {
        return false;
    }
    let mut digits = [0; DIGITS];
    let mut count = 0;
    let mut has_plus = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                let Some(digit) = digits.get_mut(count) else { return false };
                *digit = byte;
                count += 1;
            }
            b'+' if count == 0 && !has_plus => has_plus = true,
            b' ' | b'-' | b'.' | b'(' | b')' => {}
            _ => return false,
        }
    }
    let is_near = country.is_some_and(|country| matches!(country.code(), "us" | "ca"));
    let national = match digits.get(..count) {
        Some([b'1', national @ ..]) if national.len() == DIGITS - 1 && (has_plus || is_near) => national,
        Some(national) if national.len() == DIGITS - 1 && !has_plus && is_near => national,
        _ => return false,
    };
    if !matches!(national, [b'2'..=b'9', ..]) {
        return false;
    }
    out.push('1');
    out.extend(national.iter().copied().map(char::from));
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meta::normalize::phone;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_short_way_agrees_with_the_library(
            text in "[ (.-]{0,2}[+]?[ (]{0,2}1?[-. )(]{0,2}[0-9][0-9 ().-]{8,12}[0-9][ ).-]{0,2}|[+]?1?[0-9]{9,11}|[0-9+ ().-]{9,16}",
            code in prop::sample::select(vec!["us", "ca", "gb", "ag", "it", ""]),
        ) {
            let country = Country::parse(code);
            let text = text.trim();
            let mut short = String::new();
            if write(text, country, &mut short) {
                let mut long = String::new();
                prop_assert_eq!(phone::write_by_library(text, country, false, &mut long), Ok(()));
                prop_assert_eq!(short, long);
            } else {
                prop_assert_eq!(short, "");
            }
        }
    }

    /// First digits of the part behind the area code: what is assigned, what never is, and services.
    const EXCHANGES: [u32; 12] = [0, 11, 100, 199, 200, 211, 411, 555, 800, 911, 976, 999];

    #[test]
    fn every_area_code_takes_the_short_way_as_the_library_does() {
        for area in 0..1_000 {
            for (at, exchange) in EXCHANGES.into_iter().enumerate() {
                let line = (area * 37 + exchange) % 10_000;
                let (text, code) = match at % 4 {
                    0 => (format!("({area:03}) {exchange:03}-{line:04}"), "us"),
                    1 => (format!("1{area:03}{exchange:03}{line:04}"), "ca"),
                    2 => (format!("+1.{area:03}.{exchange:03}.{line:04}"), ""),
                    _ => (format!("+1 {area:03} {exchange:03} {line:04}"), "gb"),
                };
                let country = Country::parse(code);
                let mut short = String::new();
                assert_eq!(write(&text, country, &mut short), area >= 200, "{text:?}");
                if area >= 200 {
                    let mut long = String::new();
                    assert_eq!(phone::write_by_library(&text, country, false, &mut long), Ok(()), "{text:?}");
                    assert_eq!(short, long, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn plain_numbers_take_the_short_way() {
        let check = |text: &str, code: &str, expected: &str| {
            let mut out = String::new();
            assert_eq!(write(text, Country::parse(code), &mut out), !expected.is_empty(), "{text:?} in {code:?}");
            assert_eq!(out, expected, "{text:?} in {code:?}");
        };
        check("(650)555-1212", "us", "16505551212");
        check("650.555.1212", "ca", "16505551212");
        check("1 650 555 1212", "us", "16505551212");
        check("+1 (650) 555-1212", "", "16505551212");
        check("+1 (650) 555-1212", "gb", "16505551212");
        check("6505551212", "", "");
        check("6505551212", "gb", "");
        check("16505551212", "", "");
        check("+6505551212", "us", "");
        check("1505551212", "us", "");
        check("11505551212", "us", "");
        check("0165055512", "us", "");
        check("650555121", "us", "");
        check("165055512123", "us", "");
        check("650-555-1212 x5", "us", "");
        check("6505551212+", "us", "");
        check("++16505551212", "us", "");
        check("６５０５５５１２１２", "us", "");
    }
}
