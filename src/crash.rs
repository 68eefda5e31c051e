//! Points at which a test lets the program die in the middle of its work.
//!
//! Only debug builds have them: the program that is tested is the one that `cargo test` builds anyway, and a release
//! has neither the points nor the variable.

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

/// Does nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_name: &str) {}
