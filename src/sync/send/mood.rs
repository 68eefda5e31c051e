//! What the answers so far say about the run as a whole: when it is no use to go on.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::deliver::PartFate;
use crate::meta::answer::{Stop, Verdict};

/// So many refused events do not yet say that the configuration is wrong.
const REFUSALS_TO_DOUBT: u64 = 20;

/// After so many parts given up in a row the rest is left to the next run.
const MOST_GIVEN_UP: u64 = 3;

/// What the answers so far say about the run as a whole.
#[derive(Debug, Default)]
pub(in crate::sync) struct Mood {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Parts given up one after another.
    given_up: AtomicU64,
}

impl Mood {
    /// Takes in what became of a part; tells when it is no use to go on.
    pub(super) fn take_in(&self, fate: PartFate, events: usize, last: Option<Verdict>) -> Option<Stop> {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        match fate {
            PartFate::Accepted => {
                self.accepted.fetch_add(events, Ordering::Relaxed);
                self.given_up.store(0, Ordering::Relaxed);
                None
            }
            PartFate::Rejected => {
                let refused = self.refused.fetch_add(events, Ordering::Relaxed) + events;
                let is_most = refused > REFUSALS_TO_DOUBT && refused > self.accepted.load(Ordering::Relaxed);
                is_most.then_some(Stop::MostRefused)
            }
            PartFate::Pending | PartFate::Unknown => {
                let stop = match last? {
                    Verdict::Retry(_) => Stop::Unreachable,
                    Verdict::Throttled(_) => Stop::LongWait,
                    Verdict::Unclear => Stop::Unclear,
                    Verdict::Unfamiliar => Stop::Unexpected,
                    Verdict::Accepted | Verdict::Refused(_) | Verdict::TooLarge | Verdict::Stop(_) => return None,
                };
                let given_up = self.given_up.fetch_add(1, Ordering::Relaxed) + 1;
                (given_up >= MOST_GIVEN_UP).then_some(stop)
            }
            PartFate::Divided => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::answer::Delivery;

    /// Tells after how many parts of one kind a run is stopped, if it is within a hundred.
    fn stopped_after(mood: &Mood, fate: PartFate, last: Verdict) -> Option<(usize, Stop)> {
        (1..=100).find_map(|parts| mood.take_in(fate, 1, Some(last)).map(|stop| (parts, stop)))
    }

    #[test]
    fn fm_41_a_run_stops_when_most_of_what_was_tried_was_refused() {
        let check = |accepted, expected| {
            let mood = Mood::default();
            assert_eq!(mood.take_in(PartFate::Accepted, accepted, Some(Verdict::Accepted)), None);
            let stopped = stopped_after(&mood, PartFate::Rejected, Verdict::Refused(None));
            assert_eq!(stopped, expected, "after {accepted} accepted");
        };
        check(0, Some((21, Stop::MostRefused)));
        check(20, Some((21, Stop::MostRefused)));
        check(50, Some((51, Stop::MostRefused)));
        check(1_000, None);
    }

    #[test]
    fn a_run_stops_when_one_part_after_another_is_given_up() {
        let check = |fate, last, expected: Option<Stop>| {
            assert_eq!(stopped_after(&Mood::default(), fate, last), expected.map(|stop| (3, stop)), "{last:?}");
        };
        check(PartFate::Pending, Verdict::Retry(Delivery::Excluded), Some(Stop::Unreachable));
        check(PartFate::Unknown, Verdict::Retry(Delivery::Possible), Some(Stop::Unreachable));
        check(PartFate::Pending, Verdict::Throttled(None), Some(Stop::LongWait));
        check(PartFate::Unknown, Verdict::Unclear, Some(Stop::Unclear));
        check(PartFate::Pending, Verdict::Unfamiliar, Some(Stop::Unexpected));
        check(PartFate::Pending, Verdict::Stop(Stop::Token), None);
        let mood = Mood::default();
        for _ in 0..50 {
            assert_eq!(mood.take_in(PartFate::Unknown, 1, Some(Verdict::Unclear)), None);
            assert_eq!(mood.take_in(PartFate::Unknown, 1, Some(Verdict::Unclear)), None);
            assert_eq!(mood.take_in(PartFate::Accepted, 1, Some(Verdict::Accepted)), None);
        }
    }
}
