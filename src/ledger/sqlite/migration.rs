//! Brings a state file of an older version to the present one.
//!
//! All of a migration is one transaction, after a copy was made: whatever ends it, the file is of one version or of
//! the other, and whole.

use std::path::Path;

use chrono::Utc;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::Failure;
use super::backup::back_up;
use super::format::{TABLES, VERSION, tables_of};
use crate::crash;

/// Migrates a file that was found whole, under its lock, if it is of an older version.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    let version = version_of(connection)?;
    if version == VERSION {
        return Ok(());
    }
    back_up(connection, path, Utc::now())?;
    crash::point("before_migration");
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    raise(&transaction, version)?;
    crash::point("in_migration");
    transaction.commit()?;
    crash::point("after_migration");
    Ok(())
}

/// Lets a file of an older version be read as one of the present version, without writing to it.
///
/// What the older version did not have is put beside it, in memory and empty.
pub(super) fn pretend(connection: &Connection) -> Result<(), Failure> {
    let version = version_of(connection)?;
    for (_, table) in missing_since(version) {
        connection.execute_batch(&table.replacen("CREATE TABLE", "CREATE TEMP TABLE", 1))?;
    }
    Ok(())
}

/// The version of a file.
pub(super) fn version_of(connection: &Connection) -> Result<i32, Failure> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Writes what the present version has beyond an older one.
fn raise(transaction: &Transaction<'_>, version: i32) -> Result<(), Failure> {
    for (_, table) in missing_since(version) {
        transaction.execute_batch(table)?;
    }
    Ok(transaction.pragma_update(None, "user_version", VERSION)?)
}

/// The tables that a version did not have.
fn missing_since(version: i32) -> &'static [(&'static str, &'static str)] {
    let had = tables_of(version).map_or(TABLES.len(), <[_]>::len);
    TABLES.get(had..).unwrap_or_default()
}

#[cfg(test)]
#[path = "migration_tests.rs"]
mod tests;
