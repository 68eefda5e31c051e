//! The ledger in memory, for tests and simulations. A clone of it is what a crash leaves.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::known::{Gathering, Known};
use super::{BatchId, Disorder, Entry, EventKey, Ledger, LedgerError, Outcome, Record, RunId};

/// A ledger that lasts as long as its value.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    runs: Vec<Run>,
    batches: Vec<Batch>,
    places: HashMap<BatchId, usize>,
    rejects: HashMap<EventKey, Entry>,
}

/// A run, as far as a ledger without a `status` command needs it.
#[derive(Debug, Clone)]
struct Run {
    id: RunId,
    started: DateTime<Utc>,
    is_finished: bool,
}

/// An intent and what became of it.
#[derive(Debug, Clone)]
struct Batch {
    id: BatchId,
    at: DateTime<Utc>,
    entries: Arc<[Entry]>,
    outcome: Option<Outcome>,
}

impl Batch {
    /// The time of the batch's youngest event.
    fn last_time(&self) -> i64 {
        self.entries.iter().map(|entry| entry.event_time).max().unwrap_or(i64::MIN)
    }
}

impl Ledger for MemoryLedger {
    fn load(&mut self, since: i64) -> Result<Known, LedgerError> {
        let mut gathering = Gathering::default();
        let in_window = |entry: &&Entry| entry.event_time >= since;
        for batch in &self.batches {
            for Entry { key, fingerprint, event_time: _ } in batch.entries.iter().filter(in_window) {
                match batch.outcome {
                    Some(Outcome::Accepted | Outcome::Dropped) => gathering.sent(*key, *fingerprint),
                    Some(Outcome::Cleared | Outcome::Released) => {}
                    Some(Outcome::Unknown) | None => gathering.unknown(*key, *fingerprint, batch.at),
                }
            }
        }
        for Entry { key, fingerprint, event_time: _ } in self.rejects.values().filter(in_window) {
            gathering.rejected(*key, *fingerprint);
        }
        if gathering.sort() {
            let counts = |batch: &&Batch| matches!(batch.outcome, Some(Outcome::Accepted | Outcome::Dropped));
            for batch in self.batches.iter().filter(counts) {
                for Entry { key, fingerprint, event_time: _ } in batch.entries.iter().filter(in_window) {
                    gathering.settle(*key, *fingerprint);
                }
            }
        }
        Ok(gathering.finish())
    }

    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let before = self.clone();
        for record in records {
            if let Err(disorder) = self.add(record) {
                *self = before;
                return Err(LedgerError::Io { path: "memory".into(), verb: "written", source: Box::new(disorder) });
            }
        }
        Ok(())
    }

    fn prune(&mut self, before: i64) -> Result<(), LedgerError> {
        self.tidy(before, before)
    }

    fn tidy(&mut self, events: i64, runs: i64) -> Result<(), LedgerError> {
        self.batches.retain(|batch| batch.last_time() >= events);
        self.places = self.batches.iter().enumerate().map(|(place, batch)| (batch.id.clone(), place)).collect();
        self.rejects.retain(|_, entry| entry.event_time >= events);
        let newest = self.runs.last().map(|run| run.id.clone());
        let batches = &self.batches;
        self.runs.retain(|run| {
            run.started.timestamp_millis() >= runs.saturating_mul(1_000)
                || Some(&run.id) == newest.as_ref()
                || batches.iter().any(|batch| batch.id.run == run.id)
        });
        Ok(())
    }

    fn is_new(&self) -> Result<bool, LedgerError> {
        Ok(self.runs.is_empty())
    }
}

impl MemoryLedger {
    /// Adds one record.
    fn add(&mut self, record: &Record) -> Result<(), Disorder> {
        match record {
            Record::RunStarted { run, at } => {
                if self.runs.iter().any(|held| held.id == *run) {
                    return Err(Disorder::RunRepeated);
                }
                self.runs.push(Run { id: run.clone(), started: *at, is_finished: false });
            }
            Record::Intent { batch, at, entries, labels: _ } => {
                if entries.is_empty() {
                    return Err(Disorder::EmptyIntent);
                }
                if self.places.insert(batch.clone(), self.batches.len()).is_some() {
                    return Err(Disorder::IntentRepeated);
                }
                let entries = entries.as_slice().into();
                self.batches.push(Batch { id: batch.clone(), at: *at, entries, outcome: None });
            }
            Record::Outcome { batch, at: _, outcome, requests: _, answer: _ } => {
                let place = self.places.get(batch).and_then(|place| self.batches.get_mut(*place));
                let batch = place.ok_or(Disorder::OutcomeWithoutIntent)?;
                match batch.outcome {
                    None | Some(Outcome::Unknown) => {}
                    Some(Outcome::Accepted | Outcome::Cleared | Outcome::Released | Outcome::Dropped) => {
                        return Err(Disorder::OutcomeRepeated);
                    }
                }
                batch.outcome = Some(outcome.clone());
            }
            Record::Rejected { entry, event_name: _, event_id: _, reason: _, answer: _, at: _ } => {
                self.rejects.insert(entry.key, *entry);
            }
            Record::Pardoned { keys, at: _ } => {
                for key in keys {
                    self.rejects.remove(key);
                }
            }
            Record::RunFinished { run, at: _, report: _, exit_code: _ } => {
                let held = self.runs.iter_mut().find(|held| held.id == *run && !held.is_finished);
                held.ok_or(Disorder::RunNotUnderWay)?.is_finished = true;
            }
        }
        Ok(())
    }
}
