//! `fbcapi status`: how it goes, and whether anyone must look. Takes no lock and works while a run is under way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::exit::Exit;
use super::ledger::{
    Reader, Told, Trouble, answer_json, answer_text, batch_name, look_anyway, moment, remedy_of, setting, tell,
};
use crate::cli::StatusArgs;
use crate::config::LedgerConfig;
use crate::deliver::OnUnknown;
use crate::ledger::history::{Doubt, Holdings, PastRun, Refusal, Unsent};
use crate::ledger::snowflake::LeaseHolder;
use crate::ledger::{LedgerError, LockHolder};
use crate::report::human::{counted, grouped, span};
use crate::report::printable;
use crate::sync::RESEND_WITHIN;

/// Without a success for longer than this, someone must look: Meta warns that events older than a day are worth less.
/// Source: Conversions API, end-to-end implementation.
const LONG_WITHOUT_SUCCESS: TimeDelta = TimeDelta::hours(24);

/// Exit codes of runs that did what they were asked for.
pub(super) const SUCCESSES: [u8; 3] = [Exit::Done.code(), Exit::Attention.code(), Exit::Limit.code()];

/// Tells how it goes.
pub fn run(args: &StatusArgs, config: &LedgerConfig, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    let told = Facts::gather(args.runs, config, now).map(|facts| facts.tell()).map_err(Trouble::from);
    tell(told, config, Reader::of(args.json))
}

/// What the state says, at one moment.
struct Facts<'a> {
    config: &'a LedgerConfig,
    now: DateTime<Utc>,
    holder: Option<UnderWay>,
    holdings: Holdings,
    /// The size of the file, if it is one.
    bytes: Option<u64>,
    runs: Vec<PastRun>,
    /// The last run that is not under way.
    last: Option<PastRun>,
    last_success: Option<DateTime<Utc>>,
    doubts: Vec<Doubt>,
    refusals: Vec<Refusal>,
    unsent: Unsent,
}

/// A run that is under way.
struct UnderWay {
    who: String,
    process: Option<u32>,
    since: Option<DateTime<Utc>>,
}

impl From<LockHolder> for UnderWay {
    fn from(LockHolder { process, started }: LockHolder) -> Self {
        let who = process.map_or_else(|| "a process".to_owned(), |process| format!("process {process}"));
        Self { who, process, since: started }
    }
}

impl From<LeaseHolder> for UnderWay {
    fn from(LeaseHolder { who, since, until: _ }: LeaseHolder) -> Self {
        Self { who: printable(&who), process: None, since }
    }
}

/// Why someone must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attention {
    NoRun,
    LastRunFailed,
    LongWithoutSuccess,
    UnknownHeld,
    NewRejects,
}

impl Attention {
    /// The word in reports.
    const fn word(self) -> &'static str {
        match self {
            Self::NoRun => "no_run",
            Self::LastRunFailed => "last_run_failed",
            Self::LongWithoutSuccess => "no_success_for_24_h",
            Self::UnknownHeld => "unknown_held",
            Self::NewRejects => "new_rejects",
        }
    }

    /// What it is and what to do, for people.
    const fn lines(self) -> &'static str {
        match self {
            Self::NoRun => {
                "! no run is recorded\n  → run fbcapi sync; if there was a state before, bring it back first (fbcapi state --help)\n"
            }
            Self::LastRunFailed => "! the last run failed or was killed\n  → run fbcapi sync and see what it says\n",
            Self::LongWithoutSuccess => {
                "! no run has succeeded for more than 24 hours\n  → see whether cron runs fbcapi sync, and what it says\n"
            }
            Self::UnknownHeld => {
                "! events are held, because nobody knows whether Meta took them\n  → look in Events Manager, then fbcapi resolve RUN|BATCH --resend or --drop\n"
            }
            Self::NewRejects => "! the last run met refused events that are new\n  → fbcapi rejects lists them\n",
        }
    }
}

impl<'a> Facts<'a> {
    fn gather(runs: u32, config: &'a LedgerConfig, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        let holder = config.state.file().and_then(LockHolder::of).map(UnderWay::from);
        let mut book = look_anyway(config)?;
        let remote = book.remote.as_ref().map(|remote| remote.holder(&setting(config))).transpose()?.flatten();
        let holder = holder.or(remote.map(UnderWay::from));
        let ledger = &mut book.history;
        let shown = ledger.runs(runs.max(2))?;
        // A run without end is under way or was killed; while one is under way, it is the last.
        let last = shown.iter().find(|run| run.end.is_some() || holder.is_none()).cloned();
        let success = ledger.last_run_with(&SUCCESSES)?;
        let mut doubts = ledger.doubts()?;
        if let (Some(_), Some(PastRun { run, end: None, .. })) = (&holder, shown.first()) {
            // What a run is posting right now is not in doubt yet.
            doubts.retain(|doubt| doubt.batch.run != *run);
        }
        doubts.retain(|doubt| !doubt.events.is_empty());
        let size = |ending: &str| {
            let mut name = config.state.file()?.to_owned().into_os_string();
            name.push(ending);
            Some(fs::metadata(name).map_or(0, |metadata| metadata.len()))
        };
        Ok(Self {
            config,
            now,
            holder,
            holdings: ledger.counts()?,
            bytes: size("").zip(size("-wal")).map(|(file, log)| file + log),
            runs: shown.into_iter().take(usize::try_from(runs).unwrap_or(usize::MAX)).collect(),
            last,
            last_success: success.and_then(|run| run.end).map(|end| end.at),
            doubts,
            refusals: ledger.refusals(i64::MIN)?,
            unsent: ledger.unsent()?,
        })
    }

    /// How many of a batch's events the next run does not send by itself.
    fn held(&self, doubt: &Doubt) -> u64 {
        let is_held =
            |first: DateTime<Utc>| self.config.on_unknown == OnUnknown::Hold || self.now - first >= RESEND_WITHIN;
        doubt.events.iter().filter(|(_, first)| is_held(*first)).count() as u64
    }

    fn attention(&self) -> Vec<Attention> {
        let is_long_ago = |at: DateTime<Utc>| self.now - at > LONG_WITHOUT_SUCCESS;
        let has_failed = |run: &PastRun| run.end.as_ref().is_none_or(|end| !SUCCESSES.contains(&end.exit_code));
        let is_new = |refusal: &Refusal| self.last.as_ref().is_some_and(|last| refusal.at >= last.started);
        let first = self.runs.last().map(|run| run.started);
        let reasons = [
            (Attention::NoRun, self.holdings.runs == 0),
            (Attention::LastRunFailed, self.last.as_ref().is_some_and(has_failed)),
            // Before the first success the first run counts.
            (Attention::LongWithoutSuccess, self.last_success.or(first).is_some_and(is_long_ago)),
            (Attention::UnknownHeld, self.doubts.iter().any(|doubt| self.held(doubt) > 0)),
            (Attention::NewRejects, self.refusals.iter().any(is_new)),
        ];
        reasons.into_iter().filter(|(_, is_so)| *is_so).map(|(reason, _)| reason).collect()
    }

    fn tell(&self) -> Told {
        let attention = self.attention();
        let exit = if attention.is_empty() { Exit::Done } else { Exit::Attention };
        Told { text: self.text(&attention), json: self.json(&attention), exit }
    }

    /// The refused events by reason, the reason with most of them first.
    fn by_reason(&self) -> Vec<(&str, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for refusal in &self.refusals {
            *counts.entry(&refusal.reason).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    fn json(&self, attention: &[Attention]) -> Value {
        let runs: Vec<Value> = self.runs.iter().map(run_json).collect();
        let doubts: Vec<Value> = self.doubts.iter().map(|doubt| self.doubt_json(doubt)).collect();
        let in_doubt: u64 = self.doubts.iter().map(|doubt| doubt.events.len() as u64).sum();
        let backlog = self.last.as_ref().map(|run| {
            let counts = report_of(run).map(|report| report["counts"].clone()).unwrap_or_default();
            json!({ "pending": counts["pending"], "deferred": counts["deferred"], "unknown": counts["unknown"] })
        });
        let reasons: Vec<Value> = self
            .by_reason()
            .into_iter()
            .map(|(reason, count)| json!({ "reason": reason, "count": count, "remedy": remedy_of(reason) }))
            .collect();
        json!({
            "at": self.now,
            "attention": attention.iter().map(|attention| attention.word()).collect::<Vec<_>>(),
            "under_way": self.holder.as_ref().map(|holder| json!({ "process": holder.process, "who": holder.who, "since": holder.since })),
            "holds": self.holdings,
            "bytes": self.bytes,
            "last_success_at": self.last_success,
            "last_success_age_seconds": self.last_success.map(|at| (self.now - at).num_seconds()),
            "runs": runs,
            "backlog": backlog,
            "unsent": { "events": self.unsent.events, "oldest_age_seconds": self.oldest_age() },
            "in_doubt": { "events": in_doubt, "batches": doubts },
            "rejects": reasons,
        })
    }

    fn doubt_json(&self, doubt: &Doubt) -> Value {
        let first = doubt.events.iter().map(|(_, first)| *first).min().unwrap_or(doubt.at);
        json!({
            "batch": batch_name(&doubt.batch),
            "events": doubt.events.len(),
            "held": self.held(doubt),
            "since": doubt.at,
            "resent_until": (self.config.on_unknown == OnUnknown::Resend).then(|| first + RESEND_WITHIN),
            "requests": doubt.requests,
            "answer": answer_json(&doubt.answer),
        })
    }

    /// How old the oldest event is that was tried and has come to no end.
    fn oldest_age(&self) -> Option<i64> {
        self.unsent.oldest.map(|oldest| self.now.timestamp().saturating_sub(oldest))
    }

    fn text(&self, attention: &[Attention]) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: &str| writeln!(text, "  {name:<13} {value}").unwrap_or_default();
        row("dataset", &self.config.dataset_id);
        row("state", &self.config.state.to_string());
        let Holdings { version, runs: _, batches: _, sent, in_doubt: _, refused: _ } = self.holdings;
        match self.bytes {
            Some(0) => row("", "not there yet"),
            Some(bytes) => {
                let kilobytes = grouped(bytes.div_ceil(1_000));
                row("", &format!("{} sent, {kilobytes} kB, whole (version {version})", counted(sent, "event")));
            }
            None => row("", &format!("{} sent", counted(sent, "event"))),
        }
        if let Some(UnderWay { who, process: _, since }) = &self.holder {
            let since = since.map(|started| format!(", since {} UTC", moment(started))).unwrap_or_default();
            row("under way", &format!("{who}{since}"));
        }
        let ago = |at: DateTime<Utc>| span((self.now - at).num_seconds().try_into().unwrap_or(0));
        match self.last_success {
            Some(at) => row("last success", &format!("{} ago", ago(at))),
            None => row("last success", "none"),
        }
        let counts = self.last.as_ref().and_then(report_of).map(|report| report["counts"].clone()).unwrap_or_default();
        let left = ["pending", "deferred", "unknown"].map(|end| (end, counts[end].as_u64().unwrap_or(0)));
        let left: Vec<_> =
            left.iter().filter(|(_, n)| *n > 0).map(|(end, n)| format!("{end} {}", grouped(*n))).collect();
        if !left.is_empty() {
            row("left over", &format!("{} (by the last run)", left.join(", ")));
        }
        if self.unsent.events > 0 {
            let oldest = self.oldest_age().and_then(|age| age.try_into().ok()).unwrap_or(0);
            let events = counted(self.unsent.events, "event");
            row("unsent", &format!("{events} tried and not sent yet, the oldest {} old", span(oldest)));
        }
        if !self.runs.is_empty() {
            text.push_str("\n  began (UTC)            took  exit       sent   rejected  unknown   pending\n");
            for run in &self.runs {
                text.push_str(&self.run_line(run));
            }
        }
        if !self.doubts.is_empty() {
            text.push_str("\n  nobody knows whether Meta took these:\n");
            for doubt in &self.doubts {
                text.push_str(&self.doubt_lines(doubt));
            }
        }
        if !self.refusals.is_empty() {
            text.push_str("\n  refused and not sent since:\n");
            for (reason, count) in self.by_reason() {
                writeln!(text, "  {} {reason}", grouped(count)).unwrap_or_default();
                if let Some(remedy) = remedy_of(reason) {
                    writeln!(text, "  → {remedy}").unwrap_or_default();
                }
            }
        }
        text.push('\n');
        for attention in attention {
            text.push_str(attention.lines());
        }
        if attention.is_empty() {
            text.push_str("  nobody needs to look\n");
        }
        text
    }

    fn run_line(&self, run: &PastRun) -> String {
        let is_under_way = self.holder.is_some() && self.runs.first().is_some_and(|first| first.run == run.run);
        let began = moment(run.started);
        let Some(end) = &run.end else {
            let what = if is_under_way { "under way" } else { "was killed" };
            return format!("  {began}  {what}   {}\n", run.run.0);
        };
        let took = (end.at - run.started).num_milliseconds();
        let took = match took {
            ..600_000 => format!("{}.{} s", took / 1_000, took / 100 % 10),
            _ => span(u64::try_from(took / 1_000).unwrap_or(0)),
        };
        let report = report_of(run).unwrap_or_default();
        let count = |name: &str| report["counts"][name].as_u64().map_or_else(|| "-".to_owned(), grouped);
        format!(
            "  {began} {took:>7}  {:>4} {:>10} {:>10} {:>8} {:>9}\n",
            end.exit_code,
            count("sent"),
            count("rejected"),
            count("unknown"),
            count("pending")
        )
    }

    fn doubt_lines(&self, doubt: &Doubt) -> String {
        let held = self.held(doubt);
        let events = counted(doubt.events.len() as u64, "event");
        let first = doubt.events.iter().map(|(_, first)| *first).min().unwrap_or(doubt.at);
        let left = first + RESEND_WITHIN - self.now;
        let fate = if held == doubt.events.len() as u64 {
            "held: fbcapi resolve decides".to_owned()
        } else {
            let minutes = left.num_minutes().max(0);
            format!("the next run sends them again, for {} h {} min more", minutes / 60, minutes % 60)
        };
        let answer = answer_text(&doubt.answer);
        let answer = if answer.is_empty() { answer } else { format!("    the last answer was {answer}\n") };
        let batch = batch_name(&doubt.batch);
        format!("  {batch}  {events} since {} UTC\n{answer}    {fate}\n", moment(doubt.at))
    }
}

/// A run for programs.
fn run_json(run: &PastRun) -> Value {
    let report = report_of(run);
    let of = |key: &str| report.as_ref().map(|report| report[key].clone());
    json!({
        "run": run.run.0,
        "started_at": run.started,
        "finished_at": run.end.as_ref().map(|end| end.at),
        "exit_code": run.end.as_ref().map(|end| end.exit_code),
        "counts": of("counts"),
        "requests": of("requests"),
        "possible_duplicates": of("possible_duplicates"),
        "error": of("error"),
    })
}

/// The report of a run, if it ended.
fn report_of(run: &PastRun) -> Option<Value> {
    serde_json::from_str(&run.end.as_ref()?.report).ok()
}
