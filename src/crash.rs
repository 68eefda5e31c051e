//! Points at which a test lets the program die in the middle of its work, and the times that it makes shorter.
//!
//! Only debug builds have them: the program that is tested is the one that `cargo test` builds anyway, and a release
//! has neither the points nor the variables.

use crate::ledger::snowflake::Terms;

/// Dies here when `CRASH_AT` in the environment names this point and how many times it was passed, as `after_intent:3`.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("CRASH_AT") else { return };
    let Some((point, times)) = wanted.split_once(':') else { return };
    if point == name && times.parse() == Ok(PASSED.fetch_add(1, Ordering::SeqCst) + 1) {
        std::process::abort();
    }
}

/// How long a lease in Snowflake is held: so many milliseconds as `LEASE_MILLIS` in the environment says.
#[cfg(debug_assertions)]
pub(crate) fn terms() -> Terms {
    let millis = std::env::var("LEASE_MILLIS").ok().and_then(|millis| millis.parse().ok());
    millis.map_or(Terms::STANDARD, |millis| Terms::of(std::time::Duration::from_millis(millis)))
}

/// How long a lease in Snowflake is held.
#[cfg(not(debug_assertions))]
pub(crate) fn terms() -> Terms {
    Terms::STANDARD
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_name: &str) {}
