//! Payloads as golden files: rows in, the very bytes that Meta reads out, at a time that stands still.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use fbcapi::sync::{self, World};

use crate::support::run::{Stage, options};

/// When every golden file was made: 2026-11-23T12:00:00Z.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap()
}

/// Standard output that a test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compares the payloads of a case's rows with its golden file, byte for byte; `left_out` rows give none.
#[track_caller]
fn check(case: &str, left_out: u64, change: impl FnOnce(Stage) -> Stage) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let read = |ending: &str| std::fs::read_to_string(golden.join(format!("{case}.{ending}.ndjson"))).unwrap();
    let stage = change(Stage::new("http://127.0.0.1:9"));
    stage.write("rows.ndjson", read("rows"));
    let paper = Paper::default();
    let world = World { now, random: || 0.0 };
    let config = stage.config();
    let options = options();
    let dry_run = sync::dry_run(&config, &options, world, Box::new(paper.clone()));
    let outcome = stage.runtime.block_on(dry_run);
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let payloads = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let expected = read("payloads");
    for (payload, expected) in payloads.lines().zip(expected.lines()) {
        assert_eq!(payload, expected, "{case}");
    }
    assert_eq!(payloads, expected, "{case}");
    let counts = &outcome.report.counts;
    assert_eq!((counts.rejected, counts.selected - counts.pending), (left_out, left_out), "{counts:?}");
}

#[test]
fn rows_of_the_customers_model() {
    check("model", 0, |stage| stage);
}

#[test]
fn names_in_many_scripts() {
    check("names", 0, |stage| stage);
}

#[test]
fn lists_and_values_that_are_hashed_already() {
    check("lists", 0, |stage| stage);
}

#[test]
fn amounts_keep_their_digits() {
    check("amounts", 2, |stage| stage);
}

#[test]
fn keys_of_custom_data() {
    check("custom_data", 0, |stage| {
        let columns = "content_name = \"name\"\ncontent_ids = \"ids\"\ncontents = \"items\"\nnum_items = \"n\"\n\
                       predicted_ltv = \"ltv\"\nstatus = { value = \"paid\" }";
        stage.section("columns", columns).section("columns.custom_data", "shop_name = \"shop\"")
    });
}

#[test]
fn clicks_browsers_and_raw_ids() {
    check("clicks", 0, |stage| {
        let columns = "fbc = \"cookie\"\nfbp = \"fbp\"\nclient_ip_address = \"ip\"\nclient_user_agent = \"agent\"";
        stage.section("columns", columns).section("external_id", "form = \"raw\"")
    });
}

#[test]
fn rows_of_the_second_preset() {
    check("marketing_conversions", 0, |stage| stage.configure("source", "preset = \"marketing_conversions_facebook\""));
}
