//! Copies of a state file: made before it is changed as a whole, and put back when it is lost or damaged.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::opening::{look, remove_leftovers, settle};
use super::{Failure, SqliteLedger};
use crate::ledger::LedgerError;
use crate::ledger::lock::{Lock, beside, private};

/// Stands in the name of a copy, before the time at which it was made.
const BACKUP: &str = ".backup-";

/// Stands in the name of a state that was replaced by a copy.
const REPLACED: &str = ".replaced-";

/// Stands in the name of a copy that is about to become the state.
pub(super) const RESTORING: &str = ".restoring";

/// So many copies are kept.
const KEPT: usize = 2;

/// What putting back a copy did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The copy.
    pub from: PathBuf,
    /// Where the state that was replaced is now, if there was one.
    pub replaced: Option<PathBuf>,
}

impl SqliteLedger {
    /// Makes a copy of the state beside it and keeps the last two of them.
    pub fn back_up(&mut self, now: DateTime<Utc>) -> Result<PathBuf, LedgerError> {
        back_up(&self.connection, &self.path, now).map_err(|failure| failure.at(&self.path, "copied"))
    }

    /// The copies that are kept of a state, oldest first.
    pub fn backups(path: &Path) -> Vec<PathBuf> {
        backups(path).unwrap_or_default()
    }

    /// Puts a copy in the place of the state: the one that is named, or the newest that is kept.
    ///
    /// The copy is read to its end first; the state that it replaces is kept under another name. Whatever cuts this
    /// off leaves the one or the other in place, or a state that is refused until this is done again.
    pub fn restore(path: &Path, from: Option<&Path>, now: DateTime<Utc>) -> Result<Restored, LedgerError> {
        let path = settle(path).map_err(|source| Failure::from(source).at(path, "restored"))?;
        let _lock = Lock::take(&path, now)?;
        let from = match from {
            Some(from) => from.to_owned(),
            None => backups(&path)
                .ok()
                .and_then(|mut kept| kept.pop())
                .ok_or_else(|| Failure::Damage("no copy of it is kept; name one".into()).at(&path, "restored"))?,
        };
        if !from.is_file() {
            return Err(Failure::Io(io::ErrorKind::NotFound.into()).at(&from, "read"));
        }
        // Reading everything checks every seal.
        SqliteLedger::open_read_only(&from)?.counts()?;
        let result = put_back(&path, &from, now);
        let replaced = result.map_err(|failure| failure.at(&path, "restored"))?;
        Ok(Restored { from, replaced })
    }
}

/// Copies a state file beside it, and removes the oldest copies but two.
pub(super) fn back_up(connection: &Connection, path: &Path, now: DateTime<Utc>) -> Result<PathBuf, Failure> {
    let copy = beside(path, &format!("{BACKUP}{}", stamp(now)));
    let unfinished = beside(path, ".backup");
    copy_into(connection, &unfinished)?;
    fs::rename(&unfinished, &copy)?;
    sync_folder(path)?;
    let kept = backups(path)?;
    for old in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        fs::remove_file(old)?;
    }
    Ok(copy)
}

/// Writes all that a connection sees into a new file, durably and as a run wants it.
fn copy_into(connection: &Connection, file: &Path) -> Result<(), Failure> {
    remove_leftovers(file)?;
    let name = file.to_str().ok_or(Failure::Io(io::ErrorKind::InvalidFilename.into()))?;
    // SQLite writes into an empty file that is there, which is how it gets its mode.
    // Source: SQLite, VACUUM with an INTO clause.
    drop(private().create_new(true).open(file)?);
    connection.execute("VACUUM main INTO ?1", [name])?;
    let copy = Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.pragma_update(None, "journal_mode", "WAL")?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(File::open(file)?.sync_all()?)
}

/// Replaces the state by a copy that is sound; gives the name under which the state is kept.
fn put_back(path: &Path, from: &Path, now: DateTime<Utc>) -> Result<Option<PathBuf>, Failure> {
    let unfinished = beside(path, ".restore");
    copy_into(&look(from)?, &unfinished)?;
    // From here on a state that is missing is refused and not made anew.
    let restoring = beside(path, RESTORING);
    fs::rename(&unfinished, &restoring)?;
    sync_folder(path)?;
    let replaced = beside(path, &format!("{REPLACED}{}", stamp(now)));
    let mut has_replaced = false;
    for ending in ["", "-wal"] {
        match fs::rename(beside(path, ending), beside(&replaced, ending)) {
            Ok(()) => has_replaced = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    match fs::remove_file(beside(path, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    sync_folder(path)?;
    fs::rename(&restoring, path)?;
    sync_folder(path)?;
    Ok(has_replaced.then_some(replaced))
}

/// The copies that are kept of a state, oldest first: their names sort as their times do.
fn backups(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    let start = format!("{}{BACKUP}", name.to_string_lossy());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let time = name.to_str().and_then(|name| name.strip_prefix(&start));
        // What SQLite may leave beside a copy is none.
        if time.is_some_and(|time| time.ends_with('Z')) {
            found.push(file.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A time in a file's name.
fn stamp(now: DateTime<Utc>) -> String {
    now.format("%Y%m%dT%H%M%S.%6fZ").to_string()
}

/// Makes the names in a file's folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
