//! Whether the state can be used, and what it knows.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::commands::exit::Exit;
use crate::config::{Config, FirstRun, StateChoice, StatePlace};
use crate::ledger::ground::Ground;
use crate::ledger::snowflake::{Setting, Warehouse};
use crate::ledger::{Ledger as _, LedgerError, LockHolder, SnowflakeLedger, SqliteLedger};
use crate::report::checks::Check;
use crate::report::human::{counted, span};
use crate::sync::Failure;
use crate::sync::run::Run;
use crate::sync::state::{elsewhere, setting};

const NAME: &str = "state";

/// Looks at the state without locking or making it.
pub(super) async fn look(run: &Run<'_>) -> Check {
    let looked = match &run.config.state {
        StatePlace::File { path, choice } => look_at_file(run.config, path, *choice, run.started),
        StatePlace::Snowflake(warehouse) => {
            let (warehouse, setting, first_run) = (warehouse.as_ref().clone(), setting(run), run.config.first_run);
            elsewhere(move || look_at_tables(first_run, &warehouse, &setting)).await
        }
    };
    looked.unwrap_or_else(|failure| Check::of_failure(NAME, &failure))
}

/// Looks at the tables of a state in Snowflake, and at the lease.
fn look_at_tables(first_run: FirstRun, warehouse: &Warehouse, setting: &Setting) -> Result<Check, Failure> {
    let ledger = SnowflakeLedger::open_read_only(warehouse, setting).map_err(Arc::new)?;
    let found = ledger.is_new().and_then(|is_new| Ok((is_new, ledger.holder(setting)?)));
    ledger.close();
    let (is_new, holder) = found.map_err(Arc::new)?;
    let place = warehouse.schema.name();
    if is_new && first_run == FirstRun::Refuse {
        return Err(Failure::NoState { path: place });
    }
    let under_way = holder.map(|holder| format!("; a run is under way ({})", holder.who)).unwrap_or_default();
    Ok(if is_new {
        Check::warning(
            NAME,
            format!("no run is recorded in {place}: the first run sends every event of the window{under_way}"),
            "nothing is to be done, unless there was a state before: then carry it over (fbcapi state copy)",
        )
    } else {
        Check::ok(NAME, format!("{place}: runs are recorded{under_way}"))
    })
}

fn look_at_file(config: &Config, state: &Path, choice: StateChoice, now: DateTime<Utc>) -> Result<Check, Failure> {
    let path = state.display().to_string();
    let ground = Ground::of(state);
    if let (StateChoice::Default, Ground::Vanishing(kind)) = (choice, &ground) {
        return Err(Failure::StateWouldVanish { path, kind: kind.clone() });
    }
    if !state.exists() {
        // A state that was moved away under its own log is damaged rather than missing.
        SqliteLedger::open_read_only(state).map_err(Arc::new)?;
        return if config.first_run == FirstRun::Refuse {
            Err(Failure::NoState { path })
        } else {
            Ok(of_first_run(state, &path))
        };
    }
    let known = known(state, now).map_err(Arc::new)?;
    let known = format!("{path}: {known}");
    Ok(match ground {
        Ground::Network(kind) => Check::warning(
            NAME,
            format!("{known}; it is on a network file system ({kind}), where locks cannot be trusted"),
            "put it on a disk of this machine, and never let two machines run at a time",
        ),
        Ground::Lasting | Ground::Vanishing(_) => Check::ok(NAME, known),
    })
}

/// What is said where there is no state yet.
fn of_first_run(state: &Path, path: &str) -> Check {
    if let Err(error) = writable(state) {
        let what = format!("the state file {path} cannot be created ({error})");
        let remedy = "give the user of this run a writable folder with free space, or set [state] path";
        return Check::failed(NAME, what, remedy, Exit::State);
    }
    Check::warning(
        NAME,
        format!("there is none at {path}: the first run makes it and sends every event of the window"),
        "nothing is to be done, unless there was one before: then restore it (fbcapi state restore) or correct \
         [state] path",
    )
}

/// Whether a file can be made in the folder, or in the one in which the folder would be made.
fn writable(state: &Path) -> Result<(), std::io::ErrorKind> {
    let here = [Path::new(".")].into_iter().filter(|_| state.is_relative());
    let folders = state.ancestors().skip(1).chain(here).filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folders.into_iter().find(|folder| folder.exists()) else {
        return Err(std::io::ErrorKind::NotFound);
    };
    // The file has no name, and is gone when it is closed.
    tempfile::tempfile_in(folder).map(drop).map_err(|error| error.kind())
}

/// What a state knows, in words.
fn known(state: &Path, now: DateTime<Utc>) -> Result<String, LedgerError> {
    let holder = LockHolder::of(state);
    let mut ledger = SqliteLedger::open_read_only(state)?;
    let sent = counted(ledger.counts()?.sent, "event");
    let runs = ledger.runs(2)?;
    let last = runs.iter().find_map(|run| run.end.as_ref());
    let last = match last {
        Some(end) => {
            let ago = span((now - end.at).num_seconds().try_into().unwrap_or(0));
            format!("the last run ended {ago} ago with code {}", end.exit_code)
        }
        None => "no run has ended".to_owned(),
    };
    let under_way = match holder {
        Some(LockHolder { process: Some(process), .. }) => format!("; a run is under way (process {process})"),
        Some(LockHolder { process: None, .. }) => "; a run is under way".to_owned(),
        None => String::new(),
    };
    Ok(format!("{sent} sent, {last}{under_way}"))
}
