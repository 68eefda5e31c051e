//! What monitoring is told of a run: a file for Prometheus, and pings to a watchdog.
//!
//! Whatever fails here is warned of and changes nothing else: not what was sent, and not the exit code.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

use super::exit::Exit;
use super::output_file::{OutputFile, Readers};
use super::status::SUCCESSES;
use crate::config::{Config, Refused};
use crate::report::console;
use crate::report::metrics::{self, Facts, Found, Success};
use crate::report::ping::PingError;
use crate::sync::Outcome;

/// No file of metrics is longer.
const MOST_BYTES: u64 = 1 << 20;

/// How a file of metrics begins; no other file is replaced by one.
const BEGINNING: &str = "# HELP fbcapi_";

/// What monitoring is told of a run that has begun.
pub(super) struct Monitoring<'a> {
    metrics_file: Option<&'a Path>,
    config: &'a Config,
    started: DateTime<Utc>,
    /// Tells the watchdog that the run has begun, while it goes on.
    start: Option<JoinHandle<Result<(), PingError>>>,
}

impl<'a> Monitoring<'a> {
    /// Tells that a run begins.
    pub(super) fn begin(metrics_file: Option<&'a Path>, config: &'a Config, started: DateTime<Utc>) -> Self {
        let start = config.watchdog.clone().map(|watchdog| tokio::spawn(async move { watchdog.start().await }));
        Self { metrics_file, config, started, start }
    }

    /// Tells how the run ended, and what it did if it got so far.
    pub(super) async fn end(self, exit: Exit, outcome: Option<&Outcome>, finished: DateTime<Utc>) {
        let exit_code = exit.code();
        if let Some(path) = self.metrics_file {
            let read = outcome.filter(|outcome| outcome.failure.is_none() || outcome.report.counts.selected > 0);
            let facts = Facts {
                dataset_id: &self.config.graph.dataset_id,
                started: self.started,
                finished,
                exit_code,
                success: success(exit_code),
                report: outcome.map(|outcome| &outcome.report),
                found: read
                    .map(|outcome| Found { oldest_left: outcome.oldest_left, in_doubt: outcome.report.counts.unknown }),
            };
            write(path, &facts);
        }
        let Some(watchdog) = &self.config.watchdog else { return };
        // In this order, or the run would seem to be under way for ever.
        let begun = match self.start {
            Some(start) => start.await.unwrap_or(Err(PingError::Client)),
            None => Ok(()),
        };
        let body = match outcome {
            Some(outcome) => format!("{}\nrun {}\n", outcome.report.in_a_line(), outcome.report.run_id),
            None => format!("exit code {exit_code}\n"),
        };
        let ended = watchdog.end(exit_code, body).await;
        for (what, told) in [("began", begun), ("ended", ended)] {
            match told {
                Ok(()) => tracing::info!("the watchdog was told that the run {what}"),
                Err(error) => console::say(&format!("! [ping] url could not be told that the run {what}: {error}\n")),
            }
        }
    }

    /// Leaves the watchdog and the file to the run that is under way, which will tell how it ended itself.
    pub(super) async fn leave(self) {
        if let Some(start) = self.start {
            drop(start.await);
        }
    }
}

/// Tells that a configuration was refused, as far as it says of which dataset.
pub(super) fn refused(metrics_file: &Path, refused: &Refused, now: DateTime<Utc>) {
    let dataset = refused.shown.iter().find(|shown| (&*shown.section, &*shown.key) == ("meta", "dataset_id"));
    let dataset = dataset.map(|shown| shown.value.trim_matches('"'));
    let Some(dataset_id) = dataset.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())) else { return };
    let exit_code = Exit::Configuration.code();
    let (report, found) = (None, None);
    let success = success(exit_code);
    write(metrics_file, &Facts { dataset_id, started: now, finished: now, exit_code, success, report, found });
}

fn success(exit_code: u8) -> Success {
    if SUCCESSES.contains(&exit_code) { Success::Yes } else { Success::No }
}

fn write(path: &Path, facts: &Facts<'_>) {
    let written = earlier(path).and_then(|earlier| {
        let text = metrics::render(facts, &earlier);
        OutputFile::create(path, None, &[])?.write(text.as_bytes(), Readers::Everyone)
    });
    match written {
        Ok(()) => tracing::info!(path = %path.display(), "the metrics are written"),
        Err(why) => console::say(&format!("! --metrics-file: {why}\n")),
    }
}

/// What an earlier run wrote; an error says why the file is not written again.
fn earlier(path: &Path) -> Result<String, String> {
    if !path.is_file() {
        return Ok(String::new());
    }
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text));
    read.map_err(|error| format!("{} cannot be read ({})", path.display(), error.kind()))?;
    match String::from_utf8(text) {
        Ok(text) if text.is_empty() || text.starts_with(BEGINNING) => Ok(text),
        Ok(_) | Err(_) => Err(format!("{} is no file of metrics, and stays as it is", path.display())),
    }
}
