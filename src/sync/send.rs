//! Batches are delivered, several at once.

mod access;
mod attempt;
mod gate;
mod mood;
mod sent;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{self, Instant};

pub(super) use self::access::Access;
use self::attempt::Attempt;
pub(super) use self::gate::Gate;
pub(super) use self::mood::Mood;
pub(super) use self::sent::Sent;
use self::sent::identify;
use crate::batch::{Batch, BatchedEvent, Repeat};
use crate::deliver::backoff::Backoff;
use crate::deliver::{Delivery, Effect, Happening, OnUnknown, PartFate, Scope, Settlement};
use crate::ledger::{Answer, Appender, BatchId, EventLabel, LedgerError, Permit, Record, RunId, Wants};
use crate::meta::answer::{Codes, Stop, Verdict};
use crate::report::progress::Progress;

/// How long requests under way may take after a signal; then they are cut off.
const DRAIN: Duration = Duration::from_secs(20);

/// A batch, and what to do with it when nobody knows whether Meta took it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) batch: Batch,
    pub(super) on_unknown: OnUnknown,
}

/// What every delivery shares.
pub(super) struct Sending {
    pub(super) access: Access,
    pub(super) appender: Appender,
    /// What the ledger keeps of the events of an intent.
    pub(super) wants: Wants,
    /// What must be waited for before every request, where the right to send can be lost.
    pub(super) permit: Option<Permit>,
    pub(super) run: RunId,
    pub(super) backoff: Backoff,
    pub(super) now: fn() -> DateTime<Utc>,
    pub(super) random: fn() -> f64,
    pub(super) progress: Arc<Progress>,
    /// Why nothing more is to be sent, once it is so.
    pub(super) halt: watch::Sender<Option<Halt>>,
    pub(super) gate: Gate,
    /// Requests of more bytes than this were too large.
    pub(super) most_bytes: Arc<AtomicUsize>,
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

/// Why nothing more is to be sent.
#[derive(Debug, Clone)]
pub(super) enum Halt {
    /// Meta's answer.
    Stopped(Stop, Codes),
    /// The ledger cannot be written.
    Ledger(Arc<LedgerError>),
    /// Someone asked for it, by this signal.
    Signal(u8),
    /// The time that the run was given is over.
    TimeOver,
    /// A part of this program ended in a way that it must not.
    Bug,
}

impl Halt {
    /// Stops the run; the first reason counts.
    pub(super) fn call(self, halt: &watch::Sender<Option<Self>>) {
        halt.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                tracing::info!(because = self.name(), "nothing new is begun; what is under way is settled");
                *reason = Some(self);
            }
            is_first
        });
    }

    /// The word in logs.
    fn name(&self) -> String {
        match self {
            Self::Stopped(stop, _) => stop.what().to_owned(),
            Self::Ledger(_) => "the state cannot be written".to_owned(),
            Self::Signal(number) => format!("signal {number}"),
            Self::TimeOver => "the time is over".to_owned(),
            Self::Bug => "a part of fbcapi ended unexpectedly".to_owned(),
        }
    }

    /// Stops a run that is ending because its time is over for a better reason.
    pub(super) fn overrule(self, halt: &watch::Sender<Option<Self>>) {
        halt.send_if_modified(|reason| {
            let is_better = matches!(reason, Some(Self::TimeOver));
            if is_better {
                *reason = Some(self);
            }
            is_better
        });
    }
}

/// Delivers batches as they come, `concurrency` at a time, until there are no more or the run is halted.
pub(super) async fn send(sending: Arc<Sending>, mut batches: mpsc::Receiver<Parcel>, concurrency: usize) -> Sent {
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
                Some(parcel) => drop(deliveries.spawn(deliver(Arc::clone(&sending), parcel))),
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

impl Sending {
    fn halt(&self, halt: Halt) {
        halt.call(&self.halt);
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

    /// What the events of a part are called, if the ledger wants it.
    fn labels(&self, batch: &Batch, events: &[BatchedEvent]) -> Vec<EventLabel> {
        match self.wants {
            Wants::Keys => Vec::new(),
            Wants::Labels => {
                // All or none, so that none is taken for another's.
                let labels: Option<Vec<_>> = events.iter().map(|event| identify(batch.json(event))).collect();
                labels.unwrap_or_default()
            }
        }
    }

    /// Waits until a request may begin; halts the run when it may not because the right to send was lost.
    async fn may_post(&self) -> Result<(), ()> {
        match &self.permit {
            None => Ok(()),
            Some(permit) => permit.wait().await.map_err(|error| self.halt(Halt::Ledger(error))),
        }
    }

    /// Whether the events of an intent may be posted still: writing it and waiting may have been long. If not, the pass
    /// is given back.
    async fn begin(&self, events: &[BatchedEvent], pass: &mut Option<gate::Pass<'_>>) -> Happening {
        let may_post = self.may_post().await.is_ok();
        let now = (self.now)();
        if may_post && events.iter().all(|event| event.repeat.is_in_time(now)) {
            return Happening::Recorded;
        }
        *pass = None;
        if may_post { Happening::GivenUp } else { Happening::Halted }
    }

    /// Makes records durable; a failure halts the run.
    async fn record(&self, records: Vec<Record>) -> Result<(), ()> {
        self.appender.append(records).await.map_err(|error| self.halt(Halt::Ledger(error)))
    }
}

/// Tells what became of a part, for whoever must look it up because the state cannot hold it.
fn tell(batch: &BatchId, fate: PartFate, answer: &Answer) -> String {
    let trace = answer.trace.as_ref().map(|trace| format!(", trace {trace}")).unwrap_or_default();
    format!("{}/{} {}{trace}", batch.run.0, batch.number, fate.name())
}

/// Drives one delivery to its end. What a failing ledger cuts off is left as an intent, which the next run finds.
async fn deliver(sending: Arc<Sending>, parcel: Parcel) {
    let Parcel { batch, on_unknown } = parcel;
    let mut delivery = Delivery::new(batch.events().len(), on_unknown);
    let mut happening = Happening::Begun;
    let mut attempt: Option<Attempt> = None;
    let mut pass = None;
    loop {
        happening = match delivery.step(happening) {
            Effect::Intend(part) => {
                pass = sending.gate.pass(Instant::now(), &sending.halt).await;
                let at = (sending.now)();
                let events = batch.part(part).0;
                // Waits may have been long. What was never intended is left to the next run, which decides anew.
                if pass.is_none() || !events.iter().all(|event| event.repeat.is_in_time(at)) {
                    return;
                }
                let number = sending.batch_number.fetch_add(1, Ordering::Relaxed) + 1;
                let id = BatchId { run: sending.run.clone(), number };
                tracing::debug!(batch = number, events = events.len(), "the intent is written");
                let entries = events.iter().map(|event| event.entry).collect();
                let labels = sending.labels(&batch, events);
                if sending.record(vec![Record::Intent { batch: id.clone(), at, entries, labels }]).await.is_err() {
                    return;
                }
                attempt = Some(Attempt::new(id, at));
                sending.begin(events, &mut pass).await
            }
            Effect::Post(part) => {
                let (Some(attempt), Some(pass)) = (&mut attempt, pass.take()) else { return };
                let (events, json) = batch.part(part);
                let in_flight = |event: &BatchedEvent| InFlight {
                    name: event.name,
                    is_possible_duplicate: event.repeat != Repeat::First || attempt.may_have_arrived,
                };
                sending.in_flight().insert(attempt.id.number, events.iter().map(in_flight).collect());
                let (verdict, course) = attempt.post(&sending.access, events.len(), json, sending.now).await;
                pass.leave(course);
                if verdict == Verdict::TooLarge && events.len() > 1 {
                    sending.most_bytes.fetch_min(json.len() / 2, Ordering::Relaxed);
                }
                Happening::Answered(verdict)
            }
            Effect::Wait { failed, hint, scope } => {
                let wait = sending.backoff.wait(failed, (sending.random)(), hint);
                let until = Instant::now() + wait;
                if let Some(attempt) = &attempt {
                    attempt.log_wait(wait, failed, scope);
                }
                if scope == Scope::All {
                    sending.gate.close_until(until);
                }
                if sending.gate.afford(scope) {
                    pass = sending.gate.pass(until, &sending.halt).await;
                    let may_post = sending.may_post().await.is_ok();
                    let now = (sending.now)();
                    let is_in_time = attempt.as_ref().is_none_or(|attempt| attempt.is_in_time(now));
                    if pass.is_none() || !may_post {
                        Happening::Halted
                    } else if is_in_time && batch.events().iter().all(|event| event.repeat.is_in_time(now)) {
                        Happening::Waited
                    } else {
                        pass = None;
                        Happening::GivenUp
                    }
                } else {
                    Happening::GivenUp
                }
            }
            Effect::Settle(settlement) => {
                let Some(attempt) = attempt.take() else { return };
                if let Some(stop) = delivery.stop() {
                    sending.halt(Halt::Stopped(stop, attempt.codes.clone()));
                }
                let (events, json) = batch.part(settlement.part.clone());
                let (number, last) = (attempt.id.number, attempt.last);
                let (batch, part) = attempt.end(settlement, events, json, (sending.now)());
                let Settlement { fate, requests, .. } = part.settlement;
                let (at, answer) = (part.at, part.answer.clone());
                let told = tell(&batch, fate, &answer);
                let outcome = Record::Outcome { batch, at, outcome: fate.outcome(), requests, answer };
                if sending.record(vec![outcome]).await.is_err() {
                    sending.sent().unrecorded.push(told);
                    return;
                }
                sending.in_flight().remove(&number);
                if let Some(stop) = sending.mood.take_in(fate, part.events.len(), last) {
                    let Answer { status: _, code, subcode, trace } = part.answer.clone();
                    sending.halt(Halt::Stopped(stop, Codes { code, subcode, trace, messages: 0 }));
                }
                part.log();
                if fate == PartFate::Accepted {
                    sending.gate.pay();
                    sending.progress.add_sent(part.events.len());
                }
                sending.sent().add(part);
                Happening::Recorded
            }
            Effect::End => return,
        };
    }
}
