//! Batches are delivered, several at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{self, Instant};

use crate::batch::{Batch, BatchedEvent};
use crate::deliver::backoff::Backoff;
use crate::deliver::http::Graph;
use crate::deliver::{Delivery, Effect, Happening, OnUnknown, PartFate, Scope, Settlement};
use crate::ledger::{Answer, Appender, BatchId, LedgerError, Outcome, Record, RunId};
use crate::meta::answer::{self, Codes, Stop, Verdict};
use crate::report::progress::Progress;
use crate::report::{BatchReport, Coverage, End};

/// So many refused events do not yet say that the configuration is wrong.
const REFUSALS_TO_DOUBT: u64 = 20;

/// After so many parts given up in a row, each after several attempts, the rest is left to the next run.
const MOST_GIVEN_UP: u64 = 3;

/// How long requests under way may take after a signal; then they are cut off.
const DRAIN: Duration = Duration::from_secs(20);

/// What every delivery shares.
pub(super) struct Sending {
    pub(super) graph: Graph,
    pub(super) appender: Appender,
    pub(super) run: RunId,
    pub(super) on_unknown: OnUnknown,
    pub(super) backoff: Backoff,
    pub(super) now: fn() -> DateTime<Utc>,
    pub(super) random: fn() -> f64,
    pub(super) progress: Arc<Progress>,
    /// Why nothing more is to be sent, once it is so.
    pub(super) halt: watch::Sender<Option<Halt>>,
    /// Nothing is posted before this instant.
    pub(super) open_at: watch::Sender<Instant>,
    pub(super) batch_number: AtomicU32,
    pub(super) mood: Mood,
    /// Events of the parts that were posted and not settled, by the number of the part.
    pub(super) in_flight: Mutex<BTreeMap<u32, Vec<InFlight>>>,
    /// What came of the parts so far.
    pub(super) sent: Mutex<Sent>,
}

/// An event that was posted and not settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    name: u16,
    /// Whether an earlier attempt may have been taken.
    is_possible_duplicate: bool,
}

/// What the answers so far say about the run as a whole.
#[derive(Debug, Default)]
pub(super) struct Mood {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Parts given up one after another.
    given_up: AtomicU64,
}

impl Mood {
    /// Takes in what became of a part; tells when it is no use to go on.
    fn take_in(&self, fate: PartFate, events: usize, last: Option<Verdict>) -> Option<Stop> {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        match fate {
            PartFate::Accepted => {
                self.accepted.fetch_add(events, Ordering::Relaxed);
                self.given_up.store(0, Ordering::Relaxed);
                None
            }
            PartFate::Rejected => {
                let refused = self.refused.fetch_add(events, Ordering::Relaxed) + events;
                let is_most = refused > REFUSALS_TO_DOUBT && refused > self.accepted.load(Ordering::Relaxed);
                is_most.then_some(Stop::MostRefused)
            }
            PartFate::Pending | PartFate::Unknown => {
                let stop = match last? {
                    Verdict::Retry(_) => Stop::Unreachable,
                    Verdict::Throttled(_) => Stop::LongWait,
                    Verdict::Accepted
                    | Verdict::Refused(_)
                    | Verdict::TooLarge
                    | Verdict::Unclear
                    | Verdict::Stop(_) => return None,
                };
                let given_up = self.given_up.fetch_add(1, Ordering::Relaxed) + 1;
                (given_up >= MOST_GIVEN_UP).then_some(stop)
            }
            PartFate::Divided => None,
        }
    }
}

/// Why nothing more is to be sent.
#[derive(Debug, Clone)]
pub(super) enum Halt {
    /// Meta's answer.
    Stopped(Stop, Codes),
    /// The ledger cannot be written.
    Ledger(Arc<LedgerError>),
    /// Someone asked for it, by this signal.
    Signal(u8),
    /// A part of this program ended in a way that it must not.
    Bug,
}

impl Halt {
    /// Stops the run; the first reason counts.
    pub(super) fn call(self, halt: &watch::Sender<Option<Self>>) {
        halt.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                *reason = Some(self);
            }
            is_first
        });
    }
}

/// What came of all the batches.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Rows that are no longer pending: event name, end and how many.
    pub(super) ends: Vec<(u16, End, u64)>,
    pub(super) coverage: Coverage,
    pub(super) batches: Vec<BatchReport>,
    pub(super) possible_duplicates: u64,
    pub(super) requests: u64,
    pub(super) retries: u64,
    /// Events that Meta refused and whose refusal is to be noted.
    pub(super) refusals: Vec<Record>,
    /// Whether Meta warned about the version of the API.
    pub(super) version_warning: bool,
}

/// Delivers batches as they come, `concurrency` at a time, until there are no more or the run is halted.
pub(super) async fn send(sending: Arc<Sending>, mut batches: mpsc::Receiver<Batch>, concurrency: usize) -> Sent {
    let mut deliveries = JoinSet::new();
    let mut halted = sending.halt.subscribe();
    loop {
        if halted.borrow_and_update().is_some() {
            break;
        }
        let has_room = deliveries.len() < concurrency;
        tokio::select! {
            biased;
            Some(ended) = deliveries.join_next() => sending.note_end(&ended),
            batch = batches.recv(), if has_room => match batch {
                Some(batch) => drop(deliveries.spawn(deliver(Arc::clone(&sending), batch))),
                None => break,
            },
            // A halt is heard also while every slot is taken.
            _ = halted.changed() => {}
        }
    }
    // Closing the channel tells the preparing thread that nobody takes any more.
    drop(batches);
    let mut deadline = None;
    loop {
        let is_signalled = matches!(*sending.halt.borrow(), Some(Halt::Signal(_)));
        if is_signalled && deadline.is_none() {
            deadline = Some(Instant::now() + DRAIN);
        }
        let cut = async {
            match deadline {
                Some(deadline) => time::sleep_until(deadline).await,
                // A signal that comes while the last requests are under way starts the clock.
                None => drop(halted.changed().await),
            }
        };
        tokio::select! {
            ended = deliveries.join_next() => match ended {
                Some(ended) => sending.note_end(&ended),
                None => break,
            },
            () = cut => {
                if deadline.is_some() {
                    deliveries.shutdown().await;
                    break;
                }
            }
        }
    }
    let mut sent = std::mem::take(&mut *sending.sent());
    // Posted, but not settled: the intents stay in the ledger, and the next run finds them.
    sent.cut_off(&sending.in_flight());
    sent
}

/// A part of a batch at its end.
struct Part {
    report: BatchReport,
    settlement: Settlement,
    events: Vec<BatchedEvent>,
    /// The refused event's name and id, when it was refused alone.
    refused: Option<(String, String)>,
    answer: Answer,
    at: DateTime<Utc>,
    version_warning: bool,
}

impl Sending {
    fn halt(&self, halt: Halt) {
        halt.call(&self.halt);
    }

    /// Waits until `until` and until nothing is to wait any more; `Halted` cuts it short.
    async fn wait(&self, until: Instant) -> Happening {
        let mut halted = self.halt.subscribe();
        loop {
            let open_at = (*self.open_at.borrow()).max(until);
            if halted.borrow_and_update().is_some() {
                return Happening::Halted;
            }
            if Instant::now() >= open_at {
                return Happening::Waited;
            }
            tokio::select! {
                () = time::sleep_until(open_at) => {}
                _ = halted.changed() => {}
            }
        }
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery that panicked leaves its intent, which the next run finds.
    fn note_end(&self, ended: &Result<(), JoinError>) {
        if ended.is_err() {
            self.halt(Halt::Bug);
        }
    }

    fn in_flight(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<InFlight>>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes records durable; a failure halts the run.
    async fn record(&self, records: Vec<Record>) -> Result<(), ()> {
        self.appender.append(records).await.map_err(|error| self.halt(Halt::Ledger(error)))
    }
}

/// Drives one delivery to its end. What a failing ledger cuts off is left as an intent, which the next run finds.
async fn deliver(sending: Arc<Sending>, batch: Batch) {
    let mut delivery = Delivery::new(batch.events().len(), sending.on_unknown);
    let mut happening = Happening::Begun;
    let mut attempt: Option<Attempt> = None;
    loop {
        happening = match delivery.step(happening) {
            Effect::Intend(part) => {
                if sending.wait(Instant::now()).await == Happening::Halted {
                    return;
                }
                let (events, bytes) = batch.part(part);
                let number = sending.batch_number.fetch_add(1, Ordering::Relaxed) + 1;
                let id = BatchId { run: sending.run.clone(), number };
                let at = (sending.now)();
                let entries = events.iter().map(|event| event.entry).collect();
                if sending.record(vec![Record::Intent { batch: id.clone(), at, entries }]).await.is_err() {
                    return;
                }
                attempt = Some(Attempt::new(id, sending.graph.body(bytes)));
                Happening::Recorded
            }
            Effect::Post(part) => {
                let Some(attempt) = &mut attempt else { return };
                let in_flight = |event: &BatchedEvent| InFlight {
                    name: event.name,
                    is_possible_duplicate: event.is_repeat || attempt.may_have_arrived,
                };
                let events = batch.part(part.clone()).0.iter().map(in_flight).collect();
                sending.in_flight().insert(attempt.id.number, events);
                let verdict = attempt.post(&sending, part.len()).await;
                attempt.last = Some(verdict);
                attempt.may_have_arrived |= verdict == Verdict::Retry(answer::Delivery::Possible);
                Happening::Answered(verdict)
            }
            Effect::Wait { failed, hint, scope } => {
                let until = Instant::now() + sending.backoff.wait(failed, (sending.random)(), hint);
                if scope == Scope::All {
                    sending.open_at.send_modify(|open_at| *open_at = (*open_at).max(until));
                }
                sending.wait(until).await
            }
            Effect::Settle(settlement) => {
                let Some(attempt) = attempt.take() else { return };
                if let Some(stop) = delivery.stop() {
                    sending.halt(Halt::Stopped(stop, attempt.codes.clone()));
                }
                let (events, bytes) = batch.part(settlement.part.clone());
                let (number, last) = (attempt.id.number, attempt.last);
                let (batch, part) = attempt.end(settlement, events, bytes, (sending.now)());
                let Settlement { fate, requests, .. } = part.settlement;
                let (at, answer) = (part.at, part.answer.clone());
                let outcome = Record::Outcome { batch, at, outcome: fate.outcome(), requests, answer };
                if sending.record(vec![outcome]).await.is_err() {
                    return;
                }
                sending.in_flight().remove(&number);
                if let Some(stop) = sending.mood.take_in(fate, part.events.len(), last) {
                    let Answer { status: _, code, subcode, trace } = part.answer.clone();
                    sending.halt(Halt::Stopped(stop, Codes { code, subcode, trace }));
                }
                if fate == PartFate::Accepted {
                    sending.progress.add_sent(part.events.len());
                }
                sending.sent().add(part);
                Happening::Recorded
            }
            Effect::End => return,
        };
    }
}

/// A part from its intent to its outcome.
struct Attempt {
    id: BatchId,
    body: bytes::Bytes,
    began: Clock,
    status: Option<u16>,
    codes: Codes,
    version_warning: bool,
    last: Option<Verdict>,
    may_have_arrived: bool,
}

impl Attempt {
    fn new(id: BatchId, body: bytes::Bytes) -> Self {
        Self {
            id,
            body,
            began: Clock::now(),
            status: None,
            codes: Codes::default(),
            version_warning: false,
            last: None,
            may_have_arrived: false,
        }
    }

    async fn post(&mut self, sending: &Sending, events: usize) -> Verdict {
        match sending.graph.post(self.body.clone()).await {
            Ok(reply) => {
                let (verdict, codes) = answer::judge(&reply, events);
                self.status = Some(reply.status);
                self.codes = codes;
                self.version_warning |= reply.version_warning;
                verdict
            }
            Err(delivery) => {
                self.status = None;
                self.codes = Codes::default();
                Verdict::Retry(delivery)
            }
        }
    }

    fn end(self, settlement: Settlement, events: &[BatchedEvent], bytes: &[u8], at: DateTime<Utc>) -> (BatchId, Part) {
        let Codes { code, subcode, trace } = self.codes;
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
        let refused = (settlement.fate == PartFate::Rejected).then(|| identify(bytes)).flatten();
        let answer = Answer { status: self.status, code, subcode, trace };
        let events = events.to_vec();
        (self.id, Part { report, settlement, events, refused, answer, at, version_warning: self.version_warning })
    }
}

impl PartFate {
    /// What the ledger notes.
    fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Accepted,
            Self::Rejected | Self::Divided | Self::Pending => Outcome::Cleared,
            Self::Unknown => Outcome::Unknown,
        }
    }

    /// The word in reports.
    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Divided => "divided",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// Reads name and id back from an event's own bytes, which is rare: only when Meta refused it.
fn identify(json: &[u8]) -> Option<(String, String)> {
    #[derive(serde::Deserialize)]
    struct Head {
        event_name: String,
        event_id: String,
    }
    let head: Head = serde_json::from_slice(json).ok()?;
    Some((head.event_name, head.event_id))
}

impl Sent {
    /// Counts what was under way when the run was cut off: nobody knows what became of it.
    fn cut_off(&mut self, in_flight: &BTreeMap<u32, Vec<InFlight>>) {
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

    fn add(&mut self, part: Part) {
        let Part { report, settlement, events, refused, answer, at, version_warning } = part;
        self.requests += u64::from(settlement.requests);
        self.retries += u64::from(settlement.requests.saturating_sub(1));
        self.version_warning |= version_warning;
        self.batches.push(report);
        let was_repeated = |event: &BatchedEvent| event.is_repeat || settlement.is_possible_duplicate;
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
            }
        }
        if let (PartFate::Rejected, Some((event_name, event_id)), [event]) =
            (settlement.fate, refused, events.as_slice())
        {
            let reason = crate::event::Reason::RefusedByMeta.code();
            self.refusals.push(Record::Rejected { entry: event.entry, event_name, event_id, reason, answer, at });
        }
    }
}
