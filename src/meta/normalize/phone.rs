//! Phone numbers (`ph`).

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
use zeroize::Zeroizing;

use super::country::Country;
use super::{Settings, abroad, nanp};
use crate::event::reason::Reason;

/// Writes a number in E.164 form without its `+`.
///
/// The country is the row's, else the configured one; a number with `+` or `00` names its own. The trunk zero and an
/// extension are cut. Numbers whose length is impossible in their country are refused; numbers that are possible but
/// not assigned are kept, because Meta asks for a form and not for a subscription, and ranges are opened faster than
/// any copy of the numbering plans learns of it.
///
/// Source: Conversions API, customer information parameters: "Remove symbols, letters, and any leading zeros. Phone
/// numbers must include a country code to be used for matching". Form and lengths: ITU-T E.164 and Google's
/// libphonenumber, `isPossibleNumber`.
pub(super) fn write(text: &str, country: Option<Country>, settings: &Settings, out: &mut String) -> Result<(), Reason> {
    let country = country.or(settings.phone_country);
    if nanp::write(text, country, out) || abroad::write(text, out) {
        return Ok(());
    }
    write_by_library(text, country, settings.assume_international, out)
}

/// Does the same for every number, by the library's rules alone.
pub(super) fn write_by_library(
    text: &str,
    country: Option<Country>,
    assume_international: bool,
    out: &mut String,
) -> Result<(), Reason> {
    let Some(number) = first_number(text) else { return Err(Reason::InvalidPhone) };
    let outcome = write_number(number, country, assume_international, out);
    // Letters may be part of the number, as in 1-800-FLOWERS, or a note behind it.
    match number.split_once(char::is_alphabetic) {
        Some((number, _)) if outcome.is_err() => write_number(number, country, assume_international, out),
        Some(_) | None => outcome,
    }
}

/// Writes a number that is read as a whole.
fn write_number(
    number: &str,
    country: Option<Country>,
    assume_international: bool,
    out: &mut String,
) -> Result<(), Reason> {
    let prefixed = international(number);
    if prefixed.as_ref().is_some_and(|prefixed| write_possible(prefixed, None, out)) {
        return Ok(());
    }
    if prefixed.is_some() && number.starts_with(is_plus) {
        return Err(Reason::InvalidPhone);
    }
    let number = number.trim_start_matches(is_plus);
    let region = country.and_then(|country| Region::from_code(country.code()).ok());
    if region.is_some() && write_possible(number, region, out) {
        return Ok(());
    }
    if assume_international {
        let assumed = with_plus(number);
        return if write_possible(&assumed, None, out) { Ok(()) } else { Err(Reason::InvalidPhone) };
    }
    if region.is_none() && prefixed.is_none() { Err(Reason::PhoneWithoutCountry) } else { Err(Reason::InvalidPhone) }
}

/// Gives the text from its first digit or plus on, without the parameters of a `tel:` link and a Japanese extension;
/// nothing if it has no digit but zeros.
///
/// Nothing behind a semicolon reaches the library, which cannot bear every order of such parameters.
fn first_number(text: &str) -> Option<&str> {
    let text = text.split(';').next()?;
    let text = if text.is_ascii() { text } else { text.split("内線").next()? };
    let text = text.trim_end_matches(['(', '（', ' ', '\u{3000}']);
    let number = text.get(text.find(|character| is_plus(character) || is_digit(character))?..)?;
    number.contains(|character| is_digit(character) && !is_zero(character)).then_some(number)
}

/// Gives a number that starts with a plus or with `00` as a plus and the digits after the zeros.
///
/// A plus before one zero is a slip: the zero is a trunk zero, and what follows is no country code.
fn international(number: &str) -> Option<Zeroizing<String>> {
    let mut zeros = 0;
    let mut characters = number.char_indices();
    let start = loop {
        let (position, character) = characters.next()?;
        if is_zero(character) {
            zeros += 1;
        } else if is_digit(character) || character.is_alphabetic() {
            break position;
        }
    };
    let names_country = zeros >= 2 || zeros == 0 && number.starts_with(is_plus);
    names_country.then(|| number.get(start..)).flatten().map(with_plus)
}

/// Puts a plus before a number, in memory that is wiped.
fn with_plus(number: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(number.len().saturating_add(1)));
    text.push('+');
    text.push_str(number);
    text
}

/// Writes a number if the library can read it and finds it of a possible length, and says whether it did.
///
/// A number that only works inside its own area is not possible: without the area it reaches nobody from elsewhere.
fn write_possible(number: &str, region: Option<Region>, out: &mut String) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(number, region) else { return false };
    if !is_possible(&number) {
        return false;
    }
    let formatted = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    let Some(digits) = formatted.strip_prefix('+') else { return false };
    out.push_str(digits);
    true
}

/// Says whether a number has a length that numbers of its country have.
fn is_possible(number: &PhoneNumber) -> bool {
    PHONE_NUMBER_UTIL.is_possible_number_with_reason(number) == Ok(NumberLengthType::IsPossible)
}

/// Says whether a character is a plus.
fn is_plus(character: char) -> bool {
    matches!(character, '+' | '＋')
}

/// Says whether a character is a zero, in the digits that phone numbers are written with.
fn is_zero(character: char) -> bool {
    matches!(character, '0' | '０' | '٠' | '۰')
}

/// Says whether a character is a decimal digit, in the digits that phone numbers are written with.
fn is_digit(character: char) -> bool {
    matches!(character, '0'..='9' | '０'..='９' | '٠'..='٩' | '۰'..='۹')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Ph;
    use crate::meta::normalize::tests::{normal_in, settings};

    #[test]
    fn numbers_are_written_as_e164_says() {
        let check = |input: &str, country: &str, expected: &str| {
            assert_eq!(normal_in(Ph, input, country), Ok(expected.to_owned()), "{input:?} in {country:?}");
        };
        check("(650)555-1212", "us", "16505551212");
        check("650.555.1212", "us", "16505551212");
        check("16505551212", "us", "16505551212");
        check("+1 (650) 555-1212", "", "16505551212");
        check("+1 650 555 1212\u{A0}", "", "16505551212");
        check("001 650 555 1212", "", "16505551212");
        check("000016505551212", "", "16505551212");
        check("+001 (616) 954-78 88", "", "16169547888");
        check("011 44 20 7946 0958", "us", "442079460958");
        check("+44 (0)20 7946 0958", "", "442079460958");
        check("020 7946 0958", "gb", "442079460958");
        check("442079460958", "gb", "442079460958");
        check("0044 20 7946 0958", "gb", "442079460958");
        check("0044 20 7946 0958", "us", "442079460958");
        check("0011 44 20 7946 0958", "au", "442079460958");
        check("+49 (0) 171 1234567", "", "491711234567");
        check("0171 1234567", "de", "491711234567");
        check("+0171 1234567", "de", "491711234567");
        check("06 1234 5678", "it", "390612345678");
        check("+39 06 1234 5678", "", "390612345678");
        check("+86 138 0013 8000", "", "8613800138000");
        check("8 (912) 345-67-89", "ru", "79123456789");
        check("+54 9 11 2345-6789", "", "5491123456789");
        check("6505551212 ext. 123", "us", "16505551212");
        check("1-650-555-1212 x123", "us", "16505551212");
        check("03-5843-2301（内線123）", "jp", "81358432301");
        check("tel:+1-650-555-1212;ext=5", "", "16505551212");
        check("tel:+16505551212", "", "16505551212");
        check("Phone: 650-555-1212", "us", "16505551212");
        check("６５０５５５１２１２", "us", "16505551212");
        check("＋１６５０５５５１２１２", "", "16505551212");
        check("٠١٠١٢٣٤٥٦٧٨", "eg", "201012345678");
        check("1-800-FLOWERS", "us", "18003569377");
        check("1-800-555-1234-CALL", "us", "18005551234");
        check("650-555-1212 (cell)", "us", "16505551212");
        check("Call me at +1 (555) 123-4567 today!", "", "15551234567");
        check("+1 996 585 2259", "", "19965852259");
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let check = |input: &str, country: &str, expected: Reason| {
            assert_eq!(normal_in(Ph, input, country), Err(expected), "{input:?} in {country:?}");
        };
        check("12345", "us", Reason::InvalidPhone);
        check("555-1212", "us", Reason::InvalidPhone);
        check("abc", "us", Reason::InvalidPhone);
        check("abc", "", Reason::InvalidPhone);
        check("+", "", Reason::InvalidPhone);
        check("+020 7946 0958", "", Reason::PhoneWithoutCountry);
        check("000", "", Reason::InvalidPhone);
        check("+999 123 4567", "", Reason::InvalidPhone);
        check("+1 650 555 12123456", "", Reason::InvalidPhone);
        check("650-555-1212", "", Reason::PhoneWithoutCountry);
        check("16505551212", "", Reason::PhoneWithoutCountry);
        check("6505551212", "aq", Reason::InvalidPhone);
        check("0000", "us", Reason::InvalidPhone);
        check("6505551212;phone-context=+44;tel:5", "", Reason::PhoneWithoutCountry);
        check("+1;phone-context=+1;tel:5", "us", Reason::InvalidPhone);
    }

    #[test]
    fn the_settings_fill_in_for_the_row() {
        let check = |input: &str, home: &str, assume_international: bool, expected: Result<&str, Reason>| {
            let settings = Settings { phone_country: Country::parse(home), assume_international, ..settings() };
            let mut out = String::new();
            let outcome = write(input, None, &settings, &mut out).map(|()| out.as_str());
            assert_eq!(outcome, expected, "{input:?} at home in {home:?}");
        };
        check("650-555-1212", "us", false, Ok("16505551212"));
        check("020 7946 0958", "gb", false, Ok("442079460958"));
        check("442079460958", "", true, Ok("442079460958"));
        check("16505551212", "", true, Ok("16505551212"));
        check("16505551212", "", false, Err(Reason::PhoneWithoutCountry));
        check("650", "", true, Err(Reason::InvalidPhone));
        check("4792813113", "us", true, Ok("14792813113"));
        check("442079460958", "us", true, Ok("442079460958"));
        check("442079460958", "us", false, Err(Reason::InvalidPhone));
    }
}
