//! A state file to JSON Lines and back.

use std::io::{self, BufRead, Write};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::format::pack;
use super::history::read_runs;
use super::reading::{Batch, End, Reject, read_batches, read_rejects};
use super::writing::{start_run, write, write_intent, write_outcome, write_pardons, write_reject};
use super::{Failure, SqliteLedger};
use crate::ledger::exchange::{
    Amounts, EXPORT_VERSION, ExportError, ImportError, Line, OutcomeForm, event_form, event_of, outcome_of, weight,
};
use crate::ledger::history::PastRun;
use crate::ledger::{Answer, BatchId, Entry, LedgerError, Record, RunId};

impl SqliteLedger {
    /// Writes everything that the state holds, a record a line, as it stands at one moment.
    pub fn export(&mut self, out: &mut dyn Write, now: DateTime<Utc>) -> Result<Amounts, ExportError> {
        let mut writer = LineWriter { out, amounts: Amounts::default(), error: None };
        writer.line(&Line::State { schema_version: EXPORT_VERSION, exported_at: now });
        self.tell(&mut |line| writer.line(&line))?;
        let amounts @ Amounts { runs, batches, rejects } = writer.amounts;
        writer.line(&Line::End { runs, batches, rejects });
        match writer.error {
            None => Ok(amounts),
            Some(error) => Err(ExportError::Output(error)),
        }
    }

    /// Shows everything that the state holds, a record a line, as it stands at one moment.
    fn tell(&mut self, show: &mut dyn FnMut(Line)) -> Result<(), LedgerError> {
        self.read(|transaction| {
            for run in read_runs(transaction, u32::MAX)?.into_iter().rev() {
                show(run_line(run));
            }
            read_batches(transaction, i64::MIN, |batch| show(batch_line(batch)))?;
            read_rejects(transaction, i64::MIN, |reject| show(reject_line(reject)))
        })
    }

    /// Gives everything that the state holds, a record a line, as it stands at one moment.
    pub fn lines(&mut self) -> Result<Vec<Line>, LedgerError> {
        let mut lines = Vec::new();
        self.tell(&mut |line| lines.push(line))?;
        Ok(lines)
    }

    /// Adds records of an export that this state does not hold, all of them or none; gives what was new.
    pub fn add(&mut self, lines: Vec<Line>) -> Result<Amounts, LedgerError> {
        let (mut met, mut added) = (Amounts::default(), Amounts::default());
        self.write(|transaction| {
            for line in lines {
                match take_record(transaction, line, &mut met, &mut added) {
                    Ok(()) => {}
                    Err(Stopped::Failure(failure)) => return Err(failure),
                    Err(Stopped::Input(error)) => return Err(Failure::Damage(error.to_string())),
                }
            }
            Ok(())
        })?;
        Ok(added)
    }

    /// Makes a state in memory of records that were written elsewhere, in the order in which they were written: of an
    /// event that was refused several times, the last refusal counts.
    pub fn replay(lines: Vec<Line>) -> Result<Self, LedgerError> {
        let mut state = Self::in_memory()?;
        let (mut met, mut added) = (Amounts::default(), Amounts::default());
        state.write(|transaction| {
            for line in lines {
                let taken = match line {
                    Line::Reject {
                        key,
                        fingerprint,
                        event_time,
                        event_name,
                        event_id,
                        reason,
                        answer,
                        at,
                        pardoned_at,
                    } => {
                        let entry = event_of(&(key, fingerprint, event_time))
                            .ok_or_else(|| Failure::Damage("a refused event has no key".into()))?;
                        let words = [event_name.as_str(), event_id.as_str(), reason.as_str()];
                        write_reject(transaction, &entry, words, &answer.into(), at)?;
                        let pardoned = pardoned_at.map(|at| write_pardons(transaction, &[entry.key], at));
                        pardoned.unwrap_or(Ok(())).map_err(Stopped::from)
                    }
                    line @ (Line::State { .. } | Line::Run { .. } | Line::Batch { .. } | Line::End { .. }) => {
                        take_record(transaction, line, &mut met, &mut added)
                    }
                };
                taken.map_err(|stopped| match stopped {
                    Stopped::Failure(failure) => failure,
                    Stopped::Input(error) => Failure::Damage(error.to_string()),
                })?;
            }
            Ok(())
        })?;
        Ok(state)
    }

    /// Adds what an export holds and this state does not, all of it or nothing; gives what was new.
    ///
    /// Of an event that is refused in both, the later refusal counts; of a batch that has different outcomes, the one
    /// that keeps its events from being sent twice.
    pub fn import(&mut self, lines: &mut dyn BufRead) -> Result<Amounts, ImportError> {
        let mut stopped = None;
        let mut added = Amounts::default();
        let result = self.write(|transaction| match take_in(transaction, lines, &mut added) {
            Ok(()) => Ok(()),
            Err(Stopped::Failure(failure)) => Err(failure),
            Err(Stopped::Input(error)) => {
                stopped = Some(error);
                Err(Failure::Damage("the import was given up".into()))
            }
        });
        match (stopped, result) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(())) => Ok(added),
        }
    }
}

/// Writes lines until one fails.
struct LineWriter<'a> {
    out: &'a mut dyn Write,
    amounts: Amounts,
    error: Option<io::Error>,
}

impl LineWriter<'_> {
    fn line(&mut self, line: &Line) {
        match line {
            Line::State { .. } | Line::End { .. } => {}
            Line::Run { .. } => self.amounts.runs += 1,
            Line::Batch { .. } => self.amounts.batches += 1,
            Line::Reject { .. } => self.amounts.rejects += 1,
        }
        if self.error.is_some() {
            return;
        }
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut json| {
            json.push(b'\n');
            self.out.write_all(&json)
        });
        self.error = written.err();
    }
}

/// The line of a run.
fn run_line(PastRun { run, started, end }: PastRun) -> Line {
    let (finished_at, exit_code, report) = match end {
        Some(end) => (Some(end.at), Some(end.exit_code), Some(end.report)),
        None => (None, None, None),
    };
    Line::Run { run: run.0, started_at: started, finished_at, exit_code, report }
}

/// The line of a batch.
fn batch_line(batch: &Batch<'_>) -> Line {
    let BatchId { run, number } = batch.id();
    let outcome = batch.end.as_ref().map(|End { outcome, at, requests, answer }| OutcomeForm {
        outcome: outcome.word().to_owned(),
        at: *at,
        requests: *requests,
        answer: answer.clone().into(),
    });
    let events = batch.entries().map(|entry| event_form(&entry)).collect();
    Line::Batch { run: run.0, number, at: batch.at, events, outcome }
}

/// The line of a refused event.
fn reject_line(reject: &Reject<'_>) -> Line {
    let (key, fingerprint, event_time) = event_form(&reject.entry);
    let [event_name, event_id, reason] = reject.words.map(str::to_owned);
    let (answer, at, pardoned_at) = (reject.answer.clone().into(), reject.at, reject.pardoned);
    Line::Reject { key, fingerprint, event_time, event_name, event_id, reason, answer, at, pardoned_at }
}

/// Why an import is given up.
enum Stopped {
    Failure(Failure),
    Input(ImportError),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failure(error.into())
    }
}

/// What is wrong with a line.
fn wrong(what: &'static str) -> Stopped {
    Stopped::Input(ImportError::Line { number: 0, what })
}

/// Takes in every line.
fn take_in(transaction: &Transaction<'_>, lines: &mut dyn BufRead, added: &mut Amounts) -> Result<(), Stopped> {
    let mut text = String::new();
    let mut met = Amounts::default();
    let mut place = Place::Start;
    for number in 1.. {
        text.clear();
        let taken = match (lines.read_line(&mut text), place) {
            (Err(error), _) if error.kind() == io::ErrorKind::InvalidData => Err(wrong("is not text")),
            (Err(error), _) => Err(Stopped::Input(ImportError::Input(error))),
            (Ok(0), Place::End) => return Ok(()),
            (Ok(0), _) => Err(wrong("is missing: the export was cut short")),
            (Ok(_), Place::End) => Err(wrong("follows the end of the export")),
            (Ok(_), _) => take_line(transaction, &text, place, &mut met, added),
        };
        place = taken.map_err(|stopped| match stopped {
            Stopped::Input(ImportError::Line { number: _, what }) => Stopped::Input(ImportError::Line { number, what }),
            stopped => stopped,
        })?;
    }
    Ok(())
}

/// Where in an export a line stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Start,
    Middle,
    End,
}

/// Takes in one line; gives the place after it.
fn take_line(
    transaction: &Transaction<'_>,
    text: &str,
    place: Place,
    met: &mut Amounts,
    added: &mut Amounts,
) -> Result<Place, Stopped> {
    let line: Line = serde_json::from_str(text).map_err(|_| wrong("is not one that fbcapi state export writes"))?;
    match (place, &line) {
        (Place::Start, Line::State { schema_version: EXPORT_VERSION, exported_at: _ }) => return Ok(Place::Middle),
        (Place::Start, Line::State { .. }) => return Err(wrong("is of a version that this program does not know")),
        (Place::Start, _) => return Err(wrong("is not the first of an export")),
        (Place::Middle | Place::End, _) => {}
    }
    match line {
        Line::State { .. } => Err(wrong("is the first of another export")),
        Line::End { runs, batches, rejects } if *met == (Amounts { runs, batches, rejects }) => Ok(Place::End),
        Line::End { .. } => Err(wrong("names other amounts than there are: lines are missing")),
        Line::Run { .. } | Line::Batch { .. } | Line::Reject { .. } => {
            take_record(transaction, line, met, added).map(|()| Place::Middle)
        }
    }
}

/// Takes in one record.
fn take_record(
    transaction: &Transaction<'_>,
    line: Line,
    met: &mut Amounts,
    added: &mut Amounts,
) -> Result<(), Stopped> {
    match line {
        Line::State { .. } | Line::End { .. } => {}
        Line::Run { run, started_at, finished_at, exit_code, report } => {
            met.runs += 1;
            let run = RunId(run);
            let finished = match (finished_at, exit_code, report) {
                (None, None, None) => None,
                (Some(at), Some(exit_code), Some(report)) => {
                    Some(Record::RunFinished { run: run.clone(), at, report, exit_code })
                }
                _ => return Err(wrong("holds half an end of a run")),
            };
            added.runs += u64::from(take_run(transaction, &run, started_at, finished.as_ref())?);
        }
        Line::Batch { run, number, at, events, outcome } => {
            met.batches += 1;
            let id = BatchId { run: RunId(run), number };
            let entries: Option<Vec<Entry>> = events.iter().map(event_of).collect();
            let entries = entries.filter(|entries| !entries.is_empty()).ok_or(wrong("holds no keys of events"))?;
            added.batches += u64::from(take_batch(transaction, &id, at, &entries, outcome)?);
        }
        Line::Reject { key, fingerprint, event_time, event_name, event_id, reason, answer, at, pardoned_at } => {
            met.rejects += 1;
            let entry = event_of(&(key, fingerprint, event_time)).ok_or(wrong("holds no key of an event"))?;
            let words = [event_name.as_str(), event_id.as_str(), reason.as_str()];
            added.rejects += u64::from(take_reject(transaction, &entry, words, &answer.into(), at, pardoned_at)?);
        }
    }
    Ok(())
}

/// Adds a run, or the end of one that has none here; tells whether it was new.
fn take_run(
    transaction: &Transaction<'_>,
    run: &RunId,
    started: DateTime<Utc>,
    finished: Option<&Record>,
) -> Result<bool, Stopped> {
    let held: Option<bool> = transaction
        .prepare_cached("SELECT finished IS NOT NULL FROM run WHERE name = ?1")?
        .query_row([&run.0], |row| row.get(0))
        .optional()?;
    if held.is_none() {
        start_run(transaction, run, started)?;
    }
    match finished {
        Some(finished) if held != Some(true) => write(transaction, finished)?,
        Some(_) | None => return Ok(held.is_none()),
    }
    Ok(true)
}

/// Adds a batch, or an outcome that counts for more than the one that is here; tells whether there was one.
fn take_batch(
    transaction: &Transaction<'_>,
    id: &BatchId,
    at: DateTime<Utc>,
    entries: &[Entry],
    outcome: Option<OutcomeForm>,
) -> Result<bool, Stopped> {
    let held: Option<(i64, Vec<u8>, Option<String>)> = transaction
        .prepare_cached(
            "SELECT id, entries, outcome FROM batch LEFT JOIN outcome ON outcome.batch = batch.id \
             WHERE run = ?1 AND number = ?2",
        )?
        .query_row(params![id.run.0, id.number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let held_outcome = match &held {
        None => {
            write_intent(transaction, id, at, entries)?;
            None
        }
        Some((_, bytes, _)) if *bytes != pack(entries).bytes => {
            return Err(wrong("holds other events than the batch of that number in the state"));
        }
        Some((_, _, word)) => word.as_deref().and_then(outcome_of),
    };
    let Some(OutcomeForm { outcome, at, requests, answer }) = outcome else { return Ok(held.is_none()) };
    let outcome = outcome_of(&outcome).ok_or(wrong("holds an outcome that this program does not know"))?;
    if weight(Some(&outcome)) <= weight(held_outcome.as_ref()) {
        return Ok(held.is_none());
    }
    if let Some((batch, ..)) = held {
        transaction.prepare_cached("DELETE FROM outcome WHERE batch = ?1")?.execute([batch])?;
    }
    write_outcome(transaction, id, at, &outcome, requests, &Answer::from(answer))?;
    Ok(true)
}

/// Adds a refusal unless the same event was refused here as late or later; tells whether it was new.
fn take_reject(
    transaction: &Transaction<'_>,
    entry: &Entry,
    words: [&str; 3],
    answer: &Answer,
    at: DateTime<Utc>,
    pardoned: Option<DateTime<Utc>>,
) -> Result<bool, Stopped> {
    let held: Option<(i64, i64, bool)> = transaction
        .prepare_cached(
            "SELECT id, reject.at, pardon.reject IS NOT NULL FROM reject LEFT JOIN pardon ON pardon.reject = id \
             WHERE key = ?1 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([entry.key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let millis = at.timestamp_millis();
    match (held, pardoned) {
        (Some((_, held_at, _)), _) if held_at > millis => return Ok(false),
        (Some((_, held_at, true)), _) | (Some((_, held_at, false)), None) if held_at == millis => return Ok(false),
        (Some((_, held_at, false)), Some(_)) if held_at == millis => {}
        _ => write_reject(transaction, entry, words, answer, at)?,
    }
    if let Some(pardoned) = pardoned {
        write_pardons(transaction, &[entry.key], pardoned)?;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
