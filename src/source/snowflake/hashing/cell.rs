//! A column of the table as trimmed text, before any rule.

use super::{Case, Field, clear, holds_other};
use crate::event::Zone;
use crate::meta::normalize::Rule;
use crate::meta::normalize::certain::{Characters, blanks};
use crate::source::snowflake::columns::Kind;
use crate::source::snowflake::identifier::literal;
use crate::source::snowflake::query::{Form, read, trimmed};
use crate::source::{HashedField, Reading};

/// What stands for a cell that is not one plain text: the begin of a list, which no rule takes.
const NOT_PLAIN: &str = "'['";

/// Gives a field as text without white space and invisible characters around it, or as the part of a full name.
///
/// It is null where the cell is null or white space, as the event layer sees it.
pub(super) fn text(field: &Field<'_>, zone: Zone) -> String {
    let text = format!("({})", plain(field, zone));
    let mut case = Case::new(trimmed_whole(&match field.what {
        HashedField::Key(_) | HashedField::PersonId => text.clone(),
        HashedField::FirstOfFullName => part_of_name(&text, Part::First),
        HashedField::LastOfFullName => part_of_name(&text, Part::Last),
    }));
    case.when(format!("COALESCE({}, '') = ''", trimmed(&format!("{text}::VARCHAR"))), "NULL");
    case.write()
}

/// Gives a cell as the text that is handed over where it is not hashed.
fn plain(field: &Field<'_>, zone: Zone) -> String {
    let source = clear(&field.column.name);
    let reading = match field.rule {
        Rule::Birth | Rule::BirthPart(_) => Reading::Date,
        Rule::Email
        | Rule::Phone
        | Rule::Name
        | Rule::NameStart(_)
        | Rule::Gender
        | Rule::City
        | Rule::State
        | Rule::PostalCode
        | Rule::Country
        | Rule::ExternalId
        | Rule::AsItIs => Reading::Text,
    };
    let (expression, form) = read(field.column, &source, reading, zone);
    match form {
        // The text of a float is not the same everywhere.
        Form::Text if field.column.kind != Kind::Real => expression,
        Form::Json => json(&expression),
        Form::Text | Form::Microseconds | Form::Integer => format!("IFF({source} IS NULL, NULL, {NOT_PLAIN})"),
    }
}

/// Gives the content of JSON that is a text without escapes or a whole number.
fn json(json: &str) -> String {
    let mut case = Case::new(NOT_PLAIN);
    case.when(format!("{json} IS NULL OR {json} = 'null'"), "NULL");
    case.when(format!("REGEXP_LIKE({json}, '^-?[0-9]+$')"), json);
    case.when(
        format!("LEFT({json}, 1) = '\"' AND NOT CONTAINS({json}, {})", literal("\\")),
        format!("SUBSTR({json}, 2, LENGTH({json}) - 2)"),
    );
    case.write()
}

/// Takes white space and invisible characters off both ends.
fn trimmed_whole(text: &str) -> String {
    format!("TRIM(({text})::VARCHAR, {})", literal(&blanks()))
}

/// Which name within a full one.
#[derive(Clone, Copy)]
enum Part {
    First,
    Last,
}

/// Gives the first or the last name within a full one: the first and the last word, or what stands around a comma.
fn part_of_name(text: &str, part: Part) -> String {
    let name = trimmed(&format!("{text}::VARCHAR"));
    let Characters { mut kept, changed, dropped } = Characters::of(Rule::Name);
    kept.extend(changed.iter().map(|(from, _)| from));
    kept.extend(dropped.chars().filter(|character| *character == ' ' || !character.is_whitespace()));
    let (before, after) =
        (format!("SPLIT_PART({name}, ',', 1)"), format!("SUBSTR({name}, POSITION(',' IN {name}) + 1)"));
    let (around_comma, word, only) = match part {
        Part::First => (after, format!("SPLIT_PART({name}, ' ', 1)"), name.clone()),
        Part::Last => (before, format!("SPLIT_PART({name}, ' ', -1)"), "NULL".to_owned()),
    };
    let mut case = Case::new(only);
    // Other white space parts words too, and the names of East Asia begin with the family name.
    case.when(format!("{} OR LEFT({name}, 1) IN ('[', '{{')", holds_other(&name, &kept)), NOT_PLAIN);
    case.when(format!("CONTAINS({name}, ',')"), around_comma);
    case.when(format!("CONTAINS({name}, ' ')"), word);
    case.write()
}
