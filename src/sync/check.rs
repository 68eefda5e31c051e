//! A look at the rows: read and mapped as a run would, but nothing is sent, recorded or locked.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::prepare::{Next, fingerprint, next};
use super::run::Run;
use super::send::Halt;
use super::{Failure, Options, World, halt_in_time};
use crate::config::Config;
use crate::event::columns::Slot;
use crate::event::rules::Rules;
use crate::event::{self, Note, People, Reason, Refusal, Table};
use crate::ledger::{EventKey, Known, Meeting};
use crate::meta::payload;
use crate::report::human::PASSWORD_WARNING;
use crate::report::survey::{Findings, RowFacts, Survey};
use crate::report::{End, WindowAsked};
use crate::source::RowStream;

/// What a check leaves: what it found, and what ended it early.
#[derive(Debug)]
pub struct Checked {
    /// What it found.
    pub findings: Findings,
    /// What ended it early.
    pub failure: Option<Failure>,
}

/// Looks at the rows that a run would read: at the first so many, or at all.
///
/// Of the options, those about what is selected count. A source that has more rows is left where enough were read,
/// which ends its statement in Snowflake.
pub async fn check(config: &Config, options: &Options, most_rows: Option<u64>, world: World) -> Checked {
    let run = Run::new(config, options, world);
    let window = WindowAsked { since: run.since, until: options.until };
    let dataset_id = config.graph.dataset_id.clone();
    let mut findings = Findings::new(run.started, dataset_id, config.source.name(), window, most_rows);
    let halt = watch::Sender::new(None);
    let signals = tokio::spawn(halt_in_time(halt.clone(), None));
    let failure = match run.open_source(&halt).await {
        Ok(rows) => {
            let examiner = Examiner::new(&run, &rows.absent, most_rows.unwrap_or(u64::MAX), halt.subscribe());
            match tokio::task::spawn_blocking(move || examiner.run(rows)).await {
                Ok((survey, ended)) => {
                    survey.conclude(&mut findings);
                    findings.rows.is_whole = matches!(ended, Ok(Ended::OutOfRows));
                    ended.err()
                }
                Err(_) => Some(Failure::Bug),
            }
        }
        Err(error) => Some(error.into()),
    };
    signals.abort();
    let halted = match halt.borrow().clone() {
        Some(Halt::Signal(number)) => Some(Failure::Signal(number)),
        Some(Halt::Ledger(error)) => Some(Failure::Ledger(error)),
        Some(Halt::Stopped(stop, codes)) => Some(Failure::Stopped { stop, codes }),
        Some(Halt::Bug) => Some(Failure::Bug),
        Some(Halt::TimeOver) | None => None,
    };
    let failure = failure.or(halted);
    if failure.is_none() && config.source.uses_password() {
        findings.warnings.push(PASSWORD_WARNING.to_owned());
    }
    findings.error = failure.as_ref().map(ToString::to_string);
    run.part().await;
    Checked { findings, failure }
}

/// Why no further row is looked at.
enum Ended {
    OutOfRows,
    /// Enough rows were read, and there are more.
    Limited,
    /// The check was interrupted.
    Halted,
}

/// Reads rows, on a thread of its own.
struct Examiner {
    rules: Arc<Rules>,
    dataset_id: String,
    clock: fn() -> DateTime<Utc>,
    most_rows: u64,
    halted: watch::Receiver<Option<Halt>>,
    survey: Survey,
    read: u64,
    known: Known,
    people: People,
    notes: Vec<Note>,
    filled: Vec<Slot>,
    json: Vec<u8>,
}

impl Examiner {
    fn new(run: &Run<'_>, absent: &[String], most_rows: u64, halted: watch::Receiver<Option<Halt>>) -> Self {
        let rules = Arc::clone(&run.rules);
        Self {
            survey: Survey::new(&rules.columns, rules.normalize.external_id, absent),
            rules,
            dataset_id: run.config.graph.dataset_id.clone(),
            clock: run.world.now,
            most_rows,
            halted,
            read: 0,
            known: Known::default(),
            people: People::default(),
            notes: Vec::new(),
            filled: Vec::new(),
            json: Vec::with_capacity(2_048),
        }
    }

    fn run(mut self, mut rows: RowStream) -> (Survey, Result<Ended, Failure>) {
        let ended = self.read(&mut rows);
        (self.survey, ended)
    }

    fn read(&mut self, rows: &mut RowStream) -> Result<Ended, Failure> {
        let rules = Arc::clone(&self.rules);
        let mut halted = self.halted.clone();
        loop {
            let batch = match next(rows, &mut halted)? {
                Next::Batch(batch) => batch,
                Next::OutOfRows => return Ok(Ended::OutOfRows),
                Next::Halted => return Ok(Ended::Halted),
            };
            let now = (self.clock)().timestamp();
            let table = Table::bind(&batch, &rules.columns, rules.zone)?;
            let mut people = std::mem::take(&mut self.people);
            for row in 0..table.len() {
                if !self.row(&table, row, &rules, now, &mut people) {
                    return Ok(Ended::Limited);
                }
            }
            self.people = people;
        }
    }

    /// Looks at one row; `false` when it is one too many.
    fn row(&mut self, table: &Table<'_>, row: usize, rules: &Rules, now: i64, people: &mut People) -> bool {
        self.notes.clear();
        let built = match event::build(table, row, rules, now, people, &mut self.notes) {
            Err(Refusal::NotSelected) => return true,
            _ if self.read >= self.most_rows => return false,
            Err(refusal) => Err(refusal),
            Ok(event) => {
                self.json.clear();
                payload::write(&event, &mut self.json);
                let is = fingerprint(&self.json);
                let meeting = self.known.meet(EventKey::new(&self.dataset_id, event.name, event.id), is);
                Ok((
                    event.keys,
                    matches!(meeting, Meeting::Again(_)),
                    matches!(meeting, Meeting::Again(was) if was != is),
                ))
            }
        };
        self.read += 1;
        let (end, reason, keys) = match built {
            Ok((keys, is_copy, _)) => (if is_copy { End::Collapsed } else { End::Pending }, None, keys),
            Err(refusal) => {
                self.notes.clear();
                let keys = event::examine(table, row, rules, people, &mut self.notes);
                let (end, reason) = end_of(refusal);
                (end, reason, keys)
            }
        };
        let copies = table.copies(row);
        let differs = matches!(built, Ok((.., true))) || (copies > 1 && table.copies_differ(row));
        self.filled.clear();
        self.filled.extend(table.filled(row));
        let identity = event::identify(table, row, rules);
        self.survey.add(&RowFacts {
            end,
            reason,
            name: identity.name,
            age_seconds: identity.time.map(|time| now.saturating_sub(time)),
            keys,
            filled: &self.filled,
            notes: &self.notes,
            copies,
            copies_differ: differs,
        });
        true
    }
}

/// The end of a row that is not sent, and why.
fn end_of(refusal: Refusal) -> (End, Option<Reason>) {
    match refusal {
        // Such a row is not looked at.
        Refusal::NotSelected => (End::Skipped, None),
        Refusal::Rejected(reason) => (End::Rejected, Some(reason)),
        Refusal::Expired => (End::Expired, Some(Reason::Expired)),
        Refusal::Skipped(reason) => (End::Skipped, Some(reason)),
        Refusal::Deferred => (End::Deferred, Some(Reason::NotYetDue)),
    }
}
