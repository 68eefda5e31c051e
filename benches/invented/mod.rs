//! Invented rows of the `facebook_events` model as Arrow, with times as Snowflake and Parquet hold them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use fbcapi::commands::demo::rows;
use fbcapi::config::{self, Machine, Purpose};
use fbcapi::event::rules::Rules;
use serde_json::value::RawValue;

/// Rows in one batch.
pub(super) const BATCH_ROWS: usize = 1_000;

/// The rules of a configuration that says no more than it must.
pub(super) fn rules(now: DateTime<Utc>) -> Rules {
    let text = "[source]\nkind = \"file\"\npath = \"rows.ndjson\"\n[meta]\ndataset_id = \"1234567890\"\n\
                [phone]\ndefault_country = \"US\"\n[privacy]\nconsent = \"not-needed\"\n";
    let machine = Machine { environment: &|_| None, variables: &Vec::new, today: now.date_naive() };
    config::parse("config.toml", text, &[], Purpose::Look, machine).unwrap().rules
}

/// Invents so many rows, good and bad, and hands them over in batches.
pub(super) fn batches(now: DateTime<Utc>, count: usize, rules: &Rules, mut take: impl FnMut(RecordBatch)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.ndjson");
    rows::write_rows(&path, now, count).unwrap();
    let names: Vec<String> = rules.columns.requests().into_iter().map(|request| request.name).collect();
    let mut lines = BufReader::new(File::open(path).unwrap()).lines();
    loop {
        let rows: Vec<String> = lines.by_ref().take(BATCH_ROWS).map(Result::unwrap).collect();
        if rows.is_empty() {
            return;
        }
        take(batch(&names, &rows));
    }
}

/// Makes columns of lines of JSON.
fn batch(names: &[String], rows: &[String]) -> RecordBatch {
    let rows: Vec<HashMap<String, &RawValue>> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    let columns = names.iter().map(|name| {
        let cells = rows.iter().map(|row| row.get(name).and_then(|cell| text(cell)));
        let column: ArrayRef = if name.ends_with("occurred_at") {
            Arc::new(
                cells
                    .map(|cell| cell.map(|cell| micros(&cell)))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            )
        } else {
            Arc::new(cells.collect::<StringArray>())
        };
        (name, column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A cell as text: numbers with their very digits, nothing for null.
fn text(cell: &RawValue) -> Option<String> {
    match cell.get() {
        "null" => None,
        quoted if quoted.starts_with('"') => Some(serde_json::from_str(quoted).unwrap()),
        other => Some(other.to_owned()),
    }
}

/// Reads RFC 3339 text.
fn micros(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
}
