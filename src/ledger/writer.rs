//! Writes records on a thread of its own, many at a time.
//!
//! Whoever appends waits until its records are durable. While one commit runs, the next gathers, so that parallel
//! deliveries share the cost of making them durable.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::{Ledger, LedgerError, Record};
use crate::crash;

/// A ledger on a thread of its own.
#[derive(Debug)]
pub struct Writer {
    requests: mpsc::UnboundedSender<Request>,
    thread: JoinHandle<Box<dyn Ledger>>,
}

/// A handle to append with.
#[derive(Debug, Clone)]
pub struct Appender(mpsc::UnboundedSender<Request>);

struct Request {
    records: Vec<Record>,
    done: oneshot::Sender<Result<(), Arc<LedgerError>>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(ledger: Box<dyn Ledger>) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        Self { requests, thread: thread::spawn(move || serve(ledger, inbox)) }
    }

    /// Makes a handle to append with.
    pub fn appender(&self) -> Appender {
        Appender(self.requests.clone())
    }

    /// Ends the thread once every handle is dropped, and gives the ledger back.
    ///
    /// `None` when the thread panicked.
    pub fn finish(self) -> Option<Box<dyn Ledger>> {
        drop(self.requests);
        self.thread.join().ok()
    }
}

impl Appender {
    /// Appends records; they are durable when this returns.
    pub async fn append(&self, records: Vec<Record>) -> Result<(), Arc<LedgerError>> {
        self.request(records).await.unwrap_or_else(|_| Err(Arc::new(LedgerError::Gone)))
    }

    /// Appends records from outside the async runtime.
    pub fn append_blocking(&self, records: Vec<Record>) -> Result<(), Arc<LedgerError>> {
        self.request(records).blocking_recv().unwrap_or_else(|_| Err(Arc::new(LedgerError::Gone)))
    }

    fn request(&self, records: Vec<Record>) -> oneshot::Receiver<Result<(), Arc<LedgerError>>> {
        let (done, answer) = oneshot::channel();
        // A thread that is gone drops the request, which the receiver sees.
        drop(self.0.send(Request { records, done }));
        answer
    }
}

/// Gives a handle and what serves it, as a task instead of a thread: then a test happens in the same order each time.
#[cfg(test)]
pub(crate) fn serve_here(mut ledger: Box<dyn Ledger>) -> (Appender, impl Future<Output = ()> + Send) {
    let (requests, mut inbox) = mpsc::unbounded_channel();
    let serving = async move {
        while let Some(first) = inbox.recv().await {
            write(&mut *ledger, first, &mut inbox);
        }
    };
    (Appender(requests), serving)
}

fn serve(mut ledger: Box<dyn Ledger>, mut inbox: mpsc::UnboundedReceiver<Request>) -> Box<dyn Ledger> {
    while let Some(first) = inbox.blocking_recv() {
        write(&mut *ledger, first, &mut inbox);
    }
    ledger
}

/// Writes what a request asks for, and what has gathered behind it.
fn write(ledger: &mut dyn Ledger, first: Request, inbox: &mut mpsc::UnboundedReceiver<Request>) {
    let mut records = first.records;
    let mut waiting = vec![first.done];
    while let Ok(next) = inbox.try_recv() {
        records.extend(next.records);
        waiting.push(next.done);
    }
    pass(&records, "before_intent", "before_outcome");
    let result = ledger.append(&records).map_err(Arc::new);
    pass(&records, "after_intent", "after_outcome");
    for done in waiting {
        // Nobody waits any more when the run was cut short.
        drop(done.send(result.clone()));
    }
}

/// Passes the crash points of what is written.
fn pass(records: &[Record], intent: &str, outcome: &str) {
    for record in records {
        match record {
            Record::Intent { .. } => crash::point(intent),
            Record::Outcome { .. } => crash::point(outcome),
            Record::RunStarted { .. }
            | Record::Rejected { .. }
            | Record::Pardoned { .. }
            | Record::RunFinished { .. } => {}
        }
    }
}
