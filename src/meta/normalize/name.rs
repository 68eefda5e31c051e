//! First and last names (`fn`, `ln`).

use super::text::{fold, is_joiner, is_of_name};
use crate::event::reason::Reason;

/// Writes a name in lower case without punctuation and white space; letters of every script, their marks, digits and
/// symbols stay.
///
/// Source: Conversions API, customer information parameters: "Lowercase only with no punctuation. If using special
/// characters, the text must be encoded in UTF-8 format." It says nothing of spaces, digits and symbols: Meta's
/// parameter builder removes white space and keeps digits and emoji.
pub(super) fn write(text: &str, out: &mut String) -> Result<(), Reason> {
    fold(text, is_of_name, out);
    if out.contains(char::is_alphanumeric) { Ok(()) } else { Err(Reason::InvalidName) }
}

/// Writes the first letters of a name.
pub(super) fn write_start(text: &str, letters: usize, out: &mut String) -> Result<(), Reason> {
    write(text, out)?;
    if let Some((end, _)) = out.char_indices().nth(letters) {
        out.truncate(end);
        // A joiner joins nothing at the end.
        out.truncate(out.trim_end_matches(is_joiner).len());
    }
    if out.contains(char::is_alphanumeric) { Ok(()) } else { Err(Reason::InvalidName) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::{F5last, Fi, Fn, Ln};
    use crate::meta::normalize::tests::normal;

    #[test]
    fn names_begin_with_their_letters() {
        let check =
            |key, input: &str, expected: &str| assert_eq!(normal(key, input), Ok(expected.to_owned()), "{input:?}");
        check(F5last, "Washington", "washi");
        check(F5last, "O'Neil-Smith", "oneil");
        check(F5last, "Ng", "ng");
        check(Fi, "Émile", "é");
        check(Fi, " (Ada)", "a");
        assert_eq!(normal(Fi, "..."), Err(Reason::InvalidName));
        assert_eq!(normal(Fi, "\u{1F600}a"), Err(Reason::InvalidName));
    }

    #[test]
    fn names_lose_punctuation_and_white_space() {
        let check = |input: &str, expected: &str| {
            assert_eq!(normal(Fn, input), Ok(expected.to_owned()), "{input:?}");
            assert_eq!(normal(Ln, input), Ok(expected.to_owned()), "{input:?}");
        };
        check("Mary", "mary");
        check("MARY ANN", "maryann");
        check(" Mary-Jane ", "maryjane");
        check("O'Neil", "oneil");
        check("O’Neil", "oneil");
        check("J.R.", "jr");
        check("Dr. John", "drjohn");
        check("mary123", "mary123");
        check("!J@o#h$n%", "john");
        check("David—Sarah", "davidsarah");
        check("Mary\u{A0}Ann", "maryann");
        check("Mary\u{200B}Ann", "maryann");
        check("Mary\0Ann", "maryann");
        check("Valéry", "valéry");
        check("Vale\u{301}ry", "valéry");
        check("ÉMILE", "émile");
        check("İbrahim", "i\u{307}brahim");
        check("Straße", "straße");
        check("정", "정");
        check("李 小龙", "李小龙");
        check("マリア・テレサ", "マリアテレサ");
        check("ВЛАДИМИР", "владимир");
        check("ΓΙΏΡΓΟΣ", "γιώργος");
        check("مُحَمَّد", "مُحَمَّد");
        check("علی\u{200C}رضا", "علی\u{200C}رضا");
        check("विक्रम", "विक्रम");
        check("John 😀", "john😀");
        check("Mary ❤\u{FE0F}", "mary❤\u{FE0F}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let check = |input: &str| assert_eq!(normal(Fn, input), Err(Reason::InvalidName), "{input:?}");
        check("-");
        check("???");
        check("' '");
        check("…");
        check("😀");
        check("\u{301}");
        check(".\u{200D}.");
    }
}
