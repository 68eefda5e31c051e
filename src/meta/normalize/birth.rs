//! Dates of birth (`db`).

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};

use super::Settings;
use crate::event::reason::Reason;

/// The first year that Meta takes.
///
/// Source: Conversions API, customer information parameters: "Use the YYYY format from 1900 to current
/// year."
pub(super) const FIRST_YEAR: i32 = 1900;

/// Writes a date as `YYYYMMDD`.
///
/// It is read from ISO 8601, with or without dashes and with or without a time behind it, and only then in the
/// configured format: nothing is guessed.
///
/// Source: Conversions API, customer information parameters: "We accept the YYYYMMDD format".
pub(super) fn write(text: &str, settings: &Settings, out: &mut String) -> Result<(), Reason> {
    let date = date(text, settings).ok_or(Reason::InvalidDateOfBirth)?;
    write!(out, "{:04}{:02}{:02}", date.year(), date.month(), date.day()).map_err(|_| Reason::InvalidDateOfBirth)
}

/// A part of a date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The day of the month.
    Day,
    /// The month.
    Month,
    /// The year.
    Year,
}

/// Writes a part of a date of birth, which stands there alone as a number or within a whole date.
pub(super) fn write_part(text: &str, part: Part, settings: &Settings, out: &mut String) -> Result<(), Reason> {
    let alone = if text.len() <= 4 { number(text.as_bytes()) } else { None };
    let whole = || date(text, settings);
    let last = settings.today.year();
    let (found, bounds, digits) = match part {
        Part::Day => (alone.or_else(|| whole().map(|date| date.day())), 1..=31, 2),
        Part::Month => (alone.or_else(|| whole().map(|date| date.month())), 1..=12, 2),
        Part::Year => {
            let whole = || whole().and_then(|date| u32::try_from(date.year()).ok());
            (alone.or_else(whole), FIRST_YEAR.unsigned_abs()..=last.unsigned_abs(), 4)
        }
    };
    let found = found.filter(|number| bounds.contains(number)).ok_or(Reason::InvalidDateOfBirth)?;
    write!(out, "{found:0digits$}").map_err(|_| Reason::InvalidDateOfBirth)
}

/// Reads a date on which somebody who lives can have been born.
fn date(text: &str, settings: &Settings) -> Option<NaiveDate> {
    let is_likely = |date: &NaiveDate| date.year() >= FIRST_YEAR && *date <= settings.today;
    iso(text).filter(is_likely).or_else(|| {
        let format = settings.date_format.as_deref()?;
        NaiveDate::parse_from_str(text, format).ok().filter(is_likely)
    })
}

/// Reads `1997-02-16`, `1997-02-16T08:30:00Z`, `1997-02-16 08:30` or `19970216`.
fn iso(text: &str) -> Option<NaiveDate> {
    let (date, time) = text.split_at_checked(10).unwrap_or((text, ""));
    let is_time = |time: &str| {
        time.strip_prefix(['T', 't', ' ']).is_some_and(|clock| clock.starts_with(|first: char| first.is_ascii_digit()))
    };
    let (year, month, day) = match date.as_bytes() {
        [y @ .., b'-', m1, m2, b'-', d1, d2] if time.is_empty() || is_time(time) => (y, [*m1, *m2], [*d1, *d2]),
        [y @ .., m1, m2, d1, d2] if date.len() == 8 => (y, [*m1, *m2], [*d1, *d2]),
        _ => return None,
    };
    if year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(&month)?, number(&day)?)
}

/// Reads a few ASCII digits as a number.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, &digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey::Db;
    use crate::meta::normalize::normalize;
    use crate::meta::normalize::tests::{normal, settings};
    use crate::private::Pii;

    #[test]
    fn parts_of_a_date_are_read_alone_or_within_it() {
        use crate::meta::MatchKey::{Dobd, Dobm, Doby};
        let check = |key, input: &str, expected: Option<&str>| {
            assert_eq!(normal(key, input).ok().as_deref(), expected, "{key:?} {input:?}");
        };
        check(Dobd, "2", Some("02"));
        check(Dobd, "31", Some("31"));
        check(Dobd, "32", None);
        check(Dobd, "0a", None);
        check(Dobd, "1997-02-16", Some("16"));
        check(Dobm, "9", Some("09"));
        check(Dobm, "0", None);
        check(Dobm, "-1", None);
        check(Dobm, "19970216", Some("02"));
        check(Doby, "1995", Some("1995"));
        check(Doby, "1000", None);
        check(Doby, "2027", None);
        check(Doby, "95", None);
        check(Doby, "1997-02-16", Some("1997"));
    }

    #[test]
    fn iso_dates_are_read() {
        let check = |input: &str, expected: &str| assert_eq!(normal(Db, input), Ok(expected.to_owned()), "{input:?}");
        check("1997-02-16", "19970216");
        check(" 1997-02-16 ", "19970216");
        check("19970216", "19970216");
        check("1997-02-16T00:00:00Z", "19970216");
        check("1997-02-16 00:00:00.000", "19970216");
        check("2000-02-29", "20000229");
        check("1900-01-01", "19000101");
        check("2026-11-23", "20261123");
    }

    #[test]
    fn nothing_is_guessed() {
        let check = |input: &str| assert_eq!(normal(Db, input), Err(Reason::InvalidDateOfBirth), "{input:?}");
        check("2/16/1997");
        check("16.02.1997");
        check("02-16-97");
        check("1997-2-16");
        check("Feb 16 1997");
        check("1997-13-45");
        check("1900-02-29");
        check("1899-12-31");
        check("2026-11-24");
        check("0000-00-00");
        check("970216");
        check("1997-02-16x");
        check("1997-02-16 or so");
        check("-1997-02-1");
        check("１９９７-02-16");
        check("1997-02-1é");
        check("199702161");
    }

    #[test]
    fn a_stated_format_is_read() {
        let check = |format: &str, input: &str, expected: Result<&str, Reason>| {
            let settings = Settings { date_format: Some(format.to_owned()), ..settings() };
            let mut out = String::new();
            let outcome = normalize(Db, Pii::new(input), None, &settings, &mut out).map(|_| out.as_str());
            assert_eq!(outcome, expected, "{input:?} as {format:?}");
        };
        check("%m/%d/%Y", "2/16/1997", Ok("19970216"));
        check("%d.%m.%Y", "16.02.1997", Ok("19970216"));
        check("%d%m%Y", "16021997", Ok("19970216"));
        check("%b %d %Y", "Feb 16 1997", Ok("19970216"));
        check("%m/%d/%Y", "1997-02-16", Ok("19970216"));
        check("%m/%d/%Y", "16/02/1997", Err(Reason::InvalidDateOfBirth));
        check("%d.%m.%Y", "31.02.1997", Err(Reason::InvalidDateOfBirth));
        check("%d.%m.%Y", "16.02.97", Err(Reason::InvalidDateOfBirth));
        check("%", "16.02.1997", Err(Reason::InvalidDateOfBirth));
        check("%Q", "16.02.1997", Err(Reason::InvalidDateOfBirth));
    }
}
