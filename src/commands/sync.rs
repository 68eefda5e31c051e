//! `fbcapi sync`: sends every row that was not sent yet.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::exit::Exit;
use super::output_file::OutputFile;
use crate::cli::{IfLocked, Moment, SyncArgs};
use crate::config::{Config, FlagOverride};
use crate::ledger::LedgerError;
use crate::report::{console, human};
use crate::sync::{self, Failure, Options, Outcome, SentEvents, Watched, World};

/// The flags that override keys of the configuration.
pub fn overrides(args: &SyncArgs) -> Vec<FlagOverride> {
    let flag = |key, flag, value: &Option<String>| value.clone().map(|value| ("meta", key, flag, value));
    [flag("concurrency", "--concurrency", &args.concurrency), flag("batch_size", "--batch-size", &args.batch_size)]
        .into_iter()
        .flatten()
        .collect()
}

/// Runs a sync as it was asked for, and tells what it did.
pub async fn run(args: &SyncArgs, config: &Config, world: World) -> anyhow::Result<Exit> {
    let now = (world.now)();
    // A report that cannot be written is found out before anything is sent.
    let report = match args
        .report
        .as_deref()
        .map(|path| OutputFile::create(path, config.state.file(), &config.files()))
        .transpose()
    {
        Ok(report) => report,
        Err(why) => {
            console::say(&format!("✗ --report: {why}\n  → nothing was sent; name another file\n"));
            return Ok(Exit::Configuration);
        }
    };
    let Some((since, until)) = span(args.since, args.until, now) else { return Ok(Exit::Configuration) };
    let options = Options {
        since,
        until,
        names: names(&args.events),
        shard: args.shard,
        limit: args.limit,
        most_time: args.max_duration,
        sent: if args.resend { SentEvents::Resend } else { SentEvents::Leave },
        test_event_code: args.test_event_code.clone(),
        watched: if console::is_watched() { Watched::Yes } else { Watched::No },
        ..Options::default()
    };
    let (outcome, summary) = if args.dry_run {
        let outcome = sync::dry_run(config, &options, world, console::data()).await;
        let summary = human::dry_run_summary(&outcome);
        (outcome, summary)
    } else {
        sync_alone(args.if_locked, config, &options, world).await
    };
    console::say(&summary);
    let mut json = serde_json::to_vec_pretty(&outcome.report).context("the report cannot be written as JSON")?;
    json.push(b'\n');
    if let Some(Err(why)) = report.map(|report| report.write(&json)) {
        // The events are where they are; that the report is not says the line.
        console::say(&format!("! {why:#}\n"));
    }
    if args.json {
        let mut line = serde_json::to_vec(&outcome.report).context("the report cannot be written as JSON")?;
        line.push(b'\n');
        console::print(&line).context("cannot write to standard output")?;
    }
    Ok(if args.dry_run { Exit::of_dry_run(&outcome) } else { Exit::of(&outcome) })
}

/// How often it is looked whether another run has ended, at its file and in Snowflake, where each look is a login.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Runs a sync unless another run is under way, or once it has ended; gives its summary, too.
async fn sync_alone(if_locked: IfLocked, config: &Config, options: &Options, world: World) -> (Outcome, String) {
    let began = Instant::now();
    let mut is_told = false;
    loop {
        let mut outcome = sync::sync(config, options, world).await;
        match (outcome.failure.as_ref().and_then(lock_of), if_locked) {
            (Some(holder), IfLocked::Skip) => {
                let skipped = format!("{holder}: this run was skipped");
                outcome.skip(skipped.clone());
                return (outcome, skipped + "\n");
            }
            (Some(holder), IfLocked::Wait(most)) if began.elapsed() < most => {
                if !is_told {
                    console::say(&format!("{holder}: waiting for it to end\n"));
                    is_told = true;
                }
                let pause = if config.state.file().is_some() { LOOK_AGAIN } else { ASK_AGAIN };
                tokio::time::sleep(pause.min(most)).await;
            }
            (Some(_), IfLocked::Fail | IfLocked::Wait(_)) | (None, _) => {
                let summary = human::summary(&outcome);
                return (outcome, summary);
            }
        }
    }
}

/// Which run holds the lock, when that is why a run failed.
fn lock_of(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Ledger(error) if matches!(**error, LedgerError::Locked { .. }) => Some(error.to_string()),
        _ => None,
    }
}

/// The span of time that was asked for; none, and said so, when nothing can lie in it.
pub(super) fn span(since: Option<Moment>, until: Option<Moment>, now: DateTime<Utc>) -> Option<Span> {
    let at = |moment: Option<Moment>| moment.map(|moment| moment.at(now));
    let (since, until) = (at(since), at(until));
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        console::say("✗ --until is not after --since, so there is nothing to select\n");
        return None;
    }
    Some((since, until))
}

/// Two instants, of which each may be open.
type Span = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The names of events that were asked for.
pub(super) fn names(typed: &[String]) -> Vec<String> {
    typed.iter().filter(|name| !name.is_empty()).cloned().collect()
}
