use std::collections::BTreeSet;
use std::path::Path;

use super::super::tests::limit_pages;
use super::*;
use crate::ledger::Ledger;
use crate::ledger::contract::{entry, intent, started};

/// The names of the files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

/// Makes a state file with a run in it and closes it.
fn make_state(path: &Path) {
    SqliteLedger::open(path).unwrap().append(&[started("r", 0)]).unwrap();
}

/// Spoils a closed state file with SQL; opening it must fail for this reason and change nothing.
fn check_refused(sql: &str, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    make_state(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(connection);
    check_unusable(&path, reason);
}

/// Opening a file must fail for this reason and leave it as it was.
fn check_unusable(path: &Path, reason: &str) {
    let before = fs::read(path).ok();
    for result in [SqliteLedger::open(path), SqliteLedger::open_read_only(path)] {
        let Err(LedgerError::Unusable { why, .. }) = result else { panic!("{reason}: {result:?}") };
        assert!(why.contains(reason), "{why} should say {reason}");
    }
    assert_eq!(fs::read(path).ok(), before);
}

#[cfg(unix)]
#[test]
fn fm_03_a_missing_folder_and_file_are_made_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/s.db");
    let mut ledger = SqliteLedger::open(&path).unwrap();
    ledger.append(&[started("r", 0)]).unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("a"), mode("a/b")], [0o700; 2]);
    for name in names(&folder.path().join("a/b")) {
        assert_eq!(mode(&format!("a/b/{name}")), 0o600, "{name}");
    }
    let expected = ["s.db", "s.db-shm", "s.db-wal", "s.db.lock"].map(String::from);
    assert_eq!(names(&folder.path().join("a/b")), BTreeSet::from(expected));
}

#[test]
fn fm_07_two_runs_cannot_hold_one_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let ledger = SqliteLedger::open(&path).unwrap();
    let result = SqliteLedger::open(&path);
    let Err(LedgerError::Locked { holder, .. }) = result else { panic!("{result:?}") };
    assert!(holder.starts_with(&format!("process {}, started 2", std::process::id())), "{holder}");
    #[cfg(unix)]
    {
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let result = SqliteLedger::open(&link);
        assert!(matches!(result, Err(LedgerError::Locked { .. })), "a link is no second state: {result:?}");
    }
    drop(ledger);
    SqliteLedger::open(&path).unwrap();
}

#[test]
fn fm_05_files_that_are_not_ours_or_not_whole_are_refused() {
    check_refused("PRAGMA application_id = 1", "another program");
    check_refused("DROP TABLE reject", "table reject");
    check_refused("ALTER TABLE outcome ADD COLUMN extra TEXT", "table outcome");
    check_refused(
        "INSERT INTO outcome VALUES (9, 0, 'accepted', 1, 200, NULL, NULL, NULL, 0)",
        "batches that are missing",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    for (content, reason) in [(&b""[..], "empty"), (b"event_id,occurred_at\n", "damaged"), (&[0; 9_000], "damaged")] {
        fs::write(&path, content).unwrap();
        check_unusable(&path, reason);
    }
    fs::remove_file(&path).unwrap();
    fs::write(beside(&path, "-wal"), "x").unwrap();
    check_unusable(&path, "missing");
}

#[test]
fn a_directory_and_a_file_among_the_folders_are_told_as_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let cause = |result: Result<SqliteLedger, LedgerError>| match result {
        Err(error @ LedgerError::Io { .. }) => std::error::Error::source(&error).unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for result in [SqliteLedger::open(&inner), SqliteLedger::open_read_only(&inner)] {
        assert_eq!(cause(result), format!("{} is a directory, not a file", inner.display()));
    }
    for result in [SqliteLedger::open(&file.join("s.db")), SqliteLedger::open_read_only(&file.join("s.db"))] {
        assert_eq!(cause(result), format!("{} is a file, not a folder", file.display()));
    }
    assert_eq!(names(folder.path()), BTreeSet::from(["file".to_owned(), "inner".to_owned()]), "no lock is left");
}

#[test]
fn fm_57_a_file_of_another_version_is_refused() {
    check_refused("PRAGMA user_version = 3", "its version is 3, and this program knows 2 at most");
    check_refused("PRAGMA user_version = 0", "its version 0 never was");
}

#[test]
fn fm_06_a_full_disk_is_found_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    make_state(&path);
    let mut connection = connect(&path).unwrap();
    connection.execute_batch("VACUUM").unwrap();
    limit_pages(&connection, 4);
    let result = try_write(&mut connection).map_err(|failure| failure.at(&path, "written"));
    assert!(matches!(result, Err(LedgerError::Io { verb: "written", .. })), "{result:?}");
    limit_pages(&connection, 100);
    try_write(&mut connection).unwrap();
}

#[test]
fn the_trial_write_leaves_nothing_and_the_file_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut sizes = BTreeSet::new();
    for _ in 0..5 {
        let ledger = SqliteLedger::open(&path).unwrap();
        let tables: i64 = ledger
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", (), |r| r.get(0))
            .unwrap();
        assert_eq!(tables, 5);
        drop(ledger);
        sizes.insert(fs::metadata(&path).unwrap().len());
    }
    assert_eq!(sizes.len(), 1);
}

#[test]
fn writes_are_durable_and_logged_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("s.db")).unwrap();
    let mode: String = ledger.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    let synchronous: i64 = ledger.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    let fullfsync: bool = ledger.connection.pragma_query_value(None, "fullfsync", |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), synchronous, fullfsync), ("wal", 2, true));
}

#[test]
fn a_run_that_was_killed_while_it_made_the_file_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    for leftover in [".new", ".new-journal", ".new-wal"] {
        fs::write(beside(&path, leftover), "half a file").unwrap();
    }
    make_state(&path);
    assert_eq!(names(folder.path()), BTreeSet::from(["s.db".to_owned(), "s.db.lock".to_owned()]));
}

#[test]
fn fm_59_looking_makes_no_file_and_takes_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/s.db");
    let mut ledger = SqliteLedger::open_read_only(&path).unwrap();
    assert!(ledger.is_new().unwrap());
    assert_eq!(ledger.load(i64::MIN).unwrap().sent(), 0);
    assert!(names(folder.path()).is_empty());
    let path = folder.path().join("ä ?#%20.db");
    make_state(&path);
    let before = names(folder.path());
    let ledger = SqliteLedger::open_read_only(&path).unwrap();
    assert!(!ledger.is_new().unwrap());
    assert_eq!(names(folder.path()), before);
    let mut run = SqliteLedger::open(&path).unwrap();
    run.append(&[intent(1, 0, &[entry("a", 1, 100)])]).unwrap();
    let mut ledger = SqliteLedger::open_read_only(&path).unwrap();
    assert!(ledger.load(i64::MIN).unwrap().fate(&entry("a", 1, 100).key).is_some());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_disk_that_is_away_makes_no_new_state() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("s.db");
    std::os::unix::fs::symlink(folder.path().join("away/s.db"), &link).unwrap();
    let error = SqliteLedger::open(&link).unwrap_err();
    assert!(matches!(error, LedgerError::Io { verb: "created", .. }), "{error}");
    assert_eq!(names(folder.path()), BTreeSet::from(["s.db".to_owned()]));
}

#[cfg(unix)]
#[test]
fn a_state_or_lock_that_is_taken_away_ends_the_run_that_writes() {
    for taken in ["s.db", "s.db.lock"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut ledger = SqliteLedger::open(&path).unwrap();
        ledger.append(&[intent(1, 0, &[entry("a", 1, 100)])]).unwrap();
        fs::rename(folder.path().join(taken), folder.path().join("elsewhere")).unwrap();
        let error = ledger.append(&[intent(2, 0, &[entry("b", 1, 100)])]).unwrap_err();
        assert!(error.to_string().contains("was moved, replaced or removed"), "{error}");
    }
}
