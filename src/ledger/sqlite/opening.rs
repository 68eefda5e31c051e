//! Opens a state file, or makes a new one, and refuses every file that is not surely ours and whole.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::backup::RESTORING;
use super::format::{APPLICATION_ID, TABLES, VERSION, tables_of};
use super::migration::{migrate, pretend, version_of};
use super::{Failure, SqliteLedger};
use crate::ledger::LedgerError;
use crate::ledger::ground::Ground;
use crate::ledger::lock::{Lock, beside, private};
use crate::ledger::place::Place;

/// How long a write waits for another program that looks at the file.
const BUSY: Duration = Duration::from_secs(2);

/// How much the trial write at opening writes: more than the intent of a full batch (24,000 bytes).
const TRIAL_BYTES: i64 = 64 * 1024;

impl SqliteLedger {
    /// Opens the state file for a run, or makes one, and holds its lock until dropped.
    ///
    /// A folder that is missing is made for its owner only, and so is the file. Something is written, so that a disk
    /// that is full or read-only is found before any event is posted. A file that is damaged, foreign or of a newer
    /// version is left as it is; one of an older version is brought to the present one, after a copy was made.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let path = settle(path).map_err(|source| Failure::from(source).at(path, "created"))?;
        if let Ground::Network(kind) = Ground::of(&path) {
            let why = format!("it would lie on a network file system ({kind}), where locks cannot be trusted");
            return Err(LedgerError::Unusable { path: path.display().to_string(), why });
        }
        let lock = Lock::take(&path, Utc::now())?;
        if needs_making(&path).map_err(|failure| failure.at(&path, "read"))? {
            make(&path).map_err(|failure| failure.at(&path, "created"))?;
        }
        let mut connection = connect(&path).map_err(|failure| failure.at(&path, "read"))?;
        try_write(&mut connection).map_err(|failure| failure.at(&path, "written"))?;
        migrate(&mut connection, &path).map_err(|failure| failure.at(&path, "migrated"))?;
        let place = |path: &Path| Place::of(path).map_err(|source| Failure::from(source).at(path, "read"));
        let places = vec![place(&path)?, place(&beside(&path, ".lock"))?];
        Ok(Self { connection, path, lock: Some(lock), places })
    }

    /// Makes an empty state that lasts as long as its value, to put questions to what was read elsewhere.
    pub fn in_memory() -> Result<Self, LedgerError> {
        let path = PathBuf::from("memory");
        let connection = in_memory().map_err(|failure| failure.at(&path, "created"))?;
        Ok(Self { connection, path, lock: None, places: Vec::new() })
    }

    /// Opens the state file to look at it. Takes no lock, writes nothing and makes no file; without one, nothing is
    /// known.
    pub fn open_read_only(path: &Path) -> Result<Self, LedgerError> {
        let connection = look(path).map_err(|failure| failure.at(path, "read"))?;
        Ok(Self { connection, path: path.to_owned(), lock: None, places: Vec::new() })
    }
}

/// Makes the folder, and follows links, so that one file has one lock.
pub(super) fn settle(path: &Path) -> io::Result<PathBuf> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link && !path.exists() {
        // A disk that is not mounted: a new state there would send everything again.
        return Err(io::Error::new(io::ErrorKind::NotFound, "it is a link that leads nowhere"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let path = fs::canonicalize(folder)?.join(name);
    if path.exists() { fs::canonicalize(path) } else { Ok(path) }
}

/// Makes an empty state in memory.
fn in_memory() -> Result<Connection, Failure> {
    let connection = Connection::open_in_memory()?;
    lay_out(&connection)?;
    Ok(connection)
}

/// Whether there is no state yet. A file is made whole or not at all, so an empty one has lost its content.
fn needs_making(path: &Path) -> Result<bool, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Failure::Io(io::ErrorKind::IsADirectory.into())),
        Ok(metadata) if metadata.len() == 0 => Err(Failure::Damage("it is empty".into())),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if beside(path, "-wal").exists() {
                return Err(Failure::Damage("it is missing, but its -wal file is there".into()));
            }
            if beside(path, RESTORING).exists() {
                return Err(Failure::Damage("it was being restored: run fbcapi state restore again".into()));
            }
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty state file under another name, and gives it its own once it is whole and durable.
fn make(path: &Path) -> Result<(), Failure> {
    let unfinished = beside(path, ".new");
    remove_leftovers(&unfinished)?;
    drop(private().create_new(true).open(&unfinished)?);
    let connection = Connection::open_with_flags(&unfinished, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    lay_out(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes what a process that was killed has left of a file that it was making.
pub(super) fn remove_leftovers(unfinished: &Path) -> Result<(), Failure> {
    for ending in ["", "-journal", "-wal", "-shm"] {
        match fs::remove_file(beside(unfinished, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Writes the empty tables and the marks of the file in one transaction.
fn lay_out(connection: &Connection) -> Result<(), Failure> {
    let mut script = format!("BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
    for (_, table) in TABLES {
        script.push_str(table);
        script.push(';');
    }
    script.push_str("COMMIT;");
    Ok(connection.execute_batch(&script)?)
}

/// Connects to a state file for writing.
fn connect(path: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an fsync leaves the data in the drive's cache; on other systems this changes nothing.
    // Source: SQLite, pragma fullfsync.
    connection.pragma_update(None, "fullfsync", true)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(Failure::Damage("writes to it would not be durable".into()));
    }
    Ok(connection)
}

/// Connects to a state file for reading only.
///
/// A file without a `-wal` beside it is whole in itself; it is opened as immutable because `SQLite` would make a `-shm`
/// otherwise.
pub(super) fn look(path: &Path) -> Result<Connection, Failure> {
    let has_log = beside(path, "-wal").exists();
    if needs_making(path)? {
        let connection = in_memory()?;
        connection.pragma_update(None, "query_only", true)?;
        return Ok(connection);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            _ => {
                uri.push('%');
                uri.push_str(&hex::encode([*byte]));
            }
        }
    }
    uri.push_str(if has_log { "" } else { "?immutable=1" });
    let connection = Connection::open_with_flags(uri, flags)?;
    prepare(&connection)?;
    pretend(&connection)?;
    Ok(connection)
}

/// Checks that a file is ours and whole, before anything is written to it.
fn prepare(connection: &Connection) -> Result<(), Failure> {
    connection.busy_timeout(BUSY)?;
    // What a query sorts must not be written to a file elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Failure::Damage("it is a database of another program".into()));
    }
    let version = version_of(connection)?;
    if version > VERSION {
        return Err(Failure::Damage(format!("its version is {version}, and this program knows {VERSION} at most")));
    }
    let Some(tables) = tables_of(version) else {
        return Err(Failure::Damage(format!("its version {version} never was")));
    };
    for (name, expected) in tables {
        let query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND sql = ?2";
        let count: i64 = connection.query_row(query, (name, expected), |row| row.get(0))?;
        if count != 1 {
            return Err(Failure::Damage(format!("its table {name} is not as it was made")));
        }
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Failure::Damage("it is damaged".into()));
    }
    let query = "SELECT count(*) FROM outcome WHERE batch NOT IN (SELECT id FROM batch)";
    let orphans: i64 = connection.query_row(query, (), |row| row.get(0))?;
    if orphans != 0 {
        return Err(Failure::Damage("it holds outcomes of batches that are missing".into()));
    }
    Ok(())
}

/// Writes about as much as an intent needs, durably, and takes it back.
fn try_write(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // A run that was killed here has left its table.
    transaction.execute_batch("DROP TABLE IF EXISTS trial")?;
    transaction.execute_batch(&format!("CREATE TABLE trial AS SELECT zeroblob({TRIAL_BYTES}) AS bytes"))?;
    transaction.commit()?;
    Ok(connection.execute_batch("DROP TABLE trial")?)
}

#[cfg(test)]
#[path = "opening_tests.rs"]
mod tests;
