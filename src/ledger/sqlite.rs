//! The ledger in a `SQLite` file: a row for each batch, with its keys in one blob.
//!
//! A row per event would turn every intent into a thousand writes all over a tree; a batch is written as one piece,
//! for the price of the disk's flush. All keys of the window are read at the start of a run.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use self::format::{Seal, pack, unpack};
use super::known::{Gathering, Known};
use super::lock::Lock;
use super::{Answer, BatchId, Disorder, Entry, EventKey, Fingerprint, Ledger, LedgerError, Outcome, Record, RunId};

mod format;
mod opening;

/// A ledger in a `SQLite` file.
#[derive(Debug)]
pub struct SqliteLedger {
    // The connection stands first, so that it is closed before the lock is given back.
    connection: Connection,
    path: PathBuf,
    #[expect(dead_code, reason = "it is held, not read")]
    lock: Option<Lock>,
}

/// Why a step failed, before it is known which file it was.
#[derive(Debug)]
enum Failure {
    /// `SQLite` said so.
    Sqlite(rusqlite::Error),
    /// The operating system said so.
    Io(io::Error),
    /// The content is not what this program writes.
    Damage(String),
    /// The records were out of order.
    Disorder(Disorder),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    /// Says which file it was and what was being done.
    fn at(self, path: &Path, verb: &'static str) -> LedgerError {
        let path = path.display().to_string();
        let source: Box<dyn Error + Send + Sync> = match self {
            Self::Damage(why) => return LedgerError::Unusable { path, why },
            Self::Sqlite(error) if is_damage(&error) => {
                return LedgerError::Unusable { path, why: format!("it is damaged: {error}") };
            }
            Self::Sqlite(error) => Box::new(error),
            Self::Io(error) => Box::new(error),
            Self::Disorder(disorder) => Box::new(disorder),
        };
        LedgerError::Io { path, verb, source }
    }
}

/// Whether an error of `SQLite` means that the file's content is wrong, rather than that it cannot be reached.
fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error_code() else { return true };
    matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch | ErrorCode::Unknown)
}

impl Ledger for SqliteLedger {
    fn load(&mut self, since: i64) -> Result<Known, LedgerError> {
        self.gather(since).map_err(|failure| failure.at(&self.path, "read"))
    }

    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        self.write(|transaction| records.iter().try_for_each(|record| write(transaction, record)))
    }

    fn prune(&mut self, before: i64) -> Result<(), LedgerError> {
        self.write(|transaction| {
            let old = "SELECT id FROM batch WHERE last_time < ?1";
            transaction.execute(&format!("DELETE FROM outcome WHERE batch IN ({old})"), [before])?;
            transaction.execute("DELETE FROM batch WHERE last_time < ?1", [before])?;
            transaction.execute("DELETE FROM reject WHERE event_time < ?1", [before])?;
            transaction.execute(
                "DELETE FROM run WHERE started < ?1 AND id < (SELECT max(id) FROM run) \
                 AND name NOT IN (SELECT run FROM batch)",
                [before.saturating_mul(1_000)],
            )?;
            Ok(())
        })
    }

    fn is_new(&self) -> Result<bool, LedgerError> {
        self.connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM run)", (), |row| row.get(0))
            .map_err(|error| Failure::from(error).at(&self.path, "read"))
    }
}

impl SqliteLedger {
    /// Does all of some work durably or nothing of it.
    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<(), Failure>) -> Result<(), LedgerError> {
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        };
        run(&mut self.connection).map_err(|failure: Failure| failure.at(&self.path, "written"))
    }

    /// Reads what is known of the events since an instant.
    fn gather(&mut self, since: i64) -> Result<Known, Failure> {
        // One transaction sees one state, whatever another process writes meanwhile.
        let transaction = self.connection.transaction()?;
        let room: i64 = transaction.query_row(
            "SELECT coalesce(sum(events), 0) FROM batch JOIN outcome ON outcome.batch = batch.id \
             WHERE last_time >= ?1 AND outcome = 'accepted'",
            [since],
            |row| row.get(0),
        )?;
        let file_bytes: i64 = transaction.query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            (),
            |row| row.get(0),
        )?;
        // A damaged count must not ask for more memory than the file can fill.
        let mut gathering = Gathering::with_room_for(usize::try_from(room.clamp(0, file_bytes / 16)).unwrap_or(0));
        read_batches(&transaction, since, |entry, attempt| match attempt {
            Attempt::Accepted => gathering.sent(entry.key, entry.fingerprint),
            Attempt::Unknown(at) => gathering.unknown(entry.key, entry.fingerprint, at),
        })?;
        read_rejects(&transaction, since, |key, fingerprint| gathering.rejected(key, fingerprint))?;
        if gathering.sort() {
            read_batches(&transaction, since, |entry, attempt| {
                if matches!(attempt, Attempt::Accepted) {
                    gathering.settle(entry.key, entry.fingerprint);
                }
            })?;
        }
        Ok(gathering.finish())
    }
}

/// What an entry of a batch that was not cleared tells.
enum Attempt {
    /// Meta took it.
    Accepted,
    /// Nobody knows; the attempt began at this time.
    Unknown(DateTime<Utc>),
}

/// Shows every event of the batches since an instant that were not cleared, oldest batch first.
fn read_batches(
    transaction: &Transaction<'_>,
    since: i64,
    mut show: impl FnMut(Entry, Attempt),
) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT batch.id, run, number, batch.at, events, first_time, last_time, batch.seal, entries, \
         outcome.batch, outcome.at, outcome, requests, status, code, subcode, trace, outcome.seal \
         FROM batch LEFT JOIN outcome ON outcome.batch = batch.id WHERE last_time >= ?1 ORDER BY batch.id",
    )?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let outcome = read_outcome(row)?;
        if outcome == Some(Outcome::Cleared) {
            continue;
        }
        let id: i64 = row.get(0)?;
        let run = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let (number, at): (u32, i64) = (row.get(2)?, row.get(3)?);
        let (events, first_time, last_time): (i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let bytes = row.get_ref(8)?.as_blob().map_err(rusqlite::Error::from)?;
        let seal = seal_batch(id, run, number, at, (events, first_time, last_time), bytes);
        let damage = || Failure::Damage(format!("batch {id} is damaged"));
        let (true, Some(entries), Some(at)) =
            (row.get::<_, u32>(7)? == seal, unpack(first_time, last_time, bytes), DateTime::from_timestamp_millis(at))
        else {
            return Err(damage());
        };
        for entry in entries.filter(|entry| entry.event_time >= since) {
            show(entry, if outcome == Some(Outcome::Accepted) { Attempt::Accepted } else { Attempt::Unknown(at) });
        }
    }
    Ok(())
}

/// Reads and checks the outcome that stands in a row beside its batch.
fn read_outcome(row: &Row<'_>) -> Result<Option<Outcome>, Failure> {
    let Some(batch) = row.get::<_, Option<i64>>(9)? else { return Ok(None) };
    let word = row.get_ref(11)?.as_str().map_err(rusqlite::Error::from)?;
    let answer = Answer { status: row.get(13)?, code: row.get(14)?, subcode: row.get(15)?, trace: row.get(16)? };
    let seal = seal_outcome(batch, row.get(10)?, word, row.get(12)?, &answer);
    let outcome = [Outcome::Accepted, Outcome::Cleared, Outcome::Unknown].into_iter().find(|o| word_of(o) == word);
    if outcome.is_none() || row.get::<_, u32>(17)? != seal {
        return Err(Failure::Damage(format!("the outcome of batch {batch} is damaged")));
    }
    Ok(outcome)
}

/// Shows every refused event since an instant.
fn read_rejects(
    transaction: &Transaction<'_>,
    since: i64,
    mut show: impl FnMut(EventKey, Fingerprint),
) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT key, fingerprint, event_time, event_name, event_id, reason, status, code, subcode, trace, at, seal \
         FROM reject WHERE event_time >= ?1",
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
        if row.get::<_, u32>(11)? != seal_reject(&entry, words, &answer, row.get(10)?) {
            return Err(Failure::Damage("a refused event is damaged".into()));
        }
        show(entry.key, entry.fingerprint);
    }
    Ok(())
}

/// Writes one record.
fn write(transaction: &Transaction<'_>, record: &Record) -> Result<(), Failure> {
    match record {
        Record::RunStarted { run, at } => start_run(transaction, run, *at),
        Record::Intent { batch, at, entries } => write_intent(transaction, batch, *at, entries),
        Record::Outcome { batch, at, outcome, requests, answer } => {
            write_outcome(transaction, batch, *at, outcome, *requests, answer)
        }
        Record::Rejected { entry, event_name, event_id, reason, answer, at } => {
            write_reject(transaction, entry, [event_name, event_id, reason], answer, *at)
        }
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
fn start_run(transaction: &Transaction<'_>, run: &RunId, at: DateTime<Utc>) -> Result<(), Failure> {
    let added = transaction
        .prepare_cached("INSERT INTO run (name, started) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![run.0, at.timestamp_millis()])?;
    if added == 1 { Ok(()) } else { Err(Failure::Disorder(Disorder::RunRepeated)) }
}

/// Writes that a batch is about to be posted.
fn write_intent(
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
fn write_outcome(
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
    let (at, word) = (at.timestamp_millis(), word_of(outcome));
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
fn write_reject(
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
            "INSERT OR REPLACE INTO reject (key, fingerprint, event_time, event_name, event_id, reason, status, \
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

/// The word that stands for an outcome in the file.
fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Cleared => "cleared",
        Outcome::Unknown => "unknown",
    }
}

/// The seal of a batch; `extent` is how many events it has, its first and its last event time.
fn seal_batch(id: i64, run: &str, number: u32, at: i64, extent: (i64, i64, i64), bytes: &[u8]) -> u32 {
    let (events, first, last) = extent;
    let seal = Seal::default().number(id).text(run).number(number).number(at);
    seal.number(events).number(first).number(last).bytes(bytes).sum()
}

/// The seal of an outcome.
fn seal_outcome(batch: i64, at: i64, word: &str, requests: u32, answer: &Answer) -> u32 {
    seal_answer(Seal::default().number(batch).number(at).text(word).number(requests), answer)
}

/// The seal of a refused event.
fn seal_reject(entry: &Entry, words: [&str; 3], answer: &Answer, at: i64) -> u32 {
    let Entry { key, fingerprint, event_time } = entry;
    let mut seal = Seal::default().bytes(&key.0).number(fingerprint.0).number(*event_time).number(at);
    for word in words {
        seal = seal.text(word);
    }
    seal_answer(seal, answer)
}

/// Adds an answer to a seal and closes it.
fn seal_answer(seal: Seal, answer: &Answer) -> u32 {
    let Answer { status, code, subcode, trace } = answer;
    seal.option(*status).option(*code).option(*subcode).text(trace.as_deref().unwrap_or_default()).sum()
}

#[cfg(test)]
mod tests;
