//! Events gathered for one request.

use std::ops::Range;

use chrono::{DateTime, Utc};

use crate::ledger::Entry;
use crate::meta::KeySet;

/// Meta takes at most so many events in one request. Source: Conversions API, using the API.
pub const MOST_EVENTS: usize = 1_000;

/// Meta documents no bound of a request's size; this one keeps a request well under what proxies take.
pub const MOST_BYTES: usize = 4 << 20;

/// Whether an earlier run posted an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// No run did.
    First,
    /// One did, and it is posted again whenever it is.
    Anytime,
    /// One did, and it is posted again before this instant or not at all.
    Until(DateTime<Utc>),
}

impl Repeat {
    /// Whether it may still be posted.
    pub fn is_in_time(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::First | Self::Anytime => true,
            Self::Until(end) => now < end,
        }
    }
}

/// One event of a batch.
#[derive(Debug, Clone)]
pub struct BatchedEvent {
    /// What the ledger notes of it.
    pub entry: Entry,
    /// Which match keys it carries.
    pub keys: KeySet,
    /// Which of the run's event names it has.
    pub name: u16,
    /// Whether an earlier run posted it, and until when it may be posted again.
    pub repeat: Repeat,
    bytes: Range<usize>,
}

/// Events gathered for one request; never empty. The bytes are made once and never change.
#[derive(Debug)]
pub struct Batch {
    events: Vec<BatchedEvent>,
    bytes: Vec<u8>,
}

impl Batch {
    /// The events, in the order in which they stand in the request.
    pub fn events(&self) -> &[BatchedEvent] {
        &self.events
    }

    /// The JSON object of an event of the batch.
    pub fn json(&self, event: &BatchedEvent) -> &[u8] {
        self.bytes.get(event.bytes.clone()).unwrap_or_default()
    }

    /// The events of a part and their JSON objects with commas between.
    pub fn part(&self, part: Range<usize>) -> (&[BatchedEvent], &[u8]) {
        let events = self.events.get(part).unwrap_or_default();
        let bytes = match (events.first(), events.last()) {
            (Some(first), Some(last)) => self.bytes.get(first.bytes.start..last.bytes.end),
            _ => None,
        };
        (events, bytes.unwrap_or_default())
    }
}

/// Gathers events until a batch is full.
#[derive(Debug)]
pub struct Batcher {
    most_events: usize,
    most_bytes: usize,
    events: Vec<BatchedEvent>,
    bytes: Vec<u8>,
}

impl Batcher {
    /// Starts with nothing gathered; both bounds are at least one.
    pub fn new(most_events: usize, most_bytes: usize) -> Self {
        Self { most_events: most_events.max(1), most_bytes, events: Vec::new(), bytes: Vec::new() }
    }

    /// Sets how many bytes a batch may have from now on.
    pub fn limit(&mut self, most_bytes: usize) {
        self.most_bytes = most_bytes;
    }

    /// Adds an event, given its JSON object; gives the batch that the event did not fit into or that it filled.
    pub fn add(&mut self, entry: Entry, keys: KeySet, name: u16, repeat: Repeat, json: &[u8]) -> Option<Batch> {
        let is_full = !self.events.is_empty() && self.bytes.len() + 1 + json.len() > self.most_bytes;
        let mut full = if is_full { self.take() } else { None };
        if !self.events.is_empty() {
            self.bytes.push(b',');
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(json);
        self.events.push(BatchedEvent { entry, keys, name, repeat, bytes: start..self.bytes.len() });
        if full.is_none() && self.events.len() >= self.most_events {
            full = self.take();
        }
        full
    }

    /// Gives what is gathered, if anything.
    pub fn take(&mut self) -> Option<Batch> {
        if self.events.is_empty() {
            return None;
        }
        // The next batch is about as large; a buffer that has to grow doubles.
        let bytes = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 16);
        let events = Vec::with_capacity(self.events.len());
        Some(Batch {
            events: std::mem::replace(&mut self.events, events),
            bytes: std::mem::replace(&mut self.bytes, bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{EventKey, Fingerprint};

    fn entry() -> Entry {
        Entry { key: EventKey::new("1", "Lead", "a"), fingerprint: Fingerprint(0), event_time: 0 }
    }

    fn sizes(most_events: usize, most_bytes: usize, events: &[&str]) -> Vec<String> {
        let mut batcher = Batcher::new(most_events, most_bytes);
        let mut cut = Vec::new();
        for json in events {
            cut.extend(batcher.add(entry(), KeySet::default(), 0, Repeat::First, json.as_bytes()));
        }
        cut.extend(batcher.take());
        let whole = |batch: &Batch| String::from_utf8(batch.part(0..batch.events().len()).1.to_vec()).unwrap();
        cut.iter().map(whole).collect()
    }

    #[test]
    fn cut_by_count_and_by_bytes() {
        let check =
            |count, bytes, events: &[&str], expected: &[&str]| assert_eq!(sizes(count, bytes, events), expected);
        check(2, 100, &["a", "b", "c"], &["a,b", "c"]);
        check(9, 5, &["aa", "bb", "cc"], &["aa,bb", "cc"]);
        check(9, 3, &["long one", "b"], &["long one", "b"]);
        check(1, 100, &["a", "b"], &["a", "b"]);
        check(2, 5, &["aa", "bb", "cccccc", "d"], &["aa,bb", "cccccc", "d"]);
        check(3, 100, &[], &[]);
    }

    #[test]
    fn fm_42_a_limit_holds_from_the_next_event_on() {
        let mut batcher = Batcher::new(9, 100);
        let mut add = |limit, json: &str| {
            batcher.limit(limit);
            batcher.add(entry(), KeySet::default(), 0, Repeat::First, json.as_bytes()).map(|batch| batch.events().len())
        };
        assert_eq!([add(100, "aaa"), add(100, "bbb"), add(3, "ccc"), add(3, "d")], [None, None, Some(2), Some(1)]);
    }

    #[test]
    fn a_part_is_a_slice_of_the_same_bytes() {
        let mut batcher = Batcher::new(9, 100);
        for json in ["a", "b", "c", "d"] {
            assert!(batcher.add(entry(), KeySet::default(), 0, Repeat::First, json.as_bytes()).is_none());
        }
        let batch = batcher.take().unwrap();
        assert_eq!(batch.part(1..3).1, b"b,c");
        assert_eq!(batch.part(3..4).1, b"d");
        assert_eq!(batch.part(2..2).1, b"");
    }
}
