//! What became of one value and by which rule, for somebody who asks.

use super::rule::Rule;
use super::{Country, Form, Settings, currency, normalize};
use crate::event::reason::Reason;
use crate::meta::MatchKey;
use crate::meta::hash::Digest;
use crate::private::{Pii, Scratch};

/// A field whose values are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A key by which people are matched.
    Key(MatchKey),
    /// The currency of the value, which is not hashed.
    Currency,
}

impl Field {
    /// Every name that a field goes by: its name on the wire, and plain words.
    pub const NAMES: [(&'static str, Self); 28] = [
        ("em", Self::Key(MatchKey::Em)),
        ("email", Self::Key(MatchKey::Em)),
        ("ph", Self::Key(MatchKey::Ph)),
        ("phone", Self::Key(MatchKey::Ph)),
        ("fn", Self::Key(MatchKey::Fn)),
        ("first_name", Self::Key(MatchKey::Fn)),
        ("ln", Self::Key(MatchKey::Ln)),
        ("last_name", Self::Key(MatchKey::Ln)),
        ("db", Self::Key(MatchKey::Db)),
        ("date_of_birth", Self::Key(MatchKey::Db)),
        ("ge", Self::Key(MatchKey::Ge)),
        ("gender", Self::Key(MatchKey::Ge)),
        ("ct", Self::Key(MatchKey::Ct)),
        ("city", Self::Key(MatchKey::Ct)),
        ("st", Self::Key(MatchKey::St)),
        ("state", Self::Key(MatchKey::St)),
        ("zp", Self::Key(MatchKey::Zp)),
        ("zip", Self::Key(MatchKey::Zp)),
        ("country", Self::Key(MatchKey::Country)),
        ("external_id", Self::Key(MatchKey::ExternalId)),
        ("f5first", Self::Key(MatchKey::F5first)),
        ("f5last", Self::Key(MatchKey::F5last)),
        ("fi", Self::Key(MatchKey::Fi)),
        ("dobd", Self::Key(MatchKey::Dobd)),
        ("dobm", Self::Key(MatchKey::Dobm)),
        ("doby", Self::Key(MatchKey::Doby)),
        ("app_user_id", Self::Key(MatchKey::AppUserId)),
        ("currency", Self::Currency),
    ];

    /// Finds the field that goes by a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, field)| field)
    }
}

/// What became of one value.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The text that is hashed or sent, or the digest that the cell holds; none if the cell is empty or refused.
    pub normalised: Option<Scratch>,
    /// The digest that is sent; none if nothing is sent or the field is sent unhashed.
    pub sha256: Option<Digest>,
    /// Why nothing is sent of a value that is not blank.
    pub reason: Option<Reason>,
    /// The rule of the field, in a sentence or two.
    pub rule: &'static str,
}

/// Explains what becomes of a value.
pub fn explain(field: Field, raw: Pii<'_>, country: Option<Country>, settings: &Settings) -> Explanation {
    let rule = match field {
        Field::Key(key) => Rule::of(key, settings.external_id).in_words(),
        Field::Currency => "ISO 4217 code, upper case, not hashed",
    };
    let mut text = Scratch::default();
    let outcome = match field {
        Field::Key(key) => normalize(key, raw, country, settings, text.clear()),
        Field::Currency => currency::currency(raw.expose()).map(|code| {
            let out = text.clear();
            out.extend(code.into_iter().flatten().map(char::from));
            if out.is_empty() { Form::Empty } else { Form::Raw }
        }),
    };
    let (normalised, sha256, reason) = match outcome {
        Ok(Form::Clear) => {
            let digest = Digest::of(text.expose());
            (Some(text), digest, None)
        }
        Ok(Form::Hashed) => {
            let digest = Digest::from_hex(text.expose());
            (Some(text), digest, None)
        }
        Ok(Form::Raw) => (Some(text), None, None),
        Ok(Form::Empty) => (None, None, None),
        Err(reason) => (None, None, Some(reason)),
    };
    Explanation { normalised, sha256, reason, rule }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::normalize::tests::settings;

    #[test]
    fn a_value_is_explained() {
        let check =
            |name: &str, value: &str, normalised: Option<&str>, sha256: Option<&str>, reason: Option<Reason>| {
                let field = Field::parse(name).unwrap();
                let told = explain(field, Pii::new(value), Country::parse("us"), &settings());
                assert_eq!(told.normalised.as_ref().map(Scratch::expose), normalised, "{name} {value:?}");
                assert_eq!(told.sha256.as_ref().map(Digest::as_str), sha256, "{name} {value:?}");
                assert_eq!(told.reason, reason, "{name} {value:?}");
                assert!(!told.rule.is_empty());
            };
        let us = "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621";
        check("country", "USA", Some("us"), Some(us), None);
        check("country", us, Some(us), Some(us), None);
        check("country", "Atlantis", None, None, Some(Reason::InvalidCountry));
        check("country", " ", None, None, None);
        check("currency", "usd", Some("USD"), None, None);
        check("currency", " ", None, None, None);
        check("currency", "USX", None, None, Some(Reason::InvalidCurrency));
    }

    #[test]
    fn fields_go_by_both_their_names() {
        for (name, field) in Field::NAMES {
            assert_eq!(Field::parse(name), Some(field));
        }
        for key in MatchKey::ALL.into_iter().take(11) {
            assert_eq!(Field::parse(key.wire()), Some(Field::Key(key)));
        }
        assert_eq!(Field::parse("fbc"), None);
    }
}
