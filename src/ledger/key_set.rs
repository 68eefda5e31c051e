//! A set of event keys in little more than the 16 bytes that each takes.
//!
//! A hash table of this size is between half and nearly full and doubles at once; here the keys stand in many short
//! sorted shelves, chosen by their leading bits, that grow by an eighth each on its own.

use super::EventKey;

/// How many shelves there are. At a million keys, a shelf holds about 60.
const SHELVES: usize = 1 << 14;

/// A set of event keys.
#[derive(Default)]
pub(super) struct KeySet {
    shelves: Vec<Vec<[u8; 16]>>,
    len: usize,
}

impl KeySet {
    /// Adds a key; tells whether it was not there yet.
    pub(super) fn insert(&mut self, key: EventKey) -> bool {
        if self.shelves.is_empty() {
            self.shelves.resize_with(SHELVES, Vec::new);
        }
        let [first, second, ..] = key.0;
        let leading = usize::from(u16::from_be_bytes([first, second]));
        let Some(row) = self.shelves.get_mut((leading * SHELVES) >> 16) else { return false };
        let Err(place) = row.binary_search_by_key(&u128::from_be_bytes(key.0), |held| u128::from_be_bytes(*held))
        else {
            return false;
        };
        if row.len() == row.capacity() {
            row.reserve_exact((row.len() / 8).max(4));
        }
        row.insert(place, key.0);
        self.len += 1;
        true
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
                assert_eq!(set.insert(EventKey::new("1", "Lead", &format!("{n}"))), round == 0);
            }
        }
        for fill in [0, 0xff] {
            assert!(set.insert(EventKey([fill; 16])));
            assert!(!set.insert(EventKey([fill; 16])));
        }
        assert_eq!(set.len(), 20_002);
    }
}
