//! Countries (`country`).

use std::sync::LazyLock;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::gazetteer::Gazetteer;
use super::punctuation::is_punctuation;
use super::text::is_blank;
use crate::event::reason::Reason;

/// Codes, three-letter codes and English names of every country.
///
/// Source: ISO 3166-1 with the names of ISO, Unicode CLDR and Meta's parameter builder; `uk` and `el` are what the
/// European Union writes for `gb` and `gr`.
static COUNTRIES: LazyLock<Gazetteer> = LazyLock::new(|| Gazetteer::read(PLACES));

/// The list of them.
pub(super) const PLACES: &str = include_str!("countries.txt");

/// The longest name that is looked up, in letters.
const MAX_LETTERS: usize = 64;

/// A country, as its lower-case ISO 3166-1 alpha-2 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(&'static str);

impl Country {
    /// Reads an alpha-2 or alpha-3 code or an English name, whatever its case, accents, spaces and punctuation.
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = [0; MAX_LETTERS];
        let mut count = 0;
        for character in text.nfd() {
            let lowered = [u8::try_from(character).unwrap_or_default().to_ascii_lowercase()];
            let spelt: &[u8] = match character {
                'a'..='z' | 'A'..='Z' => &lowered,
                '&' if count > 0 => b"and",
                _ if is_left_out(character) => continue,
                _ => return None,
            };
            let end = count + spelt.len();
            letters.get_mut(count..end)?.copy_from_slice(spelt);
            count = end;
        }
        let name = std::str::from_utf8(letters.get(..count)?).ok()?;
        COUNTRIES.code(name).map(Self)
    }

    /// Gives the two lower-case letters.
    pub const fn code(self) -> &'static str {
        self.0
    }
}

/// Says whether a character does not count in the name of a country.
pub(super) fn is_left_out(character: char) -> bool {
    character.is_ascii_punctuation() || is_blank(character) || is_combining_mark(character) || is_punctuation(character)
}

/// Writes the code of a country.
///
/// Source: Conversions API, customer information parameters: "Use the lowercase, 2-letter country codes in ISO 3166-1
/// alpha-2."
pub(super) fn write(text: &str, out: &mut String) -> Result<(), Reason> {
    let country = Country::parse(text).ok_or(Reason::InvalidCountry)?;
    out.push_str(country.code());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_read_however_they_are_written() {
        let check = |input: &str, expected: &str| {
            assert_eq!(Country::parse(input).map(Country::code), Some(expected), "{input:?}");
        };
        check("us", "us");
        check(" US ", "us");
        check("u.s.", "us");
        check("USA", "us");
        check("United States", "us");
        check("UnItEd_StAtEs", "us");
        check("United States of America", "us");
        check("UK", "gb");
        check("Great Britain", "gb");
        check("EL", "gr");
        check("DEU", "de");
        check("Germany", "de");
        check("Côte d’Ivoire", "ci");
        check("Co\u{302}te d'Ivoire", "ci");
        check("Ivory Coast", "ci");
        check("Curaçao", "cw");
        check("Türkiye", "tr");
        check("Turkey", "tr");
        check("Trinidad & Tobago", "tt");
        check("Korea, Republic of", "kr");
        check("South Korea", "kr");
        check("Macedonia, the former Yugoslav Republic of", "mk");
        check("Georgia", "ge");
        check("Viet\u{A0}Nam", "vn");
    }

    #[test]
    fn what_is_no_country_is_refused() {
        let check = |input: &str| assert_eq!(Country::parse(input), None, "{input:?}");
        check("");
        check("a");
        check("xx");
        check("eu");
        check("us1");
        check("&");
        check("!@#$%^&*()");
        check("Atlantis");
        check("中国");
        check("New South Wales");
        check(&"a".repeat(10_000));
        check(&"&".repeat(100));
    }

    #[test]
    fn every_code_is_of_two_letters() {
        let codes: Vec<&str> = include_str!("countries.txt").lines().filter_map(|line| line.get(..2)).collect();
        assert_eq!(codes.len(), 249);
        for code in codes {
            assert_eq!(Country::parse(code).map(Country::code), Some(code));
        }
    }
}
