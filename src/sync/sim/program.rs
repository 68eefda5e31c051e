//! The program of the simulation: the parts of production, put together as [`super::super::deliver`] does.
//!
//! Only the order of the threads is its own, so that a seed always does the same: rows are prepared first and sent
//! afterwards, and the state is written by a task instead of a thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use chrono::DateTime;
use tokio::sync::{mpsc, watch};

use super::clock;
use super::disk::Disk;
use super::world::{Row, Shared};
use crate::batch::MOST_BYTES;
use crate::config::Config;
use crate::deliver::http::Graph;
use crate::ledger::{Ledger as _, LedgerError, Record, Wants, Writer, serve_here};
use crate::report::Report;
use crate::source::RowStream;
use crate::sync::lanes::Destination;
use crate::sync::prepare::prepare;
use crate::sync::run::Run;
use crate::sync::send::{Access, Gate, Mood, Sending, send};
use crate::sync::{Options, World as Surroundings};

/// Rows of one record batch.
const ROWS_AT_ONCE: usize = 16;

/// Runs the program once; gives its report unless it was killed.
pub(super) fn run(shared: &Shared, config: &Config, options: &Options, graph: &Graph) -> Option<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let context = runtime.enter();
    clock::begin();
    let rows = visible(shared);
    shared.lock().is_dead = false;
    shared.lock().oracle.run_begins();
    let ran = run_within(shared, config, options, graph, &rows, &runtime);
    let report = if shared.lock().is_dead { None } else { ran.ok() };
    let mut world = shared.lock();
    world.halt = None;
    world.oracle.run_ends(report.as_ref(), options.limit.is_none().then_some(rows.len()));
    clock::end();
    drop(context);
    report
}

fn run_within(
    shared: &Shared,
    config: &Config,
    options: &Options,
    graph: &Graph,
    rows: &[Row],
    runtime: &tokio::runtime::Runtime,
) -> Result<Report, Arc<LedgerError>> {
    let random = || f64::from(u16::try_from(clock::shown().timestamp_millis().rem_euclid(60_000)).unwrap()) / 60_000.0;
    let run = Run::new(config, options, Surroundings { now: clock::shown, random });
    let mut disk = Disk(shared.clone());
    let told_since = (!disk.is_new()?).then(|| run.remembered_since().timestamp());
    let known = disk.load(run.remembered_since().timestamp())?;
    disk.append(&[Record::RunStarted { run: run.id.clone(), at: run.started }])?;

    let halt = watch::Sender::new(None);
    shared.lock().halt = Some(halt.clone());
    let progress = Arc::default();
    let writer = Writer::start(Box::new(disk));
    let (batches, inbox) = mpsc::channel(rows.len() + 1);
    let most_bytes = Arc::new(AtomicUsize::new(MOST_BYTES));
    let batch_size = config.batch_size;
    let destination =
        Destination::Batches { batches, appender: writer.appender(), batch_size, most_bytes: Arc::clone(&most_bytes) };
    let preparation = run.preparation(&progress, &halt, told_since);
    let prepared = prepare(preparation, known, stream(rows), destination);
    drop(writer.finish());

    let (appender, serving) = serve_here(Box::new(Disk(shared.clone())));
    let posts = shared.clone();
    let sending = Arc::new(Sending {
        access: Access::new(graph.played_by(move |body| Box::pin(posts.clone().post(body))), config, None),
        appender,
        wants: Wants::Keys,
        permit: None,
        run: run.id.clone(),
        backoff: options.backoff,
        now: clock::shown,
        random,
        progress,
        halt: halt.clone(),
        gate: Gate::new(config.concurrency),
        most_bytes,
        batch_number: AtomicU32::new(0),
        mood: Mood::default(),
        in_flight: Mutex::new(BTreeMap::new()),
        sent: Mutex::default(),
    });
    let sent = runtime.block_on(async {
        tokio::spawn(serving);
        tokio::select! {
            biased;
            () = shared.killed.notified() => None,
            sent = send(sending, inbox, config.concurrency) => Some(sent),
        }
    });
    let Some(sent) = sent else { return Err(Arc::new(LedgerError::Gone)) };

    let writer = Writer::start(Box::new(Disk(shared.clone())));
    let halted = halt.borrow().clone();
    let mut outcome = runtime.block_on(run.conclude(sent, Some(prepared), halted, Vec::new(), &writer));
    drop(writer.finish());
    run.close(&mut Disk(shared.clone()), &mut outcome);
    Ok(outcome.report)
}

/// The rows that a query sees now, beginning anywhere: no logic depends on their order, but that the first of several
/// rows of an event counts. A broken program asks only for what is newer than its bookmark.
fn visible(shared: &Shared) -> Vec<Row> {
    let mut world = shared.lock();
    let now = clock::truth();
    let is_seen = |row: &&Row| row.appears <= now && row.time > world.watermark;
    let mut rows: Vec<Row> = world.rows.iter().filter(is_seen).cloned().collect();
    let mut first = usize::try_from(world.dice.below(rows.len() as u64)).unwrap();
    while first > 0 && rows.get(first).is_some_and(|row| row.key == rows[first - 1].key) {
        first -= 1;
    }
    rows.rotate_left(first);
    rows
}

fn stream(rows: &[Row]) -> RowStream {
    let (sender, receiver) = mpsc::channel(rows.len() + 1);
    for rows in rows.chunks(ROWS_AT_ONCE) {
        sender.try_send(Ok(table(rows))).unwrap();
    }
    RowStream::new(None, Vec::new(), receiver)
}

fn table(rows: &[Row]) -> RecordBatch {
    let column = |cell: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(cell(row))).collect::<StringArray>())
    };
    let time = |row: &Row| DateTime::from_timestamp(row.time, 0).unwrap().to_rfc3339();
    let value = |row: &Row| format!("{}.{}", row.version, u8::from(row.is_copy));
    RecordBatch::try_from_iter([
        ("event_id", column(&|row| row.id.clone())),
        ("facebook_event_type", column(&|_| "Lead".to_owned())),
        ("occurred_at", column(&time)),
        ("external_id", column(&|row| row.id.clone())),
        ("value", column(&value)),
        ("currency", column(&|_| "EUR".to_owned())),
    ])
    .unwrap()
}
