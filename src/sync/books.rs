//! The line under a run: its books, its report, its end in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use super::prepare::Prepared;
use super::run::Run;
use super::send::{Halt, Sent};
use super::{Failure, Outcome};
use crate::commands::exit::Exit;
use crate::event::Reason;
use crate::ledger::{Ledger, Record, Writer};
use crate::meta::answer::Stop;
use crate::report::hints::hints;
use crate::report::human::{VERSION_WARNING, clock_error, counted, differing_copies_warning, near_miss_warning};
use crate::report::{Ages, Counts, End, Report, SCHEMA_VERSION, WindowAsked};

/// Reports are kept for longer than events, so that a month can be told of.
const REPORTS_KEPT: TimeDelta = TimeDelta::days(35);

impl Run<'_> {
    /// Draws the line under the books.
    pub(super) fn balance(
        &self,
        sent: Sent,
        prepared: Option<Prepared>,
        halted: Option<Halt>,
        mut warnings: Vec<String>,
    ) -> (Outcome, Vec<Record>) {
        let Some(Prepared { mut tally, handed_on, error, is_limited, is_cut_off }) = prepared else {
            return (self.failed(Failure::Bug, warnings), Vec::new());
        };
        let is_configuration = matches!(halted, Some(Halt::Stopped(Stop::MostRefused, _)));
        let mut refusals = sent.refusals;
        for (name, end, rows) in sent.ends {
            // When most of what was tried was refused, the events are not to blame, and are tried again.
            let end = if is_configuration && end == End::Rejected { End::Pending } else { end };
            tally.counts(name).shift(End::Pending, end, rows);
        }
        if is_configuration {
            refusals.clear();
        }
        let mut gone = sent.taken;
        for refusal in &refusals {
            tally.reason(Reason::RefusedByMeta);
            if let Record::Rejected { entry, .. } = refusal {
                gone.add(entry.event_time);
            }
        }
        let oldest_left = handed_on.oldest_beyond(&gone).and_then(|time| DateTime::from_timestamp(time, 0));
        let is_out_of_time = error.is_none() && matches!(halted, Some(Halt::TimeOver));
        let failure = match (error, halted) {
            // A failure to read or map says more than the stop that may have followed it.
            (Some(failure), _) => Some(failure),
            (None, Some(Halt::Ledger(error))) => Some(Failure::Ledger(error)),
            (None, Some(Halt::Stopped(stop, codes))) => Some(Failure::Stopped { stop, codes }),
            (None, Some(Halt::Signal(number))) => Some(Failure::Signal(number)),
            (None, Some(Halt::Bug)) => Some(Failure::Bug),
            (None, Some(Halt::TimeOver) | None) => None,
        };
        if tally.differing_copies > 0 {
            warnings.push(differing_copies_warning(tally.differing_copies));
        }
        warnings.extend(tally.by_event().keys().filter_map(|name| near_miss_warning(name)));
        if !sent.unrecorded.is_empty() {
            warnings.push(format!(
                "what became of these could not be written to the state, so the next run counts them as in doubt, and \
                 fbcapi resolve can decide: {}",
                sent.unrecorded.join("; ")
            ));
        }
        if let Some(error) = sent.clock_ahead.and_then(|ahead| clock_error(ahead, "Meta's")) {
            warnings
                .push(format!("{error}, and the days for which Meta accepts events are counted by it: set it right"));
        }
        if sent.version_warning {
            warnings.push(VERSION_WARNING.to_owned());
        }
        if sent.with_messages > 0 {
            warnings.push(format!(
                "Meta added messages to {}: look at the dataset's diagnostics in Events Manager",
                counted(sent.with_messages, "answer")
            ));
        }
        if let Some(code) = &self.options.test_event_code {
            warnings.push(format!(
                "TEST EVENT CODE {code}: these events show in the test tool AND count for ads; do not leave it on"
            ));
        }
        let coverage = &sent.coverage;
        let mut report = Report {
            counts: tally.total(),
            possible_duplicates: sent.possible_duplicates,
            changed_after_send: tally.changed_after_send,
            by_event: tally.by_event(),
            by_reason: tally.by_reason.iter().map(|(reason, count)| (reason.code().to_owned(), *count)).collect(),
            match_keys: coverage.shares(),
            age_seconds: Ages {
                p50: coverage.age_below(50),
                p95: coverage.age_below(95),
                max: coverage.age_below(100),
            },
            requests: sent.requests,
            retries: sent.retries,
            batches: sent.batches,
            warnings,
            error: failure.as_ref().map(ToString::to_string),
            ..self.empty_report()
        };
        report.hints = hints(&report);
        let news = tally.news + u64::try_from(refusals.len()).unwrap_or_default();
        let absent = Vec::new();
        let outcome =
            Outcome { report, failure, is_limited, is_out_of_time, is_cut_off, news, absent, unread: 0, oldest_left };
        (outcome, refusals)
    }

    /// Notes what Meta refused, once the whole run has shown that the events are to blame.
    pub(super) async fn conclude(
        &self,
        sent: Sent,
        prepared: Option<Prepared>,
        halted: Option<Halt>,
        warnings: Vec<String>,
        writer: &Writer,
    ) -> Outcome {
        let (mut outcome, refusals) = self.balance(sent, prepared, halted, warnings);
        if !refusals.is_empty()
            && let Err(error) = writer.appender().append(refusals).await
        {
            outcome.failure.get_or_insert(Failure::Ledger(error));
        }
        outcome
    }

    /// Ends the run in the ledger and forgets what no run can meet again.
    pub(super) fn close(&self, ledger: &mut dyn Ledger, outcome: &mut Outcome) {
        outcome.report.finished_at = (self.world.now)();
        outcome.report.exit_code = Exit::of(outcome).code();
        let finished = Record::RunFinished {
            run: self.id.clone(),
            at: outcome.report.finished_at,
            report: serde_json::to_string(&outcome.report).unwrap_or_default(),
            exit_code: outcome.report.exit_code,
        };
        let events = self.remembered_since();
        let runs = events.min(self.started - REPORTS_KEPT);
        let closed = ledger.append(&[finished]).and_then(|()| ledger.tidy(events.timestamp(), runs.timestamp()));
        if let Err(error) = closed {
            outcome.failure.get_or_insert(Failure::Ledger(Arc::new(error)));
        }
    }

    pub(super) fn failed(&self, failure: Failure, warnings: Vec<String>) -> Outcome {
        let error = Some(failure.to_string());
        let report = Report { warnings, error, finished_at: (self.world.now)(), ..self.empty_report() };
        let mut outcome = Outcome {
            report,
            failure: Some(failure),
            is_limited: false,
            is_out_of_time: false,
            is_cut_off: false,
            news: 0,
            absent: Vec::new(),
            unread: 0,
            oldest_left: None,
        };
        outcome.report.exit_code = Exit::of(&outcome).code();
        outcome
    }

    pub(super) fn empty_report(&self) -> Report {
        Report {
            schema_version: SCHEMA_VERSION,
            run_id: self.id.0.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.started,
            finished_at: self.started,
            dataset_id: self.config.graph.dataset_id.clone(),
            source: self.config.source.name(),
            window: WindowAsked { since: self.since, until: self.options.until },
            counts: Counts::default(),
            possible_duplicates: 0,
            changed_after_send: 0,
            by_event: BTreeMap::new(),
            by_reason: BTreeMap::new(),
            match_keys: BTreeMap::new(),
            age_seconds: Ages::default(),
            requests: 0,
            retries: 0,
            batches: Vec::new(),
            warnings: Vec::new(),
            hints: Vec::new(),
            error: None,
            exit_code: 0,
        }
    }
}
