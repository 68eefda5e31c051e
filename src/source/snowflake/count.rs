//! Builds the statements of a look at session and table, whose results are a row of texts: pure text.

use super::columns::{Column, find};
use super::identifier::Identifier;
use super::identifier::dotted;
use super::query::{Clock, blank, conditions, list, text, trimmed};
use crate::source::Selection;

/// Builds the statement that tells who is logged in, as what, and the server's time in milliseconds since 1970.
///
/// It needs no privilege and no warehouse. Source: Snowflake SQL reference, "Context functions".
pub(super) fn session_query() -> String {
    "SELECT CURRENT_USER() AS LOGIN, CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE, \
     TO_VARCHAR(DATE_PART(EPOCH_MILLISECOND, CURRENT_TIMESTAMP())) AS NOW"
        .to_owned()
}

/// How many columns the result of [`session_query`] has.
pub(super) const SESSION_COLUMNS: usize = 4;

/// Builds the statement that counts the rows of the window: all of them, those with a time, those with an id, the
/// events that these are, and the newest time in seconds since 1970.
///
/// An event is counted by a hash of 64 bits of its id and its name, as the selection of rows tells copies; of
/// ten million events one pair collides in 300,000 windows.
pub(super) fn count_query(
    table: &[Identifier],
    columns: &[Column],
    selection: &Selection,
    owner_condition: Option<&str>,
) -> Option<String> {
    let id = find(&selection.id_column, columns)?;
    let time = find(&selection.time_column, columns)?;
    let names: Vec<&Column> = selection.name_columns.iter().filter_map(|name| find(name, columns)).collect();
    let mut inner: Vec<&Column> = Vec::new();
    for column in [id, time].into_iter().chain(names.iter().copied()) {
        if !inner.contains(&column) {
            inner.push(column);
        }
    }
    let key = list(std::iter::once(text(id)).chain(names.iter().map(|name| trimmed(&text(name)))));
    let clock = Clock::new(time, selection.zone).expression;
    let is_blank = blank(&text(id));
    let counts = [
        ("ALL_ROWS", "COUNT(*)".to_owned()),
        ("WITH_TIME", format!("COUNT({clock})")),
        ("WITH_ID", format!("COUNT_IF(NOT ({is_blank}))")),
        ("EVENTS", format!("COUNT(DISTINCT IFF({is_blank}, NULL, HASH({key})))")),
        ("NEWEST", format!("DATE_PART(EPOCH_SECOND, MAX({clock}))")),
    ];
    let counts = list(counts.into_iter().map(|(name, count)| format!("\nTO_VARCHAR({count}) AS {name}")));
    let conditions = conditions(columns, selection, owner_condition);
    let condition =
        if conditions.is_empty() { String::new() } else { format!("\nWHERE {}", conditions.join("\nAND ")) };
    Some(format!(
        "WITH fbcapi_rows AS (\nSELECT {}\nFROM {}{condition}\n)\nSELECT {counts}\nFROM fbcapi_rows",
        list(inner.iter().map(|column| column.name.to_string())),
        dotted(table),
    ))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::event::zone;

    use crate::source::snowflake::columns::Kind;
    use crate::source::snowflake::identifier::parse_path;

    fn selection(time_column: &str) -> Selection {
        Selection {
            name_columns: vec!["event_name".into()],
            zone: zone("Europe/Berlin"),
            ..Selection::new(Vec::new(), "event_id", time_column, DateTime::from_timestamp(1_795_446_000, 0).unwrap())
        }
    }

    #[test]
    fn the_window_is_counted_without_moving_a_row() {
        let column = |name: &str, kind| Column { name: Identifier::exact(name), kind };
        let columns = [
            column("EVENT_ID", Kind::Text),
            column("EVENT_NAME", Kind::Text),
            column("AT", Kind::TimestampWithoutZone),
            column("EMAIL", Kind::Text),
        ];
        let table = parse_path("a.b.events", 3).unwrap();
        let sql = count_query(&table, &columns, &selection("at"), Some("source = 'shop' -- ours")).unwrap();
        let inner =
            "WITH fbcapi_rows AS (\nSELECT \"EVENT_ID\", \"AT\", \"EVENT_NAME\"\nFROM \"A\".\"B\".\"EVENTS\"\nWHERE (";
        assert!(sql.starts_with(inner), "{sql}");
        for part in [
            "AND (\nsource = 'shop' -- ours\n)\n)\nSELECT",
            "TO_VARCHAR(COUNT(*)) AS ALL_ROWS",
            "TO_VARCHAR(COUNT(CONVERT_TIMEZONE('Europe/Berlin', 'UTC', \"AT\"))) AS WITH_TIME",
            "COUNT(DISTINCT IFF(COALESCE(TRIM(fbcapi_rows.\"EVENT_ID\", ",
            "HASH(fbcapi_rows.\"EVENT_ID\", TRIM(fbcapi_rows.\"EVENT_NAME\", ",
            "TO_VARCHAR(DATE_PART(EPOCH_SECOND, MAX(CONVERT_TIMEZONE(",
        ] {
            assert!(sql.contains(part), "{part} is not in {sql}");
        }
        assert!(!sql.contains("EMAIL"), "{sql}");
        assert_eq!(sql.matches(" AS ").count(), 1 + 5, "{sql}");
        assert_eq!(session_query().matches(" AS ").count(), SESSION_COLUMNS);
        assert_eq!(count_query(&table, &columns, &selection("elsewhere"), None), None);
    }
}
