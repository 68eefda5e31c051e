//! The ledger in a `SQLite` file: a row for each batch, with its keys in one blob.
//!
//! A row per event would turn every intent into a thousand writes all over a tree; a batch is written as one piece,
//! for the price of the disk's flush. All keys of the window are read at the start of a run.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::known::Known;
use super::lock::Lock;
use super::place::Place;
use super::{Disorder, Ledger, LedgerError, Record, cause};
use crate::crash;

mod backup;
mod exchange;
mod format;
mod history;
mod migration;
mod opening;
mod reading;
mod seals;
mod writing;

pub use self::backup::Restored;

/// A ledger in a `SQLite` file.
#[derive(Debug)]
pub struct SqliteLedger {
    // The connection stands first, so that it is closed before the lock is given back.
    connection: Connection,
    path: PathBuf,
    #[expect(dead_code, reason = "it is held, not read")]
    lock: Option<Lock>,
    /// The files that must stay where they are while a run writes.
    places: Vec<Place>,
}

/// Why a step failed, before it is known which file it was.
#[derive(Debug)]
enum Failure {
    /// `SQLite` said so.
    Sqlite(rusqlite::Error),
    /// The operating system said so.
    Io(io::Error),
    /// The content is not what this program writes.
    Damage(String),
    /// The records were out of order.
    Disorder(Disorder),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// Says which file it was and what was being done.
    fn at(self, path: &Path, verb: &'static str) -> LedgerError {
        let file = path;
        let path = path.display().to_string();
        let source: Box<dyn Error + Send + Sync> = match self {
            Self::Damage(why) => return LedgerError::Unusable { path, why },
            Self::Sqlite(error) if is_damage(&error) => {
                return LedgerError::Unusable { path, why: format!("it is damaged: {error}") };
            }
            Self::Sqlite(error) => Box::new(cause::of_sqlite(file, error)),
            Self::Io(error) => Box::new(cause::of_system(file, error)),
            Self::Disorder(disorder) => Box::new(disorder),
        };
        LedgerError::Io { path, verb, source }
    }
}

/// Whether an error of `SQLite` means that the file's content is wrong, rather than that it cannot be reached.
fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error_code() else { return true };
    matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch | ErrorCode::Unknown)
}

impl Ledger for SqliteLedger {
    fn load(&mut self, since: i64) -> Result<Known, LedgerError> {
        self.read(|transaction| reading::gather(transaction, since))
    }

    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        self.write(|transaction| records.iter().try_for_each(|record| writing::write(transaction, record)))
    }

    fn prune(&mut self, before: i64) -> Result<(), LedgerError> {
        self.tidy(before, before)
    }

    fn tidy(&mut self, events: i64, runs: i64) -> Result<(), LedgerError> {
        self.write(|transaction| {
            let old = "SELECT id FROM batch WHERE last_time < ?1";
            transaction.execute(&format!("DELETE FROM outcome WHERE batch IN ({old})"), [events])?;
            transaction.execute("DELETE FROM batch WHERE last_time < ?1", [events])?;
            crash::point("in_prune");
            transaction.execute(
                "DELETE FROM reject WHERE event_time < ?1 OR id NOT IN (SELECT max(id) FROM reject GROUP BY key)",
                [events],
            )?;
            transaction.execute("DELETE FROM pardon WHERE reject NOT IN (SELECT id FROM reject)", ())?;
            transaction.execute(
                "DELETE FROM run WHERE started < ?1 AND id < (SELECT max(id) FROM run) \
                 AND name NOT IN (SELECT run FROM batch)",
                [runs.saturating_mul(1_000)],
            )?;
            Ok(())
        })
    }

    fn is_new(&self) -> Result<bool, LedgerError> {
        self.connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM run)", (), |row| row.get(0))
            .map_err(|error| Failure::from(error).at(&self.path, "read"))
    }
}

impl SqliteLedger {
    /// Does all of some work durably or nothing of it.
    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>) -> Result<(), LedgerError> {
        let places = &self.places;
        let run = |connection: &mut Connection| {
            if let Some(lost) = places.iter().find(|place| !place.is_kept()) {
                let lost = lost.path().display();
                return Err(Failure::Damage(format!(
                    "{lost} was moved, replaced or removed while this run was using it"
                )));
            }
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        };
        run(&mut self.connection).map_err(|failure: Failure| failure.at(&self.path, "written"))
    }

    /// Reads something as it stands at one moment, whatever another process writes meanwhile.
    fn read<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, LedgerError> {
        let result = self.connection.transaction().map_err(Failure::from).and_then(|transaction| work(&transaction));
        result.map_err(|failure| failure.at(&self.path, "read"))
    }
}

#[cfg(test)]
mod tests;
