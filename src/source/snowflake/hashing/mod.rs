//! Normalises and hashes customer data in Snowflake: pure SQL text, so that no clear value leaves the warehouse.
//!
//! What comes out is what [`crate::meta::normalize`] makes of the same value on this machine, or a reason why there is
//! nothing. A value of which that is not certain, because SQL would have to compose characters, ask the numbering plan
//! of a country or read a list, comes out as [`Reason::NeedsClientHashing`]: a wrong digest is worse than none.
//!
//! The statement grows by common table expressions, one after another: `fbcapi_clear` holds the table's columns,
//! `fbcapi_cells` each field as trimmed text, `fbcapi_folded` its certain characters, `fbcapi_places` the row's country,
//! and `fbcapi_rows` the normalised text behind a `=`, or a reason behind a `!`.

mod cell;
mod words;
mod places;
mod phone;
mod birth;

use super::columns::{Column, Match};
use super::identifier::{Identifier, literal};
use crate::event::Reason;
use crate::meta::MatchKey;
use crate::meta::normalize::certain::SHA256_OF_NOTHING;
use crate::meta::normalize::{ExternalIdForm, Rule};
use crate::source::{HashedField, Reading, Selection};

/// The country of the row as far as it is known: a code, `''` for none, or `'?'` where SQL cannot tell.
const COUNTRY: &str = "\"_FBCAPI_COUNTRY\"";

/// A column of which only a digest leaves.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    what: HashedField,
    rule: Rule,
    column: &'a Column,
    at: usize,
}

impl Field<'_> {
    /// The name of the trimmed text.
    fn cell(&self) -> String {
        format!("\"_FBCAPI_CELL_{}\"", self.at)
    }

    /// The name of the text of which each character became what the rule makes of it.
    fn folded(&self) -> String {
        format!("\"_FBCAPI_FOLDED_{}\"", self.at)
    }

    /// The name of the normalised text or the reason.
    fn value(&self) -> String {
        format!("\"_FBCAPI_VALUE_{}\"", self.at)
    }
}

/// What hashing adds to a statement.
#[derive(Debug)]
pub(super) struct Hashed {
    /// Common table expressions that follow `fbcapi_clear`; the last of them is `fbcapi_rows`.
    pub(super) tables: Vec<String>,
    /// Expressions over `fbcapi_rows` and the columns of the result in which they arrive.
    pub(super) outputs: Vec<(String, String)>,
}

impl Hashed {
    /// Builds what the columns need of which only digests are wanted; nothing if there are none.
    pub(super) fn new(matched: &[Match<'_>], selection: &Selection) -> Option<Self> {
        let fields: Vec<Field<'_>> = matched.iter().enumerate().filter_map(|(at, found)| field(at, found)).collect();
        if fields.is_empty() {
            return None;
        }
        let settings = &selection.hashing.settings;
        let country = fields.iter().find(|field| field.what == HashedField::Key(MatchKey::Country));
        let stated = selection.hashing.country.map_or("", |country| country.code());
        let country_of_row = if country.is_some() { COUNTRY.to_owned() } else { literal(stated) };
        let cells = fields.iter().map(|field| (cell::text(field, selection.zone), field.cell()));
        let folded = fields.iter().filter_map(|field| Some((fold(field)?, field.folded())));
        let values = fields.iter().map(|field| {
            let rule = match field.rule {
                Rule::Email => words::email(field),
                Rule::Name => words::name(field),
                Rule::NameStart(letters) => words::name_start(field, letters),
                Rule::City => words::city(field),
                Rule::Gender => words::gender(field),
                Rule::ExternalId => words::external_id(field),
                Rule::State => places::state(field, &country_of_row),
                Rule::PostalCode => places::postal_code(field, &country_of_row),
                Rule::Country => places::country(),
                Rule::Phone => phone::phone(field, &country_of_row, settings),
                Rule::Birth => birth::birth(field, settings),
                Rule::BirthPart(part) => birth::part(field, part, settings),
                Rule::AsItIs => Case::new(marker(Reason::NeedsClientHashing)),
            };
            (any(field, rule), field.value())
        });
        let mut tables =
            vec![table("fbcapi_cells", "fbcapi_clear", cells), table("fbcapi_folded", "fbcapi_cells", folded)];
        let mut last = "fbcapi_folded";
        if let Some(country) = country {
            let place = std::iter::once((places::code(country), COUNTRY.to_owned()));
            tables.push(table("fbcapi_places", last, place));
            last = "fbcapi_places";
        }
        tables.push(table("fbcapi_rows", last, values));
        let outputs = fields.iter().map(|field| (settle(field), field.what.column())).collect();
        Some(Self { tables, outputs })
    }
}

/// Takes a column that is wanted as a digest.
fn field<'a>(at: usize, found: &Match<'a>) -> Option<Field<'a>> {
    let Reading::Hashed(what) = found.request.reading else { return None };
    let rule = match what {
        HashedField::Key(key) => Rule::of(key, ExternalIdForm::Hashed),
        HashedField::PersonId => Rule::ExternalId,
        HashedField::FirstOfFullName | HashedField::LastOfFullName => Rule::Name,
    };
    Some(Field { what, rule, column: found.column, at })
}

/// Writes a common table expression that adds columns to those of another.
fn table(name: &str, from: &str, columns: impl Iterator<Item = (String, String)>) -> String {
    let columns = columns.map(|(expression, name)| format!("{expression} AS {name}"));
    let columns: Vec<String> = std::iter::once(format!("{from}.*")).chain(columns).collect();
    format!("{name} AS (\nSELECT {}\nFROM {from}\n)", columns.join(",\n"))
}

/// Makes of each character what the rule makes of it, where the rule is about characters.
fn fold(field: &Field<'_>) -> Option<String> {
    match field.rule {
        Rule::Email => Some(words::fold_email(field)),
        Rule::Name | Rule::NameStart(_) | Rule::City | Rule::State | Rule::PostalCode | Rule::ExternalId => {
            Some(words::fold(field))
        }
        Rule::Country => Some(places::fold_country(field)),
        Rule::Birth | Rule::BirthPart(_) => Some(birth::digits(field)),
        Rule::Phone | Rule::Gender | Rule::AsItIs => None,
    }
}

/// What holds for every rule comes before what the rule says: nothing, a list, a digest.
fn any(field: &Field<'_>, mut rule: Case) -> String {
    let cell = field.cell();
    let before = [
        (format!("{cell} IS NULL"), "NULL".to_owned()),
        (format!("{cell} = ''"), "'!'".to_owned()),
        // A list or an object, which may stand in a text too.
        (format!("LEFT({cell}, 1) IN ('[', '{{')"), marker(Reason::NeedsClientHashing)),
        (format!("REGEXP_LIKE({cell}, '^([0-9A-Fa-f]{{32}}|[0-9A-Fa-f]{{64}})$')"), format!("'=' || LOWER({cell})")),
    ];
    rule.branches.splice(0..0, before);
    rule.write()
}

/// Hashes what is left of a value, unless it is a digest already.
fn settle(field: &Field<'_>) -> String {
    let value = field.value();
    let mut case = Case::new(format!("SHA2(SUBSTR({value}, 2), 256)"));
    case.when(format!("LEFT({value}, 1) = '!'"), value.clone());
    case.when(format!("{value} = '={SHA256_OF_NOTHING}'"), "'!'");
    case.when(format!("REGEXP_LIKE({value}, '^=[0-9a-f]{{64}}$')"), format!("SUBSTR({value}, 2)"));
    // An id of 32 hexadecimal digits is a UUID without dashes as likely as an MD5 digest.
    if field.rule != Rule::ExternalId {
        case.when(format!("REGEXP_LIKE({value}, '^=[0-9a-f]{{32}}$')"), marker(Reason::Md5Hash));
    }
    case.write()
}

/// A `CASE` expression.
struct Case {
    branches: Vec<(String, String)>,
    otherwise: String,
}

impl Case {
    fn new(otherwise: impl Into<String>) -> Self {
        Self { branches: Vec::new(), otherwise: otherwise.into() }
    }

    fn when(&mut self, condition: impl Into<String>, outcome: impl Into<String>) {
        self.branches.push((condition.into(), outcome.into()));
    }

    fn write(&self) -> String {
        let branches = self.branches.iter().map(|(condition, outcome)| format!("WHEN {condition} THEN {outcome}"));
        format!("CASE {} ELSE {} END", branches.collect::<Vec<_>>().join(" "), self.otherwise)
    }
}

/// Writes a reason as the outcome of a value.
fn marker(reason: Reason) -> String {
    literal(&format!("!{}", reason.code()))
}

/// Says that an expression holds no other characters than these.
///
/// The cast keeps the characters from being passed over by imitations of Snowflake.
fn holds_only(expression: &str, characters: &str) -> String {
    format!("TRIM({expression}::VARCHAR, {}) = ''", literal(characters))
}

/// Says that an expression holds another character than these.
fn holds_other(expression: &str, characters: &str) -> String {
    format!("TRIM({expression}::VARCHAR, {}) <> ''", literal(characters))
}

/// Writes texts as a list in brackets.
fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(literal).collect();
    format!("({})", texts.join(", "))
}

/// Names a column of the table in the first of the expressions.
fn clear(name: &Identifier) -> String {
    format!("fbcapi_clear.{name}")
}

#[cfg(test)]
mod tests;
