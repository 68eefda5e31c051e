//! What every ledger must do, run against the ledger in Snowflake.

// The names that the suite takes from around it.
use fbcapi::ledger::{
    Answer, BatchId, Disorder, Entry, EventKey, Fate, Fingerprint, Ledger, LedgerError, Outcome, Record, RunId,
};

#[path = "../../../src/ledger/contract.rs"]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod suite;

/// The ledger that the contract is run against here.
mod contract_stores {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use fbcapi::ledger::{Ledger, SnowflakeLedger};

    use super::super::stage::{setting, warehouse};
    use crate::support::fakesnow::Database;

    /// Does something with a fresh ledger, then compares it, the copy that questions are put to, and once more after
    /// opening it again.
    #[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
    pub(super) fn visit(work: &dyn Fn(&mut dyn Ledger), compare: &dyn Fn(&mut dyn Ledger, &str)) {
        static DATABASE: OnceLock<Option<Database>> = OnceLock::new();
        static MADE: AtomicUsize = AtomicUsize::new(1);
        let Some(database) = DATABASE.get_or_init(Database::new) else { return };
        let warehouse = warehouse(database);
        let setting = setting(&MADE.fetch_add(1, Ordering::Relaxed).to_string());
        SnowflakeLedger::make(&warehouse, &setting).unwrap();
        let mut ledger = SnowflakeLedger::open(&warehouse, &setting).unwrap();
        work(&mut ledger);
        compare(&mut ledger, "in Snowflake");
        compare(&mut ledger.copy().unwrap().0, "in the copy");
        ledger.close();
        let mut looked = SnowflakeLedger::open_read_only(&warehouse, &setting).unwrap();
        compare(&mut looked, "in Snowflake, looked at");
        looked.close();
        let mut again = SnowflakeLedger::open(&warehouse, &setting).unwrap();
        compare(&mut again, "in Snowflake, opened again");
        again.close();
    }
}
