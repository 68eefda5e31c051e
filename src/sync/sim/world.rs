//! Everything around the program: a table, Meta, a disk. All of it fails as the dice say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::{Notify, watch};

use super::Variant;
use super::clock;
use super::dice::Dice;
use super::oracle::Oracle;
use crate::deliver::OnUnknown;
use crate::ledger::{BatchId, EventKey, MemoryLedger, Record};
use crate::meta::answer::{Delivery, Reply};
use crate::sync::send::Halt;

pub(super) const DATASET_ID: &str = "1234567890";

/// No clock jumps further than this.
pub(super) const JUMP: TimeDelta = TimeDelta::hours(6);

const HOUR: i64 = 3_600;

/// How long Meta takes events. Source: Conversions API, server event parameters, `event_time`.
const ACCEPTED_SECONDS: i64 = 7 * 24 * HOUR;

/// What kind of world a seed makes.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) on_unknown: OnUnknown,
    pub(super) concurrency: usize,
    pub(super) batch_size: usize,
    /// Posts that fail, in a thousand.
    pub(super) post_faults: u64,
    /// Writes that fail or end the program, in a thousand.
    pub(super) disk_faults: u64,
    /// Writes that take minutes or hours, in a thousand.
    pub(super) slow_writes: u64,
    /// Clocks that are wrong, in a thousand runs.
    pub(super) clock_faults: u64,
    /// More events than this are too many for one request.
    pub(super) most_events: usize,
    /// Whether Meta names the bad event.
    pub(super) blames: bool,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) key: EventKey,
    pub(super) time: i64,
    /// When it is there to be seen.
    pub(super) appears: i64,
    pub(super) version: u32,
    /// Meta refuses it.
    pub(super) is_bad: bool,
    /// A further row of the same event.
    pub(super) is_copy: bool,
}

/// An event as Meta gets it.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) key: EventKey,
    pub(super) id: String,
    pub(super) time: i64,
    pub(super) json: Vec<u8>,
}

/// How a post ends.
#[derive(Debug)]
pub(super) enum End {
    Answered(Reply),
    Failed(Delivery),
    /// The program does not live to see it.
    Never,
}

/// What befalls a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    KilledBefore,
    KilledAfter,
    Unreached,
    RequestLost,
    AnswerLost,
    Hangs,
    ErrorTaken,
    ErrorNotTaken,
    Throttled,
    PageForAnswer,
    OneMissing,
    TokenExpired,
    Signal,
    ClockJumps,
}

const FAULTS: [Fault; 14] = [
    Fault::KilledBefore,
    Fault::KilledAfter,
    Fault::Unreached,
    Fault::RequestLost,
    Fault::AnswerLost,
    Fault::Hangs,
    Fault::ErrorTaken,
    Fault::ErrorNotTaken,
    Fault::Throttled,
    Fault::PageForAnswer,
    Fault::OneMissing,
    Fault::TokenExpired,
    Fault::Signal,
    Fault::ClockJumps,
];

/// Everything around the program.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) variant: Variant,
    pub(super) dice: Dice,
    pub(super) rows: Vec<Row>,
    pub(super) oracle: Oracle,
    pub(super) disk: MemoryLedger,
    /// Intents that a broken program has not written.
    pub(super) withheld: HashMap<BatchId, Record>,
    /// Whether the program was killed.
    pub(super) is_dead: bool,
    /// The way to interrupt the program.
    pub(super) halt: Option<watch::Sender<Option<Halt>>>,
    /// The newest event that was accepted, which a broken program takes as its bookmark.
    pub(super) watermark: i64,
    pub(super) posts: u64,
    pub(super) kills: u64,
}

/// A world that the program's parts share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    world: Arc<Mutex<World>>,
    pub(super) killed: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)), killed: Arc::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Takes a request, some time, and maybe answers it.
    pub(super) async fn post(self, body: bytes::Bytes) -> Result<Reply, Delivery> {
        let begun = clock::shown();
        let (before, after) = {
            let dice = &mut self.lock().dice;
            (dice.below(3_000), dice.below(3_000))
        };
        tokio::time::sleep(Duration::from_millis(before)).await;
        let end = {
            let mut world = self.lock();
            if world.is_dead { End::Never } else { world.post(&body, begun) }
        };
        tokio::time::sleep(Duration::from_millis(after)).await;
        match end {
            End::Answered(reply) => Ok(reply),
            End::Failed(delivery) => {
                let is_hung = self.lock().dice.happens(300);
                tokio::time::sleep(Duration::from_secs(if is_hung { 55 } else { 0 })).await;
                Err(delivery)
            }
            End::Never => {
                self.killed.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl World {
    pub(super) fn new(plan: Plan, variant: Variant, dice: Dice, rows: Vec<Row>) -> Self {
        Self {
            oracle: Oracle::new(plan.on_unknown),
            plan,
            variant,
            dice,
            rows,
            disk: MemoryLedger::default(),
            withheld: HashMap::new(),
            is_dead: false,
            halt: None,
            watermark: i64::MIN,
            posts: 0,
            kills: 0,
        }
    }

    /// From now on nothing fails.
    pub(super) fn calm_down(&mut self) {
        self.plan.post_faults = 0;
        self.plan.disk_faults = 0;
        self.plan.slow_writes = 0;
        self.plan.clock_faults = 0;
    }

    pub(super) fn kill(&mut self) {
        self.is_dead = true;
        self.kills += 1;
    }

    fn fault(&mut self) -> Fault {
        let rate = self.plan.post_faults;
        if self.dice.happens(rate) { self.dice.one_of(&FAULTS) } else { Fault::None }
    }

    fn post(&mut self, body: &[u8], begun: DateTime<Utc>) -> End {
        self.posts += 1;
        let events = parse(body);
        for event in &events {
            let version = self.rows.iter().find(|row| row.key == event.key).map_or(0, |row| row.version);
            self.oracle.posted(event, version, begun);
        }
        let fault = self.fault();
        match fault {
            Fault::None => return self.answer(&events),
            Fault::KilledBefore => {
                self.kill();
                return End::Never;
            }
            Fault::KilledAfter => {
                self.take(&events);
                self.kill();
                return End::Never;
            }
            Fault::Unreached => return End::Failed(Delivery::Excluded),
            Fault::Throttled => return self.throttle(),
            Fault::TokenExpired => return refusal(401, 190, None),
            Fault::Signal => {
                if let Some(halt) = &self.halt {
                    Halt::Signal(15).call(halt);
                }
                return self.answer(&events);
            }
            Fault::ClockJumps => {
                let jump = JUMP.num_seconds() / 2;
                clock::put_wrong(self.dice.between(-jump, jump));
                return self.answer(&events);
            }
            Fault::RequestLost | Fault::ErrorNotTaken => {}
            Fault::AnswerLost | Fault::ErrorTaken | Fault::OneMissing => drop(self.take(&events)),
            Fault::Hangs | Fault::PageForAnswer => {
                if self.dice.happens(500) {
                    self.take(&events);
                }
            }
        }
        self.oracle.in_doubt(&events, begun);
        match fault {
            Fault::ErrorTaken | Fault::ErrorNotTaken => match self.dice.below(3) {
                0 => refusal(400, 2, None),
                1 => refusal(500, 1, None),
                _ => End::Answered(Reply { status: 502, body: b"<html>".to_vec(), ..Reply::default() }),
            },
            Fault::PageForAnswer => End::Answered(Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() }),
            Fault::OneMissing => received(events.len() - 1),
            _ => End::Failed(Delivery::Possible),
        }
    }

    /// Meta's own answer.
    fn answer(&mut self, events: &[Posted]) -> End {
        if events.len() > self.plan.most_events {
            self.oracle.relieve(events);
            return End::Answered(Reply { status: 413, ..Reply::default() });
        }
        if let Some(bad) = self.take(events) {
            self.oracle.relieve(events);
            return refusal(400, 100, self.plan.blames.then_some(bad));
        }
        self.oracle.told(events);
        received(events.len())
    }

    /// Takes every event of a request or none; gives the first bad one.
    fn take(&mut self, events: &[Posted]) -> Option<usize> {
        if events.len() > self.plan.most_events {
            return Some(0);
        }
        let oldest = clock::truth() - ACCEPTED_SECONDS;
        let is_bad =
            |event: &Posted| event.time < oldest || self.rows.iter().any(|row| row.key == event.key && row.is_bad);
        let bad = events.iter().position(is_bad);
        match (bad, events) {
            (Some(_), [event]) => self.oracle.refused(event),
            (Some(_), _) => {}
            (None, _) => events.iter().for_each(|event| self.oracle.taken(event)),
        }
        bad
    }

    fn throttle(&mut self) -> End {
        let mut end = refusal(400, 80_004, None);
        if let End::Answered(reply) = &mut end {
            reply.retry_after =
                self.dice.one_of(&[None, Some("0"), Some("90"), Some("550"), Some("86400")]).map(Into::into);
        }
        end
    }
}

fn parse(body: &[u8]) -> Vec<Posted> {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "event_name")]
        name: String,
        #[serde(rename = "event_id")]
        id: String,
        #[serde(rename = "event_time")]
        time: i64,
    }
    let body: Body<'_> = serde_json::from_slice(body).unwrap();
    let event = |json: &&RawValue| {
        let head: Head = serde_json::from_str(json.get()).unwrap();
        let key = EventKey::new(DATASET_ID, &head.name, &head.id);
        Posted { key, id: head.id, time: head.time, json: json.get().as_bytes().to_vec() }
    };
    body.data.iter().map(event).collect()
}

fn received(events: usize) -> End {
    let body = json!({ "events_received": events, "messages": [], "fbtrace_id": "Atrace" });
    End::Answered(Reply { status: 200, body: body.to_string().into_bytes(), ..Reply::default() })
}

fn refusal(status: u16, code: i64, blamed: Option<usize>) -> End {
    let mut error = json!({ "message": "no", "type": "OAuthException", "code": code, "error_subcode": 2_804_003 });
    if let Some(index) = blamed {
        error["error_data"] = json!({ "blame_field_specs": [["data", index.to_string(), "event_time"]] });
    }
    let body = json!({ "error": error });
    End::Answered(Reply { status, body: body.to_string().into_bytes(), ..Reply::default() })
}
