//! Phone numbers: those that are taken as they stand, without asking the numbering plan of a country.

use super::{Case, Field, holds_only, holds_other, list, marker};
use crate::event::Reason;
use crate::meta::normalize::Settings;
use crate::meta::normalize::certain::{AMERICAN, phones_abroad};
use crate::source::snowflake::identifier::literal;

/// Characters of the longest number that is looked at.
const MAX_CHARACTERS: usize = 40;

/// A number of North America, digits only.
const NORTH_AMERICAN: &str = "[2-9][0-9]{9}";

/// Digits of a plain number that names its country or stands in North America; every other is left to the client.
pub(super) fn phone(field: &Field<'_>, country: &str, settings: &Settings) -> Case {
    let cell = field.cell();
    let country = match settings.phone_country {
        Some(home) => format!("IFF({country} = '', {}, {country})", literal(home.code())),
        None => country.to_owned(),
    };
    let digits = format!("TRANSLATE({cell}, '0 -.()', '0')");
    let is = |pattern: &str| format!("REGEXP_LIKE({digits}, '^{pattern}$')");
    let abroad = phones_abroad().collect::<Vec<_>>().join("|");
    let mut case = Case::new(marker(Reason::NeedsClientHashing));
    let no_digit: String = (' '..='~').filter(|character| !matches!(character, '1'..='9')).collect();
    case.when(holds_only(&cell, &no_digit), marker(Reason::InvalidPhone));
    let other = holds_other(&cell, "0123456789 -.()+");
    case.when(format!("LENGTH({cell}) > {MAX_CHARACTERS} OR {other}"), marker(Reason::NeedsClientHashing));
    case.when(is(&format!("[+]1{NORTH_AMERICAN}")), format!("'=' || SUBSTR({digits}, 2)"));
    let is_abroad = is(&format!("[+]({abroad})"));
    case.when(format!("LEFT({cell}, 1) = '+' AND {is_abroad}"), format!("'=' || SUBSTR({digits}, 2)"));
    let is_near = is(&format!("1?{NORTH_AMERICAN}"));
    case.when(format!("{country} IN {} AND {is_near}", list(AMERICAN)), format!("'=1' || RIGHT({digits}, 10)"));
    // To a telephone of a country that is known, zeros may mean something else.
    let is_dialled = is(&format!("00+(1{NORTH_AMERICAN}|{abroad})"));
    case.when(format!("{country} = '' AND {is_dialled}"), format!("'=' || REGEXP_REPLACE({digits}, '^0+', '')"));
    if !settings.assume_international {
        case.when(format!("{country} = '' AND {}", is("0?[1-9][0-9]*")), marker(Reason::PhoneWithoutCountry));
    }
    case
}
