//! What the runs of a span of time come to together: the numbers behind `fbcapi report`.
//!
//! Events that were sent and requests that were made are added up. Rows that stay refused and events that stay in doubt
//! are met by one run after the other, so they are counted once, as the state has them, or as the last run met them.

mod stored;
pub mod text;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;

use self::stored::Stored;
use super::hints::STRONG_KEYS;
use crate::commands::exit::Exit;
use crate::event::Reason;
use crate::ledger::RunId;
use crate::ledger::history::{PastRun, Refusal};

/// Which runs a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those that began on the last so many days (UTC), today being one.
    Days(u32),
    /// One.
    Run(String),
}

impl Scope {
    /// The first day whose runs are asked for; none for a single run.
    fn first_day(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        match self {
            Self::Days(days) => now.date_naive().checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))),
            Self::Run(_) => None,
        }
    }

    fn holds(&self, run: &PastRun, now: DateTime<Utc>) -> bool {
        match self {
            Self::Days(_) => self.first_day(now).is_none_or(|first| run.started.date_naive() >= first),
            Self::Run(id) => run.run.0 == *id,
        }
    }
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// It did what it was asked for.
    Done,
    /// It did, and rows need attention.
    Attention,
    /// A limit or a signal ended it early.
    StoppedEarly,
    /// It failed.
    Failed,
    /// It left no end.
    Killed,
    /// It goes on.
    UnderWay,
}

impl Course {
    /// Every course.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Attention, Self::StoppedEarly, Self::Failed, Self::Killed, Self::UnderWay];

    /// How people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Attention => "in need of attention",
            Self::StoppedEarly => "stopped early",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::UnderWay => "under way",
        }
    }

    fn of(exit_code: u8) -> Self {
        let known = Exit::TABLE.into_iter().find(|(exit, _)| exit.code() == exit_code);
        match known.map(|(exit, _)| exit) {
            Some(Exit::Done) => Self::Done,
            Some(Exit::Attention) => Self::Attention,
            Some(Exit::Limit | Exit::Signal(_)) => Self::StoppedEarly,
            Some(
                Exit::Other
                | Exit::Configuration
                | Exit::Permission
                | Exit::Temporary
                | Exit::State
                | Exit::Locked
                | Exit::Bug,
            )
            | None => Self::Failed,
        }
    }
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct RunDigest {
    /// Which.
    pub run: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it went.
    pub course: Course,
    /// The exit code.
    pub exit_code: Option<u8>,
    /// What the exit code means.
    pub meaning: Option<&'static str>,
    /// Events that Meta took.
    pub sent: Option<u64>,
    /// Rows that were refused.
    pub rejected: Option<u64>,
    /// Events of which it was not known whether Meta took them.
    pub unknown: Option<u64>,
    /// Events that may have arrived twice.
    pub possible_duplicates: Option<u64>,
    /// Requests that were made.
    pub requests: Option<u64>,
    /// Those of them that repeated another.
    pub retries: Option<u64>,
    /// Age at sending: half of the events were younger.
    pub age_p50: Option<u64>,
    /// 95 of 100 were younger.
    pub age_p95: Option<u64>,
    /// What ended it early.
    pub error: Option<String>,
}

impl RunDigest {
    /// How long it took, in seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.finished_at.map(|end| (end - self.started_at).as_seconds_f64().max(0.0))
    }
}

/// One day, by the start of its runs, in UTC.
#[derive(Debug, Clone, Serialize)]
pub struct DayDigest {
    /// Which.
    pub day: NaiveDate,
    /// How many runs began.
    pub runs: u64,
    /// How they went.
    pub courses: BTreeMap<Course, u64>,
    /// Events that Meta took; null when no run tells.
    pub sent: Option<u64>,
    /// The same by name.
    pub by_event: BTreeMap<String, u64>,
    /// Requests that were made.
    pub requests: Option<u64>,
    /// Those of them that repeated another.
    pub retries: Option<u64>,
    /// Events that may have arrived twice.
    pub possible_duplicates: Option<u64>,
    /// Events in doubt after the last run that tells.
    pub unknown: Option<u64>,
}

/// What a reason did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Rows were not sent.
    NotSent,
    /// A field was left out, and the event was sent.
    LeftOut,
    /// The event was sent whole, though Meta advises otherwise.
    Advice,
}

/// A reason and how often it was met.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonDigest {
    /// Its code.
    pub code: String,
    /// What it did.
    pub effect: Effect,
    /// How many rows.
    pub rows: u64,
    /// What to do about it.
    pub remedy: Option<&'static str>,
}

/// How many events carry a match key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyDigest {
    /// The key, as on the wire.
    pub key: String,
    /// The share of the sent events that carry it.
    pub share: f64,
}

/// What the runs come to together. Null is what no run tells.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// Events that Meta took.
    pub sent: Option<u64>,
    /// Events that may have arrived twice.
    pub possible_duplicates: Option<u64>,
    /// Requests that were made.
    pub requests: Option<u64>,
    /// Those of them that repeated another.
    pub retries: Option<u64>,
    /// Events in doubt after the last run that tells.
    pub unknown: Option<u64>,
    /// Events that the last run that tells left to the next.
    pub pending: Option<u64>,
}

/// What the runs of a span come to together.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// Which runs were asked for.
    pub scope: Scope,
    /// When this was put together.
    pub at: DateTime<Utc>,
    /// The dataset.
    #[serde(skip)]
    pub dataset_id: String,
    /// The table or files of the last run that tells.
    pub source: Option<String>,
    /// What the runs come to together.
    pub totals: Totals,
    /// Event names by the events that were sent, the most first.
    pub names: Vec<(String, u64)>,
    /// Match keys by their share, the largest first.
    pub match_keys: Vec<KeyDigest>,
    /// Reasons by effect and number.
    pub reasons: Vec<ReasonDigest>,
    /// Each day from the first run to the last day asked for.
    pub days: Vec<DayDigest>,
    /// The runs, the oldest first.
    pub runs: Vec<RunDigest>,
    /// What the last run that tells said would help.
    pub hints: Vec<String>,
}

/// What a state says, from which a digest is made.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The dataset.
    pub dataset_id: &'a str,
    /// Every run of the state, the newest first.
    pub runs: Vec<PastRun>,
    /// Every event that was refused and not sent since.
    pub refusals: Vec<Refusal>,
    /// The run that is under way.
    pub under_way: Option<RunId>,
}

impl Digest {
    /// Puts together what a state says of some runs.
    pub fn new(facts: Facts<'_>, scope: Scope, at: DateTime<Utc>) -> Self {
        let Facts { dataset_id, mut runs, refusals, under_way } = facts;
        runs.retain(|run| scope.holds(run, at));
        runs.reverse();
        let stored: Vec<Stored> =
            runs.iter().map(|run| run.end.as_ref().map(|end| Stored::read(&end.report)).unwrap_or_default()).collect();
        let digests: Vec<RunDigest> =
            runs.iter().zip(&stored).map(|(run, stored)| digest(run, stored, under_way.as_ref())).collect();
        let told: Vec<(&RunDigest, &Stored)> = digests.iter().zip(&stored).collect();
        let last = |of: fn(&RunDigest) -> Option<u64>| digests.iter().rev().find_map(of);
        let latest = stored.iter().rev().find(|stored| stored.count("sent").is_some());
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for (name, sent) in stored.iter().flat_map(Stored::sent_by_name).filter(|(_, sent)| *sent > 0) {
            *names.entry(name).or_default() += sent;
        }
        let mut names: Vec<(String, u64)> = names.into_iter().collect();
        names.sort_by_key(|(_, sent)| Reverse(*sent));
        Self {
            at,
            dataset_id: dataset_id.to_owned(),
            source: latest.and_then(|stored| stored.text("source")),
            totals: Totals {
                sent: sum(digests.iter().map(|run| run.sent)),
                possible_duplicates: sum(digests.iter().map(|run| run.possible_duplicates)),
                requests: sum(digests.iter().map(|run| run.requests)),
                retries: sum(digests.iter().map(|run| run.retries)),
                unknown: last(|run| run.unknown),
                pending: latest.and_then(|stored| stored.count("pending")),
            },
            names,
            match_keys: match_keys(&stored),
            reasons: reasons(&scope, &stored, &refusals, scope.first_day(at)),
            days: days(&told, &scope, at),
            hints: latest.map(|stored| stored.texts("hints")).unwrap_or_default(),
            runs: digests,
            scope,
        }
    }

    /// The first and the last day of runs.
    pub fn span(&self) -> Option<(NaiveDate, NaiveDate)> {
        Some((self.days.first()?.day, self.days.last()?.day))
    }

    /// Whether a run came to its end, so that what is nothing is nothing indeed.
    pub fn has_ended(&self) -> bool {
        let is_ended = |run: &RunDigest| match run.course {
            Course::Done | Course::Attention | Course::StoppedEarly => true,
            Course::Failed | Course::Killed | Course::UnderWay => false,
        };
        self.runs.iter().any(is_ended)
    }

    /// How many runs went a way.
    pub fn went(&self, course: Course) -> u64 {
        self.runs.iter().filter(|run| run.course == course).count() as u64
    }
}

/// The sum of what is known; unknown if nothing is.
fn sum(numbers: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    numbers.flatten().reduce(u64::saturating_add)
}

fn digest(run: &PastRun, stored: &Stored, under_way: Option<&RunId>) -> RunDigest {
    let exit_code = run.end.as_ref().map(|end| end.exit_code);
    let course = match exit_code {
        Some(code) => Course::of(code),
        None if under_way == Some(&run.run) => Course::UnderWay,
        None => Course::Killed,
    };
    let meaning = Exit::TABLE.into_iter().find(|(exit, _)| Some(exit.code()) == exit_code).map(|(_, meaning)| meaning);
    RunDigest {
        run: run.run.0.clone(),
        started_at: run.started,
        finished_at: run.end.as_ref().map(|end| end.at),
        course,
        exit_code,
        meaning,
        sent: stored.count("sent"),
        rejected: stored.count("rejected"),
        unknown: stored.count("unknown"),
        possible_duplicates: stored.number("possible_duplicates"),
        requests: stored.number("requests"),
        retries: stored.number("retries"),
        age_p50: stored.age("p50"),
        age_p95: stored.age("p95"),
        error: stored.text("error"),
    }
}

fn days(told: &[(&RunDigest, &Stored)], scope: &Scope, at: DateTime<Utc>) -> Vec<DayDigest> {
    let Some(first) = told.first().map(|(run, _)| run.started_at.date_naive()) else { return Vec::new() };
    let last = match scope {
        // Days without a run until today are news.
        Scope::Days(_) => at.date_naive().max(first),
        Scope::Run(_) => first,
    };
    let days = first.iter_days().take_while(|day| *day <= last);
    let digests = days.map(|day| {
        let of_day: Vec<_> = told.iter().filter(|(run, _)| run.started_at.date_naive() == day).collect();
        let total = |of: fn(&RunDigest) -> Option<u64>| sum(of_day.iter().map(|(run, _)| of(run)));
        let mut by_event: BTreeMap<String, u64> = BTreeMap::new();
        for (name, sent) in of_day.iter().flat_map(|(_, stored)| stored.sent_by_name()).filter(|(_, sent)| *sent > 0) {
            *by_event.entry(name).or_default() += sent;
        }
        let mut courses = BTreeMap::new();
        for (run, _) in &of_day {
            *courses.entry(run.course).or_default() += 1;
        }
        DayDigest {
            day,
            runs: of_day.len() as u64,
            courses,
            sent: total(|run| run.sent),
            by_event,
            requests: total(|run| run.requests),
            retries: total(|run| run.retries),
            possible_duplicates: total(|run| run.possible_duplicates),
            unknown: of_day.iter().rev().find_map(|(run, _)| run.unknown),
        }
    });
    digests.collect()
}

/// The shares of all runs together, each run weighted by its events; the strongest keys stand there even if no event
/// carries them.
#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn match_keys(stored: &[Stored]) -> Vec<KeyDigest> {
    let runs =
        stored.iter().filter_map(|stored| Some((stored.count("sent").filter(|sent| *sent > 0)?, stored.shares()?)));
    let (mut events, mut carried) = (0.0, BTreeMap::<String, f64>::new());
    for (sent, shares) in runs {
        events += sent as f64;
        for (key, share) in shares {
            *carried.entry(key).or_default() += share * sent as f64;
        }
    }
    if events == 0.0 {
        return Vec::new();
    }
    for (key, _) in STRONG_KEYS {
        carried.entry(key.to_owned()).or_default();
    }
    let shares =
        carried.into_iter().map(|(key, carried)| KeyDigest { key, share: (carried / events * 1e4).round() / 1e4 });
    let mut shares: Vec<KeyDigest> = shares.collect();
    shares.sort_by(|one, other| other.share.total_cmp(&one.share));
    shares
}

/// Why rows were not sent and fields were left out.
fn reasons(scope: &Scope, stored: &[Stored], refusals: &[Refusal], since: Option<NaiveDate>) -> Vec<ReasonDigest> {
    let known: BTreeMap<&str, Reason> = Reason::ALL.into_iter().map(|reason| (reason.code(), reason)).collect();
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    let refused: BTreeSet<&str> = refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    let stops = |code: &str| known.get(code).is_some_and(|reason| reason.stops_row());
    match scope {
        Scope::Run(_) => rows.extend(stored.iter().flat_map(Stored::reasons)),
        Scope::Days(_) => {
            for (code, met) in stored.iter().flat_map(Stored::reasons).filter(|(code, _)| !stops(code)) {
                *rows.entry(code).or_default() += met;
            }
            let is_recent = |refusal: &&Refusal| since.is_none_or(|since| refusal.at.date_naive() >= since);
            for refusal in refusals.iter().filter(is_recent) {
                *rows.entry(refusal.reason.clone()).or_default() += 1;
            }
            // What is left out by configuration or not due is not refused, and stands in no state.
            let last = stored.iter().rev().find(|stored| stored.count("sent").is_some());
            let met = last.map(Stored::reasons).unwrap_or_default();
            let unrefused = [Reason::NotYetDue, Reason::Unmapped, Reason::NoConsent].map(Reason::code);
            rows.extend(met.into_iter().filter(|(code, _)| unrefused.contains(&code.as_str())));
        }
    }
    let mut reasons: Vec<ReasonDigest> = rows
        .into_iter()
        .map(|(code, rows)| {
            let reason = known.get(code.as_str());
            let effect = match reason {
                Some(reason) if reason.is_advice() => Effect::Advice,
                Some(reason) if !reason.stops_row() => Effect::LeftOut,
                Some(_) => Effect::NotSent,
                None if refused.contains(code.as_str()) => Effect::NotSent,
                None => Effect::LeftOut,
            };
            ReasonDigest { code, effect, rows, remedy: reason.map(|reason| reason.remedy()) }
        })
        .collect();
    reasons.sort_by_key(|reason| Reverse(reason.rows));
    reasons
}
