//! The ledgers of this machine that the contract is run against.

use super::{Ledger, MemoryLedger, SqliteLedger};

/// Does something with a fresh ledger of each kind, then compares it, and once more after opening it again.
pub(super) fn visit(work: &dyn Fn(&mut dyn Ledger), compare: &dyn Fn(&mut dyn Ledger, &str)) {
    let mut memory = MemoryLedger::default();
    work(&mut memory);
    compare(&mut memory, "in memory");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut sqlite = SqliteLedger::open(&path).unwrap();
    work(&mut sqlite);
    compare(&mut sqlite, "in the file");
    compare(&mut SqliteLedger::open_read_only(&path).unwrap(), "in the file, read while it is open");
    drop(sqlite);
    compare(&mut SqliteLedger::open(&path).unwrap(), "in the file, opened again");
    compare(&mut SqliteLedger::open_read_only(&path).unwrap(), "in the file, read after it was closed");
}
