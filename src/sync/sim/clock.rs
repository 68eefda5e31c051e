//! The clock of the machine on which the program runs, which may be wrong and may jump.
//!
//! A run takes its clock as a plain function, so the clock of a simulation is the thread's. It goes with the paused
//! time of the runtime: a wait of ten minutes takes no time and moves the clock by ten minutes.

use std::cell::Cell;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

thread_local! {
    static CLOCK: Cell<Clock> = const { Cell::new(Clock { millis: 0, skew: 0, since: None }) };
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    /// The true time when the runtime began.
    millis: i64,
    /// How far the clock is ahead.
    skew: i64,
    /// When the runtime began.
    since: Option<Instant>,
}

/// Sets the true time, outside of a runtime.
pub(super) fn set(second: i64) {
    CLOCK.set(Clock { millis: second * 1_000, skew: 0, since: None });
}

/// Says that a runtime has begun: its time moves the clock.
pub(super) fn begin() {
    CLOCK.set(Clock { since: Some(Instant::now()), ..CLOCK.get() });
}

/// Says that the runtime is about to end.
pub(super) fn end() {
    CLOCK.set(Clock { millis: millis(), since: None, ..CLOCK.get() });
}

/// Lets time pass between two runtimes.
pub(super) fn pass(seconds: i64) {
    let clock = CLOCK.get();
    CLOCK.set(Clock { millis: clock.millis + seconds * 1_000, ..clock });
}

/// Puts the clock wrong by so many seconds.
pub(super) fn put_wrong(seconds: i64) {
    CLOCK.set(Clock { skew: seconds * 1_000, ..CLOCK.get() });
}

fn millis() -> i64 {
    let clock = CLOCK.get();
    let passed = clock.since.map_or(0, |since| since.elapsed().as_millis());
    clock.millis + i64::try_from(passed).unwrap_or_default()
}

/// The true time in seconds.
pub(super) fn truth() -> i64 {
    millis().div_euclid(1_000)
}

/// What the clock of the machine shows.
pub(super) fn shown() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis() + CLOCK.get().skew).unwrap_or_default()
}
