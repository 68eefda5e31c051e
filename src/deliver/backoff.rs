//! How long to wait before trying again.

use std::time::Duration;

/// How long to wait before trying again: full jitter, so that many senders do not come back at once.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The most to wait after the first failure.
    pub base: Duration,
    /// The most to wait at all, unless the server asks for more.
    pub cap: Duration,
}

impl Backoff {
    /// What a run uses.
    pub const STANDARD: Self = Self { base: Duration::from_secs(1), cap: Duration::from_secs(30) };

    /// The wait after `failed` failures, given a random number from 0 to 1 and what the server asks for.
    ///
    /// A server's wish is met in full, and the jitter comes on top.
    pub fn wait(self, failed: u32, random: f64, hint: Option<Duration>) -> Duration {
        let most = self.base.saturating_mul(1 << failed.saturating_sub(1).min(16)).min(self.cap);
        hint.unwrap_or_default() + most.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_keep_the_servers_wish() {
        let check = |failed, random, hint, expected: f64| {
            let hint = (hint > 0).then(|| Duration::from_secs(hint));
            assert_eq!(Backoff::STANDARD.wait(failed, random, hint), Duration::from_secs_f64(expected));
        };
        check(1, 1.0, 0, 1.0);
        check(1, 0.25, 0, 0.25);
        check(4, 1.0, 0, 8.0);
        check(6, 1.0, 0, 30.0);
        check(u32::MAX, 1.0, 0, 30.0);
        check(1, 0.0, 0, 0.0);
        check(2, 0.5, 60, 61.0);
    }
}
