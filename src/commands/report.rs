//! `fbcapi report`: what the runs of a span of time came to, for the terminal, as a page or as JSON. Only the state is
//! read; it takes no lock and works while a run is under way.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::exit::Exit;
use super::ledger::{Reader, Told, Trouble, look_anyway, setting, tell};
use super::output_file::{OutputFile, Readers};
use crate::cli::ReportArgs;
use crate::config::LedgerConfig;
use crate::ledger::{LedgerError, LockHolder};
use crate::report::digest::{Digest, Facts, Scope, text};
use crate::report::{html, printable};

/// The word for the newest run.
const LAST: &str = "last";

/// Tells what the runs came to.
pub fn run(args: &ReportArgs, config: &LedgerConfig, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    tell(report(args, config, now), config, Reader::of(args.json))
}

fn report(args: &ReportArgs, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let file = args.html.as_deref().map(|path| open(path, config)).transpose()?;
    let facts = gather(config)?;
    let scope = match args.run.as_deref() {
        None => Scope::Days(args.days),
        Some(asked) => {
            let found = facts.runs.iter().find(|run| asked == LAST || run.run.0 == asked);
            let Some(found) = found else {
                let what = format!("the state knows no run {}", printable(asked));
                return Err(Trouble::Request(what, "fbcapi status --runs 50 names the last ones"));
            };
            Scope::Run(found.run.0.clone())
        }
    };
    let digest = Digest::new(facts, scope, now);
    let write =
        |file: OutputFile| file.write(html::page(&digest).as_bytes(), Readers::Owner).map_err(anyhow::Error::msg);
    let written = file.map(write).transpose()?;
    let text = match (written, args.html.as_deref()) {
        (Some(()), Some(path)) => format!("{}: {}\n", path.display(), told(&digest)),
        (Some(()) | None, _) => text::describe(&digest),
    };
    let json = serde_json::to_value(&digest).unwrap_or(Value::Null);
    Ok(Told { text, json, exit: Exit::Done })
}

/// What the page is about, in a line.
fn told(digest: &Digest) -> String {
    match digest.span() {
        None => "no run is recorded in this span".to_owned(),
        Some((first, last)) => format!("{first} to {last} UTC, {}", text::runs(digest)),
    }
}

/// Opens the page before anything is read: what cannot be written is found out at once.
fn open(path: &Path, config: &LedgerConfig) -> Result<OutputFile, Trouble> {
    OutputFile::create(path, config.state.file(), &config.files)
        .map_err(|why| Trouble::Request(format!("--html: {why}"), "name another file"))
}

fn gather(config: &LedgerConfig) -> Result<Facts<'_>, LedgerError> {
    let is_locked = config.state.file().and_then(LockHolder::of).is_some();
    let mut book = look_anyway(config)?;
    let lease = book.remote.as_ref().map(|remote| remote.holder(&setting(config))).transpose()?.flatten();
    let runs = book.history.runs(u32::MAX)?;
    // While a run is under way, it is the last one without an end.
    let newest = runs.first().filter(|run| (is_locked || lease.is_some()) && run.end.is_none());
    let under_way = newest.map(|run| run.run.clone());
    Ok(Facts { dataset_id: &config.dataset_id, refusals: book.history.refusals(i64::MIN)?, runs, under_way })
}
