//! Which sets of match keys Meta accepts.

use super::MatchKey;

/// A set of match keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeySet(u64);

/// Keys that Meta's SDKs know and no page of the Conversions API names, so that nobody knows what they are worth.
const UNDOCUMENTED: KeySet = KeySet::of(&[
    MatchKey::F5first,
    MatchKey::F5last,
    MatchKey::Fi,
    MatchKey::Dobd,
    MatchKey::Dobm,
    MatchKey::Doby,
    MatchKey::AppUserId,
]);

/// Sets of keys that identify nobody: an event whose keys are all in one of them is refused (2804050).
/// Source: Conversions API, best practices, "combinations of customer information parameters".
const TOO_FEW: [KeySet; 4] = [
    KeySet::of(&[MatchKey::Ct, MatchKey::Country, MatchKey::St, MatchKey::Zp, MatchKey::Ge, MatchKey::ClientUserAgent]),
    KeySet::of(&[MatchKey::Db, MatchKey::ClientUserAgent]),
    KeySet::of(&[MatchKey::Fn, MatchKey::Ge]),
    KeySet::of(&[MatchKey::Ln, MatchKey::Ge]),
];

impl KeySet {
    /// The set of some keys.
    pub const fn of(keys: &[MatchKey]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < keys.len() {
            set |= 1 << keys[at] as u32;
            at += 1;
        }
        Self(set)
    }

    /// The keys of the set, in the order of [`MatchKey::ALL`].
    pub fn keys(self) -> impl Iterator<Item = MatchKey> {
        MatchKey::ALL.into_iter().filter(move |key| self.contains(*key))
    }

    /// Adds a key.
    pub fn insert(&mut self, key: MatchKey) {
        self.0 |= 1 << key as u32;
    }

    /// Whether a key is in the set.
    pub const fn contains(self, key: MatchKey) -> bool {
        self.0 & (1 << key as u32) != 0
    }

    /// Whether Meta can look for a person with these keys.
    pub fn is_sufficient(self) -> bool {
        let known = self.0 & !UNDOCUMENTED.0;
        !TOO_FEW.iter().any(|few| known & !few.0 == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::MatchKey as K;
    use super::*;

    #[test]
    fn documented_combinations() {
        let check = |keys: &[K], expected| assert_eq!(KeySet::of(keys).is_sufficient(), expected, "{keys:?}");
        check(&[], false);
        check(&[K::Em], true);
        check(&[K::ExternalId], true);
        check(&[K::Fbc], true);
        check(&[K::ClientUserAgent], false);
        check(&[K::ClientIpAddress, K::ClientUserAgent], true);
        check(&[K::Ct, K::Country, K::St, K::Zp, K::Ge, K::ClientUserAgent], false);
        check(&[K::Ct, K::Country, K::Fn], true);
        check(&[K::Db, K::ClientUserAgent], false);
        check(&[K::Db, K::Zp], true);
        check(&[K::Fn, K::Ge], false);
        check(&[K::Ln, K::Ge], false);
        check(&[K::Fn, K::Ln], true);
        check(&[K::F5first, K::F5last, K::Fi, K::Dobd, K::Dobm, K::Doby, K::AppUserId], false);
        check(&[K::Fn, K::Ln, K::F5last], true);
        check(&[K::Fn, K::F5last], false);
    }
}
