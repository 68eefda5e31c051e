//! How far a run is: a bar for whoever watches it in a terminal, a line now and then for everyone else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::console;
use super::human::{counted, grouped};
use super::manner::Watched;

/// How often the bar is drawn.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far a run is. Counted by those who do the work, shown by [`Meter`].
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    sent: AtomicU64,
    total: AtomicU64,
    /// When the first rows were there to be read.
    reading: OnceLock<Instant>,
}

impl Progress {
    /// Notes that rows can be read now, and how many there are if it is known.
    pub fn begin_reading(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
        self.reading.get_or_init(Instant::now);
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

    /// How far the run is, once there are rows to be read.
    fn reading(&self) -> Option<Reading> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Some(Reading {
            rows: count(&self.rows),
            total: Some(count(&self.total)).filter(|total| *total > 0),
            sent: count(&self.sent),
            elapsed: self.reading.get()?.elapsed(),
        })
    }
}

/// How far a run is at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    rows: u64,
    total: Option<u64>,
    sent: u64,
    /// Since the first rows were there.
    elapsed: Duration,
}

impl Reading {
    /// How many of something were done in a second.
    fn rate(&self, count: u64) -> u64 {
        let millis = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        count.saturating_mul(1_000) / millis
    }

    /// How many seconds it takes to read what is left, at the pace so far.
    fn seconds_left(&self) -> Option<u64> {
        let left = self.total?.checked_sub(self.rows).filter(|left| *left > 0)?;
        left.saturating_mul(self.elapsed.as_secs().max(1)).checked_div(self.rows)
    }

    /// It in a line.
    fn message(&self) -> String {
        let rows = match self.total {
            Some(total) => format!("{} of {} read", grouped(self.rows), counted(total, "row")),
            None => format!("{} read", counted(self.rows, "row")),
        };
        let rate = grouped(self.rate(self.sent));
        let left = self.seconds_left().map(|left| format!(", about {} left", duration(left)));
        format!("{rows}, {} sent, {rate} a second{}", counted(self.sent, "event"), left.unwrap_or_default())
    }

    /// It for programs.
    fn fields(&self) -> [(&'static str, Value); 5] {
        [
            ("rows_read", self.rows.into()),
            ("rows", self.total.into()),
            ("events_sent", self.sent.into()),
            ("events_per_second", self.rate(self.sent).into()),
            ("seconds_left", self.seconds_left().into()),
        ]
    }
}

/// A span in the unit that suits it.
fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200.. => format!("{} h", seconds / 3_600),
    }
}

/// A task that tells how far something is, with the bar that it draws; both are gone when dropped.
#[derive(Debug)]
pub struct Meter {
    bar: Option<ProgressBar>,
    task: JoinHandle<()>,
}

impl Meter {
    /// Starts to show how far a run is, if anyone watches.
    pub fn of_run(progress: Arc<Progress>, watched: Watched) -> Option<Self> {
        match watched {
            Watched::No => None,
            Watched::Lines => {
                let say = |reading: Reading| console::say_progress(&reading.message(), &reading.fields());
                Some(Self { bar: None, task: tokio::spawn(every(LINE_EVERY, move || progress.reading(), say)) })
            }
            Watched::Bar => {
                let known = style("{bar:24} {percent} % {wide_msg}");
                Some(Self::with_bar(
                    move || progress.reading(),
                    move |bar, reading| {
                        if let (Some(total), None) = (reading.total, bar.length()) {
                            bar.set_style(known.clone());
                            bar.set_length(total);
                        }
                        bar.set_message(reading.message());
                        bar.set_position(reading.rows);
                    },
                ))
            }
        }
    }

    /// Starts to tell how long Snowflake has been running a query, if anyone watches.
    pub fn of_query(since: watch::Receiver<Option<Instant>>, watched: Watched) -> Option<Self> {
        let seconds = move || since.borrow().map(|began| began.elapsed().as_secs());
        match watched {
            Watched::No => None,
            Watched::Lines => {
                let say = |seconds| console::say_progress(&running(seconds), &[("query_seconds", json!(seconds))]);
                Some(Self { bar: None, task: tokio::spawn(every(LINE_EVERY, seconds, say)) })
            }
            Watched::Bar => Some(Self::with_bar(seconds, |bar, seconds| {
                bar.set_message(running(seconds));
                bar.tick();
            })),
        }
    }

    fn with_bar<T: Send + 'static>(
        look: impl Fn() -> Option<T> + Send + 'static,
        draw: impl Fn(&ProgressBar, T) + Send + 'static,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} {wide_msg}"));
        console::set_bar(Some(bar.clone()));
        let shown = bar.clone();
        Self { bar: Some(bar), task: tokio::spawn(every(BAR_EVERY, look, move |seen| draw(&shown, seen))) }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(bar) = &self.bar {
            console::set_bar(None);
            bar.finish_and_clear();
        }
    }
}

fn running(seconds: u64) -> String {
    format!("Snowflake is running the query ({seconds} s)")
}

/// Looks again and again how far something is, and tells it when there is something to tell.
async fn every<T>(span: Duration, look: impl Fn() -> Option<T>, mut tell: impl FnMut(T)) {
    loop {
        sleep(span).await;
        if let Some(seen) = look() {
            tell(seen);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Lets seconds pass, and gives the lines that were written meanwhile.
    async fn pass(seconds: u64, lines: &Mutex<Vec<String>>) -> Vec<String> {
        sleep(Duration::from_secs(seconds)).await;
        std::mem::take(&mut *lines.lock().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_written_every_ten_seconds_once_there_are_rows() {
        let progress = Arc::new(Progress::default());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let tell = move |reading: Reading| written.lock().unwrap().push(reading.message());
        let looked = Arc::clone(&progress);
        let task = tokio::spawn(every(LINE_EVERY, move || looked.reading(), tell));
        let none = [""; 0];
        assert_eq!(pass(25, &lines).await, none);
        progress.begin_reading(Some(40_000));
        progress.add_rows(12_000);
        progress.add_sent(11_000);
        let at = |rate, left| {
            format!("12,000 of 40,000 rows read, 11,000 events sent, {rate} a second, about {left} s left")
        };
        assert_eq!(pass(6, &lines).await, [at("2,200", 11)]);
        assert_eq!(pass(8, &lines).await, none);
        assert_eq!(pass(2, &lines).await, [at("733", 35)]);
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_runs_long_is_told_of_while_it_runs() {
        let (query, since) = watch::channel(None::<Instant>);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let seconds = move || since.borrow().map(|began| began.elapsed().as_secs());
        let task =
            tokio::spawn(every(LINE_EVERY, seconds, move |seconds| written.lock().unwrap().push(running(seconds))));
        assert_eq!(pass(15, &lines).await, [""; 0]);
        query.send_replace(Some(Instant::now()));
        let told = ["Snowflake is running the query (5 s)", "Snowflake is running the query (15 s)"];
        assert_eq!(pass(20, &lines).await, told);
        query.send_replace(None);
        assert_eq!(pass(60, &lines).await, [""; 0]);
        task.abort();
    }

    #[test]
    fn how_far_a_run_is_in_words_and_numbers() {
        let check = |rows, total, sent, seconds, expected: &str| {
            let reading = Reading { rows, total, sent, elapsed: Duration::from_secs(seconds) };
            assert_eq!(reading.message(), expected);
        };
        check(0, Some(1), 0, 0, "0 of 1 row read, 0 events sent, 0 a second");
        check(5, None, 1, 1, "5 rows read, 1 event sent, 1 a second");
        check(10, Some(10), 10, 5, "10 of 10 rows read, 10 events sent, 2 a second");
        check(
            1_000,
            Some(1_000_000),
            0,
            1,
            "1,000 of 1,000,000 rows read, 0 events sent, 0 a second, about 16 min left",
        );
        check(1, Some(100_000), 0, 1, "1 of 100,000 rows read, 0 events sent, 0 a second, about 27 h left");
        let reading = Reading { rows: 5, total: Some(10), sent: 4, elapsed: Duration::from_secs(2) };
        let fields: Vec<String> = reading.fields().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(fields, ["rows_read=5", "rows=10", "events_sent=4", "events_per_second=2", "seconds_left=2"]);
    }
}
