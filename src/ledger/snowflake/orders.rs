//! Whether records come in order, as far as a writer must know it: what is recorded of the runs that they speak of.

use std::collections::{HashMap, HashSet};

use super::reading::settled_by;
use super::row::{RUN_FINISHED, RUN_STARTED, SENDING};
use crate::ledger::exchange::weight;
use crate::ledger::{BatchId, Disorder, Outcome, Record, RunId};

/// What is recorded of some runs and of their batches.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    /// Runs of which everything is known.
    learnt: HashSet<RunId>,
    runs: HashMap<RunId, Progress>,
    batches: HashMap<BatchId, Option<Outcome>>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    UnderWay,
    Finished,
}

/// A row of what is recorded of a run: word, batch, rows that there are, and rows that there should be.
pub(super) type Fact = (String, Option<u32>, Option<u64>, Option<u64>);

impl Orders {
    /// Whether what is recorded of a run is known.
    pub(super) fn knows(&self, run: &RunId) -> bool {
        self.learnt.contains(run)
    }

    /// Takes in what is recorded of a run.
    pub(super) fn learn(&mut self, run: &RunId, facts: &[Fact]) {
        self.learnt.insert(run.clone());
        let is_whole = |(_, _, there, meant): &Fact| meant.is_none() || there == meant;
        // Outcomes come after intents, so that one without is not taken for an attempt.
        for fact in facts.iter().filter(|fact| is_whole(fact)) {
            match (fact.0.as_str(), fact.1) {
                (RUN_STARTED, _) => drop(self.runs.entry(run.clone()).or_insert(Progress::UnderWay)),
                (RUN_FINISHED, _) => drop(self.runs.insert(run.clone(), Progress::Finished)),
                (SENDING, Some(number)) => {
                    self.batches.entry(BatchId { run: run.clone(), number }).or_insert(None);
                }
                _ => {}
            }
        }
        for (word, number, ..) in facts {
            let (Some(outcome), Some(number)) = (settled_by(word), *number) else { continue };
            let Some(held) = self.batches.get_mut(&BatchId { run: run.clone(), number }) else { continue };
            if weight(Some(&outcome)) > weight(held.as_ref()) {
                *held = Some(outcome);
            }
        }
    }

    /// A part of what is known, to be changed by some records: all that they speak of.
    pub(super) fn clone_for(&self, records: &[Record]) -> Self {
        let mut part = Self::default();
        for record in records {
            match record {
                Record::RunStarted { run, .. } | Record::RunFinished { run, .. } => {
                    part.runs.extend(self.runs.get(run).map(|progress| (run.clone(), *progress)));
                }
                Record::Intent { batch, .. } | Record::Outcome { batch, .. } => {
                    part.batches.extend(self.batches.get(batch).map(|outcome| (batch.clone(), outcome.clone())));
                }
                Record::Rejected { .. } | Record::Pardoned { .. } => {}
            }
        }
        part
    }

    /// Takes over what records have changed.
    pub(super) fn take_over(&mut self, part: Self) {
        self.runs.extend(part.runs);
        self.batches.extend(part.batches);
    }

    /// Adds a record, or says why it may not come now.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), Disorder> {
        match record {
            Record::RunStarted { run, at: _ } => match self.runs.insert(run.clone(), Progress::UnderWay) {
                None => Ok(()),
                Some(_) => Err(Disorder::RunRepeated),
            },
            Record::RunFinished { run, at: _, report: _, exit_code: _ } => match self.runs.get_mut(run) {
                Some(progress @ Progress::UnderWay) => {
                    *progress = Progress::Finished;
                    Ok(())
                }
                Some(Progress::Finished) | None => Err(Disorder::RunNotUnderWay),
            },
            Record::Intent { entries, .. } if entries.is_empty() => Err(Disorder::EmptyIntent),
            Record::Intent { batch, .. } => match self.batches.insert(batch.clone(), None) {
                None => Ok(()),
                Some(_) => Err(Disorder::IntentRepeated),
            },
            Record::Outcome { batch, at: _, outcome, requests: _, answer: _ } => match self.batches.get_mut(batch) {
                None => Err(Disorder::OutcomeWithoutIntent),
                Some(held @ (None | Some(Outcome::Unknown))) => {
                    *held = Some(outcome.clone());
                    Ok(())
                }
                Some(Some(Outcome::Accepted | Outcome::Cleared | Outcome::Released | Outcome::Dropped)) => {
                    Err(Disorder::OutcomeRepeated)
                }
            },
            Record::Rejected { .. } | Record::Pardoned { .. } => Ok(()),
        }
    }
}
