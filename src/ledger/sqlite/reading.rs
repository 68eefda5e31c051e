//! What the tables hold, each row checked against its seal.

use chrono::{DateTime, Utc};
use rusqlite::{Row, Transaction};

use super::Failure;
use super::format::unpack;
use super::seals::{seal_batch, seal_outcome, seal_pardon, seal_reject};
use crate::ledger::known::{Gathering, Known};
use crate::ledger::{Answer, BatchId, Entry, EventKey, Fingerprint, Outcome, RunId};

/// A batch as it is stored.
pub(super) struct Batch<'r> {
    /// The name of its run.
    run: &'r str,
    /// Its number in the run.
    number: u32,
    /// When its intent was written.
    pub(super) at: DateTime<Utc>,
    /// What became of it, if that was written.
    pub(super) end: Option<End>,
    first_time: i64,
    last_time: i64,
    bytes: &'r [u8],
}

/// An outcome as it is stored.
pub(super) struct End {
    /// What became of the batch.
    pub(super) outcome: Outcome,
    /// When that was written.
    pub(super) at: DateTime<Utc>,
    /// How many requests it took.
    pub(super) requests: u32,
    /// The last answer.
    pub(super) answer: Answer,
}

impl Batch<'_> {
    /// Which attempt it is.
    pub(super) fn id(&self) -> BatchId {
        BatchId { run: RunId(self.run.to_owned()), number: self.number }
    }

    /// Its events.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        unpack(self.first_time, self.last_time, self.bytes).into_iter().flatten()
    }
}

/// A refused event as it is stored.
pub(super) struct Reject<'r> {
    /// The event.
    pub(super) entry: Entry,
    /// Its name, its id and the code of the reason.
    pub(super) words: [&'r str; 3],
    /// Meta's answer, if Meta refused it.
    pub(super) answer: Answer,
    /// When.
    pub(super) at: DateTime<Utc>,
    /// When it was taken back.
    pub(super) pardoned: Option<DateTime<Utc>>,
}

/// Reads what is known of the events since an instant.
pub(super) fn gather(transaction: &Transaction<'_>, since: i64) -> Result<Known, Failure> {
    let room: i64 = transaction.query_row(
        "SELECT coalesce(sum(events), 0) FROM batch JOIN outcome ON outcome.batch = batch.id \
         WHERE last_time >= ?1 AND outcome IN ('accepted', 'dropped')",
        [since],
        |row| row.get(0),
    )?;
    let file_bytes: i64 =
        transaction.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", (), |row| {
            row.get(0)
        })?;
    // A damaged count must not ask for more memory than the file can fill.
    let mut gathering = Gathering::with_room_for(usize::try_from(room.clamp(0, file_bytes / 16)).unwrap_or(0));
    read_batches(transaction, since, |batch| {
        for Entry { key, fingerprint, event_time } in batch.entries() {
            match batch.end.as_ref().map(|end| &end.outcome) {
                _ if event_time < since => {}
                Some(Outcome::Accepted | Outcome::Dropped) => gathering.sent(key, fingerprint),
                Some(Outcome::Cleared | Outcome::Released) => {}
                Some(Outcome::Unknown) | None => gathering.unknown(key, fingerprint, batch.at),
            }
        }
    })?;
    read_rejects(transaction, since, |reject| match reject.pardoned {
        None => gathering.rejected(reject.entry.key, reject.entry.fingerprint),
        Some(_) => gathering.pardoned(reject.entry.key),
    })?;
    if gathering.sort() {
        read_batches(transaction, since, |batch| {
            if batch.end.as_ref().is_some_and(|end| matches!(end.outcome, Outcome::Accepted | Outcome::Dropped)) {
                for Entry { key, fingerprint, event_time: _ } in batch.entries().filter(|e| e.event_time >= since) {
                    gathering.settle(key, fingerprint);
                }
            }
        })?;
    }
    Ok(gathering.finish())
}

/// Shows every batch that has an event since an instant, oldest first.
pub(super) fn read_batches(
    transaction: &Transaction<'_>,
    since: i64,
    mut show: impl FnMut(&Batch<'_>),
) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT batch.id, run, number, batch.at, events, first_time, last_time, batch.seal, entries, \
         outcome.batch, outcome.at, outcome, requests, status, code, subcode, trace, outcome.seal \
         FROM batch LEFT JOIN outcome ON outcome.batch = batch.id WHERE last_time >= ?1 ORDER BY batch.id",
    )?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        show(&read_batch(row)?);
    }
    Ok(())
}

/// Reads and checks a batch and its outcome.
fn read_batch<'r>(row: &'r Row<'_>) -> Result<Batch<'r>, Failure> {
    let id: i64 = row.get(0)?;
    let run = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let (number, at): (u32, i64) = (row.get(2)?, row.get(3)?);
    let (events, first_time, last_time): (i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let bytes = row.get_ref(8)?.as_blob().map_err(rusqlite::Error::from)?;
    let is_sealed = row.get::<_, u32>(7)? == seal_batch(id, run, number, at, (events, first_time, last_time), bytes);
    match (is_sealed, DateTime::from_timestamp_millis(at)) {
        (true, Some(at)) => Ok(Batch { run, number, at, end: read_end(row)?, first_time, last_time, bytes }),
        _ => Err(Failure::Damage(format!("batch {id} is damaged"))),
    }
}

/// Reads and checks the outcome that stands in a row beside its batch.
fn read_end(row: &Row<'_>) -> Result<Option<End>, Failure> {
    let Some(batch) = row.get::<_, Option<i64>>(9)? else { return Ok(None) };
    let word = row.get_ref(11)?.as_str().map_err(rusqlite::Error::from)?;
    let requests = row.get(12)?;
    let answer = Answer { status: row.get(13)?, code: row.get(14)?, subcode: row.get(15)?, trace: row.get(16)? };
    let at = row.get(10)?;
    let is_sealed = row.get::<_, u32>(17)? == seal_outcome(batch, at, word, requests, &answer);
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == word);
    match (is_sealed, outcome, DateTime::from_timestamp_millis(at)) {
        (true, Some(outcome), Some(at)) => Ok(Some(End { outcome, at, requests, answer })),
        _ => Err(Failure::Damage(format!("the outcome of batch {batch} is damaged"))),
    }
}

/// Shows every refusal of an event since an instant, oldest first; of an event that was refused again, the last counts.
pub(super) fn read_rejects(
    transaction: &Transaction<'_>,
    since: i64,
    mut show: impl FnMut(&Reject<'_>),
) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT key, fingerprint, event_time, event_name, event_id, reason, status, code, subcode, trace, reject.at, \
         reject.seal, reject, pardon.at, pardon.seal \
         FROM reject LEFT JOIN pardon ON reject = id WHERE event_time >= ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let key = EventKey(row.get(0)?);
        let entry = Entry { key, fingerprint: Fingerprint(row.get(1)?), event_time: row.get(2)? };
        let mut words = [""; 3];
        for (column, word) in (3..).zip(&mut words) {
            *word = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
        }
        let answer = Answer { status: row.get(6)?, code: row.get(7)?, subcode: row.get(8)?, trace: row.get(9)? };
        let at: i64 = row.get(10)?;
        let is_sealed = row.get::<_, u32>(11)? == seal_reject(&entry, words, &answer, at);
        match (is_sealed, DateTime::from_timestamp_millis(at)) {
            (true, Some(at)) => show(&Reject { entry, words, answer, at, pardoned: read_pardon(row)? }),
            _ => return Err(Failure::Damage("a refused event is damaged".into())),
        }
    }
    Ok(())
}

/// Reads and checks when the refusal was taken back in whose row it stands.
fn read_pardon(row: &Row<'_>) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(reject) = row.get::<_, Option<i64>>(12)? else { return Ok(None) };
    let at: i64 = row.get(13)?;
    let is_sealed = row.get::<_, u32>(14)? == seal_pardon(reject, at);
    match DateTime::from_timestamp_millis(at) {
        Some(at) if is_sealed => Ok(Some(at)),
        _ => Err(Failure::Damage("a refusal that was taken back is damaged".into())),
    }
}
