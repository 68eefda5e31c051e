//! Rows of a `facebook_events` table, of invented people.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};

/// One row: the columns that are not null.
#[derive(Debug, Clone)]
pub(crate) struct Row(Map<String, Value>);

/// A good row: a lead of an hour ago.
pub(crate) fn lead(id: &str) -> Row {
    let row = Row(Map::new());
    row.with("event_id", id)
        .with("facebook_event_type", "Lead")
        .with("email", "ada@example.com")
        .at(Utc::now() - TimeDelta::hours(1))
}

/// A good row: a purchase of an hour ago.
pub(crate) fn purchase(id: &str) -> Row {
    lead(id).with("facebook_event_type", "Purchase").with("value", "129.90").with("currency", "EUR")
}

/// Good rows with ids that count up from `e-0`.
pub(crate) fn leads(count: usize) -> Vec<Row> {
    (0..count).map(|number| lead(&format!("e-{number}"))).collect()
}

impl Row {
    /// The row with another value in a column.
    pub(crate) fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.0.insert(column.to_owned(), value.into());
        self
    }

    /// The row with null in a column.
    pub(crate) fn without(mut self, column: &str) -> Self {
        self.0.remove(column);
        self
    }

    /// The row with another event time.
    pub(crate) fn at(self, time: DateTime<Utc>) -> Self {
        self.with("occurred_at", time.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// The row with an event time so long ago.
    pub(crate) fn ago(self, span: TimeDelta) -> Self {
        self.at(Utc::now() - span)
    }

    fn cell(&self, column: &str) -> Option<String> {
        self.0.get(column).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

/// Every column of some rows.
fn columns(rows: &[Row]) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = rows.iter().flat_map(|row| row.0.keys()).collect();
    names.into_iter().cloned().collect()
}

/// Rows as NDJSON.
pub(crate) fn ndjson(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| Value::Object(row.0.clone()).to_string()).collect();
    lines.join("\n") + "\n"
}

/// Rows as CSV with a header.
pub(crate) fn csv(rows: &[Row]) -> String {
    let columns = columns(rows);
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = columns.join(",") + "\n";
    for row in rows {
        let cells: Vec<String> =
            columns.iter().map(|column| row.cell(column).map_or_else(String::new, |cell| quoted(&cell))).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

/// Writes rows as Parquet: `occurred_at` as a timestamp in UTC, everything else as text.
pub(crate) fn write_parquet(path: &Path, rows: &[Row]) {
    let fields = columns(rows).into_iter().map(|column| {
        let cells = rows.iter().map(|row| row.cell(&column));
        let array: ArrayRef = if column == "occurred_at" {
            let micros = cells
                .map(|cell| Some(DateTime::parse_from_rfc3339(&cell?).unwrap().timestamp_micros()))
                .collect::<TimestampMicrosecondArray>();
            Arc::new(micros.with_timezone("UTC"))
        } else {
            Arc::new(cells.collect::<StringArray>())
        };
        (column, array, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(fields).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
