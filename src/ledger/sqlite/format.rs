//! The stored form, version 2: its tables, the entries of a batch as bytes, and the seals that show a damaged row.

use flate2::Crc;

use crate::ledger::{Entry, EventKey, Fingerprint};

/// Marks a file as a state file of this program: `fbca` in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x6662_6361;

/// The version of the stored form. A file of a newer version is refused.
pub(super) const VERSION: i32 = 2;

/// The tables, by name. What stands in a file must be these words exactly.
///
/// A run's batches are found by its name, so that an intent needs no other row. Outcomes have a table of their own
/// because an update would write the batch's entries again. Of several refusals of a key, the last row counts: a table
/// in the order of keys, which are hashes, would be written all over. Times of records are milliseconds and times of events
/// seconds since 1970. A row of `pardon` takes back the refusal of its number.
///
/// Version 1 had no `pardon`, and its outcomes were `accepted`, `cleared` and `unknown`.
pub(super) static TABLES: [(&str, &str); 5] = [
    (
        "run",
        "CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, started INTEGER NOT NULL, \
         finished INTEGER, exit_code INTEGER, report TEXT) STRICT",
    ),
    (
        "batch",
        "CREATE TABLE batch (id INTEGER PRIMARY KEY, run TEXT NOT NULL, number INTEGER NOT NULL, \
         at INTEGER NOT NULL, events INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, \
         seal INTEGER NOT NULL, entries BLOB NOT NULL, UNIQUE (run, number)) STRICT",
    ),
    (
        "outcome",
        "CREATE TABLE outcome (batch INTEGER PRIMARY KEY, at INTEGER NOT NULL, outcome TEXT NOT NULL, \
         requests INTEGER NOT NULL, status INTEGER, code INTEGER, subcode INTEGER, trace TEXT, \
         seal INTEGER NOT NULL) STRICT",
    ),
    (
        "reject",
        "CREATE TABLE reject (id INTEGER PRIMARY KEY, key BLOB NOT NULL, fingerprint INTEGER NOT NULL, event_time INTEGER NOT NULL, \
         event_name TEXT NOT NULL, event_id TEXT NOT NULL, reason TEXT NOT NULL, status INTEGER, code INTEGER, \
         subcode INTEGER, trace TEXT, at INTEGER NOT NULL, seal INTEGER NOT NULL) STRICT",
    ),
    ("pardon", "CREATE TABLE pardon (reject INTEGER PRIMARY KEY, at INTEGER NOT NULL, seal INTEGER NOT NULL) STRICT"),
];

/// The tables of a version; none for one that never was or is not known yet.
pub(super) fn tables_of(version: i32) -> Option<&'static [(&'static str, &'static str)]> {
    match version {
        1 => TABLES.get(..4),
        VERSION => Some(&TABLES),
        _ => None,
    }
}

/// How many bytes an entry takes: key, fingerprint, and seconds since the batch's first event.
const ENTRY: usize = 24;

/// A batch's entries as they are stored.
pub(super) struct Packed {
    /// The earliest event time.
    pub(super) first_time: i64,
    /// The latest event time.
    pub(super) last_time: i64,
    /// The entries, 24 bytes each.
    pub(super) bytes: Vec<u8>,
}

/// Packs a batch's entries.
pub(super) fn pack(entries: &[Entry]) -> Packed {
    let first_time = entries.iter().map(|entry| entry.event_time).min().unwrap_or_default();
    let last_time = entries.iter().map(|entry| entry.event_time).max().unwrap_or_default();
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY);
    for Entry { key, fingerprint, event_time } in entries {
        let since_first = event_time.saturating_sub(first_time);
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&fingerprint.0.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(since_first).unwrap_or(u32::MAX).to_be_bytes());
    }
    Packed { first_time, last_time, bytes }
}

/// Unpacks a batch's entries; `None` if the bytes are no whole number of entries.
///
/// An event more than 136 years after the batch's first is given the batch's last time, so that it is never taken for
/// older than it is.
pub(super) fn unpack(first_time: i64, last_time: i64, bytes: &[u8]) -> Option<impl Iterator<Item = Entry>> {
    let (words, []) = bytes.as_chunks::<4>() else { return None };
    let (entries, []) = words.as_chunks::<{ ENTRY / 4 }>() else { return None };
    Some(entries.iter().map(move |[key_words @ .., fingerprint, since_first]| {
        let mut key = EventKey([0; 16]);
        key.0.copy_from_slice(key_words.as_flattened());
        let event_time = match u32::from_be_bytes(*since_first) {
            u32::MAX => last_time,
            since_first => first_time.saturating_add(since_first.into()),
        };
        Entry { key, fingerprint: Fingerprint(u32::from_be_bytes(*fingerprint)), event_time }
    }))
}

/// A checksum over the cells of a row, kept in the row.
#[derive(Default)]
pub(super) struct Seal(Crc);

impl Seal {
    /// Adds a number.
    pub(super) fn number(self, number: impl Into<i64>) -> Self {
        self.bytes(&number.into().to_be_bytes())
    }

    /// Adds a number that may be missing.
    pub(super) fn option(self, number: Option<impl Into<i64>>) -> Self {
        match number {
            Some(number) => self.bytes(b"+").number(number),
            None => self.bytes(b"-"),
        }
    }

    /// Adds a text.
    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds bytes, and their number so that no byte can move to the next cell.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&bytes.len().to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Gives the checksum.
    pub(super) fn sum(&self) -> u32 {
        self.0.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event_time: i64) -> Entry {
        Entry { key: EventKey::new("1", "Lead", "a"), fingerprint: Fingerprint(0x0102_0304), event_time }
    }

    fn check(times: &[i64], expected: &[i64]) {
        let entries: Vec<_> = times.iter().map(|time| entry(*time)).collect();
        let packed = pack(&entries);
        let unpacked: Vec<_> = unpack(packed.first_time, packed.last_time, &packed.bytes).unwrap().collect();
        let expected: Vec<_> = expected.iter().map(|time| entry(*time)).collect();
        assert_eq!(unpacked, expected, "{times:?}");
    }

    #[test]
    fn entries_come_back_as_they_were() {
        check(&[], &[]);
        check(&[1_795_446_541], &[1_795_446_541]);
        check(&[1_795_446_541, -5, 0], &[1_795_446_541, -5, 0]);
    }

    #[test]
    fn a_time_too_far_from_the_first_becomes_the_last() {
        check(&[0, i64::from(u32::MAX), 9_000_000_000], &[0, 9_000_000_000, 9_000_000_000]);
        check(&[i64::MIN, i64::MAX, 0], &[i64::MIN, i64::MAX, i64::MAX]);
    }

    #[test]
    fn a_part_of_an_entry_is_no_entry() {
        assert!(unpack(0, 0, &[0; ENTRY + 1]).is_none());
    }

    #[test]
    fn a_seal_knows_its_cells_apart() {
        let seals = [
            Seal::default().text("ab").text("c").sum(),
            Seal::default().text("a").text("bc").sum(),
            Seal::default().text("abc").sum(),
            Seal::default().option(Some(0)).sum(),
            Seal::default().option(None::<i64>).sum(),
            Seal::default().number(0).sum(),
        ];
        for (n, seal) in seals.iter().enumerate() {
            assert_eq!(seals.iter().position(|other| other == seal), Some(n));
        }
    }
}
