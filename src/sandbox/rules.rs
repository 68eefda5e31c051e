//! The fault rules in force, and which of them a request meets.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::event::{Glance, Text};
use super::fault::{Fault, FaultRule, Taking, When};

/// The rules, in the order in which they were made; the first that a request meets decides.
#[derive(Debug)]
pub(super) struct Rules {
    armed: Mutex<Vec<Armed>>,
    /// How many there are, so that a request without any need not wait for the lock.
    count: AtomicUsize,
    seed: u64,
}

/// A rule and what it has done.
#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    /// How many requests met its conditions about events.
    seen: u64,
    /// How often it was carried out.
    fired: u64,
}

/// A rule as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    rule: String,
    fired: u64,
}

/// What is to go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    /// What it is.
    pub(super) fault: Fault,
    /// Whether the events are taken.
    pub(super) taking: Taking,
    /// The first event that the rule is about, if it is about events.
    index: usize,
}

impl Rules {
    /// Arms rules. The same seed chooses the same requests again.
    pub(super) fn new(rules: &[FaultRule], seed: u64) -> Self {
        let made = Self { armed: Mutex::default(), count: AtomicUsize::new(0), seed };
        made.add(rules.iter().cloned());
        made
    }

    /// Adds rules after those that are there.
    pub(super) fn add(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let mut armed = self.lock();
        armed.extend(rules.into_iter().map(|rule| Armed { rule, seen: 0, fired: 0 }));
        self.count.store(armed.len(), Ordering::Release);
    }

    /// Removes every rule.
    pub(super) fn clear(&self) {
        let mut armed = self.lock();
        armed.clear();
        self.count.store(0, Ordering::Release);
    }

    /// The rules and how often each was carried out.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.lock().iter().map(|armed| Shown { rule: armed.rule.to_string(), fired: armed.fired }).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// What is to go wrong before a request's body is read.
    pub(super) fn choose_before_read(&self) -> Option<Chosen> {
        self.choose_among(&[], |fault| fault == Fault::ResetBeforeRead)
    }

    /// What is to go wrong with a request that was read, whatever its events are.
    pub(super) fn choose(&self, events: &[Cow<'_, str>]) -> Option<Chosen> {
        self.choose_among(events, |fault| !matches!(fault, Fault::ResetBeforeRead | Fault::Refuse(_)))
    }

    /// The event that is to be refused among those that are judged, and the subcode.
    ///
    /// An event that is bad is taken under no other fault either.
    pub(super) fn choose_bad_event(&self, events: &[Cow<'_, str>]) -> Option<(usize, u32)> {
        let chosen = self.choose_among(events, |fault| matches!(fault, Fault::Refuse(_)))?;
        let Fault::Refuse(subcode) = chosen.fault else { return None };
        Some((chosen.index, subcode))
    }

    /// Asks each rule of some kind in turn.
    fn choose_among(&self, events: &[Cow<'_, str>], is_asked: fn(Fault) -> bool) -> Option<Chosen> {
        if self.is_empty() {
            return None;
        }
        let mut armed = self.lock();
        let mut chosen = None;
        for (place, armed) in armed.iter_mut().enumerate().filter(|(_, armed)| is_asked(armed.rule.fault)) {
            let dice = Dice { seed: self.seed, place };
            // Every rule counts every request, whichever rule is carried out in the end.
            let Some(met) = armed.meets(events, dice) else { continue };
            if chosen.is_none() {
                armed.fired += 1;
                chosen = Some(met);
            }
        }
        chosen
    }

    /// Takes the lock. A thread that died holding it left whole numbers behind.
    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    /// What is to go wrong with a request if it meets the rule.
    fn meets(&mut self, events: &[Cow<'_, str>], dice: Dice) -> Option<Chosen> {
        let Self { rule, seen, fired } = self;
        let When { event: _, name: _, nth, percent, times } = &rule.when;
        if times.is_some_and(|times| *fired >= times) {
            return None;
        }
        // Whether an event is bad does not change when it comes in another company.
        let is_about_events = matches!(rule.fault, Fault::Refuse(_));
        let index = if is_about_events || rule.when.looks_inside() {
            let share = percent.filter(|_| is_about_events);
            events.iter().position(|json| is_meant(json, &rule.when, share, dice))?
        } else {
            0
        };
        *seen += 1;
        if nth.is_some_and(|(first, last)| !(first..=last).contains(seen)) {
            return None;
        }
        let is_hit = is_about_events || percent.is_none_or(|percent| dice.throw(&seen.to_le_bytes()) < percent);
        is_hit.then_some(Chosen { fault: rule.fault, taking: rule.taking, index })
    }
}

/// Whether an event has the id and the name that a rule wants, and is among the share that it wants.
fn is_meant(json: &str, when: &When, share: Option<f64>, dice: Dice) -> bool {
    let Ok(glance) = serde_json::from_str::<Glance<'_>>(json) else { return false };
    let id = glance.event_id.as_ref().map(Text::as_str).unwrap_or_default();
    let name = glance.event_name.as_ref().map(Text::as_str).unwrap_or_default();
    when.event.as_deref().is_none_or(|wanted| wanted == id)
        && when.name.as_deref().is_none_or(|wanted| wanted == name)
        && share.is_none_or(|percent| dice.throw(id.as_bytes()) < percent)
}

/// Throws that are the same each time.
#[derive(Debug, Clone, Copy)]
struct Dice {
    seed: u64,
    /// The rule's place, so that two rules of the same share do not choose the same requests.
    place: usize,
}

impl Dice {
    /// Throws a number from 0 to below 100 for something.
    fn throw(self, what: &[u8]) -> f64 {
        let hash = Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(self.place.to_le_bytes());
        let digest = hash.chain_update(what).finalize();
        let number = u32::from_le_bytes(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"));
        f64::from(number) / (f64::from(u32::MAX) + 1.0) * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Rules {
        let rules: Vec<FaultRule> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Rules::new(&rules, 1)
    }

    fn events(ids: &[&str]) -> Vec<Cow<'static, str>> {
        ids.iter().map(|id| Cow::Owned(format!(r#"{{"event_name":"Lead","event_id":"{id}"}}"#))).collect()
    }

    /// Which of the requests meet a rule, counted from one.
    fn hits(rules: &Rules, requests: u64, events: &[Cow<'_, str>]) -> Vec<u64> {
        (1..=requests).filter(|_| rules.choose(events).is_some()).collect()
    }

    #[test]
    fn requests_are_counted_for_each_rule() {
        assert_eq!(hits(&rules(&[]), 3, &[]), [0; 0]);
        assert_eq!(hits(&rules(&["lost"]), 3, &[]), [1, 2, 3]);
        assert_eq!(hits(&rules(&["times=2:lost"]), 4, &[]), [1, 2]);
        assert_eq!(hits(&rules(&["nth=3:lost", "nth=5..6:hang"]), 7, &[]), [3, 5, 6]);
        assert_eq!(hits(&rules(&["nth=2..:lost"]), 4, &[]), [2, 3, 4]);
        assert_eq!(hits(&rules(&["name=Lead,nth=2:lost"]), 3, &events(&["a"])), [2]);
        assert_eq!(hits(&rules(&["name=Purchase:lost"]), 3, &events(&["a"])), [0; 0]);
        assert_eq!(hits(&rules(&["reset-before-read"]), 3, &[]), [0; 0]);
        let later = rules(&["nth=1:lost"]);
        assert_eq!(hits(&later, 2, &[]), [1]);
        later.add(["nth=1:half".parse().unwrap()]);
        assert_eq!(hits(&later, 2, &[]), [1], "a rule counts from when it was made");
        later.clear();
        assert!(later.is_empty() && later.shown().is_empty());
    }

    #[test]
    fn the_first_rule_decides_and_each_tells_how_often() {
        let rules = rules(&["nth=2:lost", "503,taken", "reset-before-read"]);
        let chosen: Vec<_> = (0..3).filter_map(|_| rules.choose(&[])).map(|chosen| chosen.fault).collect();
        assert_eq!(chosen, [Fault::Status(503), Fault::Lost, Fault::Status(503)]);
        assert_eq!(rules.choose_before_read().map(|chosen| chosen.fault), Some(Fault::ResetBeforeRead));
        let shown = rules.shown().into_iter().map(|shown| (shown.rule, shown.fired)).collect::<Vec<_>>();
        assert_eq!(shown, [("nth=2:lost".into(), 1), ("503,taken".into(), 2), ("reset-before-read".into(), 1)]);
    }

    #[test]
    fn a_bad_event_is_bad_in_every_company() {
        let one = rules(&["event=c:refuse"]);
        let bad = |ids: &[&str]| one.choose_bad_event(&events(ids));
        assert_eq!(bad(&["a", "b", "c", "d"]), Some((2, 2_804_003)));
        assert_eq!(bad(&["a", "b"]), None);
        assert_eq!(bad(&["c"]), Some((0, 2_804_003)));
        assert_eq!(one.choose(&events(&["c"])), None);

        let some = rules(&["percent=10:refuse"]);
        let ids: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        let is_bad = |id: &str| some.choose_bad_event(&events(&[id])).is_some();
        let bad: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_bad(id)).collect();
        assert!((70..130).contains(&bad.len()), "{}", bad.len());
        assert!(bad.iter().all(|id| is_bad(id)));
        assert_eq!(some.choose_bad_event(&events(&["x", bad[0]])).map(|(index, _)| index), Some(1));
    }

    #[test]
    fn shares_are_kept_and_repeat() {
        let chosen = |seed| {
            let rules = Rules::new(&["percent=5:lost".parse().unwrap(), "percent=5:503".parse().unwrap()], seed);
            (0..2_000).map(|_| rules.choose(&[]).map(|chosen| chosen.fault)).collect::<Vec<_>>()
        };
        let (first, again, other) = (chosen(1), chosen(1), chosen(2));
        assert_eq!(first, again);
        assert_ne!(first, other);
        let count = |fault| first.iter().filter(|chosen| **chosen == Some(fault)).count();
        assert!((70..130).contains(&count(Fault::Lost)), "{}", count(Fault::Lost));
        assert!((65..130).contains(&count(Fault::Status(503))), "{}", count(Fault::Status(503)));
    }
}
