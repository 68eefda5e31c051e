//! How fast rows become request bodies on one core: `cargo bench --bench transform`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

mod invented;

use std::hint::black_box;

use arrow_array::RecordBatch;
use chrono::Utc;
use criterion::{Criterion, Throughput};
use fbcapi::event::rules::Rules;
use fbcapi::event::{self, People, Table};
use fbcapi::meta::payload;

/// So many people that no cache of the processor knows them all.
const BATCHES: usize = 16;

/// Appends the events of a batch with commas between, and counts them.
fn append(batch: &RecordBatch, rules: &Rules, now: i64, people: &mut People, body: &mut Vec<u8>) -> u64 {
    let table = Table::bind(batch, &rules.columns, rules.zone).unwrap();
    let mut dropped = Vec::new();
    let mut events = 0;
    for row in 0..table.len() {
        dropped.clear();
        if let Ok(event) = event::build(&table, row, rules, now, people, &mut dropped) {
            payload::write(&event, body);
            body.push(b',');
            events += 1;
        }
    }
    events
}

fn main() {
    let now = Utc::now();
    let rules = invented::rules(now);
    let mut batches = Vec::new();
    invented::batches(now, BATCHES * invented::BATCH_ROWS, &rules, |batch| batches.push(batch));
    let (mut people, mut body) = (People::default(), Vec::new());
    let mut run = || {
        body.clear();
        batches.iter().map(|batch| append(batch, &rules, now.timestamp(), &mut people, &mut body)).sum::<u64>()
    };
    let events = run();
    assert!(events > 15_000, "only {events} of the invented rows became events");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(events));
    group.bench_function("rows_to_bodies", |bencher| bencher.iter(|| black_box(run())));
    group.finish();
    criterion.final_summary();
}
