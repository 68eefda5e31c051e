//! What another state holds, added to the log: all that the log does not have yet.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::SnowflakeLedger;
use super::orders::Orders;
use super::reading::Story;
use super::row::Rows;
use crate::ledger::exchange::{Amounts, Line, OutcomeForm, event_of, outcome_of, weight};
use crate::ledger::{Answer, BatchId, Entry, LedgerError, RunId};

/// The weight of a batch's outcome, and its events as a line has them.
type HeldBatch = (u8, Vec<(String, u32, i64)>);

/// What the log holds already.
#[derive(Default)]
struct Held {
    /// Whether each run has its end.
    runs: HashMap<String, bool>,
    /// Each batch.
    batches: HashMap<(String, u32), HeldBatch>,
    /// When each event was last refused, and whether that was taken back.
    refusals: HashMap<String, (DateTime<Utc>, bool)>,
}

impl SnowflakeLedger {
    /// Adds what an export holds and the log does not; gives what was new.
    ///
    /// Should it be cut short, what was added is whole in itself, and the rest is added when it is done again: the end
    /// of a batch is written before its events, and a batch that misses some counts as not there.
    pub fn take_in(&mut self, lines: Vec<Line>) -> Result<Amounts, LedgerError> {
        let mut held = self.held()?;
        let (mut rows, mut added) = (Rows::default(), Amounts::default());
        for line in lines {
            if held.add(line, &mut rows, &mut added).is_none() {
                return Err(self.unfit("what was to be added is not as fbcapi writes it, or differs in a batch".into()));
            }
        }
        self.orders = Orders::default();
        self.write(rows)?;
        Ok(added)
    }

    fn held(&mut self) -> Result<Held, LedgerError> {
        let (mut story, mut is_ours) = (Story::default(), true);
        self.select(self.log.everything(), |batch| is_ours &= story.add(batch).is_some())?;
        if !is_ours {
            return Err(super::strange(&self.log.schema));
        }
        let (mut held, mut rows, mut added) = (Held::default(), Rows::default(), Amounts::default());
        for line in story.lines() {
            held.add(line, &mut rows, &mut added);
        }
        Ok(held)
    }
}

impl Held {
    /// Adds the rows of a record unless they are there; `None` if it is not as an export has it.
    fn add(&mut self, line: Line, rows: &mut Rows, added: &mut Amounts) -> Option<()> {
        match line {
            Line::State { .. } | Line::End { .. } => {}
            Line::Run { run, started_at, finished_at, exit_code, report } => {
                let id = RunId(run.clone());
                let was = self.runs.get(&run).copied();
                if was.is_none() {
                    rows.run_started(&id, started_at);
                }
                let is_finished = finished_at.is_some();
                if let (Some(at), Some(exit_code), Some(report), false) =
                    (finished_at, exit_code, report, was == Some(true))
                {
                    rows.run_finished(&id, at, &report, exit_code);
                }
                added.runs += u64::from(was.is_none() || (was == Some(false) && is_finished));
                self.runs.insert(run, is_finished || was == Some(true));
            }
            Line::Batch { run, number, at, events, outcome } => {
                let entries: Option<Vec<Entry>> = events.iter().map(event_of).collect();
                let entries = entries.filter(|entries| !entries.is_empty())?;
                let id = BatchId { run: RunId(run.clone()), number };
                let place = (run, number);
                let was = self.batches.get(&place);
                if was.is_some_and(|(_, held)| *held != events) {
                    return None;
                }
                let (weight_was, is_new) = (was.map_or(0, |(weight, _)| *weight), was.is_none());
                let mut weight_is = weight_was;
                if let Some(OutcomeForm { outcome, at, requests, answer }) = outcome {
                    let outcome = outcome_of(&outcome)?;
                    weight_is = weight_was.max(weight(Some(&outcome)));
                    if weight_is > weight_was {
                        rows.outcome(&id, at, &outcome, requests, &Answer::from(answer));
                    }
                }
                if is_new {
                    rows.intent(&id, at, &entries, &[]);
                }
                added.batches += u64::from(is_new || weight_is > weight_was);
                self.batches.insert(place, (weight_is, events));
            }
            Line::Reject { key, fingerprint, event_time, event_name, event_id, reason, answer, at, pardoned_at } => {
                let entry = event_of(&(key.clone(), fingerprint, event_time))?;
                let is_known = match (self.refusals.get(&key), pardoned_at) {
                    (Some((held_at, _)), _) if *held_at > at => return Some(()),
                    (Some((held_at, true)), _) | (Some((held_at, false)), None) if *held_at == at => return Some(()),
                    (Some((held_at, false)), Some(_)) => *held_at == at,
                    _ => false,
                };
                if !is_known {
                    rows.rejected(&entry, [&event_name, &event_id, &reason], &Answer::from(answer), at);
                }
                if let Some(pardoned) = pardoned_at {
                    rows.pardoned(&[entry.key], pardoned);
                }
                added.rejects += 1;
                self.refusals.insert(key, (at, pardoned_at.is_some()));
            }
        }
        Some(())
    }
}
