//! Large results: a run takes the memory of a few parts, however many there are.
//!
//! The full size takes minutes in a debug build: `cargo test --release --test it volume -- --ignored --nocapture`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one tells a figure"
)]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int8Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use chrono::Utc;

use crate::support::run::{Stage, runtime, wait_for};
use crate::support::snowflake::{
    Live, Reply, Script, Seen, Server, columns, gzip, is_columns_query, part_address, result,
};

/// So many rows are about 16 MB before they are compressed, the largest part that is asked for.
const LARGE_PART: usize = 60_000;

/// So many are a part that the program can fetch ahead as often as it ever does.
const SMALL_PART: usize = 10_000;

/// So many rows stand in a batch.
const ROWS_IN_BATCH: usize = 4_000;

/// The columns of the table, but for those of numbers and dates.
const TABLE: [(&str, &str); 15] = [
    ("EVENT_ID", "text"),
    ("OCCURRED_AT", "timestamp_tz"),
    ("EVENT_NAME", "text"),
    ("EVENT_DESCRIPTION", "text"),
    ("SOURCE", "text"),
    ("PERSON_ID", "text"),
    ("EMAIL", "text"),
    ("FULL_NAME", "text"),
    ("PHONE", "text"),
    ("FIRST_NAME", "text"),
    ("LAST_NAME", "text"),
    ("EXTERNAL_ID", "text"),
    ("FBCLID", "text"),
    ("FBCLID_OCCURRED_AT", "timestamp_tz"),
    ("FACEBOOK_EVENT_TYPE", "text"),
];

/// A table of so many rows, whose parts are made when they are asked for.
fn table(rows: usize, rows_in_part: usize, address: SocketAddr) -> Live {
    let parts: Vec<_> = (0..rows.div_ceil(rows_in_part))
        .map(|number| (part_address(address, number), rows_in_part.min(rows - number * rows_in_part)))
        .collect();
    let mut names = Vec::new();
    let now = Utc::now().timestamp_micros();
    Box::new(move |seen: &Seen| {
        if let Some(number) = seen.path.strip_prefix("/parts/") {
            let number: usize = number.parse().unwrap();
            let first = number * rows_in_part;
            let last = first + parts[number].1;
            let batches = (first..last).step_by(ROWS_IN_BATCH);
            let batches: Vec<_> =
                batches.map(|start| batch(&names, start..last.min(start + ROWS_IN_BATCH), now)).collect();
            let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
            for batch in &batches {
                writer.write(batch).unwrap();
            }
            let bytes = gzip(&writer.into_inner().unwrap());
            return Some(Reply::Bytes(200, bytes, Vec::new()));
        }
        let sql = seen.body["sqlText"].as_str()?;
        if is_columns_query(seen) {
            return Some(columns(&TABLE));
        }
        let (_, outputs) = sql.rsplit_once("\nSELECT ").unwrap();
        let (outputs, _) = outputs.split_once("\nFROM fbcapi_rows").unwrap();
        names = outputs.split(" AS \"").skip(1).map(|name| name.split('"').next().unwrap().to_owned()).collect();
        Some(result(rows, 0..0, &parts))
    })
}

/// Makes the named columns of some rows.
fn batch(names: &[String], rows: std::ops::Range<usize>, now: i64) -> RecordBatch {
    let count = rows.len();
    let text =
        |cell: &dyn Fn(usize) -> String| Arc::new(StringArray::from_iter_values(rows.clone().map(cell))) as ArrayRef;
    let column = |name: &String| match name.to_uppercase().as_str() {
        "EVENT_ID" => text(&|row| format!("evt_{row:012}")),
        "OCCURRED_AT" | "FBCLID_OCCURRED_AT" => Arc::new(Int64Array::from_iter_values(
            rows.clone().map(|row| now - 60_000_000 - i64::try_from(row).unwrap()),
        )),
        "_FBCAPI_COPIES" => Arc::new(Int8Array::from(vec![1; count])),
        "_FBCAPI_COPIES_DIFFER" => Arc::new(Int8Array::from(vec![0; count])),
        "EMAIL" => text(&|row| format!("person.{row}@example.com")),
        "PHONE" => text(&|row| format!("+1650253{:04}", row % 10_000)),
        "FACEBOOK_EVENT_TYPE" => text(&|_| "Lead".into()),
        _ => text(&|row| format!("some text {}", row % 1_000)),
    };
    RecordBatch::try_from_iter(names.iter().map(|name| (name.as_str(), column(name)))).unwrap()
}

/// Maps so many rows with the real program and gives its greatest memory in MB, where the system tells it.
fn peak_of(rows: usize, rows_in_part: usize) -> Option<u64> {
    let runtime = runtime();
    let server = runtime.block_on(Server::start(|address| Script {
        live: Some(table(rows, rows_in_part, address)),
        ..Script::default()
    }));
    let connection = format!(
        "account = \"o-a\"\nuser = \"U\"\ntoken = {{ env = \"TOKEN\" }}\nhost = \"127.0.0.1\"\nport = {}\nprotocol = \"http\"",
        server.address.port()
    );
    let stage = Stage::within(runtime, "http://127.0.0.1:9")
        .variable("TOKEN", "token-secret")
        .section("source", "table = \"A.B.FACEBOOK_EVENTS\"")
        .section("snowflake", &connection);
    let mut command = stage.command(&["sync", "--dry-run", "--report", "report.json"]);
    let mut run = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", run.id());
    let mut peak = None;
    while run.try_wait().unwrap().is_none() {
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = kib.map(|kib| kib / 1_024).max(peak);
        std::thread::sleep(Duration::from_millis(10));
    }
    let ran = wait_for(run);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_slice(&stage.read("report.json")).unwrap();
    let counts = &report["counts"];
    assert_eq!(
        (counts["selected"].as_u64(), counts["pending"].as_u64()),
        (Some(rows as u64), Some(rows as u64)),
        "{report}"
    );
    peak
}

#[test]
fn fm_19_three_times_the_rows_take_no_more_memory_but_for_their_keys() {
    let (few, many) = (peak_of(4 * SMALL_PART, SMALL_PART), peak_of(12 * SMALL_PART, SMALL_PART));
    // Elsewhere the rows still had to come out right.
    let (Some(few), Some(many)) = (few, many) else { return };
    assert!(many < 100, "{many} MB");
    assert!(many < few + 25, "{few} MB, then {many} MB");
}

#[test]
#[ignore = "takes minutes"]
fn fm_19_two_million_rows_stay_below_100_megabytes() {
    let peak = peak_of(2_000_000, LARGE_PART).expect("the system tells the memory of a process");
    eprintln!("2,000,000 rows: {peak} MB at most");
    assert!(peak < 100, "{peak} MB");
}
