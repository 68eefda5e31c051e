//! What earlier runs left of every event, and which events this run has met.
//!
//! A sent event costs 20 bytes (key and fingerprint in one sorted array), a quarter of a byte for the index into that
//! array and one bit for having been met. Keys are hashes, so equal slices of their range hold about equally many.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};

use super::key_set::KeySet;
use super::{EventKey, Fate, Fingerprint};

/// How many sent events share one entry of the index.
const EVENTS_PER_SLICE: usize = 32;

/// A key and its fingerprint, side by side.
type Slot = [u8; 20];

/// What a run learns of an event when it meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// Neither an earlier run nor this one has met it.
    New,
    /// An earlier run left this, and this run meets it for the first time.
    Known(Fate),
    /// This run has met it before, with this payload.
    Again(Fingerprint),
}

/// What earlier runs left, in 20 bytes for each event that was sent, and which events this run has met.
#[derive(Default)]
pub struct Known {
    sent: Vec<Slot>,
    slices: Vec<usize>,
    slice_bits: u32,
    met: Vec<u64>,
    unknown: HashMap<EventKey, Doubt>,
    rejected: HashMap<EventKey, Refusal>,
    fresh: KeySet,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known")
            .field("sent", &self.sent.len())
            .field("unknown", &self.unknown.len())
            .field("rejected", &self.rejected.len())
            .field("fresh", &self.fresh.len())
            .finish_non_exhaustive()
    }
}

/// An event that was posted and of which nobody knows more.
struct Doubt {
    fingerprint: Fingerprint,
    first_attempt: DateTime<Utc>,
    met: bool,
}

/// An event that was refused.
struct Refusal {
    fingerprint: Fingerprint,
    met: bool,
}

impl Known {
    /// Tells what earlier runs left of an event.
    pub fn fate(&self, key: &EventKey) -> Option<Fate> {
        if let Some((_, fingerprint)) = self.find(key) {
            return Some(Fate::Sent(fingerprint));
        }
        if let Some(Doubt { fingerprint, first_attempt, met: _ }) = self.unknown.get(key) {
            return Some(Fate::Unknown { fingerprint: *fingerprint, first_attempt: *first_attempt });
        }
        self.rejected.get(key).map(|refusal| Fate::Rejected(refusal.fingerprint))
    }

    /// Tells the payload with which an event was last refused, whatever else is known of it.
    pub fn refused(&self, key: &EventKey) -> Option<Fingerprint> {
        self.rejected.get(key).map(|refusal| refusal.fingerprint)
    }

    /// Tells what is known of an event, and remembers that this run has met it with a payload.
    ///
    /// Of an event that an earlier run knew, a second meeting tells the payload of that run.
    pub fn meet(&mut self, key: EventKey, fingerprint: Fingerprint) -> Meeting {
        if let Some((position, sent)) = self.find(&key) {
            let is_first = self.meet_sent(position);
            return if is_first { Meeting::Known(Fate::Sent(sent)) } else { Meeting::Again(sent) };
        }
        if let Some(Doubt { fingerprint, first_attempt, met }) = self.unknown.get_mut(&key) {
            let fate = Fate::Unknown { fingerprint: *fingerprint, first_attempt: *first_attempt };
            return first_time(met, fate, *fingerprint);
        }
        if let Some(Refusal { fingerprint, met }) = self.rejected.get_mut(&key) {
            return first_time(met, Fate::Rejected(*fingerprint), *fingerprint);
        }
        match self.fresh.insert(key, fingerprint) {
            None => Meeting::New,
            Some(met) => Meeting::Again(met),
        }
    }

    /// Takes over the sent events of another, where there are none here.
    pub fn adopt(&mut self, sent: Self) {
        let Self { sent, slices, slice_bits, met, unknown: _, rejected: _, fresh: _ } = sent;
        (self.sent, self.slices, self.slice_bits, self.met) = (sent, slices, slice_bits, met);
    }

    /// How many events earlier runs have sent.
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Every event that was posted and of which nobody knows more, with its first attempt.
    pub fn in_doubt(&self) -> impl Iterator<Item = (EventKey, DateTime<Utc>)> {
        let is_open = |(key, _): &(&EventKey, &Doubt)| self.find(key).is_none();
        self.unknown.iter().filter(is_open).map(|(key, doubt)| (*key, doubt.first_attempt))
    }

    /// Finds a sent event's place in the array.
    fn find(&self, key: &EventKey) -> Option<(usize, Fingerprint)> {
        let slice = self.slice_of(key);
        let start = *self.slices.get(slice)?;
        let end = *self.slices.get(slice + 1)?;
        let wanted = u128::from_be_bytes(key.0);
        let offset = self.sent.get(start..end)?.binary_search_by_key(&wanted, number).ok()?;
        let position = start + offset;
        Some((position, fingerprint_of(self.sent.get(position)?)))
    }

    /// The slice of the index that a key belongs to: its leading bits.
    fn slice_of(&self, key: &EventKey) -> usize {
        let leading = u128::from_be_bytes(key.0).checked_shr(128 - self.slice_bits).unwrap_or(0);
        usize::try_from(leading).unwrap_or(usize::MAX - 1)
    }

    /// Marks a sent event as met; tells whether this is the first time.
    fn meet_sent(&mut self, position: usize) -> bool {
        let bit = 1_u64 << (position % 64);
        let Some(word) = self.met.get_mut(position / 64) else { return true };
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    }

    /// Builds the index over the sorted array.
    fn index(&mut self) {
        self.slice_bits = (self.sent.len() / EVENTS_PER_SLICE).max(1).ilog2();
        let count = 1_usize << self.slice_bits;
        let mut slices = Vec::with_capacity(count + 1);
        for (position, slot) in self.sent.iter().enumerate() {
            let slice = self.slice_of(&key_of(slot));
            while slices.len() <= slice {
                slices.push(position);
            }
        }
        slices.resize(count + 1, self.sent.len());
        self.slices = slices;
        self.met = vec![0; self.sent.len().div_ceil(64)];
    }
}

/// Marks an event of one of the maps as met.
fn first_time(met: &mut bool, fate: Fate, fingerprint: Fingerprint) -> Meeting {
    if std::mem::replace(met, true) { Meeting::Again(fingerprint) } else { Meeting::Known(fate) }
}

/// The key of a slot as a number, which sorts as the bytes do.
fn number(slot: &Slot) -> u128 {
    u128::from_be_bytes(key_of(slot).0)
}

/// The key of a slot.
fn key_of(slot: &Slot) -> EventKey {
    let [key @ .., _, _, _, _] = *slot;
    EventKey(key)
}

/// The fingerprint of a slot.
fn fingerprint_of(slot: &Slot) -> Fingerprint {
    let [.., a, b, c, d] = *slot;
    Fingerprint(u32::from_be_bytes([a, b, c, d]))
}

/// Collects what a ledger holds, and makes a [`Known`] of it.
///
/// A ledger hands over its batches oldest first. When [`Gathering::sort`] says that some events were sent with different
/// payloads, it hands every sent event to [`Gathering::settle`] again, in the same order: the array is too large to
/// be sorted in a way that keeps the order of equal keys.
#[derive(Default)]
pub(super) struct Gathering {
    known: Known,
    contested: HashMap<EventKey, Fingerprint>,
}

impl Gathering {
    /// Starts with room for so many sent events.
    pub(super) fn with_room_for(sent: usize) -> Self {
        let mut gathering = Self::default();
        gathering.known.sent.reserve_exact(sent);
        gathering
    }

    /// Adds an event that was sent.
    pub(super) fn sent(&mut self, key: EventKey, fingerprint: Fingerprint) {
        let mut slot = [0; 20];
        let (key_bytes, fingerprint_bytes) = slot.split_at_mut(16);
        key_bytes.copy_from_slice(&key.0);
        fingerprint_bytes.copy_from_slice(&fingerprint.0.to_be_bytes());
        self.known.sent.push(slot);
    }

    /// Adds an event whose outcome is unknown: the latest payload and the earliest attempt count.
    pub(super) fn unknown(&mut self, key: EventKey, fingerprint: Fingerprint, at: DateTime<Utc>) {
        let doubt = self.known.unknown.entry(key).or_insert(Doubt { fingerprint, first_attempt: at, met: false });
        doubt.fingerprint = fingerprint;
        doubt.first_attempt = doubt.first_attempt.min(at);
    }

    /// Adds an event that was refused.
    pub(super) fn rejected(&mut self, key: EventKey, fingerprint: Fingerprint) {
        self.known.rejected.insert(key, Refusal { fingerprint, met: false });
    }

    /// Takes back the refusals of an event that were shown so far.
    pub(super) fn pardoned(&mut self, key: EventKey) {
        self.known.rejected.remove(&key);
    }

    /// Sorts the sent events; tells whether [`Gathering::settle`] must see them again.
    pub(super) fn sort(&mut self) -> bool {
        self.known.sent.sort_unstable();
        self.known.sent.dedup();
        for pair in self.known.sent.windows(2) {
            let [first, second] = pair else { continue };
            if number(first) == number(second) {
                self.contested.insert(key_of(first), fingerprint_of(first));
            }
        }
        !self.contested.is_empty()
    }

    /// Shows a sent event once more; the last payload shown counts.
    pub(super) fn settle(&mut self, key: EventKey, fingerprint: Fingerprint) {
        if let Some(contested) = self.contested.get_mut(&key) {
            *contested = fingerprint;
        }
    }

    /// Makes the [`Known`].
    pub(super) fn finish(self) -> Known {
        let Self { mut known, contested } = self;
        known.sent.retain(|slot| contested.get(&key_of(slot)).is_none_or(|last| *last == fingerprint_of(slot)));
        known.index();
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> EventKey {
        EventKey::new("1", "Purchase", &number.to_string())
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn gather(sent: &[(EventKey, u32)]) -> Known {
        let mut gathering = Gathering::with_room_for(sent.len());
        for (key, fingerprint) in sent {
            gathering.sent(*key, Fingerprint(*fingerprint));
        }
        if gathering.sort() {
            for (key, fingerprint) in sent {
                gathering.settle(*key, Fingerprint(*fingerprint));
            }
        }
        gathering.finish()
    }

    #[test]
    fn every_sent_key_is_found_and_no_other() {
        for count in [0, 1, 2, 31, 32, 33, 64, 100, 5_000] {
            let sent: Vec<_> = (0..count).map(|n| (key(n), n)).collect();
            let known = gather(&sent);
            for (key, fingerprint) in &sent {
                assert_eq!(known.fate(key), Some(Fate::Sent(Fingerprint(*fingerprint))), "{count} keys");
            }
            for n in count..count + 5_000 {
                assert_eq!(known.fate(&key(n)), None, "{count} keys");
            }
        }
    }

    #[test]
    fn keys_that_crowd_together_are_found_too() {
        for fill in [0, 0xff] {
            let mut sent = Vec::new();
            for n in 0..1_000_u16 {
                let mut bytes = [fill; 16];
                bytes[14..].copy_from_slice(&n.to_be_bytes());
                sent.push((EventKey(bytes), u32::from(n)));
            }
            let known = gather(&sent);
            for (key, fingerprint) in &sent {
                assert_eq!(known.fate(key), Some(Fate::Sent(Fingerprint(*fingerprint))));
            }
            assert_eq!(known.fate(&EventKey([7; 16])), None);
        }
    }

    #[test]
    fn the_last_payload_sent_counts() {
        for last in [3, 4, 9] {
            let known = gather(&[(key(1), 9), (key(2), 5), (key(1), 3), (key(1), 9), (key(1), 4), (key(1), last)]);
            assert_eq!(known.fate(&key(1)), Some(Fate::Sent(Fingerprint(last))));
            assert_eq!(known.fate(&key(2)), Some(Fate::Sent(Fingerprint(5))));
            assert_eq!(known.sent(), 2);
        }
    }

    #[test]
    fn each_event_is_met_once() {
        let doubt = Fate::Unknown { fingerprint: Fingerprint(2), first_attempt: at(5) };
        let mut gathering = Gathering::with_room_for(1);
        gathering.sent(key(1), Fingerprint(1));
        gathering.unknown(key(2), Fingerprint(9), at(5));
        gathering.unknown(key(2), Fingerprint(2), at(8));
        gathering.rejected(key(3), Fingerprint(3));
        assert!(!gathering.sort());
        let mut known = gathering.finish();
        let expected = [
            Meeting::Known(Fate::Sent(Fingerprint(1))),
            Meeting::Known(doubt),
            Meeting::Known(Fate::Rejected(Fingerprint(3))),
            Meeting::New,
        ];
        for (n, meeting) in (1..).zip(expected) {
            assert_eq!(known.meet(key(n), Fingerprint(n)), meeting);
            for _ in 0..2 {
                assert_eq!(known.meet(key(n), Fingerprint(99)), Meeting::Again(Fingerprint(n)));
            }
        }
        assert_eq!(known.fate(&key(4)), None, "an event of this run has no earlier fate");
    }

    #[test]
    fn every_one_of_many_sent_events_is_met_once() {
        let sent: Vec<_> = (0..1_000).map(|n| (key(n), n)).collect();
        let mut known = gather(&sent);
        for (key, fingerprint) in &sent {
            assert_eq!(known.meet(*key, Fingerprint(0)), Meeting::Known(Fate::Sent(Fingerprint(*fingerprint))));
        }
        for (key, fingerprint) in &sent {
            assert_eq!(known.meet(*key, Fingerprint(0)), Meeting::Again(Fingerprint(*fingerprint)));
        }
    }
}
