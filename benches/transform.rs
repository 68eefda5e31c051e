//! How fast rows become request bodies on one core, and each step of it: `cargo bench --bench transform`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

mod bodies;
mod invented;

use std::hint::black_box;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use chrono::Utc;
use criterion::{Criterion, Throughput};
use fbcapi::event::rules::Rules;
use fbcapi::event::{self, People, Table};
use fbcapi::meta::hash::Digest;
use fbcapi::meta::normalize::normalize;
use fbcapi::meta::{MatchKey, payload};
use fbcapi::private::Pii;

/// So many people that no cache of the processor knows them all.
const ROWS: u64 = 16_000;

/// Cells of addresses, which the model does not have.
const ADDRESSES: [(MatchKey, &str, &[&str]); 5] = [
    (MatchKey::Ge, "gender", &["f", "Male", " female ", "M"]),
    (MatchKey::Ct, "city", &["San Francisco", "São Paulo", "St. Louis", "東京", "NEW YORK", "Kraków"]),
    (MatchKey::St, "state", &["CA", "California", "ontario", "N.Y.", "Bayern"]),
    (MatchKey::Zp, "zip", &["94035-1234", "10001", "SW1A 1AA", "75008"]),
    (MatchKey::Country, "country", &["US", "usa", "Germany", "Côte d’Ivoire", "gb"]),
];

/// The cells of a text column that are not null.
fn cells<'a>(batches: &'a [RecordBatch], column: &str) -> Vec<&'a str> {
    let columns = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_string::<i32>());
    columns.flat_map(|cells| cells.iter().flatten()).collect()
}

/// Measures how each family of fields is normalised, a cell at a time.
fn normalising(criterion: &mut Criterion, batches: &[RecordBatch], rules: &Rules) {
    let mut families = Vec::new();
    let mut add = |key, name, cells: Vec<_>| families.push((key, name, cells));
    let is_near = |cell: &&str| !cell.contains('+') || cell.contains("+1");
    let (near, abroad) = cells(batches, "phone").into_iter().partition(is_near);
    let (ascii, unicode) = cells(batches, "last_name").into_iter().partition(|cell: &&str| cell.is_ascii());
    add(MatchKey::Em, "email", cells(batches, "email"));
    add(MatchKey::Ph, "phone_near", near);
    add(MatchKey::Ph, "phone_abroad", abroad);
    add(MatchKey::Ln, "name_ascii", ascii);
    add(MatchKey::Ln, "name_unicode", unicode);
    add(MatchKey::Db, "date_of_birth", cells(batches, "date_of_birth"));
    add(MatchKey::ExternalId, "external_id", cells(batches, "person_id"));
    for (key, name, cells) in ADDRESSES {
        add(key, name, cells.to_vec());
    }
    let mut group = criterion.benchmark_group("normalise");
    for (key, name, cells) in families {
        let mut out = String::new();
        let mut run = || {
            for cell in &cells {
                black_box(normalize(key, Pii::new(cell), None, &rules.normalize, &mut out)).ok();
            }
        };
        group.throughput(Throughput::Elements(cells.len().try_into().unwrap()));
        group.bench_function(name, |bencher| bencher.iter(&mut run));
    }
    group.finish();
}

/// Measures how a text is hashed and written in hexadecimal.
fn hashing(criterion: &mut Criterion, batches: &[RecordBatch]) {
    let cells = cells(batches, "email");
    let mut group = criterion.benchmark_group("hash");
    group.throughput(Throughput::Elements(cells.len().try_into().unwrap()));
    group.bench_function("digest", |bencher| {
        bencher.iter(|| {
            for cell in &cells {
                black_box(Digest::of(cell));
            }
        });
    });
    group.finish();
}

/// Measures how events that are built are written.
fn encoding(criterion: &mut Criterion, batch: &RecordBatch, rules: &Rules, now: i64) {
    let table = Table::bind(batch, &rules.columns, rules.zone).unwrap();
    let mut people: Vec<People> = std::iter::repeat_with(People::default).take(table.len()).collect();
    let rows = people.iter_mut().enumerate();
    let events: Vec<_> =
        rows.filter_map(|(row, people)| event::build(&table, row, rules, now, people, &mut Vec::new()).ok()).collect();
    let mut body = Vec::new();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(events.len().try_into().unwrap()));
    group.bench_function("events_to_json", |bencher| {
        bencher.iter(|| {
            body.clear();
            for event in &events {
                payload::write(event, &mut body);
            }
            black_box(body.len())
        });
    });
    group.finish();
}

/// Measures the whole way from Arrow to request bodies.
fn transforming(criterion: &mut Criterion, batches: &[RecordBatch], rules: &Rules, now: i64) {
    let (mut people, mut body) = (People::default(), Vec::new());
    let mut run = || batches.iter().map(|batch| bodies::write(batch, rules, now, &mut people, &mut body)).sum::<u64>();
    assert_eq!(run(), ROWS, "each of the invented rows is an event");
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("rows_to_bodies", |bencher| bencher.iter(|| black_box(run())));
    group.finish();
}

fn main() {
    let now = Utc::now();
    let rules = bodies::rules(now);
    let batches: Vec<RecordBatch> = invented::batches(now, ROWS.try_into().unwrap()).collect();
    let mut criterion = Criterion::default().configure_from_args();
    normalising(&mut criterion, &batches, &rules);
    hashing(&mut criterion, &batches);
    encoding(&mut criterion, &batches[0], &rules, now.timestamp());
    transforming(&mut criterion, &batches, &rules, now.timestamp());
    criterion.final_summary();
}
