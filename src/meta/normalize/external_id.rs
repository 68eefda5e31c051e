//! The advertiser's own ids of a person (`external_id`).

use super::text::fold;

/// Writes an id in lower case without white space.
///
/// Source: Conversions API, customer information parameters, recommends hashing without naming a form; this is the
/// form that Meta's parameter builder, and so the browser's Pixel, hashes. Something is left of any text that is not
/// blank.
pub(super) fn write(text: &str, out: &mut String) {
    fold(text, |character| !character.is_whitespace(), out);
}

#[cfg(test)]
mod tests {
    use crate::meta::MatchKey::ExternalId;
    use crate::meta::normalize::tests::{normal, settings};
    use crate::meta::normalize::{ExternalIdForm, Form, Settings, normalize};
    use crate::private::Pii;

    #[test]
    fn ids_are_lowered_without_white_space() {
        let check =
            |input: &str, expected: &str| assert_eq!(normal(ExternalId, input), Ok(expected.to_owned()), "{input:?}");
        check("User 123", "user123");
        check(" ABC-1_2.3\t", "abc-1_2.3");
        check("user\u{2003}123", "user123");
        check("José123", "josé123");
        check("Jose\u{301}123", "josé123");
        check("user123😀", "user123😀");
        check("D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e");
        check("-", "-");
    }

    #[test]
    fn the_raw_form_is_sent_as_it_is() {
        let settings = Settings { external_id: ExternalIdForm::Raw, ..settings() };
        let check = |input: &str, form: Form, expected: &str| {
            let mut out = String::new();
            assert_eq!(normalize(ExternalId, Pii::new(input), None, &settings, &mut out), Ok(form), "{input:?}");
            assert_eq!(out, expected, "{input:?}");
        };
        check(" User 123 ", Form::Raw, "User 123");
        check("Jose\u{301}", Form::Raw, "Jose\u{301}");
        check(&"A".repeat(64), Form::Raw, &"A".repeat(64));
        check(" \u{200B} ", Form::Empty, "");
    }
}
