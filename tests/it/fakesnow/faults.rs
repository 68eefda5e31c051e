//! Large results in many parts while things go wrong on the way.

use super::table;
use crate::support::fakesnow::Database;
use crate::support::run::{Ran, Sandboxed};

/// Rows of the table.
const ROWS: u64 = 20_000;

/// A table and a stage that reads it with faults on the way.
struct Rough {
    it: Sandboxed,
    database: Database,
}

impl Rough {
    fn new() -> Option<Self> {
        let database = Database::new()?;
        table::create_large(&database, "facebook_events", 20_000);
        Some(Self { it: Sandboxed::new(), database })
    }

    /// Runs once with some faults.
    fn sync(self, faults: &str) -> (Self, Ran) {
        let Self { it, database } = self;
        let it = it.on(|stage| database.feed(stage, "facebook_events"));
        let it = it.on(|stage| stage.configure("source", &format!("where = '/* sim: chunk=2500 {faults} */ TRUE'")));
        let ran = it.stage.sync(&[]);
        (Self { it, database }, ran)
    }
}

/// Every row arrives once within one run, whatever goes wrong.
#[track_caller]
fn check(faults: &str) {
    let Some(rough) = Rough::new() else { return };
    let (rough, ran) = rough.sync(faults);
    assert_eq!(ran.told(), format!("exit 0: sent {ROWS}"), "{faults}: {}", ran.stderr);
    for (fault, times) in faults.split(' ').filter_map(|fault| fault.split_once('=')) {
        let seen = match fault {
            "async" => rough.database.seen("poll"),
            "json" | "rawgzip" | "qrmkonly" => continue,
            fault => rough.database.seen(fault),
        };
        assert_eq!(seen.to_string(), times, "{fault}");
    }
    // A tenth of the largest part comes with the answer. A part that was fetched ahead is fetched again where the
    // addresses of those before it had expired.
    assert!(rough.database.seen("part") >= (ROWS - 250).div_ceil(2_500), "{faults}");
    let (rough, again) = rough.sync("");
    assert_eq!(again.told(), format!("exit 0: already_sent {ROWS}"), "{faults}: {}", again.stderr);
    let stats = rough.it.stats();
    assert_eq!((stats.received, stats.unique), (ROWS, ROWS), "{faults}");
}

#[test]
fn fm_12_fm_13_rows_arrive_after_a_long_statement_a_lost_session_and_an_absent_server() {
    check("async=3 expire=1 fail503=2 lost503=1");
}

#[test]
fn fm_17_rows_arrive_from_parts_that_fail_that_are_cut_and_that_do_not_say_how_they_are_written() {
    check("chunk503=3 chunkcut=2 rawgzip=1 qrmkonly=1");
}

#[test]
fn rows_in_json_arrive_from_parts_that_fail() {
    check("json=1 chunk503=2 chunkcut=2");
}

#[test]
fn fm_17_rows_arrive_from_parts_whose_addresses_have_expired() {
    check("chunk403=3");
}
