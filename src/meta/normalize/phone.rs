//! Phone numbers (`ph`).

use rlibphonenumber::{CountryCodeSource, NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
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
    // Letters are a note behind the number far oftener than a part of it, as in 1-800-FLOWERS; the library would dial
    // them in both. Source: Conversions API, customer information parameters: "Remove symbols, letters".
    let before_letters = number.split_once(char::is_alphabetic).map_or(number, |(number, _)| number);
    let mut outcome = write_number(before_letters, country, assume_international, out);
    if outcome.is_err() && before_letters.len() < number.len() {
        outcome = write_number(number, country, assume_international, out);
    }
    if outcome.is_ok() || !before_letters.contains(is_odd_symbol) {
        return outcome;
    }
    let mut plain = Zeroizing::new(String::with_capacity(number.len()));
    plain.extend(before_letters.chars().map(|character| if is_odd_symbol(character) { ' ' } else { character }));
    write_number(&plain, country, assume_international, out)
}

/// Writes a number that is read as a whole.
fn write_number(
    number: &str,
    country: Option<Country>,
    assume_international: bool,
    out: &mut String,
) -> Result<(), Reason> {
    let region = country.and_then(|country| Region::from_code(country.code()).ok());
    let prefixed = international(number);
    if let Some(prefixed) = &prefixed {
        // A plus is no dialling prefix, and to ask the library once more takes as long as the rest.
        let dialled =
            if number.starts_with(is_plus) { None } else { region.and_then(|region| dialled(number, region)) };
        match (possible(prefixed, None), dialled) {
            (Some(anywhere), Some(dialled)) if anywhere != dialled => {
                return choose(&anywhere, prefixed, &dialled, out);
            }
            (Some(number), _) => return write_e164(&number, out),
            (None, _) if number.starts_with(is_plus) => return Err(Reason::InvalidPhone),
            (None, _) => {}
        }
    }
    let number = number.trim_start_matches(is_plus);
    if let Some(number) = region.and_then(|region| possible(number, Some(region))) {
        return write_e164(&number, out);
    }
    if assume_international {
        return possible(&with_plus(number), None).map_or(Err(Reason::InvalidPhone), |number| write_e164(&number, out));
    }
    if region.is_none() && prefixed.is_none() { Err(Reason::PhoneWithoutCountry) } else { Err(Reason::InvalidPhone) }
}

/// Reads a number that starts with the prefix by which a country dials abroad, where that is more than `00`: `0011` in
/// Australia, `00` and a carrier in Brazil.
fn dialled(number: &str, region: Region) -> Option<PhoneNumber> {
    let mut read = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(number, Some(region)).ok()?;
    drop(read.raw_input.take().map(Zeroizing::new));
    let is_dialled = read.country_code_source() == CountryCodeSource::FromNumberWithIdd;
    is_dialled.then(|| possible(number, Some(region))).flatten()
}

/// Writes the right one of two readings of a number that starts with `00`: what `00` means in most countries, and what
/// it means to a telephone of the row's country.
///
/// The one that is assigned is right. Of two that are, or two that are not, nobody knows which.
fn choose(anywhere: &PhoneNumber, prefixed: &str, dialled: &PhoneNumber, out: &mut String) -> Result<(), Reason> {
    let is_assigned = |number| PHONE_NUMBER_UTIL.is_valid_number(number);
    // Behind `+1`, the library takes one more `1` for a trunk prefix, which nobody writes there.
    let digits = Zeroizing::new(PHONE_NUMBER_UTIL.normalize_digits_only(prefixed));
    let is_literal = e164(anywhere).strip_prefix('+').is_some_and(|number| digits.starts_with(number));
    match (is_literal && is_assigned(anywhere), is_assigned(dialled)) {
        (true, false) => write_e164(anywhere, out),
        (false, true) => write_e164(dialled, out),
        (true, true) | (false, false) => Err(Reason::InvalidPhone),
    }
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

/// Reads a number if the library can and finds it of a length that numbers of its country have.
///
/// A number that only works inside its own area is not possible: without the area it reaches nobody from elsewhere.
fn possible(number: &str, region: Option<Region>) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(number, region).ok()?;
    let is_possible = PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) == Ok(NumberLengthType::IsPossible);
    is_possible.then_some(number)
}

/// Writes the digits of a number in E.164 form.
fn write_e164(number: &PhoneNumber, out: &mut String) -> Result<(), Reason> {
    let formatted = e164(number);
    out.push_str(formatted.strip_prefix('+').ok_or(Reason::InvalidPhone)?);
    Ok(())
}

/// Gives a number in E.164 form, in memory that is wiped.
fn e164(number: &PhoneNumber) -> Zeroizing<String> {
    Zeroizing::new(PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164).into_owned())
}

/// Says whether a character is a symbol that the library knows in no number, and that parts no number from another
/// one or from an extension.
///
/// Source: Conversions API, customer information parameters: "Remove symbols".
fn is_odd_symbol(character: char) -> bool {
    "_$%!\"'=?\\^`{}<>".contains(character)
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
        check("0011 65 9123 4567", "au", "6591234567");
        check("0011 65 9123 4567", "", "16591234567");
        check("0055 11 96123-6730", "br", "5511961236730");
        check("0055 11 96123-6730 #4", "br", "5511961236730");
        check("0015 44 20 7946 0958", "br", "442079460958");
        check("0044 20 7946 0958", "br", "442079460958");
        check("001 65 9123 4567", "kr", "6591234567");
        check("001 82 2 312 3456", "kr", "8223123456");
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
        check("650_555_1212", "us", "16505551212");
        check("'650$555%1212'", "us", "16505551212");
        check("<+44_20_7946_0958>", "", "442079460958");
        check("020'7946'0958 (work)", "gb", "442079460958");
        check("６５０５５５１２１２", "us", "16505551212");
        check("＋１６５０５５５１２１２", "", "16505551212");
        check("٠١٠١٢٣٤٥٦٧٨", "eg", "201012345678");
        check("1-800-FLOWERS", "us", "18003569377");
        check("1-800-555-1234-CALL", "us", "18005551234");
        check("650-555-1212 (cell)", "us", "16505551212");
        check("0171 1234567 mobil", "de", "491711234567");
        check("030 123456 privat", "de", "4930123456");
        check("(0xx11) 91234-5678", "br", "5511912345678");
        check("1300 FLOWER", "au", "611300356937");
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
        check("001 65 9223 4567", "kr", Reason::InvalidPhone);
        check("0011 61 6674 3424", "au", Reason::InvalidPhone);
        check("650&555&1212", "us", Reason::InvalidPhone);
        check("650:555:1212", "us", Reason::InvalidPhone);
        check("650$555", "us", Reason::InvalidPhone);
        check("650$555$1212", "", Reason::PhoneWithoutCountry);
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
