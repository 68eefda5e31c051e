//! Countries, states and postal codes, whose rules depend on the row's country.

use super::words::{certain, translate};
use super::{COUNTRY, Case, Field, holds_only, list, marker};
use crate::event::Reason;
use crate::meta::normalize::Rule;
use crate::meta::normalize::certain::{AMERICAN, Characters, ZIP_COUNTRIES, blanks, countries, dashes, states};
use crate::source::snowflake::identifier::literal;

/// Leaves the letters of a country's name, without accents.
pub(super) fn fold_country(field: &Field<'_>) -> String {
    let Characters { changed, dropped, kept: _ } = Characters::of(Rule::Country);
    let letters = translate(&field.cell(), &changed, &dropped, "");
    format!("REPLACE(REGEXP_REPLACE({letters}, '^&+', ''), '&', 'and')")
}

/// Gives the code of the row's country.
///
/// A list of one country is none where phones, states and postal codes are read, but it may be read as one; SQL cannot
/// tell.
pub(super) fn code(field: &Field<'_>) -> String {
    let (cell, folded) = (field.cell(), field.folded());
    let mut case = Case::new("''");
    case.when(format!("COALESCE({cell}, '') = ''"), "''");
    case.when(format!("LEFT({cell}, 1) IN ('[', '{{')"), "'?'");
    case.when(format!("{folded} IN {}", list(countries().map(|(code, _)| code))), folded.clone());
    for (code, names) in countries() {
        case.when(format!("{folded} IN {}", list(names)), literal(code));
    }
    let characters = Characters::of(Rule::Country);
    let known: String = characters.kept.chars().chain(characters.changed.iter().map(|(_, to)| *to)).collect();
    case.when(format!("NOT ({})", holds_only(&folded, &known)), "'?'");
    case.write()
}

/// One that is known.
pub(super) fn country() -> Case {
    let mut case = Case::new(format!("'=' || {COUNTRY}"));
    case.when(format!("{COUNTRY} = '?'"), marker(Reason::NeedsClientHashing));
    case.when(format!("{COUNTRY} = ''"), marker(Reason::InvalidCountry));
    case
}

/// Two letters in North America, else letters.
pub(super) fn state(field: &Field<'_>, country: &str) -> Case {
    let folded = field.folded();
    let mut case = certain(field, "", Reason::InvalidState);
    let names = states().flat_map(|(_, names)| names);
    case.when(format!("{country} = '?' AND {folded} IN {}", list(names)), marker(Reason::NeedsClientHashing));
    let mut short = Case::new(folded.clone());
    for (code, names) in states() {
        short.when(format!("{folded} IN {}", list(names)), literal(code));
    }
    let may_be_american = list(std::iter::once("").chain(AMERICAN));
    case.when(format!("{country} IN {may_be_american}"), format!("'=' || {}", short.write()));
    case
}

/// Five digits in the US, else what is neither white space nor a dash.
pub(super) fn postal_code(field: &Field<'_>, country: &str) -> Case {
    let (cell, folded) = (field.cell(), field.folded());
    let invalid = marker(Reason::InvalidPostalCode);
    let mut case = certain(field, "", Reason::InvalidPostalCode);
    case.when(format!("{country} = '?'"), marker(Reason::NeedsClientHashing));
    let to_dash: Vec<(char, char)> = dashes().chars().map(|dash| (dash, '-')).collect();
    let together = translate(&cell, &to_dash, &blanks(), "");
    let is_american = format!(
        "{country} IN {} OR {country} = '' AND REGEXP_LIKE({together}, '^[0-9]{{5}}-[0-9]{{4}}$')",
        list(ZIP_COUNTRIES)
    );
    let digits = format!("REGEXP_REPLACE({folded}, '[^0-9]', '')");
    case.when(is_american, format!("IFF(LENGTH({digits}) >= 5, '=' || LEFT({digits}, 5), {invalid})"));
    let marks: String = Characters::of(Rule::PostalCode).kept.chars().filter(|c| !c.is_alphanumeric()).collect();
    case.when(format!("LENGTH({folded}) < 2 OR {}", holds_only(&folded, &marks)), invalid);
    case
}
