//! How much may be tried again: a bucket of tokens, so that a long outage does not become a storm of repeats.

/// What is left for trying again. A repeat costs, a success pays back.
///
/// One request in six may fail for ever without emptying it; what fails more often is left to the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    tokens: u32,
}

/// What a repeat follows, which decides what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// A fault.
    AfterFault,
    /// A request that was one too many; the server says when to come back.
    AfterThrottle,
}

impl Budget {
    /// The most that is ever left.
    const FULL: u32 = 100;

    /// Starts full.
    pub const fn new() -> Self {
        Self { tokens: Self::FULL }
    }

    /// Takes in a success.
    pub fn pay(&mut self) {
        self.tokens = (self.tokens + 1).min(Self::FULL);
    }

    /// Takes the price of a repeat, if there is so much.
    pub fn afford(&mut self, repeat: Repeat) -> bool {
        let price = match repeat {
            Repeat::AfterFault => 5,
            Repeat::AfterThrottle => 2,
        };
        let left = self.tokens.checked_sub(price);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how many repeats a budget allows one after another.
    fn repeats(mut budget: Budget, repeat: Repeat) -> u32 {
        let mut allowed = 0;
        while budget.afford(repeat) {
            allowed += 1;
        }
        allowed
    }

    #[test]
    fn a_full_budget_allows_twenty_repeats_after_faults_and_more_after_throttles() {
        assert_eq!(repeats(Budget::new(), Repeat::AfterFault), 20);
        assert_eq!(repeats(Budget::new(), Repeat::AfterThrottle), 50);
    }

    #[test]
    fn successes_pay_back_and_never_more_than_was_there() {
        let check = |paid, expected| {
            let mut budget = Budget { tokens: 4 };
            assert!(!budget.afford(Repeat::AfterFault));
            (0..paid).for_each(|_| budget.pay());
            assert_eq!(repeats(budget, Repeat::AfterFault), expected, "after {paid} successes");
        };
        check(0, 0);
        check(1, 1);
        check(5, 1);
        check(6, 2);
        check(1_000, 20);
    }
}
