//! E-mail addresses, names, cities, genders and ids: what is made of letters.

use super::{Case, Field, holds_other, marker};
use crate::event::Reason;
use crate::meta::normalize::certain::Characters;
use crate::source::snowflake::identifier::literal;

/// Lowers the letters that stay and takes out what does not.
pub(super) fn fold(field: &Field<'_>) -> String {
    let Characters { changed, dropped, kept: _ } = Characters::of(field.rule);
    translate(&field.cell(), &changed, &dropped, "")
}

/// Lowers the letters, and makes a space of what stands in no address.
pub(super) fn fold_email(field: &Field<'_>) -> String {
    let Characters { changed, dropped, kept: _ } = Characters::of(field.rule);
    translate(&field.cell(), &changed, &dropped, &" ".repeat(dropped.chars().count()))
}

/// Replaces single characters.
///
/// A character without counterpart is taken out. Source: Snowflake SQL reference, `TRANSLATE`.
pub(super) fn translate(text: &str, changed: &[(char, char)], others: &str, become_these: &str) -> String {
    let from: String = changed.iter().map(|(from, _)| *from).chain(others.chars()).collect();
    let to: String = changed.iter().map(|(_, to)| *to).chain(become_these.chars()).collect();
    format!("TRANSLATE({text}, {}, {})", literal(&from), literal(&to))
}

/// Starts the rule of a text of which nothing must be left but characters that are certain.
pub(super) fn certain(field: &Field<'_>, also: &str, nothing: Reason) -> Case {
    let folded = field.folded();
    let kept = outcomes(&Characters::of(field.rule)) + also;
    let mut case = Case::new(format!("'=' || {folded}"));
    case.when(format!("{folded} = ''"), marker(nothing));
    case.when(holds_other(&folded, &kept), marker(Reason::NeedsClientHashing));
    case
}

/// Gives every character that can come out of folding.
fn outcomes(characters: &Characters) -> String {
    let mut kept = characters.kept.clone();
    for (_, to) in &characters.changed {
        if !kept.contains(*to) {
            kept.push(*to);
        }
    }
    kept
}

/// One `@`, something on both sides of it, a domain of two labels or more, and nothing that stands in no address.
pub(super) fn email(field: &Field<'_>) -> Case {
    let folded = field.folded();
    let mut case = certain(field, " ", Reason::InvalidEmail);
    let is_address = format!("REGEXP_LIKE({folded}, '^[^@]+@[^@.]+([.][^@.]+)+$')");
    case.when(format!("CONTAINS({folded}, ' ') OR NOT {is_address}"), marker(Reason::InvalidEmail));
    case
}

/// Letters and digits.
pub(super) fn name(field: &Field<'_>) -> Case {
    certain(field, "", Reason::InvalidName)
}

/// The first of them.
pub(super) fn name_start(field: &Field<'_>, letters: usize) -> Case {
    let mut case = name(field);
    case.otherwise = format!("'=' || LEFT({}, {letters})", field.folded());
    case
}

/// Letters.
pub(super) fn city(field: &Field<'_>) -> Case {
    certain(field, "", Reason::InvalidCity)
}

/// All but white space.
pub(super) fn external_id(field: &Field<'_>) -> Case {
    certain(field, "", Reason::NeedsClientHashing)
}

/// One of four words.
pub(super) fn gender(field: &Field<'_>) -> Case {
    let letters: Vec<(char, char)> = ('A'..='Z').map(|letter| (letter, letter.to_ascii_lowercase())).collect();
    let lowered = translate(&field.cell(), &letters, "", "");
    let mut case = Case::new(marker(Reason::InvalidGender));
    case.when(format!("{lowered} IN ('f', 'female')"), "'=f'");
    case.when(format!("{lowered} IN ('m', 'male')"), "'=m'");
    case
}
