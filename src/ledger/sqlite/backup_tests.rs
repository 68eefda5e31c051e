use super::*;
use crate::ledger::contract::{after, entry, intent, key, outcome, sent, started, unknown};
use crate::ledger::{Ledger, Outcome};

/// A state in which the event `a` was sent.
fn state(path: &Path) -> SqliteLedger {
    let mut ledger = SqliteLedger::open(path).unwrap();
    ledger.append(&[started("r", 0), intent(1, 1, &[entry("a", 1, 100)]), outcome(1, Outcome::Accepted)]).unwrap();
    ledger
}

/// The fates of `a` and `b` in a state.
fn fates(path: &Path) -> [Option<crate::ledger::Fate>; 2] {
    let known = SqliteLedger::open_read_only(path).unwrap().load(i64::MIN).unwrap();
    ["a", "b"].map(|id| known.fate(&key(id)))
}

#[test]
fn the_last_two_copies_are_kept_and_only_their_owner_can_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = state(&path);
    let made: Vec<_> = (0..4).map(|second| ledger.back_up(after(second)).unwrap()).collect();
    assert_eq!(SqliteLedger::backups(&path), made[2..]);
    for copy in &made[2..] {
        assert_eq!(fates(copy), [sent(1), None]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // A copy is a state that a run can use.
        SqliteLedger::open(copy).unwrap();
    }
}

#[test]
fn a_copy_takes_the_place_of_a_lost_a_damaged_and_a_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut ledger = state(&path);
    let copy = ledger.back_up(after(0)).unwrap();
    ledger.append(&[intent(2, 2, &[entry("b", 1, 100)])]).unwrap();
    assert!(matches!(SqliteLedger::restore(&path, None, after(1)), Err(LedgerError::Locked { .. })));
    drop(ledger);
    let restored = SqliteLedger::restore(&path, None, after(1)).unwrap();
    assert_eq!((fates(&path), &restored.from), ([sent(1), None], &copy));
    assert_eq!(fates(&restored.replaced.unwrap()), [sent(1), unknown(1, 2)], "what was replaced is kept");
    fs::write(&path, "damaged").unwrap();
    fs::write(beside(&path, "-wal"), "damaged").unwrap();
    let restored = SqliteLedger::restore(&path, Some(&copy), after(2)).unwrap();
    assert_eq!(fates(&path), [sent(1), None]);
    let replaced = restored.replaced.unwrap();
    assert_eq!(fs::read(&replaced).unwrap(), b"damaged");
    assert_eq!(fs::read(beside(&replaced, "-wal")).unwrap(), b"damaged");
    fs::remove_file(&path).unwrap();
    let restored = SqliteLedger::restore(&path, None, after(3)).unwrap();
    assert_eq!((fates(&path), restored.replaced), ([sent(1), None], None));
    SqliteLedger::open(&path).unwrap();
}

#[test]
fn a_copy_that_is_not_sound_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let missing = SqliteLedger::restore(&path, None, after(1)).unwrap_err();
    assert!(missing.to_string().contains("no copy of it is kept"), "{missing}");
    let copy = state(&path).back_up(after(0)).unwrap();
    Connection::open(&copy).unwrap().execute("UPDATE outcome SET outcome = 'cleared'", ()).unwrap();
    let error = SqliteLedger::restore(&path, None, after(1)).unwrap_err();
    assert!(matches!(error, LedgerError::Unusable { .. }), "{error}");
    assert!(SqliteLedger::restore(&path, Some(&folder.path().join("none")), after(1)).is_err());
    assert_eq!(fates(&path), [sent(1), None]);
}

#[test]
fn a_restore_cut_off_anywhere_leaves_a_state_or_one_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let copy = state(&path).back_up(after(0)).unwrap();
    // The copy stands beside the state, which was moved away: the moment in which there is none.
    fs::copy(&copy, beside(&path, RESTORING)).unwrap();
    assert_eq!(fates(&path), [sent(1), None]);
    fs::rename(&path, beside(&path, ".replaced-now")).unwrap();
    for result in [SqliteLedger::open(&path), SqliteLedger::open_read_only(&path)] {
        let error = result.unwrap_err();
        assert!(error.to_string().contains("run fbcapi state restore again"), "{error}");
    }
    SqliteLedger::restore(&path, None, after(1)).unwrap();
    assert_eq!(fates(&path), [sent(1), None]);
    assert!(!beside(&path, RESTORING).exists());
    SqliteLedger::open(&path).unwrap();
}
