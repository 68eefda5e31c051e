//! E-mail addresses (`em`).

use super::text::{fold, is_invisible, is_joiner};
use crate::event::reason::Reason;

/// Writes an address trimmed and in lower case; dots and `+tag` stay.
///
/// Source: Conversions API, customer information parameters: "Trim any leading and trailing spaces. Convert all
/// characters to lowercase."
pub(super) fn write(text: &str, out: &mut String) -> Result<(), Reason> {
    fold(text, |_| true, out);
    if is_address(out) { Ok(()) } else { Err(Reason::InvalidEmail) }
}

/// Says whether a text has the shape of an address: one `@`, something before it, a domain of two labels or more.
///
/// Letters beyond ASCII are kept on both sides, and so are dots in a row before the `@`: mail providers gave such
/// addresses out.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    !local.is_empty()
        && !text.contains(is_forbidden)
        && !domain.contains('@')
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

/// Says whether a character cannot stand in an address that is not quoted.
///
/// Source: RFC 5322, section 3.2.3, specials. Meta's parameter builder refuses them too.
pub(super) fn is_forbidden(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_graphic()
            || matches!(character, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',' | '\\' | '"');
    }
    character.is_whitespace() || character.is_control() || is_invisible(character) && !is_joiner(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Em;
    use crate::meta::normalize::tests::normal;

    #[test]
    fn addresses_are_trimmed_and_lowered() {
        let check = |input: &str, expected: &str| assert_eq!(normal(Em, input), Ok(expected.to_owned()), "{input:?}");
        check(" Ada.Lovelace@Example.COM ", "ada.lovelace@example.com");
        check("\u{A0}ada@example.com\u{200B}", "ada@example.com");
        check("\u{FEFF}ada@example.com", "ada@example.com");
        check("ada+tag@example.com", "ada+tag@example.com");
        check("a.d.a@example.com", "a.d.a@example.com");
        check("ada..lovelace@example.com", "ada..lovelace@example.com");
        check("o'neil@example.com", "o'neil@example.com");
        check("ADA@EXÄMPLE.COM", "ada@exämple.com");
        check("ada@EXA\u{308}MPLE.COM", "ada@exämple.com");
        check("İda@example.com", "i\u{307}da@example.com");
        check("アダ@例え.example", "アダ@例え.example");
        check("1@2.example", "1@2.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let check = |input: &str| assert_eq!(normal(Em, input), Err(Reason::InvalidEmail), "{input:?}");
        check("ada");
        check("ada@localhost");
        check("@example.com");
        check("ada@");
        check("ada@.com");
        check("ada@example.");
        check("ada@example..com");
        check("ada@@example.com");
        check("ada@example.com,bob@example.com");
        check("ada lovelace@example.com");
        check("ada@exam\u{A0}ple.com");
        check("ada\u{200B}@example.com");
        check("ada\0@example.com");
        check("<ada@example.com>");
        check("mailto:ada@example.com");
        check("😀");
        check("-");
    }
}
