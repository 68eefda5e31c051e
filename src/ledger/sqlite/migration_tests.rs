use std::fs;

use super::*;
use crate::ledger::contract::{entry, intent, key, outcome, rejected, sent, unknown};
use crate::ledger::lock::beside;
use crate::ledger::{Ledger, Outcome, Record, SqliteLedger};

/// A state that version 1 of the stored form left: two runs, batches of every outcome, a refusal.
const VERSION_1: &[u8] = include_bytes!("../../../tests/data/state/version-1.db");

/// Compares what is known with what the program that wrote version 1 knew.
fn check_story(ledger: &mut SqliteLedger, place: &str) {
    let known = ledger.load(i64::MIN).unwrap();
    let fates = ["1/0", "1/39", "2/7", "3/5", "4/5", "5/1"].map(|id| known.fate(&key(id)));
    assert_eq!(fates, [sent(1), sent(1), unknown(2, 2), None, sent(4), unknown(5, 71)], "{place}");
    assert_eq!(known.refused(&key("x")).map(|is| is.0), Some(9), "{place}");
    let runs: Vec<_> = ledger.runs(9).unwrap().into_iter().map(|run| (run.run.0, run.end.is_some())).collect();
    assert_eq!(runs, [("s".to_owned(), false), ("r".to_owned(), true)], "{place}");
}

/// The version of a file that is closed.
fn version(path: &Path) -> i32 {
    version_of(&Connection::open(path).unwrap()).unwrap()
}

#[test]
fn fm_57_a_state_of_version_1_is_read_as_it_is_and_migrated_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    fs::write(&path, VERSION_1).unwrap();
    check_story(&mut SqliteLedger::open_read_only(&path).unwrap(), "read as it is");
    assert_eq!(fs::read(&path).unwrap(), VERSION_1, "looking changes nothing");
    assert!(SqliteLedger::backups(&path).is_empty());
    let mut ledger = SqliteLedger::open(&path).unwrap();
    check_story(&mut ledger, "migrated");
    ledger.append(&[outcome(2, Outcome::Dropped)]).unwrap();
    ledger.append(&[Record::Pardoned { keys: vec![key("x")], at: Utc::now() }]).unwrap();
    assert_eq!(ledger.load(i64::MIN).unwrap().fate(&key("2/7")), sent(2));
    assert_eq!(ledger.load(i64::MIN).unwrap().fate(&key("x")), None);
    drop(ledger);
    assert_eq!(version(&path), VERSION);
    let kept = SqliteLedger::backups(&path);
    let [backup] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(version(backup), 1);
    check_story(&mut SqliteLedger::open_read_only(backup).unwrap(), "in the copy");
    SqliteLedger::open(&path).unwrap();
    assert_eq!(SqliteLedger::backups(&path), kept, "a state is migrated once");
}

#[test]
fn fm_57_a_migration_cut_off_anywhere_leaves_the_one_version_or_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    fs::write(&path, VERSION_1).unwrap();
    let mut connection = Connection::open(&path).unwrap();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    raise(&transaction, 1).unwrap();
    let copy = folder.path().join("copy.db");
    let copied = |log: &[u8]| {
        fs::copy(&path, &copy).unwrap();
        fs::write(beside(&copy, "-wal"), log).unwrap();
        check_story(&mut SqliteLedger::open_read_only(&copy).unwrap(), "cut off");
        let was = version(&copy);
        check_story(&mut SqliteLedger::open(&copy).unwrap(), "cut off and opened");
        assert_eq!(version(&copy), VERSION);
        was
    };
    assert_eq!(copied(&fs::read(beside(&path, "-wal")).unwrap_or_default()), 1, "before the commit");
    transaction.commit().unwrap();
    let log = fs::read(beside(&path, "-wal")).unwrap();
    let mut versions = Vec::new();
    for cut in (0..=log.len()).step_by(1_021).chain([log.len()]) {
        versions.push(copied(&log[..cut]));
    }
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!((versions.first(), versions.last()), (Some(&1), Some(&VERSION)));
}

#[test]
fn fm_57_a_state_that_cannot_be_copied_is_not_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    fs::write(&path, VERSION_1).unwrap();
    // A folder of that name stands in the way of the copy.
    fs::create_dir(beside(&path, ".backup")).unwrap();
    assert!(SqliteLedger::open(&path).is_err());
    assert_eq!(version(&path), 1);
}

#[test]
fn a_damaged_state_of_version_1_is_refused_before_it_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    fs::write(&path, VERSION_1).unwrap();
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE run ADD COLUMN extra TEXT").unwrap();
    let error = SqliteLedger::open(&path).unwrap_err();
    assert!(error.to_string().contains("table run is not as it was made"), "{error}");
    assert!(SqliteLedger::backups(&path).is_empty());
}

#[test]
fn what_is_new_in_version_2_is_not_missing_in_a_new_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    ledger.append(&[intent(1, 1, &[entry("a", 1, 100)]), rejected(entry("b", 1, 100))]).unwrap();
    assert_eq!(ledger.check().unwrap().version, VERSION);
}
