//! How far a run is, for whoever watches it in a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::human::{counted, grouped};

/// How far a run is. Counted by those who do the work, shown by [`Bar`].
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    sent: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Notes how many rows there are, once it is known.
    pub fn set_total(&self, rows: u64) {
        self.total.store(rows, Ordering::Relaxed);
    }

    /// How many of the rows that there are were not read, as far as it is known.
    pub fn unread(&self) -> u64 {
        self.total.load(Ordering::Relaxed).saturating_sub(self.rows.load(Ordering::Relaxed))
    }

    /// Counts rows that were read.
    pub fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(u64::try_from(rows).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Counts events that Meta took.
    pub fn add_sent(&self, events: usize) {
        self.sent.fetch_add(u64::try_from(events).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// A line on a terminal that shows the progress of a run; gone when dropped.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Bar {
    /// Starts to show a run's progress on standard error.
    pub fn start(progress: Arc<Progress>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let unknown = style("{spinner} {pos} rows read, {msg}");
        let known = style("{bar:24} {percent} % of {human_len} rows, {msg}, {eta} left");
        bar.set_style(unknown);
        let shown = bar.clone();
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let mut is_total_known = false;
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let total = progress.total.load(Ordering::Relaxed);
                if total > 0 && !is_total_known {
                    is_total_known = true;
                    shown.set_style(known.clone());
                    shown.set_length(total);
                }
                let sent = progress.sent.load(Ordering::Relaxed);
                let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
                let rate = grouped(sent.saturating_mul(1_000) / millis);
                shown.set_message(format!("{} sent, {rate} a second", counted(sent, "event")));
                shown.set_position(progress.rows.load(Ordering::Relaxed));
            }
        });
        Self { bar, task }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
