//! What holds for the file in particular: durability, damage, copies of a state in use.

use std::fs;
use std::path::Path;

use super::*;
use crate::ledger::contract::{after, entry, finished, intent, key, outcome, rejected, sent, started, unknown};
use crate::ledger::lock::beside;
use crate::ledger::{Fate, RunId};

/// A story of a state file, an append at a time, in which no step undoes an earlier one.
fn story() -> Vec<Vec<Record>> {
    let batch = |number: u32| {
        let entries: Vec<_> = (0..40).map(|n| entry(&format!("{number}/{n}"), number, i64::from(100 + n))).collect();
        intent(number, i64::from(number), &entries)
    };
    vec![
        vec![started("r", 0)],
        vec![batch(1)],
        vec![batch(2)],
        vec![outcome(1, Outcome::Accepted)],
        vec![outcome(2, Outcome::Unknown), rejected(entry("x", 9, 100))],
        vec![batch(3)],
        vec![outcome(3, Outcome::Cleared), batch(4)],
        vec![outcome(4, Outcome::Accepted)],
        vec![finished("r")],
    ]
}

/// The fates of one event of each batch and of the refused one.
fn fates(ledger: &mut SqliteLedger) -> Result<Vec<Option<Fate>>, LedgerError> {
    let known = ledger.load(i64::MIN)?;
    Ok(["1/0", "1/39", "2/7", "3/5", "4/5", "x"].iter().map(|id| known.fate(&key(id))).collect())
}

#[test]
fn the_story_ends_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    for records in story() {
        ledger.append(&records).unwrap();
    }
    let expected = vec![sent(1), sent(1), unknown(2, 2), None, sent(4), Some(Fate::Rejected(Fingerprint(9)))];
    assert_eq!(fates(&mut ledger).unwrap(), expected);
}

#[test]
fn a_copy_of_a_state_in_use_holds_what_was_appended_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = SqliteLedger::open(&path).unwrap();
    for (step, records) in story().iter().enumerate() {
        ledger.append(records).unwrap();
        let copy = folder.path().join(format!("copy-{step}.db"));
        fs::copy(&path, &copy).unwrap();
        fs::copy(beside(&path, "-wal"), beside(&copy, "-wal")).unwrap();
        let mut copied = SqliteLedger::open(&copy).unwrap();
        assert_eq!(fates(&mut copied).unwrap(), fates(&mut ledger).unwrap(), "after step {step}");
    }
}

#[test]
fn a_log_cut_anywhere_leaves_a_moment_of_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = SqliteLedger::open(&path).unwrap();
    let mut moments = vec![fates(&mut ledger).unwrap()];
    for records in story() {
        ledger.append(&records).unwrap();
        moments.push(fates(&mut ledger).unwrap());
    }
    let log = fs::read(beside(&path, "-wal")).unwrap();
    let copy = folder.path().join("copy.db");
    let mut furthest = 0;
    for cut in (0..=log.len()).step_by(509).chain([log.len()]) {
        fs::copy(&path, &copy).unwrap();
        fs::write(beside(&copy, "-wal"), &log[..cut]).unwrap();
        let found = fates(&mut SqliteLedger::open_read_only(&copy).unwrap()).unwrap();
        let moment = moments.iter().skip(furthest).position(|moment| *moment == found);
        furthest += moment.unwrap_or_else(|| panic!("cut at {cut}: {found:?} is no moment of the story"));
    }
    assert_eq!(moments[furthest], moments[moments.len() - 1], "the whole log holds the whole story");
    assert_eq!(fates(&mut SqliteLedger::open(&copy).unwrap()).unwrap(), moments[furthest]);
}

#[test]
fn fm_05_a_file_with_a_flipped_byte_is_right_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = SqliteLedger::open(&path).unwrap();
    for records in story() {
        ledger.append(&records).unwrap();
    }
    let expected = fates(&mut ledger).unwrap();
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    let copy = folder.path().join("copy.db");
    let mut refused = 0;
    // Every byte that is not zero, and the zeros beside it, is most of what means something.
    let places = (0..whole.len()).filter(|at| whole[at.saturating_sub(1)..=*at].iter().any(|byte| *byte != 0));
    for (n, at) in places.enumerate() {
        let mut damaged = whole.clone();
        damaged[at] ^= [0x01, 0x80, 0xff, 0x20][n % 4];
        fs::write(&copy, &damaged).unwrap();
        let found = SqliteLedger::open_read_only(&copy).and_then(|mut ledger| fates(&mut ledger));
        match found {
            Ok(found) => assert_eq!(found, expected, "byte {at}"),
            Err(LedgerError::Unusable { .. }) => refused += 1,
            Err(error) => panic!("byte {at}: {error:?}"),
        }
    }
    assert!(refused > 1_000, "{refused} were refused");
}

#[test]
fn fm_05_a_changed_cell_is_noticed() {
    let changes = [
        "outcome SET outcome = 'accepted' WHERE outcome = 'unknown'",
        "outcome SET outcome = 'cleared' WHERE outcome = 'accepted'",
        "outcome SET batch = 3 WHERE batch = 2",
        "outcome SET at = at + 1",
        "outcome SET trace = NULL",
        "outcome SET code = 7",
        "batch SET id = id + 10 WHERE id = (SELECT max(id) FROM batch)",
        "batch SET at = at - 1",
        "batch SET run = 's'",
        "batch SET last_time = last_time + 1",
        "batch SET entries = CAST(entries || entries AS BLOB)",
        "batch SET entries = x''",
        "reject SET fingerprint = 8",
        "reject SET event_id = 'order-2'",
        "reject SET reason = ''",
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut ledger = SqliteLedger::open(&path).unwrap();
        for records in story().into_iter().take(5) {
            ledger.append(&records).unwrap();
        }
        ledger.append(&[intent(3, 3, &[entry("y", 1, 100)])]).unwrap();
        ledger.load(i64::MIN).unwrap();
        ledger.connection.execute(&format!("UPDATE {change}"), ()).unwrap();
        let result = ledger.load(i64::MIN);
        assert!(matches!(result, Err(LedgerError::Unusable { .. })), "{change}: {result:?}");
    }
}

#[test]
fn fm_05_a_file_cut_short_is_refused_unless_only_free_room_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = SqliteLedger::open(&path).unwrap();
    for records in story() {
        ledger.append(&records).unwrap();
    }
    let expected = fates(&mut ledger).unwrap();
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(1_021) {
        fs::write(&path, &whole[..cut]).unwrap();
        match SqliteLedger::open_read_only(&path).and_then(|mut ledger| fates(&mut ledger)) {
            Ok(found) => assert_eq!((found, whole.len() - cut < 4_096), (expected.clone(), true), "cut at {cut}"),
            Err(error) => assert!(matches!(error, LedgerError::Unusable { .. }), "cut at {cut}: {error:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), &whole[..cut], "the file is kept as it is");
    }
}

#[test]
fn fm_33_a_full_disk_stores_nothing_of_an_append() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    ledger.append(&[started("r", 0), intent(1, 1, &[entry("a", 1, 100)])]).unwrap();
    limit_pages(&ledger.connection, 0);
    let many: Vec<_> = (0..9_000).map(|n| entry(&n.to_string(), 1, 100)).collect();
    let result = ledger.append(&[outcome(1, Outcome::Accepted), rejected(entry("b", 1, 100)), intent(2, 2, &many)]);
    assert!(matches!(result, Err(LedgerError::Io { verb: "written", .. })), "{result:?}");
    let known = ledger.load(i64::MIN).unwrap();
    assert_eq!(known.fate(&key("a")), unknown(1, 1));
    assert_eq!(known.fate(&key("b")), None);
    assert_eq!(known.fate(&key("0")), None);
    limit_pages(&ledger.connection, 1_000);
    ledger.append(&[outcome(1, Outcome::Accepted), intent(2, 2, &many)]).unwrap();
    assert_eq!(ledger.load(i64::MIN).unwrap().fate(&key("0")), unknown(1, 2));
}

/// Lets the file grow by so many pages only.
pub(super) fn limit_pages(connection: &Connection, more: i64) {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update_and_check(None, "max_page_count", pages + more, |_| Ok(())).unwrap();
}

#[test]
fn a_ledger_opened_to_look_refuses_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    for _ in 0..2 {
        let mut ledger = SqliteLedger::open_read_only(&path).unwrap();
        let result = ledger.append(&[started("r", 0)]);
        assert!(matches!(result, Err(LedgerError::Io { verb: "written", .. })), "{result:?}");
        drop(ledger);
        SqliteLedger::open(&path).unwrap();
    }
}

#[test]
fn the_words_of_a_run_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    let run = RunId("20261123T150901Z-1a2b".into());
    let start = Record::RunStarted { run: run.clone(), at: after(0) };
    let end = Record::RunFinished { run, at: after(9), report: "{\"counts\":{}}".into(), exit_code: 3 };
    ledger.append(&[start, end]).unwrap();
    let stored: (String, i64, i64, i64, String) = ledger
        .connection
        .query_row("SELECT name, started, finished, exit_code, report FROM run", (), |row| row.try_into())
        .unwrap();
    let expected = (
        "20261123T150901Z-1a2b".to_owned(),
        after(0).timestamp_millis(),
        after(9).timestamp_millis(),
        3,
        "{\"counts\":{}}".to_owned(),
    );
    assert_eq!(stored, expected);
}

#[test]
fn errors_name_the_file_and_the_cause() {
    let error = Failure::Disorder(Disorder::EmptyIntent).at(Path::new("/x/s.db"), "written");
    assert_eq!(error.to_string(), "the state file /x/s.db cannot be written");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the intent is empty"));
}
