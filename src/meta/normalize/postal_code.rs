//! Postal codes (`zp`).

use zeroize::Zeroizing;

use super::country::Country;
use super::text::{fold, is_blank};
use crate::event::reason::Reason;

/// Digits of a US ZIP code that count.
///
/// Source: Conversions API, customer information parameters: "Use only the first 5 digits for U.S. zip codes."
const US_DIGITS: usize = 5;

/// The US and its territories, which have US ZIP codes.
pub(super) const ZIP_COUNTRIES: [&str; 6] = ["us", "as", "gu", "mp", "pr", "vi"];

/// Characters of a ZIP code with its dash and four further digits.
const ZIP_PLUS_FOUR: usize = US_DIGITS + 5;

/// Fewest characters of a postal code.
///
/// Source: Meta's parameter builder and SDKs for Node, Ruby and Java drop a postal code of one character.
const MIN_CHARACTERS: usize = 2;

/// Writes a postal code in lower case without white space and dashes; of a US ZIP code the first five digits. The
/// territories of the US have US ZIP codes.
///
/// Without a country, `12345-6789` is taken for a US ZIP code: no other country writes five digits, a dash and four.
/// Spaces do not count, as in Meta's SDKs: `98 121-9431` is one.
/// Full-width characters become ASCII ones, as they are typed in Japan.
///
/// Source: Conversions API, customer information parameters: "Use lowercase with no spaces and no dash. [...] Use the
/// area, district, and sector format for the UK."
pub(super) fn write(text: &str, country: Option<Country>, out: &mut String) -> Result<(), Reason> {
    let narrowed;
    let text = if text.is_ascii() {
        text
    } else {
        narrowed = Zeroizing::new(text.chars().map(narrow).collect::<String>());
        narrowed.as_str()
    };
    let is_american = match country {
        Some(country) => ZIP_COUNTRIES.contains(&country.code()),
        None => is_zip_plus_four(text),
    };
    if is_american {
        out.extend(text.chars().filter(char::is_ascii_digit).take(US_DIGITS));
        return if out.len() == US_DIGITS { Ok(()) } else { Err(Reason::InvalidPostalCode) };
    }
    fold(text, is_of_code, out);
    let is_code = out.contains(char::is_alphanumeric) && out.chars().nth(MIN_CHARACTERS - 1).is_some();
    if is_code { Ok(()) } else { Err(Reason::InvalidPostalCode) }
}

/// Says whether a text has the form `12345-6789`, whatever spaces it has.
fn is_zip_plus_four(text: &str) -> bool {
    let mut places = 0;
    for character in text.chars().filter(|&character| !is_blank(character)) {
        let is_in_place = if places == US_DIGITS { is_dash(character) } else { character.is_ascii_digit() };
        if !is_in_place || places == ZIP_PLUS_FOUR {
            return false;
        }
        places += 1;
    }
    places == ZIP_PLUS_FOUR
}

/// Says whether a character stays in a postal code.
pub(super) fn is_of_code(character: char) -> bool {
    !is_dash(character) && !is_blank(character) && !character.is_control()
}

/// Says whether a character is a dash.
pub(super) fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{30FC}')
}

/// Gives the ASCII character of a full-width one.
fn narrow(character: char) -> char {
    match u32::from(character) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(character),
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Zp;
    use crate::meta::normalize::tests::normal_in;

    #[test]
    fn postal_codes_are_written_without_spaces_and_dashes() {
        let check = |input: &str, country: &str, expected: &str| {
            assert_eq!(normal_in(Zp, input, country), Ok(expected.to_owned()), "{input:?} in {country:?}");
        };
        check("94035", "us", "94035");
        check("94035-1234", "us", "94035");
        check("940351234", "us", "94035");
        check("12345 6789", "us", "12345");
        check("01234", "us", "01234");
        check("00901-1234", "pr", "00901");
        check("94035-1234", "", "94035");
        check("98 121-9431", "", "98121");
        check("94035 \u{2013} 1234", "", "94035");
        check("94035-12345", "", "9403512345");
        check("940351-234", "", "940351234");
        check("94035-", "", "94035");
        check("940351234", "", "940351234");
        check("M1 1AE", "gb", "m11ae");
        check("SW1A-1AA", "gb", "sw1a1aa");
        check("k1a\u{A0}0b1", "ca", "k1a0b1");
        check("01310-100", "br", "01310100");
        check("00-950", "pl", "00950");
        check("00\u{2013}950", "pl", "00950");
        check("12345-6789", "br", "123456789");
        check("1987", "ch", "1987");
        check("75018 ", "", "75018");
        check("１００－０００１", "jp", "1000001");
        check("ＡＢ１", "", "ab1");
    }

    #[test]
    fn what_is_no_postal_code_is_refused() {
        let check = |input: &str, country: &str| {
            assert_eq!(normal_in(Zp, input, country), Err(Reason::InvalidPostalCode), "{input:?} in {country:?}");
        };
        check("-", "");
        check("1", "gb");
        check("--", "gb");
        check("..", "gb");
        check("2134", "us");
        check("K1A 0B1", "us");
        check("unknown", "us");
    }
}
