//! How many requests run at once: as many as configured while all goes well, half as many after trouble, and one more
//! for each round without any.

use crate::meta::answer::{Quota, Verdict};

/// How many requests run at once.
///
/// It starts at the most, so that a run without trouble is as fast as it may be. Each trouble halves it, but requests
/// that were under way together count as one trouble, for they met the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    most: usize,
    allowed: usize,
    under_way: usize,
    /// Requests since the last change that met no trouble.
    clean: usize,
    /// How often it was halved.
    halved: u32,
}

/// A request that was let through, and what was known when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Start {
    halved: u32,
}

/// How a request went, as far as it says something about the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It was answered.
    Clean,
    /// It failed, or was one too many, or very nearly.
    Troubled,
    /// It was never made.
    Unmade,
}

impl Course {
    /// How a request went, by the verdict on its answer and what the answer says of the quota.
    ///
    /// Where little is left, fewer requests at once come before Meta says no. Nothing waits for that alone: the request
    /// was answered, and the headers tell of everything that the app is used for.
    pub fn of(verdict: Verdict, quota: Quota) -> Self {
        match verdict {
            Verdict::Retry(_) | Verdict::Throttled(_) => Self::Troubled,
            Verdict::Accepted
            | Verdict::Refused(_)
            | Verdict::Unfamiliar
            | Verdict::TooLarge
            | Verdict::Unclear
            | Verdict::Stop(_) => {
                if quota.is_tight() {
                    Self::Troubled
                } else {
                    Self::Clean
                }
            }
        }
    }
}

impl Pace {
    /// Starts with the most requests that may run at once, at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, allowed: most, under_way: 0, clean: 0, halved: 0 }
    }

    /// Lets a request through, if there is room.
    pub fn start(&mut self) -> Option<Start> {
        let has_room = self.under_way < self.allowed;
        self.under_way += usize::from(has_room);
        has_room.then_some(Start { halved: self.halved })
    }

    /// Takes in how a request went.
    pub fn end(&mut self, start: Start, course: Course) {
        self.under_way = self.under_way.saturating_sub(1);
        match course {
            Course::Clean => {
                self.clean += 1;
                if self.clean >= self.allowed && self.allowed < self.most {
                    self.allowed += 1;
                    self.clean = 0;
                }
            }
            Course::Troubled => {
                self.clean = 0;
                if start.halved == self.halved {
                    self.allowed = (self.allowed / 2).max(1);
                    self.halved = self.halved.wrapping_add(1);
                }
            }
            Course::Unmade => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::answer::{Delivery, Reply, quota};

    /// Runs rounds in which as many requests as are allowed run at once and all go alike; tells how many ran in each.
    fn rounds(most: usize, courses: &[Course]) -> Vec<usize> {
        let mut pace = Pace::new(most);
        let mut told = Vec::new();
        for course in courses {
            let starts: Vec<Start> = std::iter::from_fn(|| pace.start()).collect();
            told.push(starts.len());
            for start in starts {
                pace.end(start, *course);
            }
        }
        told
    }

    #[test]
    fn fm_37_fm_38_trouble_halves_and_clean_rounds_grow_by_one() {
        use Course::{Clean, Troubled, Unmade};
        let check = |most, courses: &[Course], expected: &[usize]| assert_eq!(rounds(most, courses), expected);
        check(4, &[Clean, Clean, Clean], &[4, 4, 4]);
        check(4, &[Troubled, Clean, Clean, Clean, Clean], &[4, 2, 3, 4, 4]);
        check(4, &[Troubled, Troubled, Troubled, Clean, Clean], &[4, 2, 1, 1, 2]);
        check(16, &[Troubled, Unmade, Unmade, Clean], &[16, 8, 8, 8]);
        check(1, &[Troubled, Clean], &[1, 1]);
        check(0, &[Clean], &[1]);
    }

    #[test]
    fn fm_37_fm_38_trouble_is_a_fault_a_throttle_or_a_quota_that_is_nearly_used_up() {
        let check = |verdict, usage: &str, expected| {
            let reply = Reply { app_usage: Some(usage.to_owned()), ..Reply::default() };
            assert_eq!(Course::of(verdict, quota(&reply)), expected, "{verdict:?} {usage}");
        };
        check(Verdict::Accepted, "", Course::Clean);
        check(Verdict::Accepted, r#"{"call_count":94}"#, Course::Clean);
        check(Verdict::Accepted, r#"{"call_count":95}"#, Course::Troubled);
        check(Verdict::Refused(None), r#"{"total_time":120}"#, Course::Troubled);
        check(Verdict::Refused(None), "", Course::Clean);
        check(Verdict::Throttled(None), "", Course::Troubled);
        check(Verdict::Retry(Delivery::Possible), "", Course::Troubled);
    }

    #[test]
    fn requests_that_were_under_way_together_halve_once() {
        let mut pace = Pace::new(8);
        let early: Vec<Start> = std::iter::from_fn(|| pace.start()).collect();
        let mut early = early.into_iter();
        pace.end(early.next().unwrap(), Course::Troubled);
        assert_eq!(pace.allowed, 4);
        early.for_each(|start| pace.end(start, Course::Troubled));
        assert_eq!((pace.allowed, pace.under_way), (4, 0));
        let late = pace.start().unwrap();
        pace.end(late, Course::Troubled);
        assert_eq!(pace.allowed, 2);
    }
}
