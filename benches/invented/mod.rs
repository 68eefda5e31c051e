//! Invented rows of the `facebook_events` model as Arrow, with times as Snowflake and Parquet hold them.

mod dice;
mod people;
mod rows;
#[path = "../../src/split_mix.rs"]
mod split_mix;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use rows::{Row, TEXTS};

/// Rows in one batch.
const BATCH_ROWS: usize = 1_000;

/// Invents so many rows and gives them in batches: the same rows each time, but for the moment of which they are.
pub(super) fn batches(now: DateTime<Utc>, count: usize) -> impl Iterator<Item = RecordBatch> {
    let mut rows = rows::invent(now).take(count);
    std::iter::from_fn(move || {
        let rows: Vec<Row> = rows.by_ref().take(BATCH_ROWS).collect();
        (!rows.is_empty()).then(|| batch(&rows))
    })
}

/// Makes columns of rows.
fn batch(rows: &[Row]) -> RecordBatch {
    let time = |of: fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let times = [
        ("occurred_at", time(|row| Some(row.occurred_at)), true),
        ("fbclid_occurred_at", time(|row| row.fbclid_occurred_at), true),
    ];
    let texts = TEXTS.map(|(name, of)| {
        let column: ArrayRef = Arc::new(rows.iter().map(of).collect::<StringArray>());
        (name, column, true)
    });
    RecordBatch::try_from_iter_with_nullable(texts.into_iter().chain(times)).unwrap()
}
