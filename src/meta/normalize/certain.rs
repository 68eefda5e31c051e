//! What of the rules can be told to a database: characters that come out the same wherever they stand, and tables.
//!
//! A database composes no characters, and its lower case is that of some version of Unicode. So it is told of each
//! character that it may take what becomes of it; a value with any other character it must leave alone.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::gazetteer::Gazetteer;
use super::postal_code::{is_dash, is_of_code};
use super::rule::Rule;
use super::text::{is_blank, is_invisible, is_letter, is_of_name};
use super::{abroad, birth, country, email, hashed, postal_code, state};

/// The digest of nothing, which stands for nobody.
pub(crate) const SHA256_OF_NOTHING: &str = hashed::SHA256_OF_NOTHING;

/// The first year in which somebody who lives was born.
pub(crate) const FIRST_YEAR: i32 = birth::FIRST_YEAR;

/// The countries with US ZIP codes.
pub(crate) const ZIP_COUNTRIES: [&str; 6] = postal_code::ZIP_COUNTRIES;

/// The countries whose states have codes, and whose telephones need no country code among each other.
pub(crate) const AMERICAN: [&str; 2] = state::AMERICAN;

/// What becomes of characters under a rule, each by itself.
#[derive(Debug, Default)]
pub(crate) struct Characters {
    /// Those that come out, as they come out.
    pub(crate) kept: String,
    /// Those that come out as another character.
    pub(crate) changed: Vec<(char, char)>,
    /// Those of which nothing comes out.
    pub(crate) dropped: String,
}

impl Characters {
    /// Gives the characters of a rule; none where the rule is not about single characters.
    pub(crate) fn of(rule: Rule) -> Self {
        match rule {
            Rule::Email => Self::folded(|character| !email::is_forbidden(character)),
            Rule::Name | Rule::NameStart(_) => Self::folded(is_of_name),
            Rule::City | Rule::State => Self::folded(is_letter),
            Rule::PostalCode => Self::folded(is_of_code),
            Rule::ExternalId => Self::folded(|character| !character.is_whitespace()),
            Rule::Country => Self::of_country(),
            Rule::Phone | Rule::Birth | Rule::BirthPart(_) | Rule::Gender | Rule::AsItIs => Self::default(),
        }
    }

    /// Gives what folding makes of each character.
    fn folded(keep: impl Fn(char) -> bool) -> Self {
        let mut characters = Self::default();
        for character in candidates() {
            // The filter has made sure that there is one.
            let lowered = character.to_lowercase().next().unwrap_or(character);
            characters.add(character, keep(lowered).then_some(lowered));
        }
        characters
    }

    /// Gives what becomes of each character in the name of a country, where `&` is still to be replaced.
    fn of_country() -> Self {
        let mut characters = Self::default();
        for character in candidates() {
            let mut spelt = std::iter::once(character).nfd().filter(|part| !country::is_left_out(*part));
            let first = if character == '&' { Some('&') } else { spelt.next() };
            // A letter of another alphabet stands in no name of a country, so it may stay.
            characters.add(character, first.map(|first| first.to_ascii_lowercase()));
        }
        characters
    }

    fn add(&mut self, character: char, outcome: Option<char>) {
        match outcome {
            Some(same) if same == character => self.kept.push(same),
            Some(other) => self.changed.push((character, other)),
            None => self.dropped.push(character),
        }
    }
}

/// Gives the characters that are told of: those of ASCII, letters of Latin, Greek and Cyrillic, common punctuation.
fn candidates() -> impl Iterator<Item = char> {
    let ascii = ('\0'..='\u{7F}').filter(|c| c.is_ascii_graphic() || c.is_ascii_whitespace());
    let letters = ('\u{C0}'..='\u{24F}').chain('\u{386}'..='\u{3FF}').chain('\u{400}'..='\u{52F}');
    let letters = letters.chain('\u{1E00}'..='\u{1EFF}').filter(|letter| letter.is_alphabetic());
    let punctuation = "\u{A0}·".chars().chain('\u{2010}'..='\u{2015}').chain("‘’“”„…".chars());
    ascii.chain(letters).chain(punctuation).filter(|character| is_certain(*character))
}

/// Says whether a character has one lower case wherever it stands, and neither it nor its lower case ever takes part in
/// composing another.
///
/// Source: Unicode Standard Annex 15, "Detecting Normalization Forms": a text of characters that are `Yes` in
/// `NFC_Quick_Check` and have no combining class is composed.
fn is_certain(character: char) -> bool {
    let is_loner = |c: char| {
        is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes && canonical_combining_class(c) == 0 && !is_invisible(c)
    };
    let mut lowered = character.to_lowercase();
    // Which lower case a sigma takes depends on its neighbours.
    let is_single = matches!((lowered.next(), lowered.next()), (Some(lowered), None) if is_loner(lowered));
    is_single && is_loner(character) && character != 'Σ'
}

/// Gives all white space and all characters that cannot be seen, which are taken off both ends.
pub(crate) fn blanks() -> String {
    ('\0'..=char::MAX).filter(|character| is_blank(*character)).collect()
}

/// Gives the dashes that do not count in a postal code, of those that are told of.
pub(crate) fn dashes() -> String {
    candidates().filter(|character| is_dash(*character)).collect()
}

/// Gives every country: its code and its other names, as [`Characters`] leave them.
pub(crate) fn countries() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    Gazetteer::places(country::PLACES)
}

/// Gives every state of North America: its code and its other names, as [`Characters`] leave them.
pub(crate) fn states() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    Gazetteer::places(state::PLACES)
}

/// Gives regular expressions of phone numbers outside North America, digits only, that are taken as they stand.
pub(crate) fn phones_abroad() -> impl Iterator<Item = String> {
    abroad::patterns()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meta::normalize::text::fold;

    /// Makes of a text what a database makes of it.
    fn told(characters: &Characters, text: &str) -> String {
        let becomes = |character| {
            let changed = characters.changed.iter().find(|(from, _)| *from == character);
            changed.map_or_else(|| (!characters.dropped.contains(character)).then_some(character), |(_, to)| Some(*to))
        };
        text.chars().filter_map(becomes).collect()
    }

    fn any_certain() -> impl Strategy<Value = String> {
        let all: Vec<char> = candidates().collect();
        prop::collection::vec(prop::sample::select(all), 0..24).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn folding_comes_to_the_same(text in any_certain()) {
            let text = text.trim_matches(is_blank);
            for rule in [Rule::Name, Rule::City, Rule::PostalCode, Rule::ExternalId] {
                let keep = |character: char| match rule {
                    Rule::Name => is_of_name(character),
                    Rule::City => is_letter(character),
                    Rule::PostalCode => is_of_code(character),
                    _ => !character.is_whitespace(),
                };
                let mut folded = String::new();
                fold(text, keep, &mut folded);
                prop_assert_eq!(told(&Characters::of(rule), text), folded, "{:?}", rule);
            }
        }

        #[test]
        fn countries_come_to_the_same(text in any_certain()) {
            let name = told(&Characters::of(Rule::Country), &text);
            let name = name.trim_start_matches('&').replace('&', "and");
            let code = countries().find(|(code, _)| *code == name).map(|(code, _)| code);
            let known = countries().find_map(|(code, mut names)| names.any(|known| known == name).then_some(code));
            prop_assert_eq!(code.or(known), country::Country::parse(&text).map(country::Country::code));
        }
    }

    #[test]
    fn a_country_by_its_accents_and_signs() {
        let check = |text: &str, expected: &str| {
            let name = told(&Characters::of(Rule::Country), text);
            assert_eq!(name.trim_start_matches('&').replace('&', "and"), expected, "{text:?}");
        };
        check("Côte d’Ivoire", "cotedivoire");
        check("Trinidad & Tobago", "trinidadandtobago");
        check("& U.S.", "us");
        check("Türkiye", "turkiye");
    }

    #[test]
    fn letters_of_common_alphabets_are_told_of() {
        let told: Vec<char> = candidates().collect();
        for character in "azAZ09éÉßẞłŁőĐñøæœžŠğıșțñ ăâđêôơưẾế αωΆΏς жЖёЁїЇў’".chars()
        {
            assert!(told.contains(&character), "{character:?}");
        }
        for character in "Σİ\u{212A}\u{212B}\u{301}\u{AD}\u{200D}\u{6771}\u{D55C}\u{645}\u{37E}\0".chars() {
            assert!(!told.contains(&character), "{character:?}");
        }
        assert_eq!(dashes(), "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}");
    }
}
