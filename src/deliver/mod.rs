//! One batch to its end.
//!
//! [`Delivery`] is a pure machine: told what happened, it says what to do next. Whoever drives it does the posting,
//! the waiting and the writing. Order of effects: the intent is durable before the post, the outcome before anything
//! else is tried.

pub mod backoff;
pub mod budget;
pub mod http;
pub mod pace;

use std::ops::Range;
use std::time::Duration;

use crate::meta::answer::{self, Stop, Verdict};

/// So many requests are made for one part before the rest is left to the next run.
pub const MOST_ATTEMPTS: u32 = 5;

/// A longer wait than this is left to the next run: this one holds the lock of the state.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What to do when nobody knows whether Meta took a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send the same bytes again: Meta may count an event twice, none is lost.
    Resend,
    /// Keep it for a person to decide: no event is counted twice, some may be lost.
    Hold,
}

/// What to do when nobody knows whether Meta took events, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPolicy {
    /// For events that have no policy of their own.
    pub usual: OnUnknown,
    /// For events of these names, as they are sent.
    pub by_name: Vec<(String, OnUnknown)>,
}

impl UnknownPolicy {
    /// What to do with events of a name; where the configuration says both, they are held.
    pub fn of(&self, event_name: &str) -> OnUnknown {
        let mut stated = self.by_name.iter().filter(|(name, _)| name == event_name).map(|(_, policy)| *policy);
        match stated.next() {
            Some(OnUnknown::Resend) if stated.all(|policy| policy == OnUnknown::Resend) => OnUnknown::Resend,
            Some(OnUnknown::Resend | OnUnknown::Hold) => OnUnknown::Hold,
            None => self.usual,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The delivery begins.
    Begun,
    /// What was to be written is durable.
    Recorded,
    /// The post was answered, or failed.
    Answered(Verdict),
    /// The wait is over.
    Waited,
    /// Too much was tried again lately: the part is left, the rest goes on.
    GivenUp,
    /// Nothing more is to be sent in this run.
    Halted,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the intent to post a part, then tell `Recorded`.
    Intend(Range<usize>),
    /// Post the part's bytes, then tell `Answered`. A repeat may be counted twice.
    Post(Range<usize>),
    /// Wait before the attempt, at least as long as the server asks, then tell `Waited`; `GivenUp` and `Halted` cut it
    /// short.
    Wait {
        /// How many attempts failed.
        failed: u32,
        /// How long the server asks to wait.
        hint: Option<Duration>,
        /// Whether everything else has to wait too.
        scope: Scope,
    },
    /// Write what became of a part, then tell `Recorded`.
    Settle(Settlement),
    /// The batch is at its end; what was never intended is left to a later run.
    End,
}

/// How far a wait reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This batch only.
    Batch,
    /// Every batch.
    All,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which events.
    pub part: Range<usize>,
    /// What became of them.
    pub fate: PartFate,
    /// How many requests were made for it.
    pub requests: u32,
    /// Whether an earlier attempt of a part that was posted again may have been taken.
    pub is_possible_duplicate: bool,
}

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartFate {
    /// Meta took it.
    Accepted,
    /// Meta refused its one event.
    Rejected,
    /// Meta refused it; its events are tried again in smaller parts.
    Divided,
    /// It was not taken; a later run tries again.
    Pending,
    /// Nobody knows.
    Unknown,
}

/// What is thought of Meta's blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// It was never seen to be wrong.
    Believed,
    /// An event that was named is on trial.
    OnTrial,
    /// It named an innocent event.
    Disbelieved,
}

/// The way of one batch: posted whole, retried, and divided when Meta refuses it until the bad events are found.
#[derive(Debug)]
pub struct Delivery {
    on_unknown: OnUnknown,
    /// Parts that are still to be tried.
    parts: Vec<Range<usize>>,
    /// How many parts were taken from there.
    taken: usize,
    /// An event that Meta blames, to be tried alone before anything else.
    blamed: Option<Range<usize>>,
    /// Whether Meta's blame is believed: until an event that it named is taken.
    blame: Blame,
    part: Range<usize>,
    requests: u32,
    failed: u32,
    may_have_arrived: bool,
    is_repeated: bool,
    stop: Option<Stop>,
    is_halted: bool,
}

impl Delivery {
    /// Starts the delivery of a batch of `events` events.
    pub fn new(events: usize, on_unknown: OnUnknown) -> Self {
        Self {
            on_unknown,
            parts: Vec::new(),
            taken: 0,
            blamed: None,
            blame: Blame::Believed,
            part: 0..events,
            requests: 0,
            failed: 0,
            may_have_arrived: false,
            is_repeated: false,
            stop: None,
            is_halted: false,
        }
    }

    /// Why nothing more can be sent, once an answer said so.
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Takes what happened and says what to do next.
    pub fn step(&mut self, happening: Happening) -> Effect {
        match happening {
            Happening::Begun => Effect::Intend(self.part.clone()),
            Happening::Recorded => self.after_record(),
            Happening::Waited => self.post(),
            Happening::Answered(verdict) => self.judge(verdict),
            Happening::GivenUp => self.settle(self.given_up()),
            Happening::Halted => {
                self.is_halted = true;
                self.settle(self.given_up())
            }
        }
    }

    /// An intent leads to its post, a settlement to the next part.
    fn after_record(&mut self) -> Effect {
        if !self.part.is_empty() {
            return self.post();
        }
        if self.is_halted {
            return Effect::End;
        }
        let Some(part) = self.next_part() else { return Effect::End };
        self.part = part;
        self.requests = 0;
        self.failed = 0;
        self.may_have_arrived = false;
        self.is_repeated = false;
        Effect::Intend(self.part.clone())
    }

    /// Small and large parts take turns. The order does not change how many requests it takes to find the bad events,
    /// but the small parts soon show single events, and the large ones soon show whether most are good: that a few
    /// bad events stand together does not look as if all were bad.
    fn next_part(&mut self) -> Option<Range<usize>> {
        if let Some(part) = self.blamed.take() {
            self.blame = Blame::OnTrial;
            return Some(part);
        }
        self.taken += 1;
        let by_size = self.parts.iter().enumerate().map(|(at, part)| (part.len(), at));
        let (_, at) = if self.taken.is_multiple_of(2) { by_size.max()? } else { by_size.min()? };
        Some(self.parts.swap_remove(at))
    }

    fn post(&mut self) -> Effect {
        self.requests += 1;
        self.is_repeated |= self.may_have_arrived;
        Effect::Post(self.part.clone())
    }

    fn judge(&mut self, verdict: Verdict) -> Effect {
        match verdict {
            Verdict::Accepted => self.settle(PartFate::Accepted),
            Verdict::Retry(delivery) => {
                self.failed += 1;
                self.may_have_arrived |= delivery == answer::Delivery::Possible;
                let is_held = self.may_have_arrived && self.on_unknown == OnUnknown::Hold;
                if is_held || self.failed >= MOST_ATTEMPTS {
                    return self.settle(self.given_up());
                }
                Effect::Wait { failed: self.failed, hint: None, scope: Scope::Batch }
            }
            Verdict::Throttled(Some(hint)) if hint > LONGEST_WAIT => self.give_up(Stop::LongWait),
            Verdict::Throttled(hint) => {
                self.failed += 1;
                if self.failed >= MOST_ATTEMPTS {
                    return self.settle(self.given_up());
                }
                Effect::Wait { failed: self.failed, hint, scope: Scope::All }
            }
            Verdict::Refused(blamed) => self.divide(blamed),
            // Nobody can tell whether the event is to blame, so it is tried again by a later run. If an earlier attempt
            // may have been taken, so may parts of it.
            Verdict::Unfamiliar if self.part.len() == 1 || self.may_have_arrived => self.settle(self.given_up()),
            Verdict::TooLarge | Verdict::Unfamiliar => self.divide(None),
            // The same bytes would be answered in the same way, so only a later run tries again.
            Verdict::Unclear => self.settle(PartFate::Unknown),
            Verdict::Stop(stop) => self.give_up(stop),
        }
    }

    /// A refused part is tried again in halves, or around the event that Meta blames and that is tried alone first.
    fn divide(&mut self, blamed: Option<usize>) -> Effect {
        let Range { start, end } = self.part;
        if end - start == 1 {
            return self.settle(PartFate::Rejected);
        }
        let blamed = blamed.filter(|index| self.blame == Blame::Believed && *index < end - start);
        let smaller = if let Some(index) = blamed {
            let (blamed, next) = (start + index, start + index + 1);
            self.blamed = Some(blamed..next);
            [start..blamed, next..end]
        } else {
            let middle = start + (end - start).div_ceil(2);
            [start..middle, middle..end]
        };
        self.parts.extend(smaller.into_iter().filter(|part| !part.is_empty()));
        self.settle(PartFate::Divided)
    }

    /// Leaves everything to a later run.
    fn give_up(&mut self, stop: Stop) -> Effect {
        self.stop = Some(stop);
        self.is_halted = true;
        self.settle(self.given_up())
    }

    /// What becomes of a part that is not tried any more.
    fn given_up(&self) -> PartFate {
        if self.may_have_arrived { PartFate::Unknown } else { PartFate::Pending }
    }

    fn settle(&mut self, fate: PartFate) -> Effect {
        if self.blame == Blame::OnTrial {
            // Were it believed further, a server that always names the first event would cost a request for each.
            self.blame = if fate == PartFate::Accepted { Blame::Disbelieved } else { Blame::Believed };
        }
        let part = std::mem::take(&mut self.part);
        let is_possible_duplicate = self.is_repeated;
        Effect::Settle(Settlement { part, fate, requests: self.requests, is_possible_duplicate })
    }
}

#[cfg(test)]
mod tests;
