//! Rows become request bodies, as the program makes them.

use arrow_array::RecordBatch;
use chrono::{DateTime, Utc};
use fbcapi::config::{self, Machine, Purpose};
use fbcapi::event::rules::Rules;
use fbcapi::event::{self, People, Table};
use fbcapi::meta::payload;

/// The rules of a configuration that says no more than it must.
pub(super) fn rules(now: DateTime<Utc>) -> Rules {
    let text = "[source]\nkind = \"file\"\npath = \"rows.ndjson\"\n[meta]\ndataset_id = \"1234567890\"\n\
                [phone]\ndefault_country = \"US\"\n[privacy]\nconsent = \"not-needed\"\n";
    let machine = Machine { environment: &|_| None, variables: &Vec::new, today: now.date_naive() };
    config::parse("config.toml", text, &[], Purpose::Look, machine).unwrap().rules
}

/// Writes the request body of a batch in place of the one before it, and counts its events.
pub(super) fn write(batch: &RecordBatch, rules: &Rules, now: i64, people: &mut People, body: &mut Vec<u8>) -> u64 {
    body.clear();
    body.extend_from_slice(b"{\"data\":[");
    let table = Table::bind(batch, &rules.columns, rules.zone).unwrap();
    let mut dropped = Vec::new();
    let mut events = 0;
    for row in 0..table.len() {
        dropped.clear();
        if let Ok(event) = event::build(&table, row, rules, now, people, &mut dropped) {
            if events > 0 {
                body.push(b',');
            }
            payload::write(&event, body);
            events += 1;
        }
    }
    body.extend_from_slice(b"]}");
    events
}
