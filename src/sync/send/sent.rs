//! What came of the batches: their parts, counted and told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::InFlight;
use crate::batch::{BatchedEvent, Repeat};
use crate::deliver::{PartFate, Settlement};
use crate::ledger::{Answer, EventLabel, Outcome, Record};
use crate::report::{BatchReport, Coverage, End, Minutes};

/// What came of all the batches.
#[derive(Debug, Default)]
pub(in crate::sync) struct Sent {
    /// Rows that are no longer pending: event name, end and how many.
    pub(in crate::sync) ends: Vec<(u16, End, u64)>,
    pub(in crate::sync) coverage: Coverage,
    /// The events that Meta took, by their times.
    pub(in crate::sync) taken: Minutes,
    pub(in crate::sync) batches: Vec<BatchReport>,
    pub(in crate::sync) possible_duplicates: u64,
    pub(in crate::sync) requests: u64,
    pub(in crate::sync) retries: u64,
    /// Events that Meta refused and whose refusal is to be noted.
    pub(in crate::sync) refusals: Vec<Record>,
    /// Accepted requests to which Meta added messages.
    pub(in crate::sync) with_messages: u64,
    /// Whether Meta warned about the version of the API.
    pub(in crate::sync) version_warning: bool,
    /// How far the clock here was ahead of Meta's at the last answer that told its time.
    pub(in crate::sync) clock_ahead: Option<TimeDelta>,
    /// Parts that came to an end which could not be written to the state.
    pub(in crate::sync) unrecorded: Vec<String>,
}

/// A part of a batch at its end.
pub(super) struct Part {
    pub(super) report: BatchReport,
    pub(super) settlement: Settlement,
    pub(super) events: Vec<BatchedEvent>,
    /// The refused event's name and id, when it was refused alone.
    pub(super) refused: Option<EventLabel>,
    pub(super) answer: Answer,
    pub(super) at: DateTime<Utc>,
    pub(super) version_warning: bool,
    /// How far the clock here is ahead of Meta's, as far as an answer told its time.
    pub(super) clock_ahead: Option<TimeDelta>,
    pub(super) has_messages: bool,
}

impl Part {
    /// Logs what became of it.
    pub(super) fn log(&self) {
        let BatchReport { number, events, outcome, requests, status, code, subcode, trace, millis } = &self.report;
        tracing::info!(
            batch = number,
            events,
            outcome,
            requests,
            status,
            code,
            subcode,
            trace,
            milliseconds = millis,
            "a batch came to its end"
        );
    }
}

impl PartFate {
    /// What the ledger notes.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Accepted,
            Self::Rejected | Self::Divided | Self::Pending => Outcome::Cleared,
            Self::Unknown => Outcome::Unknown,
        }
    }

    /// The word in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Divided => "divided",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// Reads name and id back from an event's own bytes: when Meta refused it, and where the ledger wants them.
pub(super) fn identify(json: &[u8]) -> Option<EventLabel> {
    #[derive(serde::Deserialize)]
    struct Head {
        event_name: String,
        event_id: String,
    }
    let head: Head = serde_json::from_slice(json).ok()?;
    Some(EventLabel { name: head.event_name, id: head.event_id })
}

impl Sent {
    /// Counts what was under way when the run was cut off: nobody knows what became of it.
    pub(super) fn cut_off(&mut self, in_flight: &BTreeMap<u32, Vec<InFlight>>) {
        for InFlight { name, is_possible_duplicate } in in_flight.values().flatten() {
            self.count(*name, End::Unknown);
            self.possible_duplicates += u64::from(*is_possible_duplicate);
        }
    }

    fn count(&mut self, name: u16, end: End) {
        match self.ends.iter_mut().find(|(known, ended, _)| *known == name && *ended == end) {
            Some((_, _, rows)) => *rows += 1,
            None => self.ends.push((name, end, 1)),
        }
    }

    pub(super) fn add(&mut self, part: Part) {
        let Part { report, settlement, events, refused, answer, at, version_warning, clock_ahead, has_messages } = part;
        self.requests += u64::from(settlement.requests);
        self.retries += u64::from(settlement.requests.saturating_sub(1));
        self.version_warning |= version_warning;
        self.clock_ahead = clock_ahead.or(self.clock_ahead);
        self.with_messages += u64::from(has_messages && settlement.fate == PartFate::Accepted);
        self.batches.push(report);
        let was_repeated = |event: &BatchedEvent| event.repeat != Repeat::First || settlement.is_possible_duplicate;
        if matches!(settlement.fate, PartFate::Accepted | PartFate::Unknown) {
            self.possible_duplicates += events.iter().filter(|event| was_repeated(event)).count() as u64;
        }
        let end = match settlement.fate {
            PartFate::Accepted => End::Sent,
            PartFate::Rejected => End::Rejected,
            PartFate::Unknown => End::Unknown,
            PartFate::Divided | PartFate::Pending => return,
        };
        for event in &events {
            self.count(event.name, end);
            if end == End::Sent {
                self.coverage.add(event.keys, at.timestamp() - event.entry.event_time);
                self.taken.add(event.entry.event_time);
            }
        }
        if let (PartFate::Rejected, Some(EventLabel { name: event_name, id: event_id }), [event]) =
            (settlement.fate, refused, events.as_slice())
        {
            let reason = crate::event::Reason::RefusedByMeta.code();
            self.refusals.push(Record::Rejected { entry: event.entry, event_name, event_id, reason, answer, at });
        }
    }
}
