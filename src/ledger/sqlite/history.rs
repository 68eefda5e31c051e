//! Questions to a state file, for the commands that look at it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use rusqlite::Transaction;

use super::reading::{Batch, Reject, gather, read_batches, read_rejects};
use super::{Failure, SqliteLedger};
use crate::ledger::history::{Doubt, Holdings, PastAttempt, PastRun, Refusal, RunEnd, Unsent};
use crate::ledger::{BatchId, Entry, EventKey, Fate, Ledger as _, LedgerError, Outcome, RunId};

impl SqliteLedger {
    /// The last runs, newest first.
    pub fn runs(&mut self, limit: u32) -> Result<Vec<PastRun>, LedgerError> {
        self.read(|transaction| read_runs(transaction, limit))
    }

    /// The last run that did what it was asked for: it ended with one of these exit codes.
    pub fn last_run_with(&mut self, exit_codes: &[u8]) -> Result<Option<PastRun>, LedgerError> {
        let runs = self.runs(u32::MAX)?;
        Ok(runs.into_iter().find(|run| run.end.as_ref().is_some_and(|end| exit_codes.contains(&end.exit_code))))
    }

    /// Every attempt to deliver one of some events, oldest first.
    pub fn attempts(&mut self, keys: &HashSet<EventKey>) -> Result<Vec<PastAttempt>, LedgerError> {
        self.read(|transaction| {
            collect(transaction, |batch| batch.entries().filter(|entry| keys.contains(&entry.key)).collect())
        })
    }

    /// Every attempt of which nobody knows what became, oldest first.
    pub fn unsettled(&mut self) -> Result<Vec<PastAttempt>, LedgerError> {
        self.read(|transaction| {
            collect(transaction, |batch| match batch.end.as_ref().map(|end| &end.outcome) {
                Some(Outcome::Accepted | Outcome::Cleared | Outcome::Released | Outcome::Dropped) => Vec::new(),
                Some(Outcome::Unknown) | None => batch.entries().collect(),
            })
        })
    }

    /// Every attempt to deliver a batch that is wanted, oldest first.
    pub fn batches(&mut self, is_wanted: impl Fn(&BatchId) -> bool) -> Result<Vec<PastAttempt>, LedgerError> {
        self.read(|transaction| {
            collect(transaction, |batch| if is_wanted(&batch.id()) { batch.entries().collect() } else { Vec::new() })
        })
    }

    /// Every batch of which nobody knows what became, with the events that are in doubt because of it, oldest first.
    pub fn doubts(&mut self) -> Result<Vec<Doubt>, LedgerError> {
        let known = self.load(i64::MIN)?;
        let in_doubt: HashMap<EventKey, DateTime<Utc>> = known.in_doubt().collect();
        let attempts = self.unsettled()?;
        let doubts = attempts.into_iter().map(|attempt| {
            let PastAttempt { batch, at, entries, outcome: _, requests, answer } = attempt;
            let posted = entries.len() as u64;
            let events = entries.into_iter().filter_map(|entry| Some((entry, *in_doubt.get(&entry.key)?))).collect();
            Doubt { batch, at, events, posted, answer, requests }
        });
        Ok(doubts.collect())
    }

    /// The events that were tried, and neither sent nor refused since.
    pub fn unsent(&mut self) -> Result<Unsent, LedgerError> {
        self.read(|transaction| {
            let known = gather(transaction, i64::MIN)?;
            let mut open: HashMap<EventKey, i64> = HashMap::new();
            read_batches(transaction, i64::MIN, |batch| {
                match batch.end.as_ref().map(|end| &end.outcome) {
                    Some(Outcome::Accepted | Outcome::Dropped) => return,
                    Some(Outcome::Cleared | Outcome::Released | Outcome::Unknown) | None => {}
                }
                for entry in batch.entries() {
                    match known.fate(&entry.key) {
                        Some(Fate::Sent(_) | Fate::Rejected(_)) => {}
                        Some(Fate::Unknown { .. }) | None => drop(open.insert(entry.key, entry.event_time)),
                    }
                }
            })?;
            Ok(Unsent { events: open.len() as u64, oldest: open.into_values().min() })
        })
    }

    /// The events since an instant (seconds since 1970) that were refused and not sent since, the latest refusal first.
    pub fn refusals(&mut self, since: i64) -> Result<Vec<Refusal>, LedgerError> {
        self.read(|transaction| {
            let known = gather(transaction, since)?;
            let mut refusals = HashMap::new();
            read_rejects(transaction, since, |reject| {
                if matches!(known.fate(&reject.entry.key), Some(Fate::Rejected(_))) {
                    refusals.insert(reject.entry.key, refusal(reject));
                }
            })?;
            let mut refusals: Vec<_> = refusals.into_values().collect();
            refusals.sort_by_key(|refusal| (Reverse(refusal.at), refusal.entry.key));
            Ok(refusals)
        })
    }

    /// Every refusal of the events with an id, oldest first, also those that were followed by something else.
    pub fn refusals_of(&mut self, event_id: &str) -> Result<Vec<Refusal>, LedgerError> {
        self.read(|transaction| {
            let mut refusals = Vec::new();
            read_rejects(transaction, i64::MIN, |reject| {
                let [_, id, _] = reject.words;
                if id == event_id {
                    refusals.push(refusal(reject));
                }
            })?;
            Ok(refusals)
        })
    }

    /// The names of events that were refused.
    pub fn refused_names(&mut self) -> Result<Vec<String>, LedgerError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached("SELECT DISTINCT event_name FROM reject ORDER BY 1")?;
            let names = statement.query_map((), |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// Reads everything, which checks every seal, and counts it.
    pub fn counts(&mut self) -> Result<Holdings, LedgerError> {
        self.read(|transaction| {
            let known = gather(transaction, i64::MIN)?;
            let (mut refused, mut batches) = (HashSet::new(), 0);
            read_rejects(transaction, i64::MIN, |reject| {
                if matches!(known.fate(&reject.entry.key), Some(Fate::Rejected(_))) {
                    refused.insert(reject.entry.key);
                }
            })?;
            read_batches(transaction, i64::MIN, |_| batches += 1)?;
            let runs: i64 = transaction.query_row("SELECT count(*) FROM run", (), |row| row.get(0))?;
            Ok(Holdings {
                version: transaction.pragma_query_value(None, "user_version", |row| row.get(0))?,
                runs: u64::try_from(runs).unwrap_or_default(),
                batches,
                sent: known.sent() as u64,
                in_doubt: known.in_doubt().count() as u64,
                refused: refused.len() as u64,
            })
        })
    }

    /// Checks the whole file: its pages and indexes, every seal, and the ends of the runs.
    pub fn check(&mut self) -> Result<Holdings, LedgerError> {
        self.read(|transaction| {
            let verdict: String = transaction.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
            if verdict == "ok" { Ok(()) } else { Err(Failure::Damage("it is damaged".into())) }
        })?;
        self.runs(u32::MAX)?;
        self.counts()
    }
}

/// Reads the last runs, newest first.
pub(super) fn read_runs(transaction: &Transaction<'_>, limit: u32) -> Result<Vec<PastRun>, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT name, started, finished, exit_code, report FROM run ORDER BY started DESC, id DESC LIMIT ?1",
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
}

/// A refusal as it is told.
fn refusal(reject: &Reject<'_>) -> Refusal {
    let [event_name, event_id, reason] = reject.words.map(str::to_owned);
    let (entry, answer, at, pardoned) = (reject.entry, reject.answer.clone(), reject.at, reject.pardoned);
    Refusal { entry, event_name, event_id, reason, answer, at, pardoned }
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
