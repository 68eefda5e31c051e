//! This program's part in the comparison with Meta's SDKs, which `benches/compare/compare.py` directs.
//!
//! Writes the invented rows, `BENCH_ROWS` of them, to the file that `BENCH_EXPORT` names, keeps them as Arrow, and
//! then does what it is told on stdin: `round` makes the bodies of all rows once and tells how many events and bytes
//! they hold; `body` shows the first. Each answer is one line. Who directs it measures it.
//! Without `BENCH_EXPORT` it does one small round, to show that it works.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

mod bodies;
mod invented;

use std::fs::File;
use std::io::{BufWriter, Write};

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::DataType;
use chrono::Utc;
use fbcapi::event::People;
use fbcapi::event::rules::Rules;
use serde_json::{Map, Value, json};

/// Writes rows as lines of JSON; times are microseconds since 1970.
fn export(batch: &RecordBatch, out: &mut impl Write) {
    for row in 0..batch.num_rows() {
        let mut object = Map::new();
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let value = match field.data_type() {
                _ if column.is_null(row) => Value::Null,
                DataType::Utf8 => column.as_string::<i32>().value(row).into(),
                _ => column.as_primitive::<TimestampMicrosecondType>().value(row).into(),
            };
            object.insert(field.name().clone(), value);
        }
        serde_json::to_writer(&mut *out, &object).unwrap();
        out.write_all(b"\n").unwrap();
    }
}

/// The rows and what is needed to make bodies of them.
struct Worker {
    batches: Vec<RecordBatch>,
    rules: Rules,
    now: i64,
    people: People,
    body: Vec<u8>,
}

impl Worker {
    /// Makes the body of a batch and counts its events.
    fn body(&mut self, at: usize) -> u64 {
        bodies::write(&self.batches[at], &self.rules, self.now, &mut self.people, &mut self.body)
    }

    /// Makes the bodies of all rows and tells how much that was.
    fn round(&mut self) -> Value {
        let (mut events, mut bytes) = (0, 0);
        for at in 0..self.batches.len() {
            events += self.body(at);
            bytes += self.body.len();
        }
        json!({ "events": events, "bytes": bytes })
    }
}

fn main() {
    let export_to = std::env::var_os("BENCH_EXPORT");
    let otherwise = if export_to.is_some() { 100_000 } else { 2_000 };
    let rows = std::env::var("BENCH_ROWS").ok().map_or(otherwise, |text| text.parse().unwrap());
    let now = Utc::now();
    let mut worker = Worker {
        batches: invented::batches(now, rows).collect(),
        rules: bodies::rules(now),
        now: now.timestamp(),
        people: People::default(),
        body: Vec::new(),
    };
    let mut out = std::io::stdout();
    let Some(path) = export_to else {
        export(&worker.batches[0], &mut std::io::sink());
        let round = worker.round();
        assert_eq!(round["events"], rows);
        writeln!(out, "{round}; the comparison is benches/compare/compare.py").unwrap();
        return;
    };
    let mut file = BufWriter::new(File::create(path).unwrap());
    worker.batches.iter().for_each(|batch| export(batch, &mut file));
    file.into_inner().unwrap().sync_all().unwrap();
    writeln!(out, "{}", json!({ "process": std::process::id(), "refused": {} })).unwrap();
    for command in std::io::stdin().lines().map(Result::unwrap) {
        if command == "round" {
            writeln!(out, "{}", worker.round()).unwrap();
        } else {
            worker.body(0);
            writeln!(out, "{}", std::str::from_utf8(&worker.body).unwrap()).unwrap();
        }
    }
}
