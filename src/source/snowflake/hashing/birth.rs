//! Dates of birth and their parts.

use chrono::Datelike;

use super::{Case, Field, marker};
use crate::event::Reason;
use crate::meta::normalize::certain::FIRST_YEAR;
use crate::meta::normalize::{Part, Settings};

/// Gives the eight digits of a text that begins as a date of ISO 8601, whether or not there is such a day.
pub(super) fn digits(field: &Field<'_>) -> String {
    let cell = field.cell();
    let begins = format!("REGEXP_LIKE(LEFT({cell}, 10), '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$')");
    let ends = format!("LENGTH({cell}) = 10 OR REGEXP_LIKE(SUBSTR({cell}, 11, 2), '^[Tt ][0-9]$')");
    let mut case = Case::new("NULL");
    case.when(format!("{begins} AND ({ends})"), format!("REPLACE(LEFT({cell}, 10), '-', '')"));
    case.when(format!("REGEXP_LIKE({cell}, '^[0-9]{{8}}$')"), cell);
    case.write()
}

/// A day on which somebody who lives can have been born.
pub(super) fn birth(field: &Field<'_>, settings: &Settings) -> Case {
    let mut case = unreadable(settings);
    case.when(is_likely(field, settings), format!("'=' || {}", field.folded()));
    case
}

/// A day, month or year, alone as a number or within a date.
pub(super) fn part(field: &Field<'_>, part: Part, settings: &Settings) -> Case {
    let (cell, folded) = (field.cell(), field.folded());
    let (from, to, digits, within) = match part {
        Part::Day => (1, 31, 2, format!("RIGHT({folded}, 2)")),
        Part::Month => (1, 12, 2, format!("SUBSTR({folded}, 5, 2)")),
        Part::Year => (FIRST_YEAR, settings.today.year(), 4, format!("LEFT({folded}, 4)")),
    };
    let mut case = unreadable(settings);
    let number = format!("TRY_TO_NUMBER({cell})");
    let alone = format!("'=' || LPAD(TO_VARCHAR({number}), {digits}, '0')");
    let outcome = format!("IFF({number} BETWEEN {from} AND {to}, {alone}, {})", marker(Reason::InvalidDateOfBirth));
    case.when(format!("REGEXP_LIKE({cell}, '^[0-9]{{1,4}}$')"), outcome);
    case.when(is_likely(field, settings), format!("'=' || {within}"));
    case
}

/// What is no date of ISO 8601 may be one in the format that the configuration names.
fn unreadable(settings: &Settings) -> Case {
    let reason = if settings.date_format.is_some() { Reason::NeedsClientHashing } else { Reason::InvalidDateOfBirth };
    Case::new(marker(reason))
}

/// Says that the digits are those of a day from the first year to today.
fn is_likely(field: &Field<'_>, settings: &Settings) -> String {
    let folded = field.folded();
    let today = settings.today.format("%Y%m%d");
    format!(
        "TRY_TO_DATE({folded}, 'YYYYMMDD') IS NOT NULL AND {folded} >= '{FIRST_YEAR}0101' AND {folded} <= '{today}'"
    )
}
