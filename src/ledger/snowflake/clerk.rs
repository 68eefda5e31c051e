//! A thread that speaks with Snowflake for a ledger, which is asked from threads that may not wait in the async way.

use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};

use arrow_array::RecordBatch;
use tokio::sync::{mpsc, watch};

use super::lease::Keeper;
use crate::source::snowflake::{Connection, Desk, DeskError, Effect, Surroundings};
use crate::source::{SourceError, Trouble};

/// Batches of rows that wait to be read.
const BATCHES_AHEAD: usize = 2;

/// A handle to the thread. The thread ends its session and itself when the last handle is dropped.
#[derive(Debug, Clone)]
pub(super) struct Clerk(mpsc::UnboundedSender<Job>);

/// Whoever waits for rows holds the other end, and drops it when nothing is wanted any more.
pub(super) type Wanted = watch::Receiver<()>;

/// What the thread is asked for.
enum Job {
    Select { sql: String, wanted: Option<Wanted>, rows: std_mpsc::SyncSender<Result<RecordBatch, DeskError>> },
    Write { sql: String, done: std_mpsc::Sender<Result<u64, DeskError>> },
    Make { sql: String, done: std_mpsc::Sender<Result<(), DeskError>> },
    Keep(Keeper),
}

impl Clerk {
    /// Starts the thread; nothing is contacted before something is asked.
    pub(super) fn start(
        connection: &Connection,
        schema: &str,
        surroundings: Surroundings,
    ) -> Result<(Self, JoinHandle<()>), SourceError> {
        let desk = Desk::new(connection, schema, surroundings.clone())?;
        let lease_desk = Desk::new(connection, schema, surroundings)?;
        let (jobs, inbox) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| SourceError {
            trouble: Trouble::Temporary,
            what: format!("no thread could be started ({})", error.kind()),
            remedy: None,
        })?;
        let thread = thread::spawn(move || runtime.block_on(serve(desk, lease_desk, inbox)));
        Ok((Self(jobs), thread))
    }

    /// Runs a statement that reads, and shows its rows for as long as they are wanted.
    pub(super) fn select(
        &self,
        sql: String,
        wanted: Option<Wanted>,
        mut show: impl FnMut(&RecordBatch),
    ) -> Result<(), DeskError> {
        let (rows, batches) = std_mpsc::sync_channel(BATCHES_AHEAD);
        self.ask(Job::Select { sql, wanted, rows });
        // The end of the rows is an empty batch of no columns, so that a thread that died is not taken for it.
        loop {
            let batch = batches.recv().unwrap_or_else(|_| Err(gone()))?;
            if batch.num_columns() == 0 {
                return Ok(());
            }
            show(&batch);
        }
    }

    /// Runs a statement that writes; gives how many rows it changed.
    pub(super) fn write(&self, sql: String) -> Result<u64, DeskError> {
        let (done, answer) = std_mpsc::channel();
        self.ask(Job::Write { sql, done });
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Runs a statement that makes something unless it is there.
    pub(super) fn make(&self, sql: String) -> Result<(), DeskError> {
        let (done, answer) = std_mpsc::channel();
        self.ask(Job::Make { sql, done });
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Runs a statement that writes, without waiting for it.
    pub(super) fn write_in_passing(&self, sql: String) {
        let (done, _) = std_mpsc::channel();
        self.ask(Job::Write { sql, done });
    }

    /// Renews a lease until the thread ends.
    pub(super) fn keep(&self, keeper: Keeper) {
        self.ask(Job::Keep(keeper));
    }

    fn ask(&self, job: Job) {
        // A thread that is gone drops the job, which whoever waits for the answer sees.
        drop(self.0.send(job));
    }
}

async fn serve(mut desk: Desk, lease_desk: Desk, mut inbox: mpsc::UnboundedReceiver<Job>) {
    let mut lease_desk = Some(lease_desk);
    let mut keeping = None;
    while let Some(job) = inbox.recv().await {
        match job {
            Job::Select { sql, wanted, rows } => {
                let shown = tokio::select! {
                    shown = desk.select(&sql, |batch| drop(rows.send(Ok(batch)))) => Some(shown),
                    () = unwanted(wanted) => None,
                };
                let empty = || RecordBatch::new_empty(std::sync::Arc::new(arrow_schema::Schema::empty()));
                match shown {
                    Some(shown) => drop(rows.send(shown.map(|()| empty()))),
                    None => desk.abort().await,
                }
            }
            // Whoever does not wait for the end has dropped the receiver.
            Job::Write { sql, done } => drop(done.send(desk.write(&sql).await)),
            Job::Make { sql, done } => drop(done.send(desk.make(&sql).await)),
            Job::Keep(keeper) => {
                if let Some(desk) = lease_desk.take() {
                    let (stop, stopped) = tokio::sync::oneshot::channel();
                    keeping = Some((stop, tokio::spawn(keeper.keep(desk, stopped))));
                }
            }
        }
    }
    if let Some((stop, keeping)) = keeping {
        drop(stop);
        drop(keeping.await);
    }
    if let Some(desk) = lease_desk {
        desk.close().await;
    }
    desk.close().await;
}

/// Waits until nobody wants the rows of a statement any more.
async fn unwanted(wanted: Option<Wanted>) {
    match wanted {
        Some(mut wanted) => while wanted.changed().await.is_ok() {},
        None => std::future::pending().await,
    }
}

/// What is said when the thread has ended before its time.
fn gone() -> DeskError {
    let what = "the thread that speaks with Snowflake has ended".to_owned();
    DeskError { effect: Effect::InDoubt, error: SourceError { trouble: Trouble::Temporary, what, remedy: None } }
}
