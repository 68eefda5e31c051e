//! Builds the statements: pure text from a selection and the columns that the table has.
//!
//! The statement has two levels. The inner one holds the table, the window and the owner's own condition over the
//! table's real columns; the outer one makes the output columns, so that their names cannot stand in for a real
//! column in the owner's condition, and chooses one of several copies of an event.

use chrono::{DateTime, Utc};

use super::columns::{Column, Kind, Match, find};
use super::hashing::Hashed;
use super::identifier::{Identifier, dotted, literal};
use super::keys::{LeftOut, in_shard, key_output};
use crate::event::Zone;
use crate::source::{COPIES_COLUMN, COPIES_DIFFER_COLUMN, KEY_COLUMN, Nature, Reading, Selection};

/// In which form a column of the result arrives, which decides how it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text to be handed on as it is.
    Text,
    /// JSON text; a string scalar stands for its content and `null` for nothing.
    Json,
    /// Microseconds since 1970.
    Microseconds,
    /// An integer.
    Integer,
}

/// A column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    /// Its name.
    pub(super) name: String,
    /// Its form.
    pub(super) form: Form,
    /// What the table's column holds.
    pub(super) nature: Nature,
}

/// A statement and what its result looks like.
#[derive(Debug)]
pub(super) struct Query {
    /// The text.
    pub(super) sql: String,
    /// The columns of its result, in order.
    pub(super) outputs: Vec<Output>,
    /// The statement that counts what was sent and is therefore not among the rows, if anything is left out.
    pub(super) left_out: Option<String>,
}

/// Builds the statement that tells which columns the table has.
///
/// It needs no more than SELECT on the table, works for tables and views of every kind, and moves no row: the
/// columns and their types stand in the answer's head.
pub(super) fn columns_query(table: &[Identifier]) -> String {
    format!("SELECT * FROM {} LIMIT 0", dotted(table))
}

/// Builds the statement that selects the rows.
pub(super) fn rows_query(
    table: &[Identifier],
    columns: &[Column],
    matched: &[Match<'_>],
    selection: &Selection,
    owner_condition: Option<&str>,
) -> Query {
    let mut inner: Vec<&Column> = Vec::new();
    let mut select = Vec::new();
    let mut outputs = Vec::new();
    for Match { request, column } in matched {
        if !inner.iter().any(|known| known.name == column.name) {
            inner.push(column);
        }
        if matches!(request.reading, Reading::Hashed(_)) {
            continue;
        }
        let (expression, form) = read(column, &wanted(column), request.reading, selection.zone);
        select.push(format!("{expression} AS {}", Identifier::exact(&request.name)));
        outputs.push(Output { name: request.name.clone(), form, nature: column.kind.nature() });
    }
    let hashed = Hashed::new(matched, selection);
    for (expression, name) in hashed.iter().flat_map(|hashed| &hashed.outputs) {
        select.push(format!("{expression} AS {}", Identifier::exact(name)));
        outputs.push(Output { name: name.clone(), form: Form::Text, nature: Nature::Text });
    }
    let key_names = std::iter::once(&selection.id_column).chain(&selection.name_columns);
    for column in key_names.filter_map(|name| find(name, columns)) {
        if !inner.iter().any(|known| known.name == column.name) {
            inner.push(column);
        }
    }
    let hash = format!("HASH({})", list(inner.iter().map(|column| wanted(column))));
    let copies = find(&selection.id_column, columns).map(|id| Copies::new(id, &inner, columns, selection, &hash));
    if let Some(copies) = &copies {
        for (expression, name) in [(&copies.count, COPIES_COLUMN), (&copies.differ, COPIES_DIFFER_COLUMN)] {
            select.push(format!("{expression} AS {}", Identifier::exact(name)));
            outputs.push(Output { name: name.to_owned(), form: Form::Integer, nature: Nature::Number });
        }
    }

    let left_out = LeftOut::new(columns, selection);
    if let Some(left_out) = &left_out {
        select.push(key_output(left_out));
        outputs.push(Output { name: KEY_COLUMN.to_owned(), form: Form::Text, nature: Nature::Text });
    }
    let conditions = conditions(columns, selection, owner_condition);
    let counted = left_out_query(table, &inner, columns, selection, &conditions);
    let innermost = if hashed.is_some() { "fbcapi_clear" } else { "fbcapi_rows" };
    let mut clauses = head(innermost, table, &inner, &conditions);
    clauses.push(")".to_owned());
    for table in hashed.iter().flat_map(|hashed| &hashed.tables) {
        clauses.push(format!(", {table}"));
    }
    clauses.extend(left_out.as_ref().map(|left_out| format!(", {}", left_out.head)));
    clauses.push(format!("SELECT {}\nFROM fbcapi_rows", select.join(",\n")));
    clauses.extend(left_out.map(|LeftOut { key, .. }| {
        format!("LEFT JOIN fbcapi_sent ON fbcapi_sent.EVENT_KEY = {key}\nWHERE fbcapi_sent.EVENT_KEY IS NULL")
    }));
    clauses.extend(copies.map(|copies| format!("QUALIFY {}", copies.choice)));
    Query { sql: clauses.join("\n"), outputs, left_out: counted }
}

/// Builds the head of a statement: the wanted columns of the rows of the selection, up to the closing bracket.
fn head(name: &str, table: &[Identifier], inner: &[&Column], conditions: &[String]) -> Vec<String> {
    let mut clauses = vec![
        format!("WITH {name} AS ("),
        format!("SELECT {}", list(inner.iter().map(|column| column.name.to_string()))),
        format!("FROM {}", dotted(table)),
    ];
    if !conditions.is_empty() {
        clauses.push(format!("WHERE {}", conditions.join("\nAND ")));
    }
    clauses
}

/// Builds the statement that counts what was left out because it was sent: name, rows and events.
fn left_out_query(
    table: &[Identifier],
    inner: &[&Column],
    columns: &[Column],
    selection: &Selection,
    conditions: &[String],
) -> Option<String> {
    let LeftOut { head: sent, name, key } = LeftOut::new(columns, selection)?;
    let mut clauses = head("fbcapi_rows", table, inner, conditions);
    clauses.push(format!(")\n, {sent}"));
    clauses.push(format!(
        "SELECT {name} AS NAME, TO_VARCHAR(COUNT(*)) AS LEFT_OUT, TO_VARCHAR(COUNT(DISTINCT {key})) AS EVENTS\n\
         FROM fbcapi_rows JOIN fbcapi_sent ON fbcapi_sent.EVENT_KEY = {key}"
    ));
    if let Some(wanted) = selection.unsent.as_ref().map(|unsent| &unsent.names).filter(|names| !names.is_empty()) {
        clauses.push(format!("WHERE {name} IN ({})", list(wanted.iter().map(|name| literal(name)))));
    }
    clauses.push("GROUP BY 1".to_owned());
    Some(clauses.join("\n"))
}

/// How one of several copies of an event is chosen.
struct Copies {
    count: String,
    differ: String,
    choice: String,
}

impl Copies {
    /// Keeps the copy with the most match keys; among equals the hash of the row decides, which is the same at every
    /// run. Copies have the same id and the same name; a row without id is no copy of another.
    fn new(id: &Column, inner: &[&Column], columns: &[Column], selection: &Selection, hash: &str) -> Self {
        let names = selection.name_columns.iter().filter_map(|name| find(name, columns));
        let key = list(std::iter::once(text(id)).chain(names.map(|name| trimmed(&text(name)))));
        let blank = blank(&text(id));
        let keys: Vec<_> = selection
            .match_columns
            .iter()
            .filter_map(|name| find(name, columns))
            .filter(|column| inner.iter().any(|known| known.name == column.name))
            .map(|column| format!("IFF({} IS NULL, 0, 1)", wanted(column)))
            .collect();
        let richest = if keys.is_empty() { String::new() } else { format!("{} DESC, ", keys.join(" + ")) };
        Self {
            count: format!("IFF({blank}, 1, COUNT(*) OVER (PARTITION BY {key}))"),
            differ: format!(
                "IFF({blank}, 0, IFF(MIN({hash}) OVER (PARTITION BY {key}) <> MAX({hash}) OVER (PARTITION BY {key}), \
                 1, 0))"
            ),
            choice: format!("{blank} OR ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {richest}{hash}) = 1"),
        }
    }
}

/// Joins expressions with commas.
pub(super) fn list(expressions: impl Iterator<Item = String>) -> String {
    expressions.collect::<Vec<_>>().join(", ")
}

/// Names a column in the outer level.
fn wanted(column: &Column) -> String {
    format!("fbcapi_rows.{}", column.name)
}

/// Gives a column of the outer level as text, for comparing.
pub(super) fn text(column: &Column) -> String {
    as_text(column, &wanted(column))
}

/// Gives an expression as text, for comparing.
pub(super) fn as_text(column: &Column, expression: &str) -> String {
    match &column.kind {
        Kind::Text => expression.to_owned(),
        Kind::Binary => format!("HEX_ENCODE({expression})"),
        Kind::Number
        | Kind::Real
        | Kind::Boolean
        | Kind::Date
        | Kind::Time
        | Kind::TimestampWithoutZone
        | Kind::Instant
        | Kind::Semistructured
        | Kind::Other(_) => format!("{expression}::VARCHAR"),
    }
}

/// The characters that Rust trims, as a string of Snowflake's, whose own TRIM takes spaces only.
/// Source: Unicode, `PropList.txt`, `White_Space`; Snowflake SQL reference, "String & binary data types", "Escape
/// sequences in single-quoted string constants".
const WHITE_SPACE: &str = concat!(
    r"' \u0009\u000A\u000B\u000C\u000D\u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004",
    r"\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000'"
);

/// Trims a text as the event layer does.
pub(super) fn trimmed(text: &str) -> String {
    format!("TRIM({text}, {WHITE_SPACE})")
}

/// Says that a text is null or blank.
pub(super) fn blank(text: &str) -> String {
    format!("COALESCE({}, '') = ''", trimmed(text))
}

/// Builds the output expression of a column under a name, and tells the form that it has.
///
/// Decimals become text in Snowflake, which keeps their scale; a float is handed over as it is, because Snowflake's
/// own text of a float is rounded. A time that the table keeps as text or as a number is handed over as text.
pub(super) fn read(column: &Column, source: &str, reading: Reading, zone: Zone) -> (String, Form) {
    match (&column.kind, reading) {
        // As text too: what Snowflake writes depends on the settings of the account.
        (Kind::Instant, Reading::Time | Reading::Text | Reading::Hashed(_)) => (epoch(source), Form::Microseconds),
        (Kind::TimestampWithoutZone, Reading::Time | Reading::Text | Reading::Hashed(_))
        | (Kind::Date, Reading::Time) => (epoch(&in_zone(column, source, zone)), Form::Microseconds),
        (Kind::Date | Kind::TimestampWithoutZone | Kind::Instant, Reading::Date)
        | (Kind::Date, Reading::Text | Reading::Hashed(_)) => {
            (format!("TO_VARCHAR(TO_DATE({source}), 'YYYY-MM-DD')"), Form::Text)
        }
        (Kind::Text | Kind::Real, _) => (source.to_owned(), Form::Text),
        (Kind::Semistructured, _) => (format!("TO_JSON({source})"), Form::Json),
        (Kind::Binary, _) => (format!("HEX_ENCODE({source})"), Form::Text),
        (Kind::Number | Kind::Boolean | Kind::Time | Kind::Other(_), _) => {
            (format!("TO_VARCHAR({source})"), Form::Text)
        }
    }
}

/// Gives the microseconds since 1970 of an expression.
/// Source: Snowflake SQL reference, "Supported date and time parts", `epoch_microsecond`.
fn epoch(expression: &str) -> String {
    format!("DATE_PART(EPOCH_MICROSECOND, {expression})")
}

/// Reads a wall clock or a date in the configured zone and gives its wall clock in UTC.
fn in_zone(column: &Column, source: &str, zone: Zone) -> String {
    let clock = match column.kind {
        Kind::Date => format!("{source}::TIMESTAMP_NTZ"),
        _ => source.to_owned(),
    };
    if zone == Zone::UTC { clock } else { format!("CONVERT_TIMEZONE({}, 'UTC', {clock})", literal(zone.name())) }
}

/// Builds the conditions of the inner level, over the table's real columns.
pub(super) fn conditions(columns: &[Column], selection: &Selection, owner_condition: Option<&str>) -> Vec<String> {
    let mut conditions = Vec::new();
    if let Some(column) = find(&selection.time_column, columns) {
        conditions.push(window(column, columns, selection));
    }
    let name = selection.name_columns.first().and_then(|name| find(name, columns));
    if let (Some(name), false) = (name, selection.names.is_empty()) {
        let names = list(selection.names.iter().map(|name| literal(name)));
        let source = as_text(name, &name.name.to_string());
        // A row without a name is selected, so that it is counted as a bad row.
        conditions.push(format!("({} IN ({names}) OR {})", trimmed(&source), blank(&source)));
    }
    if let Some((id, wanted)) = find(&selection.id_column, columns).zip(selection.event_id.as_deref()) {
        conditions.push(format!("{} = {}", as_text(id, &id.name.to_string()), literal(wanted)));
    }
    if let Some((id, shard)) = find(&selection.id_column, columns).zip(selection.shard) {
        conditions.push(in_shard(id, shard));
    }
    if let Some(condition) = owner_condition.map(str::trim).filter(|condition| !condition.is_empty()) {
        // The line breaks keep a comment at the condition's end from swallowing the bracket.
        conditions.push(format!("(\n{condition}\n)"));
    }
    conditions
}

/// Builds the condition on the time. A row without a readable time is selected, so that it is counted as a bad row.
fn window(column: &Column, columns: &[Column], selection: &Selection) -> String {
    let time = Clock::new(column, selection.zone);
    let mut since = time.from(selection.since);
    let store = selection.store.as_ref().and_then(|store| Some((find(&store.column, columns)?, store.since)));
    if let Some((store, earlier)) = store {
        let source = as_text(store, &store.name.to_string());
        // Source: Conversions API, server event parameters, `event_time` and `action_source`.
        since = format!("({since} OR (LOWER(TRIM({source})) = 'physical_store' AND {}))", time.from(earlier));
    }
    let until = selection.until.map(|until| format!(" AND {}", time.before(until))).unwrap_or_default();
    format!("({} IS NULL OR ({since}{until}))", time.expression)
}

/// The event time as the conditions compare it.
///
/// A timestamp is compared as it stands in the table, without a function around it, so that Snowflake can skip the
/// partitions outside the window.
pub(super) struct Clock {
    /// The time, of which a cell that is no time makes nothing.
    pub(super) expression: String,
    form: ClockForm,
    slack: chrono::Duration,
    prune: Option<String>,
}

/// What the expression of a [`Clock`] gives.
enum ClockForm {
    /// A wall clock in UTC.
    Wall,
    /// An instant.
    Instant,
}

impl Clock {
    pub(super) fn new(column: &Column, zone: Zone) -> Self {
        let source = column.name.to_string();
        match &column.kind {
            Kind::Instant => {
                Self { expression: source, form: ClockForm::Instant, slack: chrono::Duration::zero(), prune: None }
            }
            Kind::TimestampWithoutZone | Kind::Date => Self {
                expression: in_zone(column, &source, zone),
                form: ClockForm::Wall,
                slack: chrono::Duration::zero(),
                prune: (zone != Zone::UTC || column.kind == Kind::Date).then_some(source),
            },
            // Text without an offset is read in UTC here; where another zone is configured the event layer decides,
            // and the window is a day wider so that no row is lost before it.
            Kind::Text
            | Kind::Number
            | Kind::Real
            | Kind::Boolean
            | Kind::Time
            | Kind::Semistructured
            | Kind::Binary
            | Kind::Other(_) => Self {
                expression: format!("TRY_CAST({} AS TIMESTAMP_TZ)", as_text(column, &source)),
                form: ClockForm::Instant,
                slack: if zone == Zone::UTC { chrono::Duration::zero() } else { chrono::Duration::days(1) },
                prune: None,
            },
        }
    }

    /// Says that the time is not before an instant.
    fn from(&self, instant: DateTime<Utc>) -> String {
        let instant = instant.checked_sub_signed(self.slack).unwrap_or(instant);
        let exact = format!("{} >= {}", self.expression, self.literal(instant));
        match (&self.prune, instant.checked_sub_signed(chrono::Duration::days(2))) {
            (Some(column), Some(earlier)) => format!("({column} >= {} AND {exact})", self.literal(earlier)),
            _ => exact,
        }
    }

    /// Says that the time is before an instant.
    fn before(&self, instant: DateTime<Utc>) -> String {
        let instant = instant.checked_add_signed(self.slack).unwrap_or(instant);
        let exact = format!("{} < {}", self.expression, self.literal(instant));
        match (&self.prune, instant.checked_add_signed(chrono::Duration::days(2))) {
            (Some(column), Some(later)) => format!("({column} < {} AND {exact})", self.literal(later)),
            _ => exact,
        }
    }

    fn literal(&self, instant: DateTime<Utc>) -> String {
        let clock = instant.format("%Y-%m-%d %H:%M:%S%.6f");
        match self.form {
            ClockForm::Wall => format!("'{clock}'::TIMESTAMP_NTZ"),
            ClockForm::Instant => format!("'{clock} +00:00'::TIMESTAMP_TZ"),
        }
    }
}

#[cfg(test)]
mod tests;
