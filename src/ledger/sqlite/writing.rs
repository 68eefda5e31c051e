//! Records on their way into the tables.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::Failure;
use super::format::pack;
use super::seals::{seal_batch, seal_outcome, seal_pardon, seal_reject};
use crate::ledger::{Answer, BatchId, Disorder, Entry, EventKey, Outcome, Record, RunId};

/// Writes one record.
pub(super) fn write(transaction: &Transaction<'_>, record: &Record) -> Result<(), Failure> {
    match record {
        Record::RunStarted { run, at } => start_run(transaction, run, *at),
        Record::Intent { batch, at, entries, labels: _ } => write_intent(transaction, batch, *at, entries),
        Record::Outcome { batch, at, outcome, requests, answer } => {
            write_outcome(transaction, batch, *at, outcome, *requests, answer)
        }
        Record::Rejected { entry, event_name, event_id, reason, answer, at } => {
            write_reject(transaction, entry, [event_name, event_id, reason], answer, *at)
        }
        Record::Pardoned { keys, at } => write_pardons(transaction, keys, *at),
        Record::RunFinished { run, at, report, exit_code } => {
            let changed = transaction
                .prepare_cached(
                    "UPDATE run SET finished = ?2, report = ?3, exit_code = ?4 WHERE name = ?1 AND finished IS NULL",
                )?
                .execute(params![run.0, at.timestamp_millis(), report, exit_code])?;
            if changed == 1 { Ok(()) } else { Err(Failure::Disorder(Disorder::RunNotUnderWay)) }
        }
    }
}

/// Writes that a run begins.
pub(super) fn start_run(transaction: &Transaction<'_>, run: &RunId, at: DateTime<Utc>) -> Result<(), Failure> {
    let added = transaction
        .prepare_cached("INSERT INTO run (name, started) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![run.0, at.timestamp_millis()])?;
    if added == 1 { Ok(()) } else { Err(Failure::Disorder(Disorder::RunRepeated)) }
}

/// Writes that a batch is about to be posted.
pub(super) fn write_intent(
    transaction: &Transaction<'_>,
    batch: &BatchId,
    at: DateTime<Utc>,
    entries: &[Entry],
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Err(Failure::Disorder(Disorder::EmptyIntent));
    }
    let id: i64 =
        transaction.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM batch")?.query_row((), |row| row.get(0))?;
    let packed = pack(entries);
    let events = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    let at = at.timestamp_millis();
    let extent = (events, packed.first_time, packed.last_time);
    let seal = seal_batch(id, &batch.run.0, batch.number, at, extent, &packed.bytes);
    let added = transaction
        .prepare_cached(
            "INSERT INTO batch (id, run, number, at, events, first_time, last_time, seal, entries) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (run, number) DO NOTHING",
        )?
        .execute(params![
            id,
            batch.run.0,
            batch.number,
            at,
            events,
            packed.first_time,
            packed.last_time,
            seal,
            packed.bytes
        ])?;
    if added == 1 { Ok(()) } else { Err(Failure::Disorder(Disorder::IntentRepeated)) }
}

/// Writes what became of a batch.
pub(super) fn write_outcome(
    transaction: &Transaction<'_>,
    batch: &BatchId,
    at: DateTime<Utc>,
    outcome: &Outcome,
    requests: u32,
    answer: &Answer,
) -> Result<(), Failure> {
    let id: Option<i64> = transaction
        .prepare_cached("SELECT id FROM batch WHERE run = ?1 AND number = ?2")?
        .query_row(params![batch.run.0, batch.number], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Err(Failure::Disorder(Disorder::OutcomeWithoutIntent)) };
    let (at, word) = (at.timestamp_millis(), outcome.word());
    let Answer { status, code, subcode, trace } = answer;
    let seal = seal_outcome(id, at, word, requests, answer);
    let written = transaction
        .prepare_cached(
            "INSERT INTO outcome (batch, at, outcome, requests, status, code, subcode, trace, seal) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (batch) DO UPDATE SET at = excluded.at, outcome = excluded.outcome, \
             requests = excluded.requests, status = excluded.status, code = excluded.code, \
             subcode = excluded.subcode, trace = excluded.trace, seal = excluded.seal \
             WHERE outcome.outcome = 'unknown'",
        )?
        .execute(params![id, at, word, requests, status, code, subcode, trace, seal])?;
    if written == 1 { Ok(()) } else { Err(Failure::Disorder(Disorder::OutcomeRepeated)) }
}

/// Writes that an event was refused.
pub(super) fn write_reject(
    transaction: &Transaction<'_>,
    entry: &Entry,
    words: [&str; 3],
    answer: &Answer,
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let [event_name, event_id, reason] = words;
    let Entry { key, fingerprint, event_time } = entry;
    let Answer { status, code, subcode, trace } = answer;
    let at = at.timestamp_millis();
    let seal = seal_reject(entry, words, answer, at);
    transaction
        .prepare_cached(
            "INSERT INTO reject (key, fingerprint, event_time, event_name, event_id, reason, status, \
             code, subcode, trace, at, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            key.0,
            fingerprint.0,
            event_time,
            event_name,
            event_id,
            reason,
            status,
            code,
            subcode,
            trace,
            at,
            seal
        ])?;
    Ok(())
}

/// Writes that the last refusal of each of some events is taken back.
pub(super) fn write_pardons(
    transaction: &Transaction<'_>,
    keys: &[EventKey],
    at: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut last: HashMap<[u8; 16], i64> = keys.iter().map(|key| (key.0, 0)).collect();
    let mut refusals = transaction.prepare_cached("SELECT id, key FROM reject ORDER BY id")?;
    let mut rows = refusals.query(())?;
    while let Some(row) = rows.next()? {
        if let Some(id) = last.get_mut(&row.get::<_, [u8; 16]>(1)?) {
            *id = row.get(0)?;
        }
    }
    let at = at.timestamp_millis();
    let mut pardon = transaction
        .prepare_cached("INSERT INTO pardon (reject, at, seal) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
    for id in last.into_values().filter(|id| *id != 0) {
        pardon.execute(params![id, at, seal_pardon(id, at)])?;
    }
    Ok(())
}
