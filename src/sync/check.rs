//! A look at everything that a run needs, and at the rows: nothing is sent, recorded or locked.
//!
//! Each thing is looked at whatever became of the others, unless it needs one of them that failed.

mod warehouse;
mod mapping;
mod examiner;
mod state;
mod graph;
mod clock;

use chrono::TimeDelta;
use tokio::sync::watch;

use self::examiner::{Ended, Examiner};
use super::run::Run;
use super::send::Halt;
use super::{Failure, Options, World, halt_in_time};
use crate::config::{Config, SourceConfig, StatePlace};
use crate::event::columns::HashIn;
use crate::report::WindowAsked;
use crate::report::checks::{Check, CheckResult};
use crate::report::human::{PASSWORD_REMEDY, PASSWORD_WARNING, counted, grouped};
use crate::report::survey::{Findings, HashedIn};
use crate::source::snowflake::{Fed, SnowflakeSettings, probe};

/// What a check leaves: what it found, and what ended it early.
#[derive(Debug)]
pub struct Checked {
    /// What it found.
    pub findings: Findings,
    /// What ended it early.
    pub failure: Option<Failure>,
}

/// What a check may contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Snowflake and Meta.
    Online,
    /// Nothing: only what is on this machine is looked at.
    Offline,
}

/// What is said of what was not looked at because nothing was to be contacted.
const OFFLINE: &str = "--offline";

/// Looks at what a run needs and at the rows that it would read: at the first so many, or at all.
///
/// Of the options, those about what is selected count. A source that has more rows is left where enough were read,
/// which ends its statement in Snowflake.
pub async fn check(config: &Config, options: &Options, most_rows: Option<u64>, reach: Reach, world: World) -> Checked {
    let run = Run::new(config, options, world);
    let window = WindowAsked { since: run.since, until: options.until };
    let dataset_id = config.graph.dataset_id.clone();
    let mut findings = Findings::new(run.started, dataset_id, config.source.name(), window, most_rows);
    findings.hash_in = match (&config.source, config.rules.columns.hashes_in()) {
        (SourceConfig::Snowflake(_), HashIn::Client) => Some(HashedIn::Client),
        (SourceConfig::Snowflake(_), HashIn::Warehouse) => Some(HashedIn::Warehouse),
        (SourceConfig::File { .. }, _) => None,
    };
    let halt = watch::Sender::new(None);
    let signals = tokio::spawn(halt_in_time(halt.clone(), None));
    let mut halted = halt.subscribe();
    let looked = tokio::select! {
        looked = look_around(&run, reach) => Some(looked),
        _ = halted.wait_for(Option::is_some) => None,
    };
    let failure = match looked {
        Some(Looked { source, fed, others }) => {
            findings.checks.push(configuration(config));
            findings.checks.extend(source);
            let failure = look_at_rows(&run, &fed, &mut findings, &halt).await;
            findings.checks.extend(others);
            failure
        }
        None => None,
    };
    signals.abort();
    let halted = match halt.borrow().clone() {
        Some(Halt::Signal(number)) => Some(Failure::Signal(number)),
        Some(Halt::Ledger(error)) => Some(Failure::Ledger(error)),
        Some(Halt::Stopped(stop, codes)) => Some(Failure::Stopped { stop, codes }),
        Some(Halt::Bug) => Some(Failure::Bug),
        Some(Halt::TimeOver) | None => None,
    };
    let failure = failure.or(halted);
    let failed = findings.checks.iter().find(|check| check.result == CheckResult::Failed);
    findings.error = failure.as_ref().map(ToString::to_string).or(failed.map(|check| check.what.clone()));
    run.part().await;
    Checked { findings, failure }
}

/// What was looked at beside the rows.
struct Looked {
    /// What the rows need.
    source: Vec<Check>,
    /// The columns of the table that feed something.
    fed: Vec<Fed>,
    /// What the rows do not need.
    others: Vec<Check>,
}

/// Looks at everything but the rows, at both servers at the same time.
async fn look_around(run: &Run<'_>, reach: Reach) -> Looked {
    let (source, (meta, clock_at_meta)) =
        tokio::join!(look_at_source(run, reach), graph::look(run.config, run.world.now, reach));
    let (source, fed, clock_at_snowflake) = source;
    let state = match (&run.config.state, reach) {
        (StatePlace::Snowflake(_), Reach::Offline) => Check::not_checked("state", OFFLINE),
        (StatePlace::File { .. } | StatePlace::Snowflake(_), _) => state::look(run).await,
    };
    let clock = clock::judge(reach, clock_at_snowflake, clock_at_meta);
    Looked { source, fed, others: vec![state, meta, clock] }
}

/// Looks at what the rows come from.
async fn look_at_source(run: &Run<'_>, reach: Reach) -> (Vec<Check>, Vec<Fed>, Option<TimeDelta>) {
    match (&run.config.source, reach) {
        (SourceConfig::File { .. }, _) => (Vec::new(), Vec::new(), None),
        (SourceConfig::Snowflake(_), Reach::Offline) => {
            let checks = warehouse::NAMES.map(|name| Check::not_checked(name, OFFLINE));
            (checks.into(), Vec::new(), None)
        }
        (SourceConfig::Snowflake(settings), Reach::Online) => {
            let settings: SnowflakeSettings = settings.as_ref().clone();
            let table = settings.table.clone();
            let found = probe(settings, run.selection(), run.surroundings.clone()).await;
            let clock = found.session.as_ref().ok().map(|told| told.clock_ahead);
            let fed = found.mapping.as_ref().and_then(|mapped| mapped.as_ref().ok());
            let fed = fed.map(|mapped| mapped.present.clone()).unwrap_or_default();
            (warehouse::judge(run, &table, found), fed, clock)
        }
    }
}

/// Looks at the rows themselves, unless something that they need failed; gives what ended that in a way that is no
/// matter of the rows.
async fn look_at_rows(
    run: &Run<'_>,
    fed: &[Fed],
    findings: &mut Findings,
    halt: &watch::Sender<Option<Halt>>,
) -> Option<Failure> {
    let is_wanting = |check: &&Check| matches!(check.result, CheckResult::Failed | CheckResult::NotChecked);
    if let Some(wanting) = findings.checks.iter().find(is_wanting) {
        let why = match wanting.result {
            CheckResult::NotChecked => wanting.what.clone(),
            CheckResult::Ok | CheckResult::Warning | CheckResult::Failed => needs(wanting.name),
        };
        findings.checks.push(Check::not_checked(ROWS, why));
        return None;
    }
    let rows = match run.open_source(halt, None).await {
        Ok(rows) => rows,
        Err(error) => {
            findings.checks.push(Check::of_failure(ROWS, &error.into()));
            return None;
        }
    };
    let most_rows = findings.rows.limit.unwrap_or(u64::MAX);
    let absent = rows.absent.clone();
    let examiner = Examiner::new(run, &absent, most_rows, halt.subscribe());
    let Ok((survey, ended)) = tokio::task::spawn_blocking(move || examiner.run(rows)).await else {
        return Some(Failure::Bug);
    };
    survey.conclude(findings);
    findings.rows.is_whole = matches!(ended, Ok(Ended::OutOfRows));
    for field in &mut findings.fields {
        let column = fed.iter().find(|fed| Some(&fed.request) == field.column.as_ref());
        field.column_type = column.map(|fed| fed.kind.name().to_owned());
    }
    let read = findings.rows.read;
    findings.checks.push(match ended {
        Err(failure) if read > 0 => {
            Check::of_failure(ROWS, &failure).after(&format!("{} were read", counted(read, "row")))
        }
        Err(failure) => Check::of_failure(ROWS, &failure),
        Ok(Ended::Halted) => return None,
        Ok(Ended::OutOfRows | Ended::Limited) if read == 0 => Check::warning(
            ROWS,
            "nothing was selected: the table has no such rows in this span",
            "see whether the model is built and since when; --since 30d looks further back",
        ),
        Ok(Ended::OutOfRows) => Check::ok(ROWS, format!("{}, and that is all", counted(read, "row"))),
        Ok(Ended::Limited) => {
            Check::ok(ROWS, format!("the first {}; --rows all reads the whole window", grouped(read)))
        }
    });
    None
}

/// The name of the check of the rows themselves.
const ROWS: &str = "rows";

/// Why something was not looked at.
fn needs(name: &str) -> String {
    format!("it needs what failed above ({name})")
}

/// Says where the configuration is, which was read and checked before anything else.
fn configuration(config: &Config) -> Check {
    let file = config.file.display();
    if config.source.uses_password() {
        return Check::warning("configuration", format!("{file}: {PASSWORD_WARNING}"), PASSWORD_REMEDY);
    }
    Check::ok("configuration", file.to_string())
}
