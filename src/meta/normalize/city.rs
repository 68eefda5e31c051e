//! Cities (`ct`).

use super::text::{fold, is_letter};
use crate::event::reason::Reason;

/// Writes the letters of a city in lower case; accents and marks stay.
///
/// Source: Conversions API, customer information parameters: "Lowercase only with no punctuation, no special
/// characters, and no spaces. If using special characters, the text must be encoded in UTF-8 format." Meta's SDKs
/// drop digits as well.
pub(super) fn write(text: &str, out: &mut String) -> Result<(), Reason> {
    fold(text, is_letter, out);
    if out.contains(char::is_alphabetic) { Ok(()) } else { Err(Reason::InvalidCity) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Ct;
    use crate::meta::normalize::tests::normal;

    #[test]
    fn cities_keep_their_letters() {
        let check = |input: &str, expected: &str| assert_eq!(normal(Ct, input), Ok(expected.to_owned()), "{input:?}");
        check("New York", "newyork");
        check(" Menlo-Park ", "menlopark");
        check("St. Louis", "stlouis");
        check("Washington D.C.", "washingtondc");
        check("Menlo Park 94025", "menlopark");
        check("'s-Hertogenbosch", "shertogenbosch");
        check("Coeur d’Alene", "coeurdalene");
        check("New\u{A0}York", "newyork");
        check("San–Francisco", "sanfrancisco");
        check("San👋Francisco", "sanfrancisco");
        check("I ❤\u{FE0F} Paris", "iparis");
        check("São Paulo", "sãopaulo");
        check("Sa\u{303}o Paulo", "sãopaulo");
        check("ZÜRICH", "zürich");
        check("İSTANBUL", "i\u{307}stanbul");
        check("東京", "東京");
        check("القاهرة", "القاهرة");
        check("मुंबई", "मुंबई");
        check("ΑΘΉΝΑ", "αθήνα");
    }

    #[test]
    fn what_has_no_letter_is_refused() {
        let check = |input: &str| assert_eq!(normal(Ct, input), Err(Reason::InvalidCity), "{input:?}");
        check("90210");
        check("---");
        check("❤\u{FE0F}");
        check("\u{301}");
    }
}
