//! The columns that the table has, and which of them the mapping means.

use super::SnowflakeSettings;
use super::fault::plain;
use super::identifier::Identifier;
use crate::source::nearest::nearest;
use crate::source::{ColumnRequest, Nature, Need, Reading, SourceError, Trouble};

/// What Snowflake keeps in a column, as far as it matters for reading it.
/// Source: the `rowtype` of an answer, field `type`, as the Go and Python drivers read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
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
    /// The type's name in SQL; of types that are read alike, the most usual.
    pub fn name(&self) -> &str {
        match self {
            Self::Text => "VARCHAR",
            Self::Number => "NUMBER",
            Self::Real => "FLOAT",
            Self::Boolean => "BOOLEAN",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimestampWithoutZone => "TIMESTAMP_NTZ",
            Self::Instant => "TIMESTAMP_TZ",
            Self::Semistructured => "VARIANT",
            Self::Binary => "BINARY",
            Self::Other(name) => name,
        }
    }

    /// What such a column holds.
    pub(super) fn nature(&self) -> Nature {
        match self {
            Self::Number | Self::Real => Nature::Number,
            Self::Boolean => Nature::Flag,
            Self::Semistructured => Nature::Json,
            Self::Text
            | Self::Date
            | Self::Time
            | Self::TimestampWithoutZone
            | Self::Instant
            | Self::Binary
            | Self::Other(_) => Nature::Text,
        }
    }

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
            // Nobody is called `true`, which would be hashed as a name.
            (Some(Column { kind: kind @ Kind::Boolean, .. }), _) if matches!(request.reading, Reading::Hashed(_)) => {
                unreadable.push(format!("`{}` ({})", request.name, kind.name()));
            }
            (Some(column), _) => matched.present.push(Match { request, column }),
            // A full name is asked for twice where the warehouse hashes it.
            (None, Need::IfPresent) if matched.absent.contains(&request.name) => {}
            (None, Need::IfPresent) => matched.absent.push(request.name.clone()),
            (None, Need::Required) => missing.push(request.name.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(UnsuitedTable::missing(&missing, table));
    }
    if !unreadable.is_empty() {
        return Err(UnsuitedTable {
            what: format!(
                "has columns of a type that cannot be read as what they are to feed: {}",
                unreadable.join(", ")
            ),
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
    /// What to do about it, with the names that exist.
    pub(super) remedy: String,
}

/// So many of the table's columns are named at most.
const LISTED: usize = 30;

impl UnsuitedTable {
    /// Says it as an error of the source.
    pub(super) fn explain(self, settings: &SnowflakeSettings) -> SourceError {
        let what = format!("the table {} {}", settings.table, self.what);
        SourceError { trouble: Trouble::Configuration, what, remedy: Some(self.remedy) }
    }

    fn missing(missing: &[String], table: &[Column]) -> Self {
        let named: Vec<_> = missing
            .iter()
            .map(|name| match meant(name, table) {
                Some(near) => format!("`{name}` (there is `{}`)", plain(near)),
                None => format!("`{name}`"),
            })
            .collect();
        let mut listed: Vec<_> = table.iter().take(LISTED).map(|column| plain(column.name.spelling())).collect();
        if table.len() > LISTED {
            listed.push(format!("and {} more", table.len() - LISTED));
        }
        Self {
            what: format!("has no column {}", named.join(", ")),
            remedy: format!(
                "correct the names under [columns]; where it is silent they come from the preset; the table has: {}",
                listed.join(", ")
            ),
        }
    }
}

/// Gives the name that was probably meant: one that differs little, or else a longer or a shorter form.
fn meant<'a>(name: &str, table: &'a [Column]) -> Option<&'a str> {
    let spellings = || table.iter().map(|column| column.name.spelling());
    let wanted = name.to_lowercase();
    nearest(name, spellings()).or_else(|| {
        spellings().find(|spelling| {
            let spelling = spelling.to_lowercase();
            spelling.contains(&wanted) || (spelling.len() > 2 && wanted.contains(&spelling))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::MatchKey;
    use crate::source::HashedField;

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
            request("currency", Need::Required),
            request("fbclid", Need::IfPresent),
        ];
        let error = match_columns(&requests, &table).unwrap_err();
        assert_eq!(
            error.what,
            "has no column `occurred_at` (there is `OCCURED_AT`), `email` (there is `CUSTOMER_EMAIL`), `currency`"
        );
        assert_eq!(
            error.remedy,
            "correct the names under [columns]; where it is silent they come from the preset; the table has: \
             EVENT_ID, OCCURED_AT, CUSTOMER_EMAIL, PHONE"
        );
    }

    #[test]
    fn a_wide_table_is_listed_in_part_and_without_control_characters() {
        let names: Vec<String> = (0..33).map(|number| format!("C\u{1b}{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = match_columns(&[request("email", Need::Required)], &table(&names)).unwrap_err();
        assert!(error.remedy.contains("the table has: C 0, C 1, "), "{}", error.remedy);
        assert!(error.remedy.ends_with(", C 29, and 3 more"), "{}", error.remedy);
    }

    #[test]
    fn nobody_is_called_true() {
        let hashed = |need| ColumnRequest {
            reading: Reading::Hashed(HashedField::Key(MatchKey::ExternalId)),
            ..request("member", need)
        };
        let table = [Column { name: Identifier::exact("MEMBER"), kind: Kind::Boolean }];
        for need in [Need::Required, Need::IfPresent] {
            let error = match_columns(&[hashed(need)], &table).unwrap_err();
            assert_eq!(
                error.what,
                "has columns of a type that cannot be read as what they are to feed: `member` (BOOLEAN)"
            );
        }
        assert!(match_columns(&[request("member", Need::Required)], &table).is_ok());
    }

    #[test]
    fn a_column_that_is_asked_for_twice_is_missed_once() {
        let full = |field| ColumnRequest { reading: Reading::Hashed(field), ..request("full_name", Need::IfPresent) };
        let requests = [HashedField::FirstOfFullName, HashedField::LastOfFullName].map(full);
        assert_eq!(match_columns(&requests, &table(&["A"])).unwrap().absent, ["full_name"]);
    }

    #[test]
    fn columns_that_may_be_missing_are_told() {
        let requests = [request("a", Need::Required), request("b", Need::IfPresent)];
        let table = table(&["A"]);
        let matched = match_columns(&requests, &table).unwrap();
        assert_eq!((matched.present.len(), matched.absent), (1, vec!["b".to_owned()]));
    }
}
