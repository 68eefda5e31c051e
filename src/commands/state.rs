//! `fbcapi state`: the file that knows what was sent, as a whole.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::exit::Exit;
use super::ledger::{Reader, Told, Trouble, look, moment, open, setting, tell};
use crate::cli::{Moment, StateCommand, StateKind};
use crate::config::{LedgerConfig, StatePlace};
use crate::ledger::exchange::{Amounts, ExportError, ImportError, Line};
use crate::ledger::history::Holdings;
use crate::ledger::snowflake::{SnowflakeLedger, VERSION, Warehouse};
use crate::ledger::{Ledger as _, LedgerError, Restored, SqliteLedger};
use crate::meta::window::oldest_accepted;
use crate::report::console;
use crate::report::human::{counted, grouped};

/// Does what was asked for with the state.
pub fn run(command: &StateCommand, config: &LedgerConfig, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    match command {
        StateCommand::Path { json } => tell(Ok(path(config)), config, Reader::of(*json)),
        StateCommand::Check { json } => tell(check(config), config, Reader::of(*json)),
        StateCommand::Export => match export(config, now) {
            Ok(()) => Ok(Exit::Done),
            Err(trouble) => tell(Err(trouble), config, Reader::Person),
        },
        StateCommand::Import { file, json } => tell(import(file, config, now), config, Reader::of(*json)),
        StateCommand::Prune { before, json } => tell(prune(*before, config, now), config, Reader::of(*json)),
        StateCommand::Restore { file, json } => tell(restore(file.as_deref(), config, now), config, Reader::of(*json)),
        StateCommand::Init { print_sql } => tell(init(*print_sql, config), config, Reader::Person),
        StateCommand::Copy { from, to, json } => tell(copy(from, to, config, now), config, Reader::of(*json)),
    }
}

/// Tells where the state is.
fn path(config: &LedgerConfig) -> Told {
    let text = format!("{}\n", config.state);
    // Whether there are tables only Snowflake could tell.
    let exists = config.state.file().map(Path::exists);
    Told { text, json: json!({ "exists": exists }), exit: Exit::Done }
}

/// Reads all of the state.
fn check(config: &LedgerConfig) -> Result<Told, Trouble> {
    let mut book = look(config)?;
    let mut holdings = book.history.check()?;
    if book.remote.is_some() {
        // The copy that was checked has a version of its own.
        holdings.version = VERSION;
    }
    let Holdings { version, runs, batches, sent, in_doubt, refused } = holdings;
    let kept = config.state.file().map(SqliteLedger::backups).unwrap_or_default();
    let backups: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
    let mut text = format!(
        "{} is whole (version {version})\n  {}, {}, {} sent, {} in doubt, {} refused\n",
        config.state,
        counted(runs, "run"),
        if batches == 1 { "1 batch".to_owned() } else { format!("{} batches", grouped(batches)) },
        counted(sent, "event"),
        grouped(in_doubt),
        grouped(refused),
    );
    if book.late > 0 {
        let outcomes = counted(book.late, "outcome");
        writeln!(text, "  {outcomes} came when another run had taken over, and count").unwrap_or_default();
    }
    for backup in &backups {
        writeln!(text, "  a copy is kept at {backup}").unwrap_or_default();
    }
    Ok(Told { text, json: json!({ "holds": holdings, "late": book.late, "backups": backups }), exit: Exit::Done })
}

/// Prints the state as JSON Lines.
fn export(config: &LedgerConfig, now: DateTime<Utc>) -> Result<(), Trouble> {
    let mut book = look(config)?;
    let mut out = console::data();
    let exported = book.history.export(&mut *out, now).and_then(|_| out.flush().map_err(ExportError::Output));
    match exported {
        Ok(()) => Ok(()),
        // Whoever reads it may have gone, which is no failure.
        Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(ExportError::Output(error)) => Err(Trouble::Other(error.into())),
        Err(ExportError::Ledger(error)) => Err(error.into()),
    }
}

/// Adds an export to the state.
fn import(file: &Path, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let is_standard = file == Path::new("-");
    let source = if is_standard { None } else { Some(File::open(file)) };
    let mut lines: Box<dyn io::BufRead> = match source {
        None => Box::new(io::stdin().lock()),
        Some(Ok(file)) => Box::new(BufReader::new(file)),
        Some(Err(error)) => {
            let what = format!("{} cannot be read ({})", file.display(), error.kind());
            return Err(Trouble::Request(
                what,
                "name a file that fbcapi state export has written; nothing was changed",
            ));
        }
    };
    let given_up = |error| match error {
        ImportError::Ledger(error) => error.into(),
        ImportError::Input(error) => Trouble::Other(error.into()),
        ImportError::Line { .. } => {
            Trouble::Request(format!("the import was given up: {error}"), "export it again; nothing was added")
        }
    };
    let (added, backup) = match &config.state {
        StatePlace::File { path, choice: _ } => {
            let mut ledger = SqliteLedger::open(path)?;
            let backup = back_up(&mut ledger, now)?;
            (ledger.import(&mut *lines).map_err(given_up)?, backup)
        }
        StatePlace::Snowflake(warehouse) => {
            // A state in memory finds out whether the export is whole.
            let mut whole = SqliteLedger::in_memory()?;
            whole.import(&mut *lines).map_err(given_up)?;
            (take_in(warehouse, config, whole.lines()?)?, None)
        }
    };
    Ok(told_added(added, backup.as_deref()))
}

/// Keeps a copy of a state; what holds nothing needs none.
fn back_up(ledger: &mut SqliteLedger, now: DateTime<Utc>) -> Result<Option<String>, LedgerError> {
    if ledger.is_new()? { Ok(None) } else { Ok(Some(ledger.back_up(now)?.display().to_string())) }
}

/// Adds records to the state in Snowflake.
fn take_in(warehouse: &Warehouse, config: &LedgerConfig, lines: Vec<Line>) -> Result<Amounts, LedgerError> {
    let mut ledger = SnowflakeLedger::open(warehouse, &setting(config))?;
    let added = ledger.take_in(lines);
    ledger.close();
    added
}

/// Tells what was added to a state.
fn told_added(added: Amounts, backup: Option<&str>) -> Told {
    let Amounts { runs, batches, rejects } = added;
    let mut text = format!(
        "added {}, {} {} and {}\n",
        counted(runs, "run"),
        grouped(batches),
        if batches == 1 { "batch" } else { "batches" },
        counted(rejects, "refused event")
    );
    if let Some(backup) = backup {
        writeln!(text, "  what was there before is kept at {backup}").unwrap_or_default();
    }
    Told { text, json: json!({ "added": added, "backup": backup }), exit: Exit::Done }
}

/// Forgets old events.
fn prune(before: Moment, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let before = before.at(now);
    // As every run does: a day more than the window, so that no clock that is set right brings an event back.
    let oldest = oldest_accepted(config.action_source, now.timestamp()) - TimeDelta::days(1).num_seconds();
    if before.timestamp() > oldest {
        let oldest = DateTime::from_timestamp(oldest, 0).unwrap_or_default();
        let what = format!(
            "events since {} UTC are still in Meta's window: a run that has forgotten them sends them again",
            moment(oldest)
        );
        return Err(Trouble::Request(what, "name an earlier time; nothing was forgotten"));
    }
    let mut book = open(config)?;
    let was = book.history.counts()?;
    let backup = match &mut book.remote {
        Some(remote) => {
            remote.prune(before.timestamp())?;
            None
        }
        None => Some(book.history.back_up(now)?.display().to_string()),
    };
    book.history.prune(before.timestamp())?;
    let is = book.history.counts()?;
    let forgotten = |of: fn(&Holdings) -> u64| of(&was).saturating_sub(of(&is));
    let (sent, in_doubt) = (forgotten(|held| held.sent), forgotten(|held| held.in_doubt));
    let (refused, runs) = (forgotten(|held| held.refused), forgotten(|held| held.runs));
    let mut text = format!(
        "forgot {} that were sent, {} in doubt, {} refused and {}\n",
        counted(sent, "event"),
        grouped(in_doubt),
        grouped(refused),
        counted(runs, "run"),
    );
    if let Some(backup) = &backup {
        writeln!(text, "  what was there before is kept at {backup}").unwrap_or_default();
    }
    let forgotten = json!({ "sent": sent, "in_doubt": in_doubt, "refused": refused, "runs": runs });
    Ok(Told { text, json: json!({ "forgotten": forgotten, "backup": backup }), exit: Exit::Done })
}

/// Puts a copy in the place of the state.
fn restore(file: Option<&Path>, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let Some(state) = config.state.file() else {
        let what = format!("the state in {} is no file", config.state);
        return Err(Trouble::Request(what, "Snowflake's Time Travel brings a table back; nothing was changed"));
    };
    if let Some(file) = file.filter(|file| !file.is_file()) {
        let what = format!("there is no file {}", file.display());
        return Err(Trouble::Request(what, "name a copy of a state; nothing was changed"));
    }
    let kept = SqliteLedger::backups(state);
    if file.is_none() && kept.is_empty() {
        let what = format!("no copy of {} is kept beside it", state.display());
        return Err(Trouble::Request(what, "name a file: fbcapi state restore FILE; nothing was changed"));
    }
    let Restored { from, replaced } = SqliteLedger::restore(state, file, now)?;
    let last = last_run(state)?;
    let mut text = format!("{} is in place", from.display());
    match &last {
        Some(last) => writeln!(text, "; the last run that it knows began {} UTC", moment(*last)).unwrap_or_default(),
        None => text.push_str("; it knows of no run\n"),
    }
    text.push_str("! WHAT WAS SENT SINCE THEN IT DOES NOT KNOW: THE NEXT RUN SENDS IT AGAIN\n");
    if let Some(replaced) = &replaced {
        writeln!(text, "  the state that was there is kept at {}", replaced.display()).unwrap_or_default();
    }
    let json = json!({
        "restored_from": from.display().to_string(),
        "replaced": replaced.map(|path| path.display().to_string()),
        "last_run_started_at": last,
    });
    Ok(Told { text, json, exit: Exit::Done })
}

/// Makes the tables of a state in Snowflake, or prints what makes them.
fn init(print_sql: bool, config: &LedgerConfig) -> Result<Told, Trouble> {
    let StatePlace::Snowflake(warehouse) = &config.state else {
        let what = format!("the state is a file, {}, which fbcapi sync makes by itself", config.state);
        return Err(Trouble::Request(what, "set [state] kind = \"snowflake\" and schema to keep it in Snowflake"));
    };
    let text = if print_sql {
        let connection = &warehouse.connection;
        let (role, machine) = (connection.role.as_deref(), connection.warehouse.as_deref());
        warehouse.schema.script(role, machine, config.table.as_deref())
    } else {
        SnowflakeLedger::make(warehouse, &setting(config))?;
        format!("{} has the tables and views of fbcapi\n", config.state)
    };
    Ok(Told { text, json: json!({}), exit: Exit::Done })
}

/// Carries what one state knows over to another, which keeps what it knows itself.
fn copy(from: &StateKind, to: &StateKind, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let StatePlace::Snowflake(warehouse) = &config.state else {
        let what = "the configuration names no state in Snowflake".to_owned();
        return Err(Trouble::Request(what, "set [state] kind = \"snowflake\" and schema; nothing was copied"));
    };
    let path = |given: &Option<PathBuf>| given.clone().unwrap_or_else(|| config.default_file.clone());
    match (from, to) {
        (StateKind::File(given), StateKind::Snowflake) => {
            let path = path(given);
            if !path.exists() {
                let what = format!("there is no state at {}", path.display());
                return Err(Trouble::Request(what, "name the file, as --from file:PATH; nothing was copied"));
            }
            // It stays locked, so that no run sends by it meanwhile.
            let mut source = SqliteLedger::open(&path)?;
            let lines = source.lines()?;
            Ok(told_added(take_in(warehouse, config, lines)?, None))
        }
        (StateKind::Snowflake, StateKind::File(given)) => {
            let mut book = open(config)?;
            let mut target = SqliteLedger::open(&path(given))?;
            let backup = back_up(&mut target, now)?;
            Ok(told_added(target.add(book.history.lines()?)?, backup.as_deref()))
        }
        (StateKind::File(_), StateKind::File(_)) | (StateKind::Snowflake, StateKind::Snowflake) => {
            let what = "both ends of the copy are of one kind".to_owned();
            Err(Trouble::Request(what, "copy --from file --to snowflake, or the other way; nothing was copied"))
        }
    }
}

/// When the last run began that a state knows.
fn last_run(path: &Path) -> Result<Option<DateTime<Utc>>, LedgerError> {
    Ok(SqliteLedger::open_read_only(path)?.runs(1)?.first().map(|run| run.started))
}
