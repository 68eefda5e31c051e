//! The rows of a check: each is mapped as a run would map it, and told of.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::event::columns::Slot;
use crate::event::rules::Rules;
use crate::event::{self, Note, People, Reason, Refusal, Table};
use crate::ledger::{EventKey, Known, Meeting};
use crate::meta::payload;
use crate::report::End;
use crate::report::survey::{RowFacts, Survey};
use crate::source::RowStream;
use crate::sync::Failure;
use crate::sync::prepare::{Next, fingerprint, next};
use crate::sync::run::Run;
use crate::sync::send::Halt;

/// Why no further row is looked at.
pub(super) enum Ended {
    /// The source has no more.
    OutOfRows,
    /// Enough rows were read, and there are more.
    Limited,
    /// The check was interrupted.
    Halted,
}

/// Reads rows, on a thread of its own.
pub(super) struct Examiner {
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
    pub(super) fn new(run: &Run<'_>, absent: &[String], most_rows: u64, halted: watch::Receiver<Option<Halt>>) -> Self {
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

    /// Reads to the end, or to where it is ended.
    pub(super) fn run(mut self, mut rows: RowStream) -> (Survey, Result<Ended, Failure>) {
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
