//! Numbers that look random and are the same each time.

use super::split_mix::SplitMix64;

/// Dice that a seed has thrown in advance.
pub(super) struct Dice(SplitMix64);

impl Dice {
    /// Takes dice that start somewhere.
    pub(super) fn new(seed: u64) -> Self {
        Self(SplitMix64(seed))
    }

    /// Throws a number of 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// Throws a number from zero to below a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.next() % bound
    }

    /// Says yes in so many of a thousand throws.
    pub(super) fn in_thousand(&mut self, share: u64) -> bool {
        self.below(1_000) < share
    }

    /// Picks one of a list.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    /// Throws so many decimal digits.
    pub(super) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }
}
