//! The numbers behind the charts.

use chrono::{DateTime, Utc};

use super::markup::Markup;
use super::{UNKNOWN, known};
use crate::report::digest::{Course, Digest, RunDigest};
use crate::report::human::{grouped, span};

/// How many runs stand in the table.
pub(super) const MOST_RUNS: usize = 200;

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Words, to the left.
    Words,
    /// A time, to the left and in one line.
    When,
    /// A number, to the right.
    Number,
}

/// The events of each day.
pub(super) fn days(markup: &mut Markup, digest: &Digest) {
    let head = [("day", Cell::When), ("runs", Cell::Number), ("sent", Cell::Number), ("in doubt", Cell::Number)];
    let rows =
        digest.days.iter().map(|day| vec![day.day.to_string(), grouped(day.runs), known(day.sent), known(day.unknown)]);
    table(markup, "Each day as a table", &head, rows.collect());
}

/// The events of each name.
pub(super) fn names(markup: &mut Markup, digest: &Digest) {
    let head = [("event name", Cell::Words), ("sent", Cell::Number)];
    let rows = digest.names.iter().map(|(name, sent)| vec![super::shortened(name, 200), grouped(*sent)]);
    table(markup, "Each name as a table", &head, rows.collect());
}

/// The requests of each day.
pub(super) fn requests(markup: &mut Markup, digest: &Digest) {
    let head = [
        ("day", Cell::When),
        ("requests", Cell::Number),
        ("repeated", Cell::Number),
        ("maybe twice", Cell::Number),
        ("in doubt", Cell::Number),
    ];
    let rows = digest.days.iter().map(|day| {
        let numbers = [day.requests, day.retries, day.possible_duplicates, day.unknown].map(known);
        std::iter::once(day.day.to_string()).chain(numbers).collect()
    });
    table(markup, "Each day as a table", &head, rows.collect());
}

/// The ages of each run.
pub(super) fn ages(markup: &mut Markup, runs: &[&RunDigest]) {
    let head = [("run began", Cell::When), ("half under", Cell::Number), ("95 of 100 under", Cell::Number)];
    let age = |seconds: Option<u64>| seconds.map_or_else(|| UNKNOWN.to_owned(), span);
    let rows =
        runs.iter().rev().take(MOST_RUNS).map(|run| vec![moment(run.started_at), age(run.age_p50), age(run.age_p95)]);
    table(markup, "Each run as a table", &head, rows.collect());
}

/// Every run, the newest first.
pub(super) fn runs(markup: &mut Markup, digest: &Digest) {
    let head = [
        ("began", Cell::When),
        ("took", Cell::Number),
        ("sent", Cell::Number),
        ("in doubt", Cell::Number),
        ("how it went", Cell::Words),
    ];
    let rows = digest
        .runs
        .iter()
        .rev()
        .take(MOST_RUNS)
        .map(|run| vec![moment(run.started_at), took(run), known(run.sent), known(run.unknown), went(run)]);
    let shown = digest.runs.len().min(MOST_RUNS);
    let name = if shown < digest.runs.len() {
        format!("The last {} runs as a table", grouped(shown as u64))
    } else {
        "Each run as a table".to_owned()
    };
    table(markup, &name, &head, rows.collect());
}

/// How a run went, in words.
pub(super) fn went(run: &RunDigest) -> String {
    let meaning = match run.course {
        Course::StoppedEarly | Course::Failed => run.meaning,
        // These words say all of it.
        Course::Done | Course::Attention | Course::Killed | Course::UnderWay => None,
    };
    let why = run.error.as_deref().or(meaning);
    let code = run.exit_code.map(|code| format!(" ({code})")).unwrap_or_default();
    let why = why.map(|why| format!(": {}", super::shortened(why, 200))).unwrap_or_default();
    format!("{} {}{code}{why}", super::runs::mark(run.course), run.course.words()).trim().to_owned()
}

/// How long a run took.
pub(super) fn took(run: &RunDigest) -> String {
    run.seconds().map_or_else(|| UNKNOWN.to_owned(), seconds)
}

/// A length of time, exact where it is short.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 600.0 => format!("{seconds:.1} s"),
        _ => span(super::whole(seconds)),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %b %H:%M").to_string()
}

fn table(markup: &mut Markup, name: &str, head: &[(&str, Cell)], rows: Vec<Vec<String>>) {
    let class = |cell: Cell| match cell {
        Cell::Words => "words",
        Cell::When => "when",
        Cell::Number => "number",
    };
    markup.element("details", &[], |markup| {
        markup.leaf("summary", &[], name);
        markup.element("div", &[("class", "scroll")], |markup| {
            markup.element("table", &[], |markup| {
                markup.element("thead", &[], |markup| {
                    markup.element("tr", &[], |markup| {
                        for (words, cell) in head {
                            markup.leaf("th", &[("scope", "col"), ("class", class(*cell))], words);
                        }
                    });
                });
                markup.element("tbody", &[], |markup| {
                    for row in rows {
                        markup.element("tr", &[], |markup| {
                            for ((_, cell), words) in head.iter().zip(row) {
                                markup.leaf("td", &[("class", class(*cell))], &words);
                            }
                        });
                    }
                });
            });
        });
    });
}
