//! The columns that the table has, and which of them the mapping means.

use std::fmt::Write as _;

use super::identifier::Identifier;
use crate::source::{ColumnRequest, Need};

/// What Snowflake keeps in a column, as far as it matters for reading it.
/// Source: the `rowtype` of an answer, field `type`, as the Go and Python drivers read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `VARCHAR` and its synonyms.
    Text,
    /// `NUMBER`, exact decimals.
    Number,
    /// `FLOAT`.
    Real,
    /// `BOOLEAN`.
    Boolean,
    /// `DATE`.
    Date,
    /// `TIME`.
    Time,
    /// `TIMESTAMP_NTZ`, a wall clock without zone.
    TimestampWithoutZone,
    /// `TIMESTAMP_LTZ` and `TIMESTAMP_TZ`, an instant.
    Instant,
    /// `VARIANT`, `ARRAY` and `OBJECT`.
    Semistructured,
    /// `BINARY`.
    Binary,
    /// A type that has no text form, such as `GEOGRAPHY` or `VECTOR`, by its name.
    Other(String),
}

impl Kind {
    /// Reads the name of a type on the wire.
    pub(super) fn of(wire: &str) -> Self {
        match wire.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "fixed" | "decfloat" => Self::Number,
            "real" => Self::Real,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp_ntz" => Self::TimestampWithoutZone,
            "timestamp_ltz" | "timestamp_tz" => Self::Instant,
            "variant" | "array" | "object" => Self::Semistructured,
            "binary" => Self::Binary,
            other => Self::Other(other.to_ascii_uppercase()),
        }
    }
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name with its real spelling.
    pub(super) name: Identifier,
    /// What it holds.
    pub(super) kind: Kind,
}

/// A column that was asked for and is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match<'a> {
    /// What was asked for.
    pub(super) request: &'a ColumnRequest,
    /// What the table has.
    pub(super) column: &'a Column,
}

/// What became of the columns that were asked for.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    /// Those that are there, in the order of the request.
    pub(super) present: Vec<Match<'a>>,
    /// Names of those that are not there and need not be.
    pub(super) absent: Vec<String>,
}

/// Finds the columns that were asked for, or says in one text which of them are missing or cannot be read.
pub(super) fn match_columns<'a>(
    requests: &'a [ColumnRequest],
    table: &'a [Column],
) -> Result<Matched<'a>, UnsuitedTable> {
    let mut matched = Matched { present: Vec::new(), absent: Vec::new() };
    let mut missing = Vec::new();
    let mut unreadable = Vec::new();
    for request in requests {
        match (find(&request.name, table), request.need) {
            (Some(Column { kind: Kind::Other(kind), .. }), _) => {
                unreadable.push(format!("`{}` ({kind})", request.name));
            }
            (Some(column), _) => matched.present.push(Match { request, column }),
            (None, Need::IfPresent) => matched.absent.push(request.name.clone()),
            (None, Need::Required) => missing.push(request.name.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(UnsuitedTable::missing(&missing, table));
    }
    if !unreadable.is_empty() {
        return Err(UnsuitedTable {
            what: format!("has columns of a type that has no text: {}", unreadable.join(", ")),
            remedy: "take these columns out of the mapping, or convert them in a view".into(),
        });
    }
    Ok(matched)
}

/// Finds a column by a name in any case; of several, the one spelt alike, else the one in upper case.
pub(super) fn find<'a>(name: &str, table: &'a [Column]) -> Option<&'a Column> {
    let folded = name.to_lowercase();
    table.iter().filter(|column| column.name.spelling().to_lowercase() == folded).min_by_key(|column| {
        let spelling = column.name.spelling();
        (spelling != name, spelling != name.to_uppercase())
    })
}

/// Why the table's columns do not do, to be read after its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnsuitedTable {
    /// What is wrong with which columns.
    pub(super) what: String,
    /// What to do about it: the nearest names that exist, or all of them.
    pub(super) remedy: String,
}

impl UnsuitedTable {
    fn missing(missing: &[String], table: &[Column]) -> Self {
        let mut remedy = String::new();
        for name in missing {
            if let Some(near) = nearest(name, table) {
                let separator = if remedy.is_empty() { "" } else { "; " };
                write!(remedy, "{separator}for `{name}` did you mean `{near}`?").expect("a String takes every write");
            }
        }
        if remedy.is_empty() {
            let all: Vec<_> = table.iter().map(|column| column.name.spelling()).collect();
            remedy = format!("the table has: {}", all.join(", "));
        }
        let named: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
        Self { what: format!("has no column {}", named.join(", ")), remedy }
    }
}

/// Gives the name that differs least, when it differs little enough to be a slip of the pen or a longer form.
fn nearest<'a>(name: &str, table: &'a [Column]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let at_most = wanted.chars().count().div_ceil(3);
    let close = table
        .iter()
        .map(|column| (distance(&wanted, &column.name.spelling().to_lowercase()), column.name.spelling()))
        .min()
        .filter(|(distance, _)| *distance <= at_most)
        .map(|(_, name)| name);
    close.or_else(|| {
        table.iter().map(|column| column.name.spelling()).find(|spelling| {
            let spelling = spelling.to_lowercase();
            spelling.contains(&wanted) || (spelling.len() > 2 && wanted.contains(&spelling))
        })
    })
}

/// Counts the characters to insert, delete or replace between two words.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.chars().enumerate() {
        let mut left = row + 1;
        let mut line = vec![left];
        for (b, pair) in to.iter().zip(above.windows(2)) {
            if let [diagonal, up] = pair {
                left = (diagonal + usize::from(a != *b)).min(left + 1).min(up + 1);
                line.push(left);
            }
        }
        above = line;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reading;

    fn table(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| Column { name: Identifier::exact(name), kind: Kind::Text }).collect()
    }

    fn request(name: &str, need: Need) -> ColumnRequest {
        ColumnRequest { name: name.to_owned(), reading: Reading::Text, need }
    }

    #[test]
    fn names_are_matched_without_regard_to_case() {
        for (name, columns, expected) in [
            ("email", &["EMAIL"][..], Some("EMAIL")),
            ("Email", &["email"], Some("email")),
            ("email", &["EMAIL", "email"], Some("email")),
            ("Email", &["email", "EMAIL"], Some("EMAIL")),
            ("größe", &["GRÖSSE", "GRÖßE"], Some("GRÖßE")),
            ("email", &["E-MAIL"], None),
        ] {
            let table = table(columns);
            assert_eq!(find(name, &table).map(|column| column.name.spelling()), expected, "{name} in {columns:?}");
        }
    }

    #[test]
    fn all_missing_columns_are_named_at_once_with_the_nearest() {
        let table = table(&["EVENT_ID", "OCCURED_AT", "CUSTOMER_EMAIL", "PHONE"]);
        let requests = [
            request("event_id", Need::Required),
            request("occurred_at", Need::Required),
            request("email", Need::Required),
            request("fbclid", Need::IfPresent),
        ];
        let error = match_columns(&requests, &table).unwrap_err();
        assert_eq!(error.what, "has no column `occurred_at`, `email`");
        assert_eq!(
            error.remedy,
            "for `occurred_at` did you mean `OCCURED_AT`?; for `email` did you mean `CUSTOMER_EMAIL`?"
        );
    }

    #[test]
    fn a_table_with_nothing_alike_is_listed() {
        let error = match_columns(&[request("email", Need::Required)], &table(&["ID", "QTY"])).unwrap_err();
        assert_eq!(error.remedy, "the table has: ID, QTY");
    }

    #[test]
    fn columns_that_may_be_missing_are_told() {
        let requests = [request("a", Need::Required), request("b", Need::IfPresent)];
        let table = table(&["A"]);
        let matched = match_columns(&requests, &table).unwrap();
        assert_eq!((matched.present.len(), matched.absent), (1, vec!["b".to_owned()]));
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("email", "e_mail", 1)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
