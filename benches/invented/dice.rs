//! Numbers that look random and are the same each time.

/// A generator of numbers that look random: `SplitMix64`.
pub(super) struct Dice(u64);

impl Dice {
    /// Takes dice that start somewhere.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Throws a number of 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Throws a number from zero to below a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
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
