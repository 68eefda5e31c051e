//! For how long Meta accepts an event.

use chrono::Duration;

use super::action_source::ActionSource;

/// How old an event may be. Source: Conversions API, server event parameters, `event_time`.
const ACCEPTED: Duration = Duration::days(7);

/// How old an event in a physical store may be. Source: Conversions API for offline events.
const ACCEPTED_IN_STORE: Duration = Duration::days(62);

/// Meta measures the age on arrival, so what expires while it is queued and retried counts as expired before.
const MARGIN: Duration = Duration::minutes(10);

/// How far ahead a clock may be. Meta documents no bound; its answer 2804004 was seen for times in the future.
const SKEW: Duration = Duration::minutes(5);

/// Events that expire so soon ride in batches of their own.
const URGENT: Duration = Duration::hours(1);

/// Whether an event can be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeliness {
    /// It can.
    Due,
    /// It can, but not for much longer.
    Urgent,
    /// Meta no longer accepts it.
    Expired,
    /// Its time is a little ahead of the clock: a later run sends it.
    NotYetDue,
    /// Its time is too far ahead for a clock that is wrong.
    InFuture,
}

/// The first second that is not yet expired for events from `source`.
pub fn oldest_accepted(source: ActionSource, now: i64) -> i64 {
    let accepted = if source == ActionSource::PhysicalStore { ACCEPTED_IN_STORE } else { ACCEPTED };
    now - (accepted - MARGIN).num_seconds()
}

/// Judges an event's time (seconds since 1970) against the clock.
pub fn judge(event_time: i64, source: ActionSource, now: i64) -> Timeliness {
    let oldest = oldest_accepted(source, now);
    if event_time < oldest {
        Timeliness::Expired
    } else if event_time < oldest + URGENT.num_seconds() {
        Timeliness::Urgent
    } else if event_time <= now {
        Timeliness::Due
    } else if event_time <= now + SKEW.num_seconds() {
        Timeliness::NotYetDue
    } else {
        Timeliness::InFuture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_764_000_000;
    const MINUTE: i64 = 60;
    const DAY: i64 = 86_400;

    fn check(age: i64, source: ActionSource, expected: Timeliness) {
        assert_eq!(judge(NOW - age, source, NOW), expected, "age {age} s, {source:?}");
    }

    #[test]
    fn fm_26_windows() {
        let other = ActionSource::SystemGenerated;
        let store = ActionSource::PhysicalStore;
        check(0, other, Timeliness::Due);
        check(6 * DAY, other, Timeliness::Due);
        check(7 * DAY - 71 * MINUTE, other, Timeliness::Due);
        check(7 * DAY - 69 * MINUTE, other, Timeliness::Urgent);
        check(7 * DAY - 10 * MINUTE, other, Timeliness::Urgent);
        check(7 * DAY - 10 * MINUTE + 1, other, Timeliness::Expired);
        check(8 * DAY, store, Timeliness::Due);
        check(62 * DAY - 9 * MINUTE, store, Timeliness::Expired);
        check(-1, other, Timeliness::NotYetDue);
        check(-5 * MINUTE, other, Timeliness::NotYetDue);
        check(-5 * MINUTE - 1, other, Timeliness::InFuture);
    }
}
