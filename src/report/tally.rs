//! The books of a run.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

use crate::event::Reason;
use crate::meta::{KeySet, MatchKey};

/// What became of the rows that a run selected. `selected` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows that the run met.
    pub selected: u64,
    /// Sent by an earlier run.
    pub already_sent: u64,
    /// Taken by Meta in this run.
    pub sent: u64,
    /// Refused, here or by Meta.
    pub rejected: u64,
    /// Older than Meta accepts.
    pub expired: u64,
    /// Left out because the configuration says so.
    pub skipped: u64,
    /// Posted, and nobody knows whether Meta took it.
    pub unknown: u64,
    /// Not yet due.
    pub deferred: u64,
    /// Left to the next run.
    pub pending: u64,
    /// Further rows of an event that was met before.
    pub collapsed: u64,
}

impl Counts {
    /// Whether every selected row came to exactly one end.
    pub fn is_balanced(&self) -> bool {
        let Self { selected, already_sent, sent, rejected, expired, skipped, unknown, deferred, pending, collapsed } =
            *self;
        selected == already_sent + sent + rejected + expired + skipped + unknown + deferred + pending + collapsed
    }

    /// Adds rows to the end they came to, and to `selected`.
    pub fn add(&mut self, end: End, rows: u64) {
        self.selected += rows;
        *self.of(end) += rows;
    }

    /// Moves rows from one end to another, when more is known.
    pub fn shift(&mut self, from: End, to: End, rows: u64) {
        let from = self.of(from);
        *from = from.saturating_sub(rows);
        *self.of(to) += rows;
    }

    /// How many rows came to each end, by the words of the report.
    pub fn ends(&self) -> [(&'static str, u64); 9] {
        let Self { selected: _, already_sent, sent, rejected, expired, skipped, unknown, deferred, pending, collapsed } =
            *self;
        [
            ("sent", sent),
            ("already_sent", already_sent),
            ("rejected", rejected),
            ("expired", expired),
            ("skipped", skipped),
            ("unknown", unknown),
            ("deferred", deferred),
            ("pending", pending),
            ("collapsed", collapsed),
        ]
    }

    fn of(&mut self, end: End) -> &mut u64 {
        match end {
            End::AlreadySent => &mut self.already_sent,
            End::Sent => &mut self.sent,
            End::Rejected => &mut self.rejected,
            End::Expired => &mut self.expired,
            End::Skipped => &mut self.skipped,
            End::Unknown => &mut self.unknown,
            End::Deferred => &mut self.deferred,
            End::Pending => &mut self.pending,
            End::Collapsed => &mut self.collapsed,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { selected, already_sent, sent, rejected, expired, skipped, unknown, deferred, pending, collapsed } =
            other;
        self.selected += selected;
        self.already_sent += already_sent;
        self.sent += sent;
        self.rejected += rejected;
        self.expired += expired;
        self.skipped += skipped;
        self.unknown += unknown;
        self.deferred += deferred;
        self.pending += pending;
        self.collapsed += collapsed;
    }
}

/// The end to which a row came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Sent by an earlier run.
    AlreadySent,
    /// Taken by Meta in this run.
    Sent,
    /// Refused.
    Rejected,
    /// Too old.
    Expired,
    /// Left out on purpose.
    Skipped,
    /// Nobody knows.
    Unknown,
    /// Not yet due.
    Deferred,
    /// Left to the next run.
    Pending,
    /// A further row of an event.
    Collapsed,
}

/// How many names are told apart; what comes beyond is counted together.
const MOST_NAMES: usize = 1_000;

/// Under this name the rows without one are counted, and those of names beyond [`MOST_NAMES`].
const NO_NAME: &str = "(none)";

/// What a run met, by event name and by reason.
#[derive(Debug, Default)]
pub struct Tally {
    names: Vec<(String, Counts)>,
    /// Why rows were not sent, and fields left out.
    pub by_reason: BTreeMap<Reason, u64>,
    /// Rows that differ from what was sent under their key.
    pub changed_after_send: u64,
    /// Groups of rows with one key of which some differ.
    pub differing_copies: u64,
    /// Rejected and expired rows that no earlier run has told about.
    pub news: u64,
}

impl Tally {
    /// The index of an event name.
    pub fn name(&mut self, name: Option<&str>) -> u16 {
        let name = name.unwrap_or(NO_NAME);
        let known = self.names.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            if self.names.len() <= MOST_NAMES {
                let name = if self.names.len() < MOST_NAMES { name } else { NO_NAME };
                self.names.push((name.to_owned(), Counts::default()));
            }
            self.names.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// The counts of a name.
    pub fn counts(&mut self, name: u16) -> &mut Counts {
        let last = self.names.len().saturating_sub(1);
        let index = usize::from(name).min(last);
        if self.names.is_empty() {
            self.names.push((NO_NAME.to_owned(), Counts::default()));
        }
        &mut self.names[index].1
    }

    /// Counts a reason.
    pub fn reason(&mut self, reason: Reason) {
        *self.by_reason.entry(reason).or_default() += 1;
    }

    /// The counts of all names together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for (_, counts) in &self.names {
            total += *counts;
        }
        total
    }

    /// The counts by name.
    pub fn by_event(&self) -> BTreeMap<String, Counts> {
        let mut by_event: BTreeMap<String, Counts> = BTreeMap::new();
        for (name, counts) in &self.names {
            *by_event.entry(name.clone()).or_default() += *counts;
        }
        by_event
    }
}

/// Events by the minute of their time.
#[derive(Debug, Default)]
pub struct Minutes(BTreeMap<i64, u64>);

impl Minutes {
    /// Adds an event of a time in seconds.
    pub fn add(&mut self, time: i64) {
        *self.0.entry(time.div_euclid(60)).or_default() += 1;
    }

    /// The minute of the oldest that is not among others too, in seconds.
    pub fn oldest_beyond(&self, others: &Self) -> Option<i64> {
        let left = self.0.iter().find(|(minute, events)| others.0.get(minute).is_none_or(|gone| gone < events));
        left.map(|(minute, _)| minute * 60)
    }
}

/// What was learnt of the events that Meta took.
#[derive(Debug)]
pub struct Coverage {
    events: u64,
    keys: [u64; MatchKey::ALL.len()],
    /// Events by their age in minutes when they were sent.
    ages: BTreeMap<u32, u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { events: 0, keys: [0; MatchKey::ALL.len()], ages: BTreeMap::new() }
    }
}

impl Coverage {
    /// Counts an event that was sent at an age of some seconds.
    pub fn add(&mut self, keys: KeySet, age_seconds: i64) {
        self.events += 1;
        for (key, count) in MatchKey::ALL.iter().zip(&mut self.keys) {
            *count += u64::from(keys.contains(*key));
        }
        let minutes = u32::try_from(age_seconds.max(0) / 60).unwrap_or(u32::MAX);
        *self.ages.entry(minutes).or_default() += 1;
    }

    /// How many events carry a key, for those that any carries.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = MatchKey::ALL.iter().zip(self.keys).filter(|(_, count)| *count > 0);
        counts.map(|(key, count)| (key.wire(), count)).collect()
    }

    /// The share of events that carry a key, for those that any carries.
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with four digits")]
    pub fn shares(&self) -> BTreeMap<&'static str, f64> {
        let shares = MatchKey::ALL.iter().zip(self.keys).filter(|(_, count)| *count > 0);
        shares.map(|(key, count)| (key.wire(), (count as f64 / self.events as f64 * 1e4).round() / 1e4)).collect()
    }

    /// The age in seconds under which a share of the events was, to the minute above.
    pub fn age_below(&self, percent: u64) -> Option<u64> {
        let rank = (self.events * percent).div_ceil(100).max(1);
        let mut met = 0;
        let minute = self.ages.iter().find(|(_, events)| {
            met += **events;
            met >= rank
        });
        minute.map(|(minute, _)| (u64::from(*minute) + 1) * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_balance_through_every_move() {
        let mut tally = Tally::default();
        let purchase = tally.name(Some("Purchase"));
        let none = tally.name(None);
        assert_eq!(tally.name(Some("Purchase")), purchase);
        tally.counts(purchase).add(End::Pending, 3);
        tally.counts(purchase).shift(End::Pending, End::Sent, 2);
        tally.counts(none).add(End::Rejected, 1);
        let total = tally.total();
        assert_eq!((total.selected, total.sent, total.pending, total.rejected), (4, 2, 1, 1));
        assert!(total.is_balanced());
        assert!(!Counts { selected: 1, ..Counts::default() }.is_balanced());
        assert_eq!(tally.by_event().keys().collect::<Vec<_>>(), ["(none)", "Purchase"]);
    }

    #[test]
    fn the_oldest_event_that_is_left_is_known_to_the_minute() {
        let of = |times: &[i64]| {
            let mut minutes = Minutes::default();
            for time in times {
                minutes.add(*time);
            }
            minutes
        };
        let check = |all: &[i64], gone: &[i64], expected| assert_eq!(of(all).oldest_beyond(&of(gone)), expected);
        check(&[], &[], None);
        check(&[125, 61, 300], &[], Some(60));
        check(&[125, 61, 300], &[61], Some(120));
        check(&[125, 61, 119, 300], &[61, 300], Some(60));
        check(&[125, 61], &[61, 125], None);
        check(&[-1], &[], Some(-60));
    }

    #[test]
    fn names_are_bounded() {
        let mut tally = Tally::default();
        for number in 0..5_000 {
            let name = tally.name(Some(&format!("e{number}")));
            tally.counts(name).add(End::Sent, 1);
        }
        assert_eq!(tally.total().sent, 5_000);
        assert!(tally.by_event().len() <= MOST_NAMES + 1);
    }

    #[test]
    fn ages_and_shares() {
        let mut coverage = Coverage::default();
        for minute in 1..=100 {
            let keys = if minute <= 25 { KeySet::of(&[MatchKey::Em]) } else { KeySet::default() };
            coverage.add(keys, minute * 60);
        }
        assert_eq!(coverage.shares().into_iter().collect::<Vec<_>>(), [("em", 0.25)]);
        assert_eq!([50, 95, 100].map(|percent| coverage.age_below(percent)), [Some(3_060), Some(5_760), Some(6_060)]);
        assert_eq!(Coverage::default().age_below(50), None);
    }
}
