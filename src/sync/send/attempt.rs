//! A part from its intent to its outcome.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::access::Access;
use super::sent::{Part, identify};
use crate::batch::BatchedEvent;
use crate::deliver::pace::Course;
use crate::deliver::{PartFate, Scope, Settlement};
use crate::ledger::{Answer, BatchId};
use crate::meta::answer::{self, Codes, Delivery, Quota, Stop, Verdict};
use crate::report::BatchReport;
use crate::sync::prepare::RESEND_WITHIN;

/// A part from its intent to its outcome.
pub(super) struct Attempt {
    pub(super) id: BatchId,
    /// When its intent was made.
    at: DateTime<Utc>,
    body: Option<Body>,
    began: Instant,
    status: Option<u16>,
    pub(super) codes: Codes,
    version_warning: bool,
    /// How far the clock here is ahead of Meta's, as far as an answer told its time.
    clock_ahead: Option<TimeDelta>,
    pub(super) last: Option<Verdict>,
    pub(super) may_have_arrived: bool,
}

/// The bytes of a request, which stay the same until the token that they prove is another.
struct Body {
    bytes: Bytes,
    is_renewed: bool,
}

impl Attempt {
    pub(super) fn new(id: BatchId, at: DateTime<Utc>) -> Self {
        Self {
            id,
            at,
            body: None,
            began: Instant::now(),
            status: None,
            codes: Codes::default(),
            version_warning: false,
            clock_ahead: None,
            last: None,
            may_have_arrived: false,
        }
    }

    /// Whether the part may be posted again: the waits of a machine that sleeps can be days.
    pub(super) fn is_in_time(&self, now: DateTime<Utc>) -> bool {
        !self.may_have_arrived || now - self.at < RESEND_WITHIN
    }

    /// Posts the part once, given its events as JSON.
    pub(super) async fn post(
        &mut self,
        access: &Access,
        events: usize,
        json: &[u8],
        now: fn() -> DateTime<Utc>,
    ) -> (Verdict, Course) {
        let (graph, is_renewed) = access.current();
        let body = match self.body.take() {
            Some(body) if body.is_renewed == is_renewed => body,
            Some(_) | None => Body { bytes: graph.body(json), is_renewed },
        };
        let posted = graph.post(body.bytes.clone()).await;
        self.body = Some(body);
        let (verdict, quota) = match posted {
            Ok(reply) => {
                let (verdict, codes) = answer::judge(&reply, events);
                self.status = Some(reply.status);
                self.codes = codes;
                self.version_warning |= reply.version_warning;
                if let Some(time) = answer::server_time(&reply) {
                    self.clock_ahead = Some(now() - time);
                }
                (verdict, answer::quota(&reply))
            }
            Err(delivery) => {
                self.status = None;
                self.codes = Codes::default();
                (Verdict::Retry(delivery), Quota::default())
            }
        };
        self.last = Some(verdict);
        tracing::debug!(batch = self.id.number, status = self.status, verdict = verdict.name(), "a post is over");
        self.may_have_arrived |= verdict == Verdict::Retry(Delivery::Possible);
        if verdict == Verdict::Stop(Stop::Token) && !is_renewed && access.renew().await {
            tracing::info!(batch = self.id.number, "Meta refused the token, and there is another one now");
            // Meta looks at the token before it looks at the events.
            return (Verdict::Retry(Delivery::Excluded), Course::Clean);
        }
        (verdict, Course::of(verdict, quota))
    }

    /// Logs that the part is posted again after a wait, and why.
    pub(super) fn log_wait(&self, wait: Duration, failed: u32, scope: Scope) {
        let Codes { code, subcode, trace, messages: _ } = &self.codes;
        let waits = match scope {
            Scope::Batch => "this batch waits",
            Scope::All => "every batch waits",
        };
        tracing::info!(
            batch = self.id.number,
            failed,
            because = self.last.map(Verdict::name),
            status = self.status,
            code,
            subcode,
            trace,
            milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "{waits}, then it is posted again"
        );
    }

    /// Ends with what became of the part.
    pub(super) fn end(
        self,
        settlement: Settlement,
        events: &[BatchedEvent],
        json: &[u8],
        at: DateTime<Utc>,
    ) -> (BatchId, Part) {
        let Codes { code, subcode, trace, messages } = self.codes;
        let report = BatchReport {
            number: self.id.number,
            events: events.len(),
            outcome: settlement.fate.name(),
            requests: settlement.requests,
            status: self.status,
            code,
            subcode,
            trace: trace.clone(),
            millis: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let refused = (settlement.fate == PartFate::Rejected).then(|| identify(json)).flatten();
        let part = Part {
            report,
            settlement,
            events: events.to_vec(),
            refused,
            answer: Answer { status: self.status, code, subcode, trace },
            at,
            version_warning: self.version_warning,
            clock_ahead: self.clock_ahead,
            has_messages: messages > 0,
        };
        (self.id, part)
    }
}
