use super::*;
use crate::ledger::contract::{
    after, entry, finished, intent, key, outcome, refused, rejected, sent, started, unknown,
};
use crate::ledger::{Fate, Ledger, LedgerError, Outcome};

/// A new state in a folder.
fn state(folder: &tempfile::TempDir, name: &str) -> SqliteLedger {
    SqliteLedger::open(&folder.path().join(name)).unwrap()
}

/// What a state exports.
fn exported(ledger: &mut SqliteLedger) -> String {
    let mut lines = Vec::new();
    ledger.export(&mut lines, after(99)).unwrap();
    String::from_utf8(lines).unwrap()
}

/// The fates of some events.
fn fates(ledger: &mut SqliteLedger, ids: &[&str]) -> Vec<Option<Fate>> {
    let known = ledger.load(i64::MIN).unwrap();
    ids.iter().map(|id| known.fate(&key(id))).collect()
}

/// A state with one of everything.
fn story(ledger: &mut SqliteLedger) {
    let one = |n: u32| intent(n, i64::from(n), &[entry(&n.to_string(), n, 100 + i64::from(n))]);
    ledger.append(&[started("r", 0), one(1), one(2), one(3), one(4), one(5), one(6)]).unwrap();
    let outcomes = [Outcome::Accepted, Outcome::Cleared, Outcome::Unknown, Outcome::Released, Outcome::Dropped];
    for (n, of) in (1..).zip(outcomes) {
        ledger.append(&[outcome(n, of)]).unwrap();
    }
    ledger.append(&[rejected(entry("x", 9, 100)), rejected(entry("y", 9, 100))]).unwrap();
    ledger
        .append(&[Record::Pardoned { keys: vec![key("y")], at: after(50) }, finished("r"), started("s", 70)])
        .unwrap();
}

/// Every event of the story.
const IDS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "x", "y"];

#[test]
fn what_is_exported_comes_back_and_a_second_time_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut here = state(&folder, "a.db");
    story(&mut here);
    let lines = exported(&mut here);
    let mut there = state(&folder, "b.db");
    let added = there.import(&mut lines.as_bytes()).unwrap();
    assert_eq!(added, Amounts { runs: 2, batches: 6, rejects: 2 });
    let expected = [sent(1), None, unknown(3, 3), None, sent(5), unknown(6, 6), refused(9), None];
    assert_eq!(fates(&mut there, &IDS), expected);
    assert_eq!(exported(&mut there), lines);
    assert_eq!(there.import(&mut lines.as_bytes()).unwrap(), Amounts::default());
    assert_eq!(here.import(&mut lines.as_bytes()).unwrap(), Amounts::default());
    assert_eq!(exported(&mut there), lines);
    there.check().unwrap();
}

#[test]
fn of_two_states_what_keeps_an_event_from_being_sent_twice_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let check = |here: Option<Outcome>, there: Option<Outcome>, expected: Option<Fate>| {
        let [mut one, mut other] = ["one", "other"].map(|name| {
            drop(std::fs::remove_file(folder.path().join(name)));
            state(&folder, name)
        });
        for (ledger, of) in [(&mut one, &here), (&mut other, &there)] {
            ledger.append(&[intent(1, 1, &[entry("a", 1, 100)])]).unwrap();
            if let Some(of) = of {
                ledger.append(&[outcome(1, of.clone())]).unwrap();
            }
        }
        let lines = exported(&mut other);
        one.import(&mut lines.as_bytes()).unwrap();
        assert_eq!(fates(&mut one, &["a"]), [expected], "{here:?} {there:?}");
        assert_eq!(one.import(&mut lines.as_bytes()).unwrap(), Amounts::default());
    };
    check(None, Some(Outcome::Accepted), sent(1));
    check(Some(Outcome::Unknown), Some(Outcome::Accepted), sent(1));
    check(Some(Outcome::Accepted), Some(Outcome::Unknown), sent(1));
    check(Some(Outcome::Released), Some(Outcome::Dropped), sent(1));
    check(Some(Outcome::Dropped), Some(Outcome::Released), sent(1));
    check(Some(Outcome::Unknown), Some(Outcome::Cleared), None);
    check(Some(Outcome::Cleared), None, None);
    check(None, None, unknown(1, 1));
}

#[test]
fn the_later_refusal_counts() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |fingerprint, seconds| {
        let mut record = rejected(entry("a", fingerprint, 100));
        if let Record::Rejected { at, .. } = &mut record {
            *at = after(seconds);
        }
        record
    };
    let mut old = state(&folder, "old.db");
    old.append(&[refusal(1, 1)]).unwrap();
    let mut new = state(&folder, "new.db");
    new.append(&[refusal(2, 2)]).unwrap();
    let (old_lines, new_lines) = (exported(&mut old), exported(&mut new));
    new.import(&mut old_lines.as_bytes()).unwrap();
    old.import(&mut new_lines.as_bytes()).unwrap();
    assert_eq!(fates(&mut new, &["a"]), [refused(2)]);
    assert_eq!(fates(&mut old, &["a"]), [refused(2)]);
    new.append(&[Record::Pardoned { keys: vec![key("a")], at: after(3) }]).unwrap();
    old.import(&mut exported(&mut new).as_bytes()).unwrap();
    assert_eq!(fates(&mut old, &["a"]), [None]);
}

#[test]
fn an_export_that_is_not_whole_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut here = state(&folder, "a.db");
    story(&mut here);
    let lines = exported(&mut here);
    let mut there = state(&folder, "b.db");
    let before = exported(&mut there);
    let mut check = |text: &[u8], expected: &str| {
        let error = there.import(&mut &*text).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(exported(&mut there), before);
    };
    check(b"SQLite format 3\0\xff", "line 1 is not text");
    let count = lines.lines().count();
    let without =
        |n: usize| lines.split_inclusive('\n').enumerate().filter(|(at, _)| *at != n).map(|(_, line)| line).collect();
    let cases: [(String, String); 9] = [
        (String::new(), "line 1 is missing: the export was cut short".into()),
        (without(0), "line 1 is not the first of an export".into()),
        (without(2), format!("line {} names other amounts than there are: lines are missing", count - 1)),
        (without(count - 1), format!("line {count} is missing: the export was cut short")),
        (lines.clone() + &lines, format!("line {} follows the end of the export", count + 1)),
        (
            lines.replacen("\"schema_version\":1", "\"schema_version\":2", 1),
            "line 1 is of a version that this program does not know".into(),
        ),
        (
            lines.replacen("\"accepted\"", "\"eaten\"", 1),
            "line 4 holds an outcome that this program does not know".into(),
        ),
        (lines.replacen("[[\"", "[[\"zz", 1), "line 4 holds no keys of events".into()),
        ("event_id,occurred_at\n".into(), "line 1 is not one that fbcapi state export writes".into()),
    ];
    for (text, expected) in cases {
        check(text.as_bytes(), &expected);
    }
    there.append(&[intent(1, 1, &[entry("other", 1, 100)])]).unwrap();
    let error = there.import(&mut lines.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 4 holds other events than the batch of that number in the state");
}

#[test]
fn an_export_holds_no_ids_but_those_of_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = state(&folder, "a.db");
    story(&mut ledger);
    for line in exported(&mut ledger).lines() {
        assert_eq!(line.contains("order-1"), line.contains("\"record\":\"reject\""), "{line}");
        assert!(!line.contains("Purchase") || line.contains("\"record\":\"reject\""), "{line}");
    }
    let damaged = Record::Outcome {
        batch: BatchId { run: RunId("r".into()), number: 3 },
        at: after(1),
        outcome: Outcome::Cleared,
        requests: 1,
        answer: Answer::default(),
    };
    ledger.append(&[damaged]).unwrap();
    ledger.connection.execute("UPDATE outcome SET at = at + 1", ()).unwrap();
    let result = ledger.export(&mut Vec::new(), after(0));
    assert!(matches!(result, Err(ExportError::Ledger(LedgerError::Unusable { .. }))), "{result:?}");
}
