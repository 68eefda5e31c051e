//! What the exit code says.

use crate::meta::answer::Stop;
use crate::report::checks::worst;
use crate::source::Trouble;
use crate::sync::{Checked, Failure, Outcome};

/// How a command ended. Unknown codes are failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something else.
    Other,
    /// Wrong usage or configuration.
    Configuration,
    /// Done, but rows need attention.
    Attention,
    /// A login or permission was refused.
    Permission,
    /// A temporary trouble: run again.
    Temporary,
    /// The state cannot be used.
    State,
    /// Another run is under way.
    Locked,
    /// A limit was reached.
    Limit,
    /// A mistake in the program.
    Bug,
    /// A signal ended it.
    Signal(u8),
}

impl Exit {
    /// Every exit code with what it means, as the README has it.
    pub const TABLE: [(Self, &'static str); 13] = [
        (Self::Done, "done, also when there was nothing to do"),
        (Self::Other, "something else went wrong"),
        (Self::Configuration, "wrong usage or configuration"),
        (
            Self::Attention,
            "done, but rows need attention: rejected or expired for the first time, unknown, or beyond --max-invalid; or `status` calls for someone",
        ),
        (Self::Permission, "Snowflake or Meta refused the login or a permission"),
        (Self::Temporary, "temporary trouble: run again, nothing is lost"),
        (Self::State, "the state cannot be used"),
        (Self::Locked, "another run is under way"),
        (Self::Limit, "stopped at the limit that was asked for"),
        (Self::Bug, "a mistake in fbcapi: please report it"),
        (Self::Signal(crate::signal::HANG_UP), "the terminal was closed (SIGHUP)"),
        (Self::Signal(crate::signal::INTERRUPT), "interrupted (SIGINT)"),
        (Self::Signal(crate::signal::TERMINATE), "terminated (SIGTERM)"),
    ];

    /// What can come of looking at several things, the gravest first.
    pub const GRAVEST: [Self; 8] = [
        Self::Bug,
        Self::Permission,
        Self::Configuration,
        Self::State,
        Self::Other,
        Self::Temporary,
        Self::Locked,
        Self::Done,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Configuration => 2,
            Self::Attention => 3,
            Self::Permission => 4,
            Self::Temporary => 5,
            Self::State => 6,
            Self::Locked => 7,
            Self::Limit => 8,
            Self::Bug => 70,
            Self::Signal(number) => 128 + number,
        }
    }

    /// What it says about the events.
    pub const fn course(self) -> &'static str {
        match self {
            Self::Done => "Every row came to its end.",
            Self::Other | Self::Permission => "Nothing more was sent; what was not sent is left to the next run.",
            Self::Configuration => "Nothing was sent, or nothing more; what was not sent is left to the next run.",
            Self::Attention => "Whatever could be sent was sent.",
            Self::Temporary | Self::Limit | Self::Signal(_) => {
                "What was settled is on record; the rest is left to the next run."
            }
            Self::State => "Nothing is sent without a state, because nothing would keep it from being sent twice.",
            Self::Locked => "This run sent nothing; the other one goes on.",
            Self::Bug => "What was settled is on record; whoever is paged should look.",
        }
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Done => "nothing",
            Self::Other => "read the last lines of the run, which name the cause",
            Self::Configuration => {
                "correct what the last lines name; fbcapi config show --sources tells where a value came from"
            }
            Self::Attention => {
                "fbcapi status tells what is in doubt, fbcapi rejects what was refused, fbcapi explain CODE why"
            }
            Self::Permission => "mend the login or the permission that the last lines name, then run again",
            Self::Temporary => "run again: cron does; if it lasts, read the last lines",
            Self::State => {
                "fbcapi state check tells what is wrong with it; fbcapi state restore puts a copy in its place"
            }
            Self::Locked => "nothing, or --if-locked skip, or --if-locked wait=10m",
            Self::Limit | Self::Signal(_) => "run again to go on from here",
            Self::Bug => "report the line that begins with ✗; nothing of a row stands in it",
        }
    }

    /// How a run ended.
    pub fn of(outcome: &Outcome) -> Self {
        let counts = &outcome.report.counts;
        if !counts.is_balanced() {
            return Self::Bug;
        }
        if let Some(failure) = &outcome.failure {
            return Self::of_failure(failure);
        }
        // What needs someone soonest counts.
        if counts.pending > 0 && !outcome.is_out_of_time {
            return Self::Temporary;
        }
        if outcome.news > 0 || counts.unknown > 0 {
            return Self::Attention;
        }
        if outcome.is_limited || outcome.is_out_of_time { Self::Limit } else { Self::Done }
    }

    /// How a dry run ended: what would be sent is not left over.
    pub fn of_dry_run(outcome: &Outcome) -> Self {
        match &outcome.failure {
            Some(failure) => Self::of_failure(failure),
            None if !outcome.report.counts.is_balanced() => Self::Bug,
            None => Self::Done,
        }
    }

    /// How a check ended: what would fail counts first; more faults in rows than were allowed need attention.
    pub fn of_check(checked: &Checked) -> Self {
        let findings = &checked.findings;
        let is_passed = findings.max_invalid_percent.is_some_and(|most| findings.invalid_percent > Some(most));
        match (&checked.failure, worst(&findings.checks)) {
            (Some(failure), _) => Self::of_failure(failure),
            (None, _) if !findings.counts.is_balanced() => Self::Bug,
            (None, Self::Done) if is_passed => Self::Attention,
            (None, exit) => exit,
        }
    }

    /// How a run ended that Meta's answers stopped.
    pub const fn of_stop(stop: Stop) -> Self {
        match stop {
            Stop::Token | Stop::Proof | Stop::Permission | Stop::Dataset => Self::Permission,
            Stop::Blocked | Stop::LongWait | Stop::Unreachable => Self::Temporary,
            Stop::NotMeta | Stop::MostRefused => Self::Configuration,
            Stop::Unexpected | Stop::Unclear => Self::Other,
        }
    }

    /// How a command ended that Snowflake or files failed.
    const fn of_trouble(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Configuration => Self::Configuration,
            Trouble::Permission => Self::Permission,
            Trouble::Temporary => Self::Temporary,
            Trouble::Protocol => Self::Other,
        }
    }

    /// How a command ended that failed.
    pub fn of_failure(failure: &Failure) -> Self {
        use crate::ledger::LedgerError;
        match failure {
            Failure::Source(error) => Self::of_trouble(error.trouble),
            Failure::Column(_)
            | Failure::NoState { .. }
            | Failure::StateWouldVanish { .. }
            | Failure::ShardInFile
            | Failure::Graph(_) => Self::Configuration,
            Failure::Ledger(error) => match error.as_ref() {
                LedgerError::Locked { .. } | LedgerError::LeaseLost { .. } => Self::Locked,
                LedgerError::Remote { source, .. } => Self::of_trouble(source.trouble),
                LedgerError::NoTables { .. } => Self::Configuration,
                LedgerError::Unusable { .. }
                | LedgerError::Unfit { .. }
                | LedgerError::Io { .. }
                | LedgerError::Gone => Self::State,
            },
            Failure::Stopped { stop, .. } => Self::of_stop(*stop),
            Failure::Signal(number) => Self::Signal(*number),
            Failure::Output(_) => Self::Other,
            Failure::Bug => Self::Bug,
        }
    }
}
