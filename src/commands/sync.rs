//! `fbcapi sync`: sends every row that was not sent yet.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use super::exit::Exit;
use super::monitoring::{self, Monitoring};
use super::output_file::{OutputFile, Readers};
use crate::cli::{IfLocked, Moment, SyncArgs, WhichArgs};
use crate::config::{Config, FlagOverride, Refused};
use crate::ledger::LedgerError;
use crate::report::{console, human};
use crate::sync::{self, Failure, Options, Outcome, SentEvents, World};

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
    if args.dry_run {
        return carry_out(args, config, world).await.map(|ended| ended.exit);
    }
    let monitoring = Monitoring::begin(args.metrics_file.as_deref(), config, (world.now)());
    let ended = carry_out(args, config, world).await;
    match &ended {
        Ok(Ended { is_skipped: true, .. }) => monitoring.leave().await,
        Ok(Ended { exit, outcome, .. }) => monitoring.end(*exit, outcome.as_ref(), (world.now)()).await,
        Err(_) => monitoring.end(Exit::Other, None, (world.now)()).await,
    }
    ended.map(|ended| ended.exit)
}

/// Tells monitoring that a sync could not begin because of its configuration.
pub fn refused(args: &SyncArgs, refused: &Refused, now: DateTime<Utc>) {
    if let (Some(path), false) = (&args.metrics_file, args.dry_run) {
        monitoring::refused(path, refused, now);
    }
}

/// How a sync ended.
struct Ended {
    exit: Exit,
    /// What it did, if it got so far.
    outcome: Option<Outcome>,
    /// Whether it left everything to another run.
    is_skipped: bool,
}

impl Ended {
    /// Before anything was tried.
    const EARLY: Self = Self { exit: Exit::Configuration, outcome: None, is_skipped: false };
}

async fn carry_out(args: &SyncArgs, config: &Config, world: World) -> anyhow::Result<Ended> {
    let now = (world.now)();
    // A report that cannot be written is found out before anything is sent.
    let create = |path| OutputFile::create(path, config.state.file(), &config.files());
    let report = match args.report.as_deref().map(create).transpose() {
        Ok(report) => report,
        Err(why) => {
            console::say(&format!("✗ --report: {why}\n  → nothing was sent; name another file\n"));
            return Ok(Ended::EARLY);
        }
    };
    let Some((since, until)) = span(&args.which, now) else { return Ok(Ended::EARLY) };
    let options = Options {
        since,
        until,
        names: names(&args.which),
        shard: args.shard,
        limit: args.limit,
        most_time: args.max_duration,
        sent: if args.resend { SentEvents::Resend } else { SentEvents::Leave },
        test_event_code: args.test_event_code.clone(),
        watched: console::watched(),
        ..Options::default()
    };
    let (outcome, summary, is_skipped) = if args.dry_run {
        let outcome = sync::dry_run(config, &options, world, console::data()).await;
        let summary = human::dry_run_summary(&outcome);
        (outcome, summary, false)
    } else {
        sync_alone(args.if_locked, config, &options, world).await
    };
    if is_skipped {
        console::say(&summary);
    } else {
        console::say_end(&summary, &outcome.report);
    }
    if let Some(Err(why)) = report.map(|report| write_report(report, &outcome)) {
        // The events are where they are; that the report is not says the line.
        console::say(&format!("! --report: {why}\n"));
    }
    if args.json {
        let mut line = serde_json::to_vec(&outcome.report).context("the report cannot be written as JSON")?;
        line.push(b'\n');
        console::print(&line).context("cannot write to standard output")?;
    }
    let exit = if args.dry_run { Exit::of_dry_run(&outcome) } else { Exit::of(&outcome) };
    Ok(Ended { exit, outcome: Some(outcome), is_skipped })
}

fn write_report(file: OutputFile, outcome: &Outcome) -> Result<(), String> {
    let json = serde_json::to_vec_pretty(&outcome.report);
    let mut json = json.map_err(|_| "the report cannot be written as JSON".to_owned())?;
    json.push(b'\n');
    file.write(&json, Readers::Owner)
}

/// How often it is looked whether another run has ended, at its file and in Snowflake, where each look is a login.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Runs a sync unless another run is under way, or once it has ended; gives its summary, too, and whether it was skipped.
async fn sync_alone(if_locked: IfLocked, config: &Config, options: &Options, world: World) -> (Outcome, String, bool) {
    let began = Instant::now();
    let mut is_told = false;
    loop {
        let mut outcome = sync::sync(config, options, world).await;
        match (outcome.failure.as_ref().and_then(lock_of), if_locked) {
            (Some(holder), IfLocked::Skip) => {
                let skipped = format!("{holder}: this run was skipped");
                outcome.skip(skipped.clone());
                return (outcome, skipped + "\n", true);
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
                return (outcome, summary, false);
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
pub(super) fn span(which: &WhichArgs, now: DateTime<Utc>) -> Option<Span> {
    let at = |moment: Option<Moment>| moment.map(|moment| moment.at(now));
    let (since, until) = (at(which.since), at(which.until));
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        console::say("✗ --until is not after --since, so there is nothing to select\n");
        return None;
    }
    Some((since, until))
}

/// Two instants, of which each may be open.
type Span = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The names of events that were asked for.
pub(super) fn names(which: &WhichArgs) -> Vec<String> {
    which.events.iter().filter(|name| !name.is_empty()).cloned().collect()
}
