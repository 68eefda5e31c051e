//! The state that a run works on, opened: the ledger, and what is known of events.

use std::sync::Arc;
use std::thread;

use tokio::sync::{oneshot, watch};

use super::run::Run;
use super::send::Halt;
use super::{Failure, SentEvents as Sent};
use crate::config::{FirstRun, SourceConfig, StateChoice, StatePlace};
use crate::ledger::ground::Ground;
use crate::ledger::snowflake::{SentEvents, Setting, SnowflakeLedger, Warehouse};
use crate::ledger::{Known, Ledger, LedgerError, SqliteLedger};

/// A state that was opened for a run.
pub(super) struct State {
    pub(super) ledger: Box<dyn Ledger>,
    pub(super) known: Known,
    /// Whether no run was ever recorded.
    pub(super) is_new: bool,
    /// What was sent, where the rows that were sent are left out by the source.
    pub(super) sieve: Option<Sieve>,
}

/// What was sent, to be read when a row comes that the source could not find unsent.
#[derive(Debug)]
pub(super) struct Sieve {
    pub(super) sent: SentEvents,
    pub(super) since: i64,
}

/// Opens the state for a run, and says loudly when there was none. What takes long ends when the run is halted.
pub(super) async fn open(
    run: &Run<'_>,
    warnings: &mut Vec<String>,
    halt: &watch::Sender<Option<Halt>>,
) -> Result<State, Failure> {
    let state = match &run.config.state {
        StatePlace::File { path, choice } => {
            if run.options.shard.is_some() {
                return Err(Failure::ShardInFile);
            }
            let shown = || path.display().to_string();
            if run.config.first_run == FirstRun::Refuse && !path.exists() {
                return Err(Failure::NoState { path: shown() });
            }
            if let (StateChoice::Default, Ground::Vanishing(kind)) = (choice, Ground::of(path)) {
                return Err(Failure::StateWouldVanish { path: shown(), kind });
            }
            let mut ledger = SqliteLedger::open(path).map_err(Arc::new)?;
            let is_new = ledger.is_new().map_err(Arc::new)?;
            let known = ledger.load(run.remembered_since().timestamp()).map_err(Arc::new)?;
            State { ledger: Box::new(ledger), known, is_new, sieve: None }
        }
        StatePlace::Snowflake(warehouse) => {
            let (warehouse, setting) = (warehouse.as_ref().clone(), setting(run));
            let since = run.remembered_since().timestamp();
            let is_sifted = is_sifted(run);
            let opening = elsewhere(move || open_remote(&warehouse, &setting, since, is_sifted));
            let mut halted = halt.subscribe();
            tokio::select! {
                state = opening => state?,
                reason = halted.wait_for(Option::is_some) => {
                    return Err(ended(reason.ok().as_ref().and_then(|reason| reason.as_ref())));
                }
            }
        }
    };
    if state.is_new {
        let place = run.config.state.to_string();
        if run.config.first_run == FirstRun::Refuse {
            return Err(Failure::NoState { path: place });
        }
        warnings.push(format!(
            "no run is recorded in the state at {place}: every event counts as not yet sent. If an earlier state was lost, \
             what it knew is sent twice"
        ));
    }
    Ok(state)
}

/// Reads what is known of events, for a look that changes nothing.
pub(super) async fn look(run: &Run<'_>) -> Result<Known, Failure> {
    let since = run.remembered_since().timestamp();
    match &run.config.state {
        StatePlace::File { path, choice: _ } => {
            let known = SqliteLedger::open_read_only(path).and_then(|mut ledger| ledger.load(since));
            Ok(known.map_err(Arc::new)?)
        }
        StatePlace::Snowflake(warehouse) => {
            let (warehouse, setting) = (warehouse.as_ref().clone(), setting(run));
            elsewhere(move || {
                SnowflakeLedger::open_read_only(&warehouse, &setting)
                    .and_then(|mut ledger| ledger.load(since))
                    .map_err(|error| Failure::Ledger(Arc::new(error)))
            })
            .await
        }
    }
}

/// Whether rows that were sent are left out by the source: it lies beside the log.
pub(super) fn is_sifted(run: &Run<'_>) -> bool {
    let is_there = matches!(run.config.source, SourceConfig::Snowflake(_));
    is_there && matches!(run.config.state, StatePlace::Snowflake(_)) && run.options.sent == Sent::Leave
}

pub(super) fn setting(run: &Run<'_>) -> Setting {
    Setting::new(&run.config.graph.dataset_id, run.options.shard, run.surroundings.clone())
}

fn open_remote(warehouse: &Warehouse, setting: &Setting, since: i64, is_sifted: bool) -> Result<State, Failure> {
    let mut ledger = SnowflakeLedger::open(warehouse, setting).map_err(Arc::new)?;
    let is_new = ledger.is_new().map_err(Arc::new)?;
    let (known, sieve) = if is_sifted {
        let sieve = Sieve { sent: ledger.sent_events(), since };
        (ledger.load_open(since), Some(sieve))
    } else {
        (ledger.load(since), None)
    };
    Ok(State { ledger: Box::new(ledger), known: known.map_err(Arc::new)?, is_new, sieve })
}

/// Does on a thread of its own what waits in its own way; whoever stops waiting leaves it to itself.
pub(super) async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (done, result) = oneshot::channel();
    thread::spawn(move || drop(done.send(work())));
    result.await.unwrap_or_else(|_| Err(Arc::new(LedgerError::Gone).into()))
}

/// Why a run was halted while its state was being opened.
fn ended(reason: Option<&Halt>) -> Failure {
    match reason {
        Some(Halt::Signal(number)) => Failure::Signal(*number),
        Some(Halt::Stopped(..) | Halt::Ledger(_) | Halt::TimeOver | Halt::Bug) | None => {
            Failure::Ledger(Arc::new(LedgerError::Gone))
        }
    }
}
