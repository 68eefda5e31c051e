//! The run, from top to bottom: rows are read, mapped and delivered, and the ledger knows of each.

mod run;
mod state;
mod prepare;
mod lanes;
mod send;
mod books;
mod check;
#[cfg(test)]
mod sim;
mod look;

use std::io::Write;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::batch::MOST_BYTES;
use crate::commands::exit::Exit;
use crate::config::Config;
use crate::deliver::backoff::Backoff;
use crate::deliver::http::{Graph, GraphError};
use crate::event::UnreadableColumn;
use crate::ledger::{LedgerError, Record, Writer};
use crate::meta::answer::{Codes, Stop};
use crate::report::Report;
use crate::report::human::PASSWORD_WARNING;
use crate::report::manner::Watched;
use crate::report::progress::{Meter, Progress};
use crate::source::{RowStream, Shard, SourceError};
pub use check::{Checked, Reach, check};
use lanes::Destination;
pub use look::{LookedRow, Prospect, look};
pub(crate) use prepare::RESEND_WITHIN;
pub use prepare::Sent as SentEvents;
use prepare::{Preparation, prepare};
use run::Run;
use send::{Access, Gate, Halt, Mood, Sending, send};
use state::State;

/// Batches that wait to be sent while others are under way.
const BATCHES_AHEAD: usize = 1;

/// What the caller asks of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events from here on.
    pub since: Option<DateTime<Utc>>,
    /// Events before this.
    pub until: Option<DateTime<Utc>>,
    /// Only events of these names; empty means all.
    pub names: Vec<String>,
    /// Only the part of the events that a shard is given.
    pub shard: Option<Shard>,
    /// At most so many events.
    pub limit: Option<u64>,
    /// What to do with events that an earlier run has sent.
    pub sent: SentEvents,
    /// How long the run may take; requests that are under way then are settled all the same.
    pub most_time: Option<Duration>,
    /// Meta's code that shows events in the test tool.
    pub test_event_code: Option<String>,
    /// How it is shown how far the run is.
    pub watched: Watched,
    /// How to wait between attempts.
    pub backoff: Backoff,
}

impl Default for Options {
    /// Everything that was not sent yet, with nobody watching.
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            names: Vec::new(),
            shard: None,
            limit: None,
            most_time: None,
            sent: SentEvents::Leave,
            test_event_code: None,
            watched: Watched::No,
            backoff: Backoff::STANDARD,
        }
    }
}

/// The clock and the dice, handed in.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// The time.
    pub now: fn() -> DateTime<Utc>,
    /// A number from 0 to 1.
    pub random: fn() -> f64,
}

/// Why a run ended before its work was done. What was done until then is in the report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Rows cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A column has a type from which its field cannot be read.
    #[error(transparent)]
    Column(#[from] UnreadableColumn),
    /// The state cannot be used.
    #[error(transparent)]
    Ledger(#[from] Arc<LedgerError>),
    /// There is no state, and the configuration expects one.
    #[error("there is no state at {path}, and [state] first_run is \"refuse\"")]
    NoState {
        /// Where it was looked for.
        path: String,
    },
    /// The state would go with the container that this run is in.
    #[error("the state would be lost with this container: {path} is on {kind}")]
    StateWouldVanish {
        /// Where the state is by default.
        path: String,
        /// The kind of file system.
        kind: String,
    },
    /// A shard is asked for, and the state is in a file, which other machines do not see.
    #[error(
        "--shard needs a state in Snowflake: runs that send parts of the events at once would not see each other's"
    )]
    ShardInFile,
    /// The connection to Meta cannot be set up.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Meta's answer says that nothing more can be sent.
    #[error("{}", stop.what())]
    Stopped {
        /// Why.
        stop: Stop,
        /// What Meta said.
        codes: Codes,
    },
    /// A signal ended the run.
    #[error("the run was interrupted")]
    Signal(u8),
    /// The payloads cannot be written to standard output.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    /// A thread of this program ended in a way that it must not.
    #[error("a part of fbcapi ended unexpectedly")]
    Bug,
}

/// What a run leaves: the report, and what ended it early.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub report: Report,
    /// What ended it early.
    pub failure: Option<Failure>,
    /// Whether it ended because its limit was reached.
    pub is_limited: bool,
    /// Whether it ended because its time was over.
    pub is_out_of_time: bool,
    /// Whether whoever takes the prepared events ended it.
    pub is_cut_off: bool,
    /// Rejected and expired rows that no earlier run has told about.
    pub news: u64,
    /// Columns that a preset names and the table lacks.
    pub absent: Vec<String>,
    /// Rows of the selection that the run did not come to, when that is known.
    pub unread: u64,
    /// The time of the oldest event that was to be sent and is left, to the minute.
    pub oldest_left: Option<DateTime<Utc>>,
}

impl Outcome {
    /// Turns a failure into a reason for which there was nothing to do.
    pub fn skip(&mut self, why: String) {
        self.failure = None;
        self.report.error = None;
        self.report.warnings.push(why);
        self.report.exit_code = Exit::of(self).code();
    }
}

/// Sends every row that was not sent yet.
pub async fn sync(config: &Config, options: &Options, world: World) -> Outcome {
    let run = Run::new(config, options, world);
    let mut warnings = Vec::new();
    match connect(&run, &mut warnings).await {
        Ok(connected) => deliver(run, connected, warnings).await,
        Err(failure) => {
            let outcome = run.failed(failure, warnings);
            // A lease that was taken is given back.
            run.part().await;
            outcome
        }
    }
}

/// Everything that a run needs, opened: nothing was sent or recorded yet.
struct Connected {
    state: State,
    told_since: Option<i64>,
    access: Access,
    rows: RowStream,
    halt: watch::Sender<Option<Halt>>,
    watching: JoinHandle<()>,
}

/// Opens ledger, connection and source, in this order: the lock is held before the table is read.
async fn connect(run: &Run<'_>, warnings: &mut Vec<String>) -> Result<Connected, Failure> {
    run.announce();
    let halt = watch::Sender::new(None);
    let watching = tokio::spawn(halt_in_time(halt.clone(), run.options.most_time));
    let mut state = state::open(run, warnings, &halt).await?;
    let told_since = (!state.is_new).then(|| run.remembered_since().timestamp());
    let config = run.config;
    tracing::info!(state = %config.state, is_new = state.is_new, "the state is open, and no other run can use it");
    let token = config.access_token.as_ref().ok_or(GraphError::Token)?;
    let code = run.options.test_event_code.as_deref();
    let graph = Graph::new(&config.graph, token, config.app_secret.as_ref(), code)?;
    let access = Access::new(graph, config, code);
    let rows = run.open_source(&halt, run.unsent()).await?;
    if run.config.source.uses_password() {
        warnings.push(PASSWORD_WARNING.to_owned());
    }
    state.ledger.append(&[Record::RunStarted { run: run.id.clone(), at: run.started }]).map_err(Arc::new)?;
    tracing::info!(rows = rows.total, absent = rows.absent.join(","), "rows are coming");
    Ok(Connected { state, told_since, access, rows, halt, watching })
}

/// Prepares and sends at the same time, and draws the line.
async fn deliver(run: Run<'_>, connected: Connected, warnings: Vec<String>) -> Outcome {
    let Connected { state, told_since, access, rows, halt, watching } = connected;
    let State { ledger, known, is_new: _, sieve } = state;
    let (wants, permit) = (ledger.wants(), ledger.permit());
    let progress = Arc::new(Progress::default());
    progress.begin_reading(rows.total);
    let meter = Meter::of_run(Arc::clone(&progress), run.options.watched);
    let writer = Writer::start(ledger);
    let most_bytes = Arc::new(AtomicUsize::new(MOST_BYTES));
    let sending = Arc::new(Sending {
        access,
        appender: writer.appender(),
        wants,
        permit,
        run: run.id.clone(),
        backoff: run.options.backoff,
        now: run.world.now,
        random: run.world.random,
        progress: Arc::clone(&progress),
        halt: halt.clone(),
        gate: Gate::new(run.config.concurrency),
        most_bytes: Arc::clone(&most_bytes),
        batch_number: AtomicU32::new(0),
        mood: Mood::default(),
        in_flight: Mutex::default(),
        sent: Mutex::default(),
    });
    let (batches, inbox) = mpsc::channel(BATCHES_AHEAD);
    let batch_size = run.config.batch_size;
    let destination = Destination::Batches { batches, appender: writer.appender(), batch_size, most_bytes };
    let preparation = Preparation { sieve, ..run.preparation(&progress, &halt, told_since) };
    let absent = rows.absent.clone();
    let preparing = tokio::task::spawn_blocking(move || prepare(preparation, known, rows, destination));
    let sent = send(sending, inbox, run.config.concurrency).await;
    let prepared = preparing.await.ok();
    tracing::debug!("nothing is under way any more; the line is drawn under the books");
    watching.abort();
    drop(meter);
    let halted = halt.borrow().clone();
    let mut outcome = run.conclude(sent, prepared, halted, warnings, &writer).await;
    outcome.absent = absent;
    outcome.unread = progress.unread();
    // Every handle but the writer's own is gone, so this ends.
    match writer.finish() {
        Some(mut ledger) => run.close(&mut *ledger, &mut outcome),
        None => outcome.failure = Some(Failure::Bug),
    }
    run.part().await;
    // What failed after the report was written down counts for whoever reads it now.
    outcome.report.error = outcome.failure.as_ref().map(ToString::to_string);
    outcome.report.exit_code = Exit::of(&outcome).code();
    tracing::info!(exit_code = outcome.report.exit_code, "the run is over, and the state says so");
    outcome
}

/// Writes the payloads that a run would send, one a line, and records nothing.
pub async fn dry_run(config: &Config, options: &Options, world: World, out: Box<dyn Write + Send>) -> Outcome {
    let run = Run::new(config, options, world);
    run.announce();
    let known = match state::look(&run).await {
        Ok(known) => known,
        Err(failure) => return run.failed(failure, Vec::new()),
    };
    let halt = watch::Sender::new(None);
    let watching = tokio::spawn(halt_in_time(halt.clone(), options.most_time));
    let rows = match run.open_source(&halt, None).await {
        Ok(rows) => rows,
        Err(error) => return run.failed(error.into(), Vec::new()),
    };
    let preparation = run.preparation(&Arc::default(), &halt, None);
    let lines = Destination::Lines(out);
    let absent = rows.absent.clone();
    let prepared = tokio::task::spawn_blocking(move || prepare(preparation, known, rows, lines)).await.ok();
    watching.abort();
    let halted = halt.borrow().clone();
    let (mut outcome, _) = run.balance(send::Sent::default(), prepared, halted, Vec::new());
    outcome.absent = absent;
    outcome.report.finished_at = (world.now)();
    outcome.report.exit_code = Exit::of_dry_run(&outcome).code();
    run.part().await;
    outcome
}

/// Halts the run on SIGHUP, SIGINT or SIGTERM, or when its time is over.
async fn halt_in_time(halt: watch::Sender<Option<Halt>>, most_time: Option<Duration>) {
    // A time that the clock cannot hold is never over.
    let end = most_time.and_then(|most_time| Instant::now().checked_add(most_time));
    let timer = async {
        match end {
            Some(end) => sleep_until(end).await,
            None => std::future::pending().await,
        }
    };
    let signal = crate::signal::wait();
    tokio::pin!(signal);
    tokio::select! {
        number = &mut signal => return Halt::Signal(number).call(&halt),
        () = timer => Halt::TimeOver.call(&halt),
    }
    // The run is settling what is under way; a signal still ends that within a bound.
    Halt::Signal(signal.await).overrule(&halt);
}
