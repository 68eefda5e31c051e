//! What must hold in every run, whatever happens. The oracle sees both sides: what Meta got and what is durable.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::world::{JUMP, Posted};
use crate::deliver::OnUnknown;
use crate::ledger::{BatchId, EventKey, Outcome, Record};
use crate::report::Report;

/// After this an event that may have been taken is not sent again.
const RESEND_WITHIN: TimeDelta = TimeDelta::hours(48);

/// What the oracle has seen.
#[derive(Debug)]
pub(super) struct Oracle {
    on_unknown: OnUnknown,
    /// How often Meta took an event.
    takes: HashMap<EventKey, u32>,
    /// Events whose acceptance is on disk.
    accepted: HashSet<EventKey>,
    /// Intents on disk of which nobody knows what became, and when they were made.
    open: HashMap<BatchId, (Vec<EventKey>, DateTime<Utc>)>,
    /// Events of which an attempt may have been taken, and when that attempt was first made by the program's clock.
    ambiguous: HashMap<EventKey, DateTime<Utc>>,
    /// Events that Meta refused alone.
    refused: HashSet<EventKey>,
    /// The payload of each version of a row.
    bytes: HashMap<(EventKey, u32), Vec<u8>>,
    run: Run,
    /// The first rule that was broken.
    pub(super) broken: Option<String>,
}

/// What the oracle has seen of the run that is under way.
#[derive(Debug, Default)]
struct Run {
    /// Events posted, and when first.
    posted: HashMap<EventKey, DateTime<Utc>>,
    /// Events that Meta took in this run.
    taken: HashSet<EventKey>,
    /// Events whose acceptance the program was told of.
    told: HashSet<EventKey>,
    /// Events that this run has brought into doubt, less those that Meta then refused.
    doubted: HashSet<EventKey>,
    /// Events that this run may have repeated. One that Meta refuses in the end for its age may have been taken before.
    suspected: HashSet<EventKey>,
}

impl Oracle {
    pub(super) fn new(on_unknown: OnUnknown) -> Self {
        Self {
            on_unknown,
            takes: HashMap::new(),
            accepted: HashSet::new(),
            open: HashMap::new(),
            ambiguous: HashMap::new(),
            refused: HashSet::new(),
            bytes: HashMap::new(),
            run: Run::default(),
            broken: None,
        }
    }

    /// Notes that a rule is broken unless it holds; the first counts.
    pub(super) fn hold(&mut self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(rule());
        }
    }

    /// How often Meta took an event.
    pub(super) fn takes(&self, key: &EventKey) -> u32 {
        self.takes.get(key).copied().unwrap_or_default()
    }

    /// Whether Meta refused an event alone.
    pub(super) fn is_refused(&self, key: &EventKey) -> bool {
        self.refused.contains(key)
    }

    /// Whether nobody knows whether an event was taken.
    pub(super) fn is_in_doubt(&self, key: &EventKey) -> bool {
        self.ambiguous.contains_key(key)
    }

    /// How many events Meta took more than once, and how many it took.
    pub(super) fn taken_twice(&self) -> (u64, u64) {
        (self.takes.values().filter(|takes| **takes > 1).count() as u64, self.takes.len() as u64)
    }

    pub(super) fn run_begins(&mut self) {
        self.run = Run::default();
    }

    /// Sees what the program puts on disk.
    pub(super) fn durable(&mut self, record: &Record) {
        match record {
            Record::Intent { batch, entries, at, .. } => {
                self.open.insert(batch.clone(), (entries.iter().map(|entry| entry.key).collect(), *at));
            }
            Record::Outcome { batch, outcome: Outcome::Accepted | Outcome::Dropped, .. } => {
                self.accepted.extend(self.open.remove(batch).into_iter().flat_map(|(keys, _)| keys));
            }
            Record::Outcome { batch, outcome: Outcome::Cleared | Outcome::Released, .. } => {
                drop(self.open.remove(batch));
            }
            Record::Outcome { outcome: Outcome::Unknown, .. }
            | Record::RunStarted { .. }
            | Record::Rejected { .. }
            | Record::Pardoned { .. }
            | Record::RunFinished { .. } => {}
        }
    }

    /// Sees an event leave the program.
    pub(super) fn posted(&mut self, event: &Posted, version: u32, now: DateTime<Utc>) {
        let key = event.key;
        let id = &event.id;
        let is_accepted = self.accepted.contains(&key);
        self.hold(!is_accepted, || format!("G3: {id} was posted after its acceptance was on disk"));
        let is_told = self.run.told.contains(&key);
        self.hold(!is_told, || format!("G3: {id} was posted after the program was told that it was taken"));
        if let Some(first) = self.ambiguous.get(&key).copied() {
            self.run.suspected.insert(key);
            let is_held = self.on_unknown == OnUnknown::Hold;
            self.hold(!is_held, || format!("hold: {id} was posted again, and may have been taken before"));
            let waited = now - first;
            self.hold(waited < RESEND_WITHIN + JUMP, || format!("48 h: {id} was posted again after {waited}"));
        }
        let before = self.bytes.entry((key, version)).or_insert_with(|| event.json.clone());
        let is_same = *before == event.json;
        self.hold(is_same, || format!("G4: {id} was posted with other bytes, and its row is the same"));
        self.run.posted.entry(key).or_insert(now);
    }

    /// Sees Meta take an event.
    pub(super) fn taken(&mut self, event: &Posted) {
        let takes = self.takes.entry(event.key).or_default();
        *takes += 1;
        let is_once = *takes == 1;
        let may_be_twice = is_once || self.ambiguous.contains_key(&event.key);
        self.hold(may_be_twice, || format!("G2: {} came twice, and no attempt was in doubt", event.id));
        self.run.taken.insert(event.key);
    }

    /// Sees Meta refuse a request that held this event only.
    pub(super) fn refused(&mut self, event: &Posted) {
        self.refused.insert(event.key);
    }

    /// Sees an answer that says that all was taken.
    pub(super) fn told(&mut self, events: &[Posted]) {
        self.run.told.extend(events.iter().map(|event| event.key));
    }

    /// Sees Meta refuse a request for what it holds: the same request was not taken before either.
    pub(super) fn relieve(&mut self, events: &[Posted]) {
        for event in events {
            if self.takes.contains_key(&event.key) {
                continue;
            }
            if self.run.doubted.remove(&event.key) {
                self.ambiguous.remove(&event.key);
            }
            // It is as if it had never been posted.
            if !self.ambiguous.contains_key(&event.key) {
                self.run.posted.remove(&event.key);
            }
        }
    }

    /// Sees an attempt end in such a way that the program cannot know what became of it.
    pub(super) fn in_doubt(&mut self, events: &[Posted], now: DateTime<Utc>) {
        for event in events {
            if let Entry::Vacant(doubt) = self.ambiguous.entry(event.key) {
                doubt.insert(now);
                self.run.doubted.insert(event.key);
                self.run.suspected.insert(event.key);
            }
        }
    }

    /// Sees a run end, with its report unless it was killed. How many rows it was to take in is known unless there
    /// was a limit.
    pub(super) fn run_ends(&mut self, report: Option<&Report>, rows: Option<usize>) {
        // Whatever is on disk as intended, and only that, is in doubt from now on.
        for (keys, at) in self.open.values() {
            for key in keys {
                let at = self.run.posted.get(key).unwrap_or(at);
                self.ambiguous.entry(*key).or_insert(*at);
            }
        }
        let Some(report) = report else { return };
        let counts = report.counts;
        self.hold(counts.is_balanced(), || format!("G1: the books do not balance: {counts:?}"));
        if let (Some(rows), None) = (rows, &report.error) {
            self.hold(counts.selected == rows as u64, || {
                format!("G1: of {rows} rows, {} are counted", counts.selected)
            });
        }
        let twice = self.run.taken.iter().filter(|key| self.takes(key) > 1).count() as u64;
        let doubted = self.run.suspected.len() as u64;
        let told = report.possible_duplicates;
        self.hold(twice <= told, || format!("G2: {twice} events came again, and the report tells {told}"));
        self.hold(told <= doubted, || format!("G2: the report doubts {told} events, and {doubted} are in doubt"));
        let sent = self.run.told.len() as u64;
        self.hold(counts.sent <= sent, || format!("G1: {} are told as sent, and Meta took {sent}", counts.sent));
    }
}
