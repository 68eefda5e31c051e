//! `fbcapi state`: the file that knows what was sent, as a whole.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::exit::Exit;
use super::ledger::{Reader, Told, Trouble, look, moment, open, tell};
use crate::cli::{Moment, StateCommand};
use crate::config::LedgerConfig;
use crate::ledger::exchange::{Amounts, ExportError, ImportError};
use crate::ledger::history::Holdings;
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
    }
}

/// Tells where the state is.
fn path(config: &LedgerConfig) -> Told {
    let text = format!("{}\n", config.state.display());
    Told { text, json: json!({ "exists": config.state.exists() }), exit: Exit::Done }
}

/// Reads all of the state.
fn check(config: &LedgerConfig) -> Result<Told, Trouble> {
    let mut ledger = look(config)?;
    let holdings @ Holdings { version, runs, batches, sent, in_doubt, refused } = ledger.check()?;
    let backups: Vec<String> =
        SqliteLedger::backups(&config.state).iter().map(|path| path.display().to_string()).collect();
    let mut text = format!(
        "{} is whole (version {version})\n  {}, {}, {} sent, {} in doubt, {} refused\n",
        config.state.display(),
        counted(runs, "run"),
        if batches == 1 { "1 batch".to_owned() } else { format!("{} batches", grouped(batches)) },
        counted(sent, "event"),
        grouped(in_doubt),
        grouped(refused),
    );
    for backup in &backups {
        writeln!(text, "  a copy is kept at {backup}").unwrap_or_default();
    }
    Ok(Told { text, json: json!({ "holds": holdings, "backups": backups }), exit: Exit::Done })
}

/// Prints the state as JSON Lines.
fn export(config: &LedgerConfig, now: DateTime<Utc>) -> Result<(), Trouble> {
    let mut ledger = look(config)?;
    let mut out = console::data();
    let exported = ledger.export(&mut *out, now).and_then(|_| out.flush().map_err(ExportError::Output));
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
    let mut ledger = SqliteLedger::open(&config.state)?;
    // What holds nothing needs no copy.
    let backup = if ledger.is_new()? { None } else { Some(ledger.back_up(now)?.display().to_string()) };
    let added = ledger.import(&mut *lines).map_err(|error| match error {
        ImportError::Ledger(error) => error.into(),
        ImportError::Input(error) => Trouble::Other(error.into()),
        ImportError::Line { .. } => {
            Trouble::Request(format!("the import was given up: {error}"), "export it again; nothing was added")
        }
    })?;
    let Amounts { runs, batches, rejects } = added;
    let mut text = format!(
        "added {}, {} {} and {}\n",
        counted(runs, "run"),
        grouped(batches),
        if batches == 1 { "batch" } else { "batches" },
        counted(rejects, "refused event")
    );
    if let Some(backup) = &backup {
        writeln!(text, "  what was there before is kept at {backup}").unwrap_or_default();
    }
    Ok(Told { text, json: json!({ "added": added, "backup": backup }), exit: Exit::Done })
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
    let mut ledger = open(config)?;
    let was = ledger.counts()?;
    let backup = ledger.back_up(now)?.display().to_string();
    ledger.prune(before.timestamp())?;
    let is = ledger.counts()?;
    let forgotten = |of: fn(&Holdings) -> u64| of(&was).saturating_sub(of(&is));
    let (sent, in_doubt) = (forgotten(|held| held.sent), forgotten(|held| held.in_doubt));
    let (refused, runs) = (forgotten(|held| held.refused), forgotten(|held| held.runs));
    let text = format!(
        "forgot {} that were sent, {} in doubt, {} refused and {}\n  what was there before is kept at {backup}\n",
        counted(sent, "event"),
        grouped(in_doubt),
        grouped(refused),
        counted(runs, "run"),
    );
    let forgotten = json!({ "sent": sent, "in_doubt": in_doubt, "refused": refused, "runs": runs });
    Ok(Told { text, json: json!({ "forgotten": forgotten, "backup": backup }), exit: Exit::Done })
}

/// Puts a copy in the place of the state.
fn restore(file: Option<&Path>, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    if let Some(file) = file.filter(|file| !file.is_file()) {
        let what = format!("there is no file {}", file.display());
        return Err(Trouble::Request(what, "name a copy of a state; nothing was changed"));
    }
    let kept = SqliteLedger::backups(&config.state);
    if file.is_none() && kept.is_empty() {
        let what = format!("no copy of {} is kept beside it", config.state.display());
        return Err(Trouble::Request(what, "name a file: fbcapi state restore FILE; nothing was changed"));
    }
    let Restored { from, replaced } = SqliteLedger::restore(&config.state, file, now)?;
    let last = last_run(&config.state)?;
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

/// When the last run began that a state knows.
fn last_run(path: &Path) -> Result<Option<DateTime<Utc>>, LedgerError> {
    Ok(SqliteLedger::open_read_only(path)?.runs(1)?.first().map(|run| run.started))
}
