//! How far a run is, for whoever watches it in a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::Instant;

use super::console;
use super::human::{counted, grouped};
use crate::sync::Watched;

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

/// How often a query that runs long is told of where nobody watches.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What is shown of a query that runs in Snowflake; gone when dropped.
#[derive(Debug)]
pub struct Waiting(tokio::task::JoinHandle<()>);

impl Waiting {
    /// Starts to tell how long the query has been running: several times a second in a terminal, each minute elsewhere.
    pub fn start(watched: Watched, since: watch::Receiver<Option<Instant>>) -> Self {
        Self(tokio::spawn(async move {
            match watched {
                Watched::Yes => {
                    let bar = Cleared(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
                    bar.0.set_style(style("{spinner} {msg}"));
                    tell(since, Duration::from_millis(100), |words| {
                        bar.0.set_message(words);
                        bar.0.tick();
                    })
                    .await;
                }
                Watched::No => tell(since, TOLD_EVERY, |words| console::say(&format!("{words}\n"))).await,
            }
        }))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A bar that leaves nothing behind.
struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Says how long a query has been running, again and again, for ever.
async fn tell(since: watch::Receiver<Option<Instant>>, every: Duration, mut say: impl FnMut(String)) {
    loop {
        tokio::time::sleep(every).await;
        let began = *since.borrow();
        if let Some(began) = began {
            say(format!("Snowflake is running the query ({} s)", began.elapsed().as_secs()));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_query_that_runs_long_is_told_of_while_it_runs() {
        let (running, since) = watch::channel(None);
        let mut said = Vec::new();
        {
            let telling = tell(since, TOLD_EVERY, |words| said.push(words));
            tokio::pin!(telling);
            for (seconds, then) in [(90, Some(())), (120, None), (120, None)] {
                assert!(tokio::time::timeout(Duration::from_secs(seconds), telling.as_mut()).await.is_err());
                running.send_replace(then.map(|()| Instant::now()));
            }
        }
        // It was asked at 60, 120, 180, 240 and 300 seconds; the query ran from 90 to 210.
        assert_eq!(said, ["Snowflake is running the query (30 s)", "Snowflake is running the query (90 s)"]);
    }
}
