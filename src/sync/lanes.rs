//! Where prepared events go: into batches that fill side by side, or onto lines.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::Failure;
use super::send::Parcel;
use crate::batch::{Batch, Batcher, MOST_BYTES, Repeat};
use crate::deliver::OnUnknown;
use crate::event::Event;
use crate::ledger::{Appender, Entry};
use crate::meta::window::Timeliness;

/// Where prepared events go.
pub(super) enum Destination {
    /// To be sent.
    Batches {
        /// Full batches.
        batches: mpsc::Sender<Parcel>,
        /// For noting what is refused.
        appender: Appender,
        /// Events in one batch.
        batch_size: usize,
        /// Bytes in one batch, as far as Meta or a proxy has let it be known.
        most_bytes: Arc<AtomicUsize>,
    },
    /// To be shown: one event a line.
    Lines(Box<dyn Write + Send>),
}

/// Batches that fill side by side: what expires soon does not wait for the rest, and a batch holds events of one
/// policy only, for it is posted again as a whole or not at all.
pub(super) struct Lanes {
    destination: Destination,
    resend: Pair,
    hold: Pair,
}

/// Two batches of one policy.
struct Pair {
    urgent: Batcher,
    ordinary: Batcher,
}

/// What a batch notes of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batched {
    pub(super) entry: Entry,
    /// Which of the run's event names it has.
    pub(super) name: u16,
    /// Whether an earlier run posted it.
    pub(super) repeat: Repeat,
}

impl Lanes {
    pub(super) fn new(destination: Destination) -> Self {
        let size = match &destination {
            Destination::Batches { batch_size, .. } => *batch_size,
            Destination::Lines(_) => 1,
        };
        let batcher = || Batcher::new(size, MOST_BYTES);
        let pair = || Pair { urgent: batcher(), ordinary: batcher() };
        Self { destination, resend: pair(), hold: pair() }
    }

    /// For noting what is refused, where anything is noted.
    pub(super) fn appender(&self) -> Option<&Appender> {
        match &self.destination {
            Destination::Batches { appender, .. } => Some(appender),
            Destination::Lines(_) => None,
        }
    }

    /// Adds an event; `false` when nobody takes any more.
    pub(super) fn add(
        &mut self,
        event: &Event<'_>,
        batched: Batched,
        on_unknown: OnUnknown,
        json: &[u8],
    ) -> Result<bool, Failure> {
        let most_bytes = match &mut self.destination {
            Destination::Lines(out) => return written(out.write_all(json).and_then(|()| out.write_all(b"\n"))),
            Destination::Batches { most_bytes, .. } => most_bytes.load(Ordering::Relaxed),
        };
        let pair = match on_unknown {
            OnUnknown::Resend => &mut self.resend,
            OnUnknown::Hold => &mut self.hold,
        };
        let lane = if event.timeliness == Timeliness::Urgent { &mut pair.urgent } else { &mut pair.ordinary };
        let Batched { entry, name, repeat } = batched;
        lane.limit(most_bytes);
        let full = lane.add(entry, event.keys, name, repeat, json);
        Ok(self.pass_on(full, on_unknown))
    }

    /// Passes on what is urgent; `false` when nobody takes any more.
    pub(super) fn flush_urgent(&mut self) -> bool {
        let (resend, hold) = (self.resend.urgent.take(), self.hold.urgent.take());
        self.pass_on(resend, OnUnknown::Resend) && self.pass_on(hold, OnUnknown::Hold)
    }

    /// Passes on everything; `false` when nobody takes any more.
    pub(super) fn flush(&mut self) -> Result<bool, Failure> {
        if let Destination::Lines(out) = &mut self.destination {
            return written(out.flush());
        }
        let (resend, hold) = (self.resend.ordinary.take(), self.hold.ordinary.take());
        let is_wanted = self.flush_urgent();
        Ok(is_wanted && self.pass_on(resend, OnUnknown::Resend) && self.pass_on(hold, OnUnknown::Hold))
    }

    fn pass_on(&self, batch: Option<Batch>, on_unknown: OnUnknown) -> bool {
        match (&self.destination, batch) {
            (Destination::Batches { batches, .. }, Some(batch)) => {
                batches.blocking_send(Parcel { batch, on_unknown }).is_ok()
            }
            (Destination::Batches { .. } | Destination::Lines(_), _) => true,
        }
    }
}

/// Whether there is still a reader; one that has gone has all that it wanted.
fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Output(error)),
    }
}
