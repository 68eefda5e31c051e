//! Questions to a state file, for the commands that look at it.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::Transaction;

use super::reading::{Batch, gather, read_batches, read_rejects};
use super::{Failure, SqliteLedger};
use crate::ledger::history::{PastAttempt, PastRun, Refusal, RunEnd};
use crate::ledger::{Entry, EventKey, Fate, LedgerError, Outcome, RunId};

impl SqliteLedger {
    /// The last runs, newest first.
    pub fn runs(&mut self, limit: u32) -> Result<Vec<PastRun>, LedgerError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT name, started, finished, exit_code, report FROM run ORDER BY id DESC LIMIT ?1",
            )?;
            let mut rows = statement.query([limit])?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                let end = match (row.get(2)?, row.get(3)?, row.get(4)?) {
                    (None::<i64>, None, None) => None,
                    (Some(at), Some(exit_code), Some(report)) => Some(RunEnd { at: time(at)?, exit_code, report }),
                    _ => return Err(Failure::Damage("a run is damaged".into())),
                };
                runs.push(PastRun { run: RunId(row.get(0)?), started: time(row.get(1)?)?, end });
            }
            Ok(runs)
        })
    }

    /// Every attempt to deliver an event, oldest first.
    pub fn attempts(&mut self, key: &EventKey) -> Result<Vec<PastAttempt>, LedgerError> {
        self.read(|transaction| {
            collect(transaction, |batch| batch.entries().filter(|entry| entry.key == *key).collect())
        })
    }

    /// Every attempt of which nobody knows what became, oldest first.
    pub fn unsettled(&mut self) -> Result<Vec<PastAttempt>, LedgerError> {
        self.read(|transaction| {
            collect(transaction, |batch| match batch.end.as_ref().map(|end| &end.outcome) {
                Some(Outcome::Accepted | Outcome::Cleared) => Vec::new(),
                Some(Outcome::Unknown) | None => batch.entries().collect(),
            })
        })
    }

    /// The events since an instant (seconds since 1970) that were refused and not sent since, the latest refusal first.
    pub fn refusals(&mut self, since: i64) -> Result<Vec<Refusal>, LedgerError> {
        self.read(|transaction| {
            let known = gather(transaction, since)?;
            let mut refusals = HashMap::new();
            read_rejects(transaction, since, |reject| {
                let is_open = matches!(known.fate(&reject.entry.key), Some(Fate::Rejected(_)));
                if !is_open {
                    return;
                }
                let [event_name, event_id, reason] = reject.words.map(str::to_owned);
                let (entry, answer, at) = (reject.entry, reject.answer.clone(), reject.at);
                refusals.insert(entry.key, Refusal { entry, event_name, event_id, reason, answer, at });
            })?;
            let mut refusals: Vec<_> = refusals.into_values().collect();
            refusals.sort_by_key(|refusal| (Reverse(refusal.at), refusal.entry.key));
            Ok(refusals)
        })
    }
}

/// Collects the attempts of which some events are wanted.
fn collect(
    transaction: &Transaction<'_>,
    wanted: impl Fn(&Batch<'_>) -> Vec<Entry>,
) -> Result<Vec<PastAttempt>, Failure> {
    let mut attempts = Vec::new();
    read_batches(transaction, i64::MIN, |batch| {
        let entries = wanted(batch);
        if entries.is_empty() {
            return;
        }
        let (mut outcome, mut requests, mut answer) = Default::default();
        if let Some(end) = &batch.end {
            (outcome, requests, answer) = (Some(end.outcome.clone()), end.requests, end.answer.clone());
        }
        attempts.push(PastAttempt { batch: batch.id(), at: batch.at, entries, outcome, requests, answer });
    })?;
    Ok(attempts)
}

/// A time of a record.
fn time(milliseconds: i64) -> Result<DateTime<Utc>, Failure> {
    DateTime::from_timestamp_millis(milliseconds).ok_or_else(|| Failure::Damage("a time in it is none".into()))
}
