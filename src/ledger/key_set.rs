//! The events that a run has met for the first time, in little more than the 20 bytes that each takes.
//!
//! A hash table of this size is between half and nearly full and doubles at once; here the keys stand in many short
//! sorted shelves, chosen by their leading bits, that grow by an eighth each on its own.

use super::{EventKey, Fingerprint};

/// How many shelves there are. At a million keys, a shelf holds about 60.
const SHELVES: usize = 1 << 14;

/// A key and a fingerprint, side by side.
type Met = ([u8; 16], [u8; 4]);

/// A set of event keys, each with the payload that it was met with.
#[derive(Default)]
pub(super) struct KeySet {
    shelves: Vec<Vec<Met>>,
    len: usize,
}

impl KeySet {
    /// Adds a key unless it is there; tells the payload that it was met with before.
    pub(super) fn insert(&mut self, key: EventKey, fingerprint: Fingerprint) -> Option<Fingerprint> {
        if self.shelves.is_empty() {
            self.shelves.resize_with(SHELVES, Vec::new);
        }
        let [first, second, ..] = key.0;
        let leading = usize::from(u16::from_be_bytes([first, second]));
        let row = self.shelves.get_mut((leading * SHELVES) >> 16)?;
        let wanted = u128::from_be_bytes(key.0);
        let place = match row.binary_search_by_key(&wanted, |(held, _)| u128::from_be_bytes(*held)) {
            Ok(place) => return row.get(place).map(|(_, met)| Fingerprint(u32::from_be_bytes(*met))),
            Err(place) => place,
        };
        if row.len() == row.capacity() {
            row.reserve_exact((row.len() / 8).max(4));
        }
        row.insert(place, (key.0, fingerprint.0.to_be_bytes()));
        self.len += 1;
        None
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_in_once() {
        let mut set = KeySet::default();
        for round in 0..2 {
            for n in 0..20_000 {
                let met = set.insert(EventKey::new("1", "Lead", &format!("{n}")), Fingerprint(n + round));
                assert_eq!(met, (round == 1).then_some(Fingerprint(n)));
            }
        }
        for fill in [0, 0xff] {
            assert_eq!(set.insert(EventKey([fill; 16]), Fingerprint(1)), None);
            assert_eq!(set.insert(EventKey([fill; 16]), Fingerprint(2)), Some(Fingerprint(1)));
        }
        assert_eq!(set.len(), 20_002);
    }
}
