//! What looks like personal data where none may stand: in `custom_data` and in other texts that are not hashed.
//!
//! Source: Conversions API, customer information parameters: contact information goes into `user_data`, hashed, and
//! nowhere else. By name and by shape; that a shape is not recognised is no proof, so the names come first.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Names of keys that hold personal data, without case and punctuation.
const NAMES: [&str; 45] = [
    "mail",
    "em",
    "ph",
    "tel",
    "telephone",
    "mobile",
    "mobilenumber",
    "cell",
    "cellnumber",
    "fax",
    "fn",
    "ln",
    "givenname",
    "familyname",
    "middlename",
    "maidenname",
    "surname",
    "customername",
    "personname",
    "contactname",
    "username",
    "address",
    "streetaddress",
    "homeaddress",
    "billingaddress",
    "shippingaddress",
    "street",
    "zip",
    "zipcode",
    "dob",
    "db",
    "gender",
    "sex",
    "ssn",
    "socialsecuritynumber",
    "taxid",
    "nationalid",
    "iban",
    "creditcard",
    "cardnumber",
    "password",
    "ip",
    "ipaddress",
    "clientipaddress",
    "fullname",
];

/// Parts of names that tell the same wherever they stand.
const PARTS: [&str; 7] = ["email", "phone", "firstname", "lastname", "birth", "passport", "socialsecurity"];

/// A phone number in international form has no fewer digits.
const FEWEST_DIGITS: u32 = 8;

/// Whether the name of a key says that it holds personal data.
pub fn is_personal_name(key: &str) -> bool {
    let folded: String = key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&folded.as_str()) || PARTS.iter().any(|part| folded.contains(part))
}

/// Whether a text holds an e-mail address, or is a phone number.
///
/// Bare digits are not taken for a phone number: order numbers look the same.
pub fn looks_personal(text: &str) -> bool {
    // Most texts have neither, and both are counted at once.
    let (mut marks, mut digits) = (0_u32, 0_u32);
    for byte in text.bytes() {
        marks += u32::from(byte == b'@' || byte == b'%');
        digits += u32::from(byte.is_ascii_digit());
    }
    (marks > 0 && holds_address(text)) || (digits >= FEWEST_DIGITS && is_phone(text))
}

/// Whether any string or key within valid JSON looks personal.
pub(super) fn holds_personal(json: &str) -> bool {
    // What is nested too deeply to be searched may hold anything.
    serde_json::from_str::<Found>(json).map_or(true, |found| found.0)
}

/// Whether one of the words of a text is an e-mail address, also one that is escaped for a URL.
fn holds_address(text: &str) -> bool {
    let text = if text.contains("%40") { Cow::Owned(text.replace("%40", "@")) } else { Cow::Borrowed(text) };
    let is_boundary = |c: char| c.is_whitespace() || "<>()[]{}\"',;:/?&=|".contains(c);
    text.split(is_boundary).any(|word| {
        word.split_once('@').is_some_and(|(local, domain)| {
            let (name, ending) = domain.trim_end_matches('.').rsplit_once('.').unwrap_or_default();
            let is_ending = ending.chars().count() >= 2 && ending.chars().all(char::is_alphabetic);
            !local.is_empty() && !name.is_empty() && is_ending
        })
    })
}

/// Whether a text is a phone number in international form, or in the punctuated form of North America.
fn is_phone(text: &str) -> bool {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b" -.()/".contains(&byte));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match text.strip_prefix('+') {
        // Source: ITU-T E.164: at most fifteen digits.
        Some(rest) => digits <= 15 && is_number(rest),
        None => digits == 10 && is_north_american(text.as_bytes()),
    }
}

/// Whether a text is written as `(650) 555-1212`, `650-555-1212` or the like.
fn is_north_american(text: &[u8]) -> bool {
    let (area, rest) = match text {
        [b'(', area @ .., b')', _, _, _, _, _, _, _, _] if area.len() == 3 => (area, text.get(5..)),
        [b'(', area @ .., b')', b' ' | b'-', _, _, _, _, _, _, _, _] if area.len() == 3 => (area, text.get(6..)),
        [a, b, c, b' ' | b'-' | b'.', ..] => (&[*a, *b, *c][..], text.get(4..)),
        _ => return false,
    };
    let is_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let is_local = |rest: &[u8]| matches!(rest, [a, b, c, b' ' | b'-' | b'.', last @ ..] if is_digits(&[*a, *b, *c]) && last.len() == 4 && is_digits(last));
    is_digits(area) && rest.is_some_and(is_local)
}

/// Whether something personal was found while JSON was read.
struct Found(bool);

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Finder)
    }
}

struct Finder;

impl<'de> Visitor<'de> for Finder {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found(looks_personal(text)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found(false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found(false))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found(false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        let mut found = false;
        while let Some(Found(item)) = items.next_element()? {
            found |= item;
        }
        Ok(Found(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Found, A::Error> {
        let mut found = false;
        while let Some((key, Found(value))) = entries.next_entry::<Cow<'_, str>, Found>()? {
            found |= value || is_personal_name(&key) || looks_personal(&key);
        }
        Ok(Found(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell() {
        let check = |name: &str, expected| assert_eq!(is_personal_name(name), expected, "{name}");
        for name in
            ["email", "E-Mail", "customer_email", "Phone", "phone_number", "FIRST_NAME", "zip_code", "birthdate", "ssn"]
        {
            check(name, true);
        }
        for name in ["plan", "city", "country", "postal_code", "shop_name", "content_name", "vin", "price", "region"] {
            check(name, false);
        }
    }

    #[test]
    fn shapes_that_tell() {
        let check = |text: &str, expected| assert_eq!(looks_personal(text), expected, "{text:?}");
        for text in [
            "ada@example.com",
            "mailto:ada@example.com",
            "Ada Lovelace <ada@example.com>",
            "from ada@example.com, today",
            "ada%40example.com",
            "jürgen@exämple.de",
            "https://shop.example.com/?e=ada@example.com",
            "+1 650 555 1212",
            "+442079460958",
            "tel:+1-650-555-1212",
            "(650) 555-1212",
            "(650)555-1212",
            "650-555-1212",
            " 650.555.1212 ",
        ] {
            check(text, true);
        }
        for text in [
            "",
            "6505551212",
            "2026-11-23",
            "2026-1123-0001",
            "@handle",
            "5 @ 9.90",
            "50% off",
            "a@b",
            "user@host.1",
            "+1 and more",
            "+123",
            "650-555-12123",
            "650-555-121",
            "(650 555-1212",
            "1234 5678 90",
            "650555-1212é",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn json_is_searched_to_its_leaves() {
        let check = |json: &str, expected| assert_eq!(holds_personal(json), expected, "{json}");
        check(r#"[{"id":"a","by":{"who":["x","ada@example.com"]}}]"#, true);
        check(r#"[{"id":"a","email":null}]"#, true);
        check(r#"["\u0061da@example.com"]"#, true);
        check(r#"{"ada@example.com":1}"#, true);
        check(&format!("{}1{}", "[".repeat(200), "]".repeat(200)), true);
        check(r#"[{"id":"a","quantity":1,"price":9.5,"is":true,"no":null,"neg":-1}]"#, false);
    }
}
