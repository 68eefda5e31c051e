//! States, provinces and regions (`st`).

use std::sync::LazyLock;

use super::country::Country;
use super::gazetteer::Gazetteer;
use super::text::{fold, is_letter};
use crate::event::reason::Reason;

/// States of the US with its district and territories, and provinces of Canada.
///
/// Source: FIPS PUB 5-2 with ANSI INCITS 38, and Canada Post, with the abbreviations of the US Government Publishing
/// Office style manual and the codes of ISO 3166-2.
static STATES: LazyLock<Gazetteer> = LazyLock::new(|| Gazetteer::read(PLACES));

/// The list of them.
pub(super) const PLACES: &str = include_str!("states.txt");

/// The countries whose states these are.
pub(super) const AMERICAN: [&str; 2] = ["us", "ca"];

/// Writes a state of the US or a province of Canada as its two letters, any other region as its letters.
///
/// Source: Conversions API, customer information parameters: "Use the 2-character ANSI abbreviation code in lowercase.
/// Normalize states outside the U.S. in lowercase with no punctuation, no special characters, and no spaces."
pub(super) fn write(text: &str, country: Option<Country>, out: &mut String) -> Result<(), Reason> {
    fold(text, is_letter, out);
    if !out.contains(char::is_alphabetic) {
        return Err(Reason::InvalidState);
    }
    let may_be_american = country.is_none_or(|country| AMERICAN.contains(&country.code()));
    if !may_be_american || out.len() <= 2 {
        return Ok(());
    }
    if let Some(code) = STATES.code(out) {
        out.clear();
        out.push_str(code);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::St;
    use crate::meta::normalize::tests::normal_in;

    #[test]
    fn states_become_two_letters_in_north_america_only() {
        let check = |input: &str, country: &str, expected: &str| {
            assert_eq!(normal_in(St, input, country), Ok(expected.to_owned()), "{input:?} in {country:?}");
        };
        check("CA", "us", "ca");
        check("ca ", "", "ca");
        check("California", "us", "ca");
        check("California", "", "ca");
        check("C.A.", "us", "ca");
        check("Calif.", "us", "ca");
        check("US-CA", "us", "ca");
        check("N.Y.", "", "ny");
        check("NEW   YORK", "", "ny");
        check("West Virginia", "us", "wv");
        check("Washington, D.C.", "us", "dc");
        check("District of Columbia", "us", "dc");
        check("Puerto Rico", "us", "pr");
        check("Hawaiʻi", "us", "hi");
        check("Hawai'i", "us", "hi");
        check("Quebec", "ca", "qc");
        check("Québec", "ca", "qc");
        check("QUE\u{301}BEC", "", "qc");
        check("CA-ON", "ca", "on");
        check("Newfoundland and Labrador", "ca", "nl");
        check("Georgia", "ge", "georgia");
        check("Québec", "fr", "québec");
        check("New South Wales", "au", "newsouthwales");
        check("New South Wales", "", "newsouthwales");
        check("NSW", "au", "nsw");
        check("Bayern 9", "de", "bayern");
        check("東京都", "jp", "東京都");
        check("मुंबई", "in", "मुंबई");
    }

    #[test]
    fn what_has_no_letter_is_refused() {
        let check = |input: &str| assert_eq!(normal_in(St, input, "us"), Err(Reason::InvalidState), "{input:?}");
        check("12");
        check("...");
        check("🎉");
    }
}
