//! The first step of every rule: trimmed, composed (NFC), lower case; and what counts as a letter.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};
use zeroize::Zeroizing;

use super::punctuation::is_punctuation;

/// Takes white space and invisible characters off both ends.
pub(super) fn trim(text: &str) -> &str {
    // Most cells have nothing to trim.
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(is_blank),
    }
}

/// Writes the characters that `keep` wants, composed and in lower case; `keep` is asked about lower-case characters.
///
/// Doing it twice gives the same text as doing it once. Meta's own examples beyond ASCII (`valéry`, `정`) are hashed
/// in NFC. Source: Conversions API, customer information parameters.
pub(super) fn fold(text: &str, keep: impl Fn(char) -> bool, out: &mut String) {
    if text.is_ascii() {
        // Most texts are kept whole, and copying them at once is faster than a character at a time.
        if text.bytes().all(|byte| keep(char::from(byte.to_ascii_lowercase()))) {
            let start = out.len();
            out.push_str(text);
            if let Some(copy) = out.get_mut(start..) {
                copy.make_ascii_lowercase();
            }
            return;
        }
        out.reserve(text.len());
        out.extend(text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())).filter(|&character| keep(character)));
    } else {
        fold_unicode(text, keep, out);
    }
}

/// Does the same for text beyond ASCII; what it needs in between is wiped.
fn fold_unicode(text: &str, keep: impl Fn(char) -> bool, out: &mut String) {
    let composed;
    let text = if is_composed(text) {
        text
    } else {
        composed = compose(text);
        composed.as_str()
    };
    // Which lower case a sigma takes depends on its neighbours, so it needs the whole word.
    if text.contains('Σ') {
        let lowered = Zeroizing::new(text.to_lowercase());
        out.extend(lowered.chars().filter(|&character| keep(character)));
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase).filter(|&character| keep(character)));
    }
    let leading = out.len() - out.trim_start_matches(is_blank).len();
    out.drain(..leading);
    out.truncate(out.trim_end_matches(is_blank).len());
    if !is_composed(out) {
        let loose = Zeroizing::new(std::mem::take(out));
        out.push_str(&compose(&loose));
    }
}

/// Says whether a text is in NFC; of the usual letters it knows so without the tables.
fn is_composed(text: &str) -> bool {
    text.chars().all(is_always_composed) || is_nfc(text)
}

/// Says whether a character is its own composed form and never takes part in composing another.
///
/// Source: Unicode 16.0, `DerivedNormalizationProps.txt`, `NFC_Quick_Check`.
fn is_always_composed(character: char) -> bool {
    matches!(character,
        '\0'..='\u{2FF}' | '\u{388}'..='\u{482}' | '\u{48A}'..='\u{58F}' | '\u{3041}'..='\u{3096}'
        | '\u{30A1}'..='\u{30FA}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Gives the text in NFC, in memory that is wiped.
fn compose(text: &str) -> Zeroizing<String> {
    // A character of two bytes or more grows at most threefold, so that no unwiped copy is left behind by growing.
    // Source: Unicode Standard Annex 15, maximum expansion factors.
    let mut composed = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    composed.extend(text.nfc());
    composed
}

/// Says whether a character is a letter of any script, or belongs to the spelling of one: a mark, or a joiner as in
/// Persian and Indic words.
pub(super) fn is_letter(character: char) -> bool {
    character.is_alphabetic() && !is_invisible(character)
        || is_combining_mark(character) && !is_variation_selector(character)
        || is_joiner(character)
}

/// Says whether a lower-case character stays in a name: all but punctuation, white space and what cannot be seen.
pub(super) fn is_of_name(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric();
    }
    if character.is_alphanumeric() {
        return !is_invisible(character);
    }
    let dropped = character.is_whitespace()
        || character.is_control()
        || is_invisible(character) && !is_joiner(character)
        || is_punctuation(character);
    !dropped
}

/// Says whether a character is white space or cannot be seen.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
}

/// Says whether a character cannot be seen though it is not white space: zero width, byte order mark, direction
/// marks, soft hyphen, fillers.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}')
}

/// Says whether a character is the zero-width joiner or non-joiner, which words of some scripts are spelt with.
pub(super) fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}')
}

/// Says whether a character only chooses the look of the one before it, as in emoji.
fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::char::canonical_combining_class;
    use unicode_normalization::{IsNormalized, is_nfc_quick};

    use super::*;

    fn folded(text: &str, keep: impl Fn(char) -> bool) -> String {
        let mut out = String::new();
        fold(trim(text), keep, &mut out);
        out
    }

    #[test]
    fn text_is_trimmed_composed_and_lowered() {
        let check = |input: &str, expected: &str| assert_eq!(folded(input, |_| true), expected, "{input:?}");
        check(" Mary ", "mary");
        check("\u{A0}\u{3000}mary\u{2009}\t\r\n", "mary");
        check("\u{FEFF}\u{200B}mary\u{2060}\u{AD}", "mary");
        check("VALE\u{301}RY", "val\u{E9}ry");
        check("\u{110C}\u{1165}\u{11BC}", "\u{C815}");
        check("İbrahim", "i\u{307}brahim");
        check("İ\u{323}", "\u{1ECB}\u{307}");
        check("STRAẞE", "straße");
        check("ΟΔΥΣΣΕΥΣ", "οδυσσευς");
        check("\u{212A}\u{212B}", "k\u{E5}");
        check("Ǆ", "ǆ");
    }

    #[test]
    fn what_composing_uncovers_is_dropped_too() {
        assert_eq!(folded("a\u{1FEF}\u{37E}b", is_of_name), "ab");
        assert_eq!(folded("e-\u{301}", is_of_name), "\u{E9}");
        assert_eq!(folded("a-\u{200B}.", is_of_name), "a");
        assert_eq!(folded("نگ\u{200C}.", is_of_name), "نگ");
    }

    #[test]
    fn what_is_known_to_be_composed_is() {
        let known: Vec<char> = ('\0'..=char::MAX).filter(|&character| is_always_composed(character)).collect();
        assert!(known.len() > 30_000);
        for character in known {
            assert_eq!(is_nfc_quick(std::iter::once(character)), IsNormalized::Yes, "{character:?}");
            assert_eq!(canonical_combining_class(character), 0, "{character:?}");
        }
    }

    #[test]
    fn letters_are_letters_of_every_script_and_their_marks() {
        let check = |character: char, expected: bool| assert_eq!(is_letter(character), expected, "{character:?}");
        check('a', true);
        check('é', true);
        check('東', true);
        check('\u{93F}', true);
        check('\u{94D}', true);
        check('\u{652}', true);
        check('\u{200C}', true);
        check('1', false);
        check('-', false);
        check(' ', false);
        check('😀', false);
        check('\u{FE0F}', false);
        check('\u{3164}', false);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_and_gives_nfc(text in "\\PC*|(?s).{0,12}|[ΣσςİıẞßKÅ\u{300}-\u{345}\u{200B}-\u{200D}a-cA-C. -]{0,8}") {
            for keep in [(|_| true) as fn(char) -> bool, is_letter, is_of_name] {
                let once = folded(&text, keep);
                prop_assert_eq!(&folded(&once, keep), &once);
                prop_assert!(is_nfc(&once));
            }
        }
    }
}
