//! Numbers that look random and are the same each time.

use crate::split_mix::SplitMix64;

/// Dice that a seed has thrown in advance.
#[derive(Debug)]
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

    /// Throws a number from zero to below a positive bound.
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.0.next() >> 1).unwrap_or_default() % bound.max(1)
    }

    /// Throws an index of a list that is not empty.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.0.next() >> 33).unwrap_or_default() % length.max(1)
    }

    /// Says yes once in so many throws.
    pub(super) fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }

    /// Picks one of a list.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        list.get(self.index(list.len())).expect("no list of the demo is empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_are_those_of_split_mix_64() {
        // Source: the reference implementation by Sebastiano Vigna, seeded with 1234567.
        let mut dice = Dice::new(1_234_567);
        let throws = [dice.next(), dice.next(), dice.next()];
        assert_eq!(throws, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
