//! What holds for the file in particular: durability, damage, copies of a state in use.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::ledger::contract::{after, entry, finished, intent, key, outcome, rejected, sent, started, unknown};
use crate::ledger::lock::beside;
use crate::ledger::{Answer, BatchId, Fate, Fingerprint, Outcome, RunId};

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
        "pardon SET at = 0",
        "pardon SET reject = 2",
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut ledger = SqliteLedger::open(&path).unwrap();
        for records in story().into_iter().take(5) {
            ledger.append(&records).unwrap();
        }
        ledger.append(&[intent(3, 3, &[entry("y", 1, 100)]), rejected(entry("z", 1, 100))]).unwrap();
        ledger.append(&[Record::Pardoned { keys: vec![key("x")], at: after(50) }]).unwrap();
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
    let run = RunId("20261123T150901Z-1a2b3c4d".into());
    let start = Record::RunStarted { run: run.clone(), at: after(0) };
    let end = Record::RunFinished { run, at: after(9), report: "{\"counts\":{}}".into(), exit_code: 3 };
    ledger.append(&[start, end]).unwrap();
    let stored: (String, i64, i64, i64, String) = ledger
        .connection
        .query_row("SELECT name, started, finished, exit_code, report FROM run", (), |row| row.try_into())
        .unwrap();
    let expected = (
        "20261123T150901Z-1a2b3c4d".to_owned(),
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

#[test]
fn what_became_of_an_event_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    let (a, b, c) = (entry("a", 1, 100), entry("b", 2, 300), entry("c", 3, 200));
    ledger.append(&[started("r", 0), intent(1, 1, &[a, b]), outcome(1, Outcome::Unknown)]).unwrap();
    ledger.append(&[intent(2, 2, &[b]), outcome(2, Outcome::Accepted), intent(3, 3, &[c])]).unwrap();
    let attempts = ledger.attempts(&[b.key].into()).unwrap();
    let batches: Vec<_> = attempts.iter().map(|attempt| (attempt.batch.number, attempt.at)).collect();
    assert_eq!(batches, [(1, after(1)), (2, after(2))]);
    let last = &attempts[1];
    let answer = Answer { status: Some(200), code: Some(-7), subcode: None, trace: Some("AbC".into()) };
    assert_eq!((&last.entries, &last.outcome, &last.answer), (&vec![b], &Some(Outcome::Accepted), &answer));
    assert_eq!((&last.batch.run, last.requests), (&RunId("r".into()), 1));
    let unsettled: Vec<_> = ledger.unsettled().unwrap().into_iter().map(|a| (a.batch, a.entries, a.outcome)).collect();
    let batch = |number| BatchId { run: RunId("r".into()), number };
    assert_eq!(unsettled, [(batch(1), vec![a, b], Some(Outcome::Unknown)), (batch(3), vec![c], None)]);
    ledger.append(&[outcome(1, Outcome::Cleared), outcome(3, Outcome::Accepted)]).unwrap();
    assert_eq!(ledger.unsettled().unwrap(), []);
    assert_eq!(ledger.attempts(&[key("none")].into()).unwrap(), []);
}

#[test]
fn refused_events_are_listed_until_they_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    let (a, b) = (entry("a", 1, 100), entry("b", 2, 300));
    let mut later = rejected(b);
    if let Record::Rejected { at, .. } = &mut later {
        *at = after(40);
    }
    ledger.append(&[rejected(entry("a", 9, 100)), later]).unwrap();
    ledger.append(&[rejected(a)]).unwrap();
    let order: Vec<_> = ledger.refusals(0).unwrap().into_iter().map(|refusal| refusal.entry).collect();
    assert_eq!(order, [b, a]);
    let rows = |ledger: &SqliteLedger| -> i64 {
        ledger.connection.query_row("SELECT count(*) FROM reject", (), |row| row.get(0)).unwrap()
    };
    assert_eq!(rows(&ledger), 3);
    ledger.prune(100).unwrap();
    assert_eq!(rows(&ledger), 2, "a refusal that was replaced goes with the next pruning");
    assert_eq!(ledger.refusals(100).unwrap().len(), 2);
    assert_eq!(ledger.refusals(101).unwrap().len(), 1);
    ledger.append(&[intent(1, 1, &[a])]).unwrap();
    let refusals = ledger.refusals(0).unwrap();
    let [refusal] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert_eq!(refusal.entry, b);
    let words = [&refusal.event_name, &refusal.event_id, &refusal.reason];
    assert_eq!(words, ["Purchase", "order-1", "refused_by_meta"]);
}

#[test]
fn the_last_runs_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    ledger.append(&[started("q", 0), started("r", 5), finished("r"), started("s", 9)]).unwrap();
    let runs = ledger.runs(2).unwrap();
    let told: Vec<_> = runs.iter().map(|run| (run.run.0.as_str(), run.started, run.end.is_some())).collect();
    assert_eq!(told, [("s", after(9), false), ("r", after(5), true)]);
    let end = runs[1].end.as_ref().unwrap();
    assert_eq!((end.at, end.exit_code, end.report.as_str()), (after(60), 0, "{}"));
}
