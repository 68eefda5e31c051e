//! A customer's datum in the form that Meta hashes. One file per family of fields.
//!
//! What Meta's documentation says of a field decides; where it is silent, Meta's parameter builder, which is what the
//! browser's Pixel runs; then what most of Meta's SDKs do. Normalising never panics, and a text that comes out of it
//! comes out the same when it goes in again (a phone number with its `+` put back).

use chrono::NaiveDate;

use crate::event::reason::Reason;
use crate::meta::MatchKey;
use crate::private::Pii;

pub mod country;
pub mod currency;
pub mod explain;
mod text;
mod punctuation;
pub(in crate::meta) mod hashed;
mod email;
mod phone;
mod nanp;
mod abroad;
mod name;
mod birth;
mod gender;
mod city;
mod state;
mod postal_code;
mod gazetteer;
mod external_id;
mod rule;
pub(crate) mod certain;

pub(crate) use birth::Part;
pub use country::Country;
use hashed::Digested;
pub(crate) use rule::Rule;

/// How a value came out of normalising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The normalised text was written; it is to be hashed.
    Clear,
    /// The cell held a SHA-256 digest already; it was written in lower case and is passed on.
    Hashed,
    /// The text was written as it is, only trimmed; it is sent without hashing.
    Raw,
    /// The cell is empty once trimmed, or holds the digest of nothing; nothing was written.
    Empty,
}

/// In which form an external id is sent. It must be the same in every channel through which Meta gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExternalIdForm {
    /// Lower case, without white space, hashed.
    #[default]
    Hashed,
    /// As it stands in the table.
    Raw,
}

/// What normalising must know besides the value.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The country of phone numbers whose row names none.
    pub phone_country: Option<Country>,
    /// Whether a phone number without a known country is taken to start with its country code.
    pub assume_international: bool,
    /// The last day on which somebody can have been born.
    pub today: NaiveDate,
    /// The form of dates of birth that are not written as ISO 8601 says, in chrono's notation.
    pub date_format: Option<String>,
    /// In which form external ids are sent.
    pub external_id: ExternalIdForm,
}

impl Settings {
    /// What holds without a configuration.
    pub fn standard(today: NaiveDate) -> Self {
        Self {
            phone_country: None,
            assume_international: false,
            today,
            date_format: None,
            external_id: ExternalIdForm::Hashed,
        }
    }
}

/// Writes a value into `out` in the form that Meta hashes, or says why it is left out.
///
/// What `out` held is dropped. It holds something afterwards exactly when the answer is `Clear`, `Hashed` or `Raw`. The
/// country is the row's; it steers phones, states and postal codes. Keys that Meta wants unhashed come out `Raw`.
pub fn normalize(
    key: MatchKey,
    raw: Pii<'_>,
    country: Option<Country>,
    settings: &Settings,
    out: &mut String,
) -> Result<Form, Reason> {
    out.clear();
    let text = text::trim(raw.expose());
    if text.is_empty() {
        return Ok(Form::Empty);
    }
    let rule = Rule::of(key, settings.external_id);
    if let Some(verdict) = judge_digest(rule, text) {
        return verdict.inspect(|&form| {
            if form == Form::Hashed {
                out.push_str(text);
                out.make_ascii_lowercase();
            }
        });
    }
    let outcome = match rule {
        Rule::Email => email::write(text, out),
        Rule::Phone => phone::write(text, country, settings, out),
        Rule::Name => name::write(text, out),
        Rule::NameStart(letters) => name::write_start(text, letters, out),
        Rule::Birth => birth::write(text, settings, out),
        Rule::BirthPart(part) => birth::write_part(text, part, settings, out),
        Rule::Gender => gender::write(text, out),
        Rule::City => city::write(text, out),
        Rule::State => state::write(text, country, out),
        Rule::PostalCode => postal_code::write(text, country, out),
        Rule::Country => country::write(text, out),
        Rule::ExternalId => {
            external_id::write(text, out);
            Ok(())
        }
        Rule::AsItIs => {
            out.push_str(text);
            return Ok(Form::Raw);
        }
    };
    // A digest that was broken by spaces or dashes shows itself only now.
    let verdict = outcome.and_then(|()| judge_digest(rule, out).unwrap_or(Ok(Form::Clear)));
    if !matches!(verdict, Ok(Form::Clear | Form::Hashed)) {
        out.clear();
    }
    verdict
}

/// Judges a value that looks like a digest, where a digest is looked for.
fn judge_digest(rule: Rule, text: &str) -> Option<Result<Form, Reason>> {
    match (Digested::of(text)?, rule) {
        // An id of 32 hexadecimal digits is a UUID without dashes as likely as an MD5 digest.
        (_, Rule::AsItIs) | (Digested::Md5, Rule::ExternalId) => None,
        (Digested::Md5, _) => Some(Err(Reason::Md5Hash)),
        (Digested::Sha256, _) => Some(Ok(Form::Hashed)),
        (Digested::Sha256OfNothing, _) => Some(Ok(Form::Empty)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use unicode_normalization::is_nfc;

    use super::*;
    use crate::meta::hash::Digest;

    /// Settings without any help for phones, on the day of the documentation.
    pub(super) fn settings() -> Settings {
        Settings {
            phone_country: None,
            assume_international: false,
            today: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
            date_format: None,
            external_id: ExternalIdForm::Hashed,
        }
    }

    /// Normalises a value that is not blank and not hashed.
    pub(super) fn normal(key: MatchKey, input: &str) -> Result<String, Reason> {
        normal_in(key, input, "")
    }

    /// Does the same in a country.
    pub(super) fn normal_in(key: MatchKey, input: &str, country: &str) -> Result<String, Reason> {
        let mut out = String::from("left over");
        let form = normalize(key, Pii::new(input), Country::parse(country), &settings(), &mut out)?;
        assert_eq!(form, Form::Clear, "{input:?}");
        Ok(out)
    }

    /// The keys that are hashed.
    fn hashed_keys() -> impl Iterator<Item = MatchKey> {
        MatchKey::ALL.into_iter().filter(|&key| Rule::of(key, ExternalIdForm::Hashed) != Rule::AsItIs)
    }

    #[test]
    fn the_documented_vectors_agree() {
        let check = |key: MatchKey, input: &str, country: &str, digest: &str| {
            let settings = Settings { date_format: Some("%m/%d/%Y".to_owned()), ..settings() };
            let mut out = String::new();
            assert_eq!(
                normalize(key, Pii::new(input), Country::parse(country), &settings, &mut out),
                Ok(Form::Clear),
                "{input:?}"
            );
            assert_eq!(Digest::of(&out).as_ref().map(Digest::as_str), Some(digest), "{input:?}");
        };
        // Source: Conversions API, customer information parameters, the examples with their digests.
        check(
            MatchKey::Em,
            " John_Smith@gmail.com ",
            "",
            "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        );
        check(MatchKey::Ph, "(650)555-1212", "us", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176");
        check(MatchKey::Fn, "Mary", "", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec");
        check(MatchKey::Fn, "정", "", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14");
        check(MatchKey::Fn, "Valéry", "", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c");
        check(MatchKey::Ln, "Vale\u{301}ry", "", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c");
        check(MatchKey::Db, "2/16/1997", "", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c");
        check(MatchKey::Db, "1997-02-16", "", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c");
        check(MatchKey::Country, "US", "", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621");
        // Digests of the forms that the same page shows without one.
        check(MatchKey::Ge, "F", "", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111");
        check(MatchKey::Ge, "male", "", "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a");
        check(MatchKey::Ct, "New York", "", "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5");
        check(MatchKey::St, "California", "us", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126");
        check(MatchKey::Zp, "94035-1234", "us", "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e");
        // Source: the sample requests of Meta's SDKs and of the page "Using the API".
        check(MatchKey::Em, "joe@eg.com", "", "8830eedd6c6b5ea97d181563a349476ca1bb25ace1f94b5c5e48d9cad727941b");
        check(MatchKey::Ph, "+12345678901", "", "254aa248acb47dd654ca3ea53f48c2c26d641d23d7e2e93a1ec56258df7674c4");
        check(MatchKey::Ph, "14251234567", "us", "6f4fcb9deaeadc8f9746ae76d97ce1239e98b404efe5da3ee0b7149740f89ad6");
    }

    #[test]
    fn a_blank_cell_is_empty_for_every_key() {
        for key in MatchKey::ALL {
            for blank in ["", " ", "\t\r\n", "\u{A0}\u{3000}", "\u{200B}\u{FEFF}", "\u{AD}\u{2060}"] {
                let mut out = String::from("left over");
                assert_eq!(normalize(key, Pii::new(blank), None, &settings(), &mut out), Ok(Form::Empty), "{key:?}");
                assert_eq!(out, "", "{key:?}");
            }
        }
    }

    #[test]
    fn a_digest_is_passed_on_in_lower_case() {
        let digest = "62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F";
        for key in hashed_keys() {
            let mut out = String::new();
            let padded = format!(" {digest}\u{A0}");
            assert_eq!(normalize(key, Pii::new(&padded), None, &settings(), &mut out), Ok(Form::Hashed), "{key:?}");
            assert_eq!(out, digest.to_lowercase(), "{key:?}");
        }
        let mut out = String::new();
        let wrapped = digest.replace("99367", "99367\n");
        assert_eq!(normalize(MatchKey::Fn, Pii::new(&wrapped), None, &settings(), &mut out), Ok(Form::Hashed));
        assert_eq!(out, digest.to_lowercase());
    }

    #[test]
    fn the_digest_of_nothing_is_empty() {
        let nothing = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        for key in hashed_keys() {
            let mut out = String::new();
            assert_eq!(normalize(key, Pii::new(nothing), None, &settings(), &mut out), Ok(Form::Empty), "{key:?}");
            assert_eq!(out, "", "{key:?}");
        }
    }

    #[test]
    fn md5_is_refused_except_as_an_id() {
        let md5 = "5D41402ABC4B2A76B9719D911017C592";
        for key in hashed_keys() {
            let expected = match key {
                MatchKey::ExternalId | MatchKey::AppUserId => Ok(md5.to_lowercase()),
                _ => Err(Reason::Md5Hash),
            };
            assert_eq!(normal(key, md5), expected, "{key:?}");
        }
    }

    #[test]
    fn keys_in_the_clear_are_only_trimmed() {
        let mut out = String::new();
        let agent = " Mozilla/5.0 (X11) ";
        let form = normalize(MatchKey::ClientUserAgent, Pii::new(agent), None, &settings(), &mut out);
        assert_eq!(form, Ok(Form::Raw));
        assert_eq!(out, "Mozilla/5.0 (X11)");
    }

    /// Checks what holds of any value: one that comes out is in NFC, comes out the same again, and leaves as a digest.
    fn check_promises(value: &str, country: Option<Country>, settings: &Settings) -> Result<(), TestCaseError> {
        for key in hashed_keys() {
            let mut once = String::from("left over");
            let form = normalize(key, Pii::new(value), country, settings, &mut once);
            prop_assert_eq!(once.is_empty(), matches!(form, Ok(Form::Empty) | Err(_)), "{:?}", key);
            let digest = match form {
                Ok(Form::Clear) => Digest::of(&once),
                Ok(Form::Hashed) => Digest::from_hex(&once),
                Ok(Form::Empty | Form::Raw) | Err(_) => continue,
            };
            prop_assert!(digest.is_some_and(|digest| is_digest(digest.as_str())), "{:?}", key);
            prop_assert!(is_nfc(&once), "{:?}", key);
            let again = if key == MatchKey::Ph && form == Ok(Form::Clear) { format!("+{once}") } else { once.clone() };
            let mut twice = String::new();
            let form_of_twice = normalize(key, Pii::new(&again), country, settings, &mut twice);
            prop_assert_eq!(form_of_twice, form, "{:?}", key);
            prop_assert_eq!(twice, once, "{:?}", key);
        }
        Ok(())
    }

    /// Says whether a text is 64 lower-case hexadecimal digits that are not the digest of nothing.
    fn is_digest(text: &str) -> bool {
        text.len() == 64
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text != hashed::SHA256_OF_NOTHING
    }

    #[test]
    fn normalising_holds_its_promises_on_every_character() {
        let every: Vec<char> = ('\0'..=char::MAX).collect();
        assert_eq!(every.len(), 0x11_0000 - 0x800);
        let countries = ["us", "gb", ""].map(Country::parse);
        std::thread::scope(|scope| {
            for part in every.chunks(every.len() / 2) {
                scope.spawn(move || {
                    for (characters, country) in part.chunks(512).zip(countries.iter().cycle()) {
                        check_promises(&String::from_iter(characters), *country, &settings()).unwrap();
                    }
                });
            }
        });
    }

    #[test]
    fn long_values_are_normalised_too() {
        let check = |part: &str| check_promises(&part.repeat(20_000), Country::parse("us"), &settings()).unwrap();
        check("a");
        check("İ");
        check("e\u{301}");
        check("\u{301}\u{323}");
        check("1");
        check("0");
        check("+");
        check("\u{200F}");
        check(" -");
        check("a@");
        check("[\"");
    }

    /// Any text, texts of what is hard in Unicode, and texts that are nearly right.
    fn any_value() -> impl Strategy<Value = String> {
        let hard = "[ΣσςİıẞßKÅǆǅ한글정علیमुंअअ\u{300}-\u{36F}\u{1100}-\u{11FF}\u{200B}-\u{200F}\u{202A}-\u{202E}\u{2060}-\u{2069}\u{FEFF}\u{AD}\u{FE0F}\u{1F600}a-cA-C0-2. @+-]{0,24}";
        prop_oneof![
            nearly_right(),
            hard,
            "(?s).{0,400}",
            prop::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter)
        ]
    }

    /// Short texts, and texts that are nearly right.
    fn nearly_right() -> impl Strategy<Value = String> {
        "(?s).{0,40}|[0-9A-Fa-f]{31,33}|[0-9A-Fa-f]{63,65}|[+0-9 ()x;./-]{0,20}|[a-zA-Z.@+_éİß 🎉\u{301}\u{200D}-]{0,30}\
         |[+]?[0-9]{0,4}[;a-z=:+-]{0,20}[0-9]{0,12}|[12][0-9]{3}-[0-9]{2}-[0-9]{2}.{0,8}|.{0,3}(tel:|;phone-context=|;ext=|;isub=)[+0-9a-z.]{0,9}(;tel:)?.{0,12}"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn normalising_holds_its_promises_on_any_text(
            value in any_value(),
            code in prop::sample::select(vec!["", "us", "ca", "gb", "de", "it", "jp", "br", "au", "aq"]),
            assume_international: bool,
        ) {
            let settings = Settings { assume_international, date_format: Some("%d.%m.%Y".to_owned()), ..settings() };
            let country = Country::parse(code);
            check_promises(&value, country, &settings)?;
        }
    }
}
