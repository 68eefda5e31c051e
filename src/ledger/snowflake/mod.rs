//! The ledger in Snowflake: an append-only log in the user's own schema, and a lease instead of a lock.
//!
//! One append is one statement, unless it is too long for one. An intent is written only while the lease is held, which
//! the statement itself sees to; an outcome always, for what Meta said is true whoever holds the lease, and is marked
//! when it came late.

mod clerk;
mod copying;
mod lease;
mod orders;
mod reading;
mod row;
mod schema;
mod taking;

use std::collections::HashSet;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::clerk::{Clerk, Wanted};
use self::orders::Orders;
use self::reading::{Log, Order, Story, Texts};
use self::row::{Author, Insertion, PARDONED, Rows};
use super::known::{Gathering, Known};
use super::{EventKey, Fingerprint, Ledger, LedgerError, Record, RunId, SqliteLedger, Wants};
use crate::source::snowflake::{Connection, DeskError, Effect, Surroundings};
use crate::source::{Shard, SourceError};

pub use self::lease::{Permit, Terms};
pub use self::schema::{Schema, VERSION};
pub use self::taking::LeaseHolder;

/// How often a statement whose end is unknown is looked for and handed in again.
const ATTEMPTS: u32 = 4;

/// After so long it is not handed in again: by then the lease has ended, too.
const LONGEST: Duration = Duration::from_secs(300);

/// Where the state is, and how it is reached.
#[derive(Debug, Clone)]
pub struct Warehouse {
    /// How to log in.
    pub connection: Connection,
    /// The schema that holds the tables.
    pub schema: Schema,
    /// How long a lease is held.
    pub terms: Terms,
}

/// The part of the world that a ledger in Snowflake needs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The dataset whose events it holds.
    pub dataset_id: String,
    /// The part of the events that is sent here, if not all.
    pub shard: Option<Shard>,
    /// The process and the machine, for whoever has to wait.
    pub who: String,
    /// Clock, dice and patience.
    pub surroundings: Surroundings,
}

impl Setting {
    /// What a ledger of a dataset, or of a shard of its events, needs.
    pub fn new(dataset_id: &str, shard: Option<Shard>, surroundings: Surroundings) -> Self {
        let named = ["/proc/sys/kernel/hostname", "/etc/hostname"].map(std::fs::read_to_string);
        let host = named.into_iter().find_map(Result::ok);
        let host = host.map(|host| format!(" on {}", host.trim())).unwrap_or_default();
        let who = format!("process {}{host}", std::process::id());
        Self { dataset_id: dataset_id.to_owned(), shard, who, surroundings }
    }
}

/// A ledger in Snowflake.
#[derive(Debug)]
pub struct SnowflakeLedger {
    clerk: Clerk,
    log: Log,
    lease: Option<Held>,
    orders: Orders,
    thread: JoinHandle<()>,
}

/// A lease that was taken, given back when dropped.
#[derive(Debug)]
struct Held {
    author: Author,
    /// The next statement's number.
    next: u64,
    permit: Permit,
    release: String,
    clerk: Clerk,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.clerk.write_in_passing(std::mem::take(&mut self.release));
    }
}

impl SnowflakeLedger {
    /// Opens the ledger to look at it.
    pub fn open_read_only(warehouse: &Warehouse, setting: &Setting) -> Result<Self, LedgerError> {
        let schema = warehouse.schema.clone();
        let clerk = Clerk::start(&warehouse.connection, &schema.name(), setting.surroundings.clone());
        let (clerk, thread) =
            clerk.map_err(|source| LedgerError::Remote { schema: schema.name(), verb: "read", source })?;
        let log = Log { schema, dataset_id: setting.dataset_id.clone() };
        let mut ledger = Self { clerk, log, lease: None, orders: Orders::default(), thread };
        ledger.check_version(setting)?;
        Ok(ledger)
    }

    /// Makes the tables and views where they are missing.
    pub fn make(warehouse: &Warehouse, setting: &Setting) -> Result<(), LedgerError> {
        let schema = warehouse.schema.name();
        let failed = |source| LedgerError::Remote { schema: schema.clone(), verb: "made", source };
        let (clerk, thread) =
            Clerk::start(&warehouse.connection, &schema, setting.surroundings.clone()).map_err(failed)?;
        let statements = warehouse.schema.statements();
        let made = statements.into_iter().try_for_each(|statement| clerk.make(statement));
        drop(clerk);
        drop(thread.join());
        made.map_err(|DeskError { effect, error }| {
            failed(match effect {
                Effect::NoObject => SourceError {
                    what: "the schema is not there, or the role of this login may not make tables in it".into(),
                    remedy: Some("have someone run what fbcapi state init --print-sql prints".into()),
                    ..error
                },
                Effect::None | Effect::InDoubt => error,
            })
        })
    }

    /// Gives the lease back and ends the sessions, which takes some seconds at most.
    pub fn close(self) {
        let Self { clerk, log: _, lease, orders: _, thread } = self;
        drop(lease);
        drop(clerk);
        drop(thread.join());
    }

    /// Reads what is known of every event but those that were sent.
    pub fn load_open(&mut self, since: i64) -> Result<Known, LedgerError> {
        let mut gathering = Gathering::default();
        self.gather_open(since, &mut gathering)?;
        gathering.sort();
        Ok(gathering.finish())
    }

    /// What reads the events that were sent, from any thread and at any time.
    pub fn sent_events(&self) -> SentEvents {
        SentEvents { clerk: self.clerk.clone(), log: self.log.clone(), wanted: None }
    }

    /// All of the log in a state of this process's own, for questions; and how many outcomes came late.
    pub fn copy(&mut self) -> Result<(SqliteLedger, u64), LedgerError> {
        let (mut story, mut is_ours) = (Story::default(), true);
        self.select(self.log.everything(), |batch| is_ours &= story.add(batch).is_some())?;
        if !is_ours {
            return Err(strange(&self.log.schema));
        }
        let late = story.late;
        Ok((SqliteLedger::replay(story.lines())?, late))
    }

    fn select(&self, sql: String, show: impl FnMut(&arrow_array::RecordBatch)) -> Result<(), LedgerError> {
        self.clerk.select(sql, None, show).map_err(|error| self.failed("read", error))
    }

    fn failed(&self, verb: &'static str, error: DeskError) -> LedgerError {
        failed(&self.log.schema, verb, error)
    }

    fn unfit(&self, why: String) -> LedgerError {
        LedgerError::Unfit { schema: self.log.schema.name(), why }
    }

    /// Adds what is known of events that were not sent.
    fn gather_open(&self, since: i64, gathering: &mut Gathering) -> Result<(), LedgerError> {
        let mut is_ours = true;
        self.select(self.log.in_doubt(since), |batch| {
            let texts = Texts::of(batch);
            for row in 0..texts.rows() {
                match (entry(&texts, row), texts.time(row, 2)) {
                    (Some((key, fingerprint)), Some(at)) => gathering.unknown(key, fingerprint, at),
                    _ => is_ours = false,
                }
            }
        })?;
        self.select(self.log.refusals(since), |batch| {
            let texts = Texts::of(batch);
            for row in 0..texts.rows() {
                match (texts.key(row, 0), entry(&texts, row)) {
                    (Some(key), _) if texts.text(row, 2) == Some(PARDONED) => gathering.pardoned(key),
                    (_, Some((key, fingerprint))) => gathering.rejected(key, fingerprint),
                    (_, None) => is_ours = false,
                }
            }
        })?;
        if is_ours { Ok(()) } else { Err(strange(&self.log.schema)) }
    }

    /// Writes a statement, once in effect, however often it takes.
    fn insert(&self, author: &Author, number: u64, insertion: &Insertion) -> Result<(), LedgerError> {
        let Insertion { sql, rows, ungated } = insertion;
        let mut attempt = 0;
        let until = Instant::now() + LONGEST;
        loop {
            attempt += 1;
            let error = match self.clerk.write(sql.clone()) {
                Ok(written) if written == *rows => return Ok(()),
                // A statement that is found to be done changes nothing.
                Ok(written) => {
                    let made = if written > 0 { written } else { self.made(author, number)? };
                    return if made == *rows { Ok(()) } else { Err(self.fenced(made, *ungated)) };
                }
                Err(error) if error.effect == Effect::InDoubt => error,
                Err(error) => return Err(self.failed("written", error)),
            };
            // What is in the log says whether it took effect.
            match self.made(author, number) {
                Ok(made) if made == *rows => return Ok(()),
                Ok(made) if made > 0 => return Err(self.fenced(made, *ungated)),
                Ok(_) | Err(_) if attempt < ATTEMPTS && Instant::now() < until => {}
                Ok(_) | Err(_) => return Err(self.failed("written", error)),
            }
        }
    }

    /// How many rows of a statement are in the log.
    fn made(&self, author: &Author, number: u64) -> Result<u64, LedgerError> {
        let mut made = None;
        self.select(self.log.made(&author.writer, number), |batch| made = Texts::of(batch).number(0, 0))?;
        made.ok_or_else(|| self.unfit("its log cannot be counted".into()))
    }

    /// What it means that some rows of a statement are not in the log: the lease is lost, so that no intent went in.
    fn fenced(&self, made: u64, ungated: u64) -> LedgerError {
        match &self.lease {
            Some(held) if made == ungated => held.permit.lose(),
            Some(_) | None => self.unfit(format!("{made} rows of a statement are in its log, which cannot be")),
        }
    }

    fn write(&mut self, rows: Rows) -> Result<(), LedgerError> {
        let Some(held) = &mut self.lease else {
            return Err(self.unfit("it was opened to be looked at".into()));
        };
        let (author, first) = (held.author.clone(), held.next);
        let insertions = rows.statements(&self.log.schema, &author, first);
        held.next += insertions.len() as u64;
        for (number, insertion) in (first..).zip(&insertions) {
            self.insert(&author, number, insertion)?;
        }
        Ok(())
    }

    /// Reads what is recorded of the runs that records speak of and that this writer has not begun.
    fn learn(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let runs: HashSet<&RunId> = records.iter().filter_map(run_of).collect();
        let unknown: Vec<RunId> = runs.into_iter().filter(|run| !self.orders.knows(run)).cloned().collect();
        for run in unknown {
            let mut found = Vec::new();
            self.select(self.log.of_run(&run.0), |batch| {
                let texts = Texts::of(batch);
                found.extend((0..texts.rows()).map(|row| {
                    let word = texts.text(row, 0).unwrap_or_default().to_owned();
                    (word, texts.number(row, 1), texts.number(row, 2), texts.number(row, 3))
                }));
            })?;
            self.orders.learn(&run, &found);
        }
        Ok(())
    }
}

/// Reads the events that were sent, for a run whose rows were found to be unsent by the warehouse itself.
#[derive(Debug, Clone)]
pub struct SentEvents {
    clerk: Clerk,
    log: Log,
    wanted: Option<Wanted>,
}

impl SentEvents {
    /// Reads only for as long as the other end of this is kept.
    #[must_use]
    pub fn while_wanted(self, wanted: watch::Receiver<()>) -> Self {
        Self { wanted: Some(wanted), ..self }
    }

    /// Reads every event since an instant that was sent.
    pub fn load(&self, since: i64) -> Result<Known, LedgerError> {
        let mut gathering = Gathering::default();
        self.gather(since, &mut gathering)?;
        Ok(gathering.finish())
    }

    /// Adds every event since an instant that was sent to what is known of others, and sorts it.
    fn gather(&self, since: i64, gathering: &mut Gathering) -> Result<(), LedgerError> {
        let mut is_ours = true;
        let mut show = |order, take: &mut dyn FnMut(EventKey, Fingerprint)| {
            let shown = self.clerk.select(self.log.sent(since, order), self.wanted.clone(), |batch| {
                let texts = Texts::of(batch);
                for row in 0..texts.rows() {
                    match entry(&texts, row) {
                        Some((key, fingerprint)) => take(key, fingerprint),
                        None => is_ours = false,
                    }
                }
            });
            shown.map_err(|error| failed(&self.log.schema, "read", error))
        };
        show(Order::Any, &mut |key, fingerprint| gathering.sent(key, fingerprint))?;
        if gathering.sort() {
            show(Order::Written, &mut |key, fingerprint| gathering.settle(key, fingerprint))?;
        }
        if is_ours { Ok(()) } else { Err(strange(&self.log.schema)) }
    }
}

/// What it means that a statement failed.
fn failed(schema: &Schema, verb: &'static str, DeskError { effect, error }: DeskError) -> LedgerError {
    let schema = schema.name();
    match effect {
        Effect::NoObject => LedgerError::NoTables { schema },
        Effect::None | Effect::InDoubt => LedgerError::Remote { schema, verb, source: error },
    }
}

/// A row of the log cannot be read.
fn strange(schema: &Schema) -> LedgerError {
    LedgerError::Unfit { schema: schema.name(), why: "a row of its log is not as fbcapi writes it".into() }
}

/// The run that a record speaks of.
fn run_of(record: &Record) -> Option<&RunId> {
    match record {
        Record::RunStarted { run, .. } | Record::RunFinished { run, .. } => Some(run),
        Record::Intent { batch, .. } | Record::Outcome { batch, .. } => Some(&batch.run),
        Record::Rejected { .. } | Record::Pardoned { .. } => None,
    }
}

/// The key and the fingerprint with which a row begins.
fn entry(texts: &Texts<'_>, row: usize) -> Option<(EventKey, Fingerprint)> {
    Some((texts.key(row, 0)?, Fingerprint(texts.number(row, 1)?)))
}

impl Ledger for SnowflakeLedger {
    fn load(&mut self, since: i64) -> Result<Known, LedgerError> {
        let mut gathering = Gathering::default();
        self.gather_open(since, &mut gathering)?;
        self.sent_events().gather(since, &mut gathering)?;
        Ok(gathering.finish())
    }

    /// A statement that is too long for Snowflake is divided; should a later part fail, what an earlier one has written
    /// stays, and an intent of which a part is missing counts as never written.
    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        self.learn(records)?;
        let mut orders = self.orders.clone_for(records);
        for record in records {
            orders.add(record).map_err(|disorder| LedgerError::Io {
                path: self.log.schema.name(),
                verb: "written",
                source: Box::new(disorder),
            })?;
        }
        let mut rows = Rows::default();
        for record in records {
            rows.record(record);
        }
        self.write(rows)?;
        self.orders.take_over(orders);
        Ok(())
    }

    fn prune(&mut self, before: i64) -> Result<(), LedgerError> {
        self.orders = Orders::default();
        let mut last = None;
        self.select(self.log.last_run(), |batch| last = Texts::of(batch).text(0, 0).map(str::to_owned))?;
        let statements = [
            self.log.prune_batches(before),
            self.log.prune_refusals(before),
            self.log.prune_runs(before, last.as_deref().unwrap_or_default()),
        ];
        for statement in statements {
            self.clerk.write(statement).map_err(|error| self.failed("written", error))?;
        }
        Ok(())
    }

    fn is_new(&self) -> Result<bool, LedgerError> {
        let mut is_new = true;
        self.select(self.log.any_run(), |batch| is_new &= batch.num_rows() == 0)?;
        Ok(is_new)
    }

    /// What is in the log stays until someone prunes it: a run may not delete.
    fn tidy(&mut self, _: i64, _: i64) -> Result<(), LedgerError> {
        Ok(())
    }

    fn wants(&self) -> Wants {
        Wants::Labels
    }

    fn permit(&self) -> Option<Permit> {
        self.lease.as_ref().map(|held| held.permit.clone())
    }
}
