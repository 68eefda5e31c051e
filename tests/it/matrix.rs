//! Every way to fail that was thought of, by number, and the test that holds what must happen then.
//!
//! A test carries the number of its row in its name, as `fm_40_…`; one test may hold several rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const GUARANTEES: &str = include_str!("../../docs/guarantees.md");

/// The architecture: its invariants and the tests that hold them.
const ARCHITECTURE: &str = include_str!("../../src/lib.rs");

/// The rows: number, step of the run, fault.
const MATRIX: [(u8, &str, &str); 60] = [
    (1, "start", "a mistake in the configuration"),
    (2, "start", "a secret in a file that others can read"),
    (3, "start", "no folder for the state"),
    (4, "start", "no state: a first run, or a volume that was wiped"),
    (5, "start", "a state that is damaged, foreign or newer"),
    (6, "start", "a disk that is full or read-only"),
    (7, "lock", "a second run at the same time"),
    (8, "lock", "the first run was killed"),
    (9, "lock", "a state on a network file system"),
    (10, "Snowflake login", "a wrong key or password, a network policy"),
    (11, "Snowflake login", "a clock that is off"),
    (12, "query", "a query that takes long"),
    (13, "query", "a session that expires"),
    (14, "query", "a missing table, column or privilege"),
    (15, "query", "the table is built anew meanwhile"),
    (16, "query", "no rows"),
    (17, "chunk", "a part of the result that fails, expires or is cut"),
    (18, "chunk", "rows in another order"),
    (19, "chunk", "a result larger than memory"),
    (20, "map", "no event id"),
    (21, "map", "one event twice with the same payload"),
    (22, "map", "one event twice with different payloads"),
    (23, "map", "a bad value, or no identifiers"),
    (24, "map", "an event in the future"),
    (25, "map", "an event that is too old"),
    (26, "map", "an event that expires while it is queued"),
    (27, "map", "times without zone, gaps and folds of a zone"),
    (28, "map", "a row that comes late"),
    (29, "map", "a row that changes after it was sent"),
    (30, "map", "a row that is mended after it was rejected"),
    (31, "intent", "a crash before it is on disk"),
    (32, "intent", "a crash after it is on disk and before the post"),
    (33, "intent", "a disk that is full"),
    (34, "post", "no connection"),
    (35, "post", "a reset or timeout after bytes have left"),
    (36, "post", "the request was taken and the answer is lost"),
    (37, "post", "a server error, or an error that is called temporary"),
    (38, "post", "too many calls"),
    (39, "post", "a token or permission that is refused, a wrong dataset"),
    (40, "post", "one bad event in a thousand"),
    (41, "post", "everything is refused"),
    (42, "post", "a request that is too large"),
    (43, "post", "a redirect"),
    (44, "post", "a version of the API that is retired"),
    (45, "answer", "a page, a bomb, nonsense in place of an answer"),
    (46, "answer", "another number of events than was sent"),
    (47, "answer", "messages in an answer that is good"),
    (48, "outcome", "a crash before it is on disk"),
    (49, "outcome", "a disk that is full"),
    (50, "any", "SIGTERM or SIGINT"),
    (51, "any", "a machine that sleeps"),
    (52, "any", "a clock that jumps or is wrong by hours"),
    (53, "any", "out of memory, killed, a panic"),
    (54, "lease", "two containers at once"),
    (55, "state in Snowflake", "a write that fails"),
    (56, "end", "a report that cannot be written"),
    (57, "upgrade", "a state of an older or newer version"),
    (58, "backfill", "a selection beyond the window"),
    (59, "dry run", "anything"),
    (60, "configuration", "another dataset"),
];

/// Rows without a test, and why.
const WITHOUT: [(u8, &str); 1] = [(15, "one SELECT sees one state of the table: nothing of this program's decides it")];

/// Every file of Rust below a folder.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// The text of every file of Rust.
fn all_sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&root.join("src"), &mut texts);
    sources(&root.join("tests"), &mut texts);
    texts
}

/// The tests by the numbers that their names carry.
fn tests() -> BTreeMap<u8, Vec<String>> {
    let files = all_sources();
    let mut tests: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for name in files.iter().flat_map(|text| text.lines()).filter_map(name_of_test) {
        for number in numbers(name) {
            tests.entry(number).or_default().push(name.to_owned());
        }
    }
    tests
}

/// The name of a function that a line begins.
fn name_of_test(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

/// The numbers of rows at the beginning of a name: `fm_35_fm_36_…`.
fn numbers(name: &str) -> Vec<u8> {
    let mut numbers = Vec::new();
    let mut rest = name;
    while let Some((number, after)) = rest.strip_prefix("fm_").and_then(|rest| rest.split_once('_')) {
        let Ok(number) = number.parse() else { break };
        numbers.push(number);
        rest = after;
    }
    numbers
}

#[test]
fn every_row_of_the_failure_matrix_has_a_test_or_a_reason() {
    let tests = tests();
    let reasons: BTreeMap<u8, &str> = WITHOUT.into_iter().collect();
    assert_eq!(reasons.len(), WITHOUT.len(), "a number stands twice among those without a test");
    let mut wrong = Vec::new();
    for (number, step, fault) in MATRIX {
        match (tests.get(&number), reasons.get(&number)) {
            (None, None) => wrong.push(format!("{number} ({step}: {fault}) has no test")),
            (Some(names), Some(_)) => {
                wrong.push(format!("{number} ({step}: {fault}) is among those without a test and has {}", names[0]));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    let known: BTreeSet<u8> = MATRIX.iter().map(|(number, ..)| *number).collect();
    wrong.extend(tests.keys().filter(|number| !known.contains(number)).map(|number| format!("{number} is no row")));
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    let files = all_sources();
    let names: BTreeSet<&str> = files.iter().flat_map(|text| text.lines()).filter_map(name_of_test).collect();
    let is_name = |word: &&str| word.matches('_').count() >= 3 || word.starts_with("fm_");
    let held_by: Vec<&str> = GUARANTEES.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(held_by.len() >= 20, "only {} tests are named", held_by.len());
    let architecture = ARCHITECTURE.split('`').skip(1).step_by(2).filter(is_name);
    let architecture: Vec<&str> = architecture.filter(|word| !word.contains(['/', ':'])).collect();
    assert!(architecture.len() >= 10, "only {} tests are named", architecture.len());
    for name in held_by.into_iter().chain(architecture) {
        assert!(names.contains(name), "there is no test {name}");
    }
    for guarantee in 1..=8 {
        assert!(GUARANTEES.contains(&format!("\n| G{guarantee} | ")), "G{guarantee} is not told");
    }
}

#[test]
fn the_numbers_of_a_name_are_found() {
    assert_eq!(numbers("fm_35_fm_36_what"), [35, 36]);
    assert_eq!(numbers("fm_04_a_path"), [4]);
    assert_eq!(numbers("form_40_of"), [0; 0]);
    assert_eq!(name_of_test("    async fn fm_03_a(x: u8) {"), Some("fm_03_a"));
    assert_eq!(name_of_test("// fn fm_03_a()"), None);
}
