//! The charts over runs: how old events were, what was repeated, how long runs took and how they went.
//!
//! Up to forty runs have a column each; of more, those of a day share one.

use super::ages::{self, Age};
use super::canvas::Steps;
use super::columns::{Column, Columns};
use super::markup::Markup;
use super::{as_float, compact, empty, known, lead, tables, verdict};
use crate::report::digest::{Course, DayDigest, Digest, RunDigest};
use crate::report::human::{counted, grouped, span};

/// How many runs have a column each.
const MOST_COLUMNS: usize = 40;

/// The sign of how a run went; what goes well has none.
pub(super) const fn mark(course: Course) -> &'static str {
    match course {
        Course::Done => "",
        Course::Attention => "!",
        Course::StoppedEarly => "‖",
        Course::Failed => "✕",
        Course::Killed => "†",
        Course::UnderWay => "…",
    }
}

const fn colour(course: Course) -> &'static str {
    match course {
        Course::Done => "good",
        Course::Attention => "warn",
        Course::StoppedEarly | Course::UnderWay => "calm",
        Course::Failed => "bad",
        Course::Killed => "odd",
    }
}

/// What stands under the columns of runs: the day where a new one begins.
fn labels(runs: &[&RunDigest]) -> Vec<String> {
    let mut last = None;
    let labels = runs.iter().map(|run| {
        let day = run.started_at.date_naive();
        let is_new = last.replace(day) != Some(day);
        if is_new { day.format("%-d %b").to_string() } else { String::new() }
    });
    labels.collect()
}

/// How old events were when they were sent.
pub(super) fn ages(markup: &mut Markup, digest: &Digest) {
    let runs: Vec<&RunDigest> = digest.runs.iter().filter(|run| age(run).is_some()).collect();
    let known: Vec<(u64, u64)> = runs.iter().filter_map(|run| age(run)).collect();
    if known.is_empty() {
        empty(markup, "No event was sent, so there is no age to tell.");
        return;
    }
    let words = verdict(&known);
    lead(markup, &words);
    let ages: Vec<Age> = if runs.len() <= MOST_COLUMNS {
        runs.iter()
            .zip(labels(&runs))
            .map(|(run, label)| Age {
                label,
                told: told(&run.started_at.format("%F %H:%M").to_string(), age(run)),
                seconds: age(run),
            })
            .collect()
    } else {
        digest.days.iter().map(|day| of_day(day, &runs)).collect()
    };
    ages::write(markup, ("Age of events when they were sent", &words), &ages);
    if runs.len() > MOST_COLUMNS {
        let note = "Each day shows the middle one of its runs (half) and the worst (95 of 100).";
        markup.leaf("p", &[("class", "note")], note);
    }
    tables::ages(markup, &runs);
}

fn age(run: &RunDigest) -> Option<(u64, u64)> {
    run.age_p50.zip(run.age_p95)
}

fn told(when: &str, age: Option<(u64, u64)>) -> String {
    match age {
        Some((half, most)) => format!("{when}: half under {}, 95 of 100 under {}", span(half), span(most)),
        None => format!("{when}: nothing was sent"),
    }
}

/// The middle of the medians of a day's runs, and the worst of the rest.
fn of_day(day: &DayDigest, runs: &[&RunDigest]) -> Age {
    let of_day = runs.iter().filter(|run| run.started_at.date_naive() == day.day);
    let (mut halves, most): (Vec<u64>, Vec<u64>) = of_day.filter_map(|run| age(run)).unzip();
    halves.sort_unstable();
    let half = halves.get(halves.len() / 2).copied();
    let seconds = half.zip(most.into_iter().max());
    Age { label: day.day.format("%-d %b").to_string(), told: told(&day.day.to_string(), seconds), seconds }
}

/// What is in doubt, and what was sent again.
pub(super) fn doubts(markup: &mut Markup, digest: &Digest) {
    let totals = &digest.totals;
    let doubt = match totals.unknown {
        None => "No run tells whether events are in doubt.".to_owned(),
        Some(0) => "After the last run no event was in doubt.".to_owned(),
        Some(events) => format!("After the last run {} in doubt: fbcapi status names them.", was(events, "event")),
    };
    let twice = totals.possible_duplicates.filter(|twice| *twice > 0);
    let twice =
        twice.map(|twice| format!("{} may have arrived twice, because an answer was lost.", counted(twice, "event")));
    let repeated = match (totals.requests, totals.retries) {
        (Some(0), _) => Some("No request was made.".to_owned()),
        (Some(requests), Some(0)) => Some(format!("{} made, none twice.", was(requests, "request"))),
        (Some(requests), Some(retries)) => {
            Some(format!("{} made, {} of them to repeat another.", was(requests, "request"), grouped(retries)))
        }
        (None, _) | (_, None) => None,
    };
    let words: Vec<String> = [Some(doubt), twice, repeated].into_iter().flatten().collect();
    let words = words.join(" ");
    lead(markup, &words);
    if totals.requests.unwrap_or_default() == 0 || digest.days.len() == 1 {
        return;
    }
    let columns = digest.days.iter().map(|day| {
        let first = day.requests.map(|requests| requests.saturating_sub(day.retries.unwrap_or_default()));
        Column {
            label: day.day.format("%-d %b").to_string(),
            told: format!(
                "{}: {} requests, {} repeated, {} events in doubt",
                day.day,
                known(day.requests),
                known(day.retries),
                known(day.unknown)
            ),
            heights: [first, day.retries].map(|number| number.map(as_float)).to_vec(),
            mark: if day.unknown.unwrap_or_default() > 0 { "?" } else { "" },
        }
    });
    let chart = Columns {
        name: "Requests per day",
        description: &words,
        layers: vec![("s0", "first attempts".to_owned()), ("s1", "repeated".to_owned())],
        stacks: columns.collect(),
        steps: Steps::Whole,
        write: compact,
    };
    chart.write(markup);
    if digest.days.iter().any(|day| day.unknown.unwrap_or_default() > 0) {
        markup.leaf("p", &[("class", "note")], "? marks a day after which events were in doubt.");
    }
    tables::requests(markup, digest);
}

fn was(number: u64, thing: &str) -> String {
    format!("{} {}", counted(number, thing), if number == 1 { "was" } else { "were" })
}

/// How long runs took, and how they went.
pub(super) fn runs(markup: &mut Markup, digest: &Digest) {
    let words = format!("{}.", crate::report::digest::text::runs(digest));
    lead(markup, &words);
    if let [run] = digest.runs.as_slice() {
        lead(markup, &format!("It took {}. {}", tables::took(run), super::sentence(&tables::went(run))));
        tables::runs(markup, digest);
        return;
    }
    let courses: Vec<Course> = Course::ALL.into_iter().filter(|course| digest.went(*course) > 0).collect();
    let layers = courses
        .iter()
        .map(|course| (colour(*course), format!("{} {}", mark(*course), course.words()).trim().to_owned()));
    let layers: Vec<(&str, String)> = layers.collect();
    let is_each = digest.runs.len() <= MOST_COLUMNS;
    let columns: Vec<Column> = if is_each {
        let runs: Vec<&RunDigest> = digest.runs.iter().collect();
        runs.iter().zip(labels(&runs)).map(|(run, label)| of_run(run, label, &courses)).collect()
    } else {
        digest.days.iter().map(|day| runs_of_day(day, &courses)).collect()
    };
    let chart = Columns {
        name: if is_each { "How long each run took" } else { "Runs per day, by how they went" },
        description: &words,
        layers,
        stacks: columns,
        steps: if is_each { Steps::Any } else { Steps::Whole },
        write: if is_each { short } else { compact },
    };
    chart.write(markup);
    if !is_each {
        let longest = digest.runs.iter().filter_map(RunDigest::seconds).fold(0.0, f64::max);
        markup.leaf("p", &[("class", "note")], &format!("The longest run took {}.", tables::seconds(longest)));
    }
    tables::runs(markup, digest);
}

/// A length of time at a tick.
fn short(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 7_200.0 => format!("{:.1} h", seconds / 3_600.0),
        _ if seconds >= 180.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{} s", super::markup::decimals(seconds)),
    }
}

fn of_run(run: &RunDigest, label: String, courses: &[Course]) -> Column {
    let height = |course: &Course| (*course == run.course).then(|| run.seconds()).flatten();
    let when = run.started_at.format("%F %H:%M");
    Column {
        label,
        told: format!("{when}: {}, {} sent, took {}", tables::went(run), known(run.sent), tables::took(run)),
        heights: courses.iter().map(height).collect(),
        mark: mark(run.course),
    }
}

fn runs_of_day(day: &DayDigest, courses: &[Course]) -> Column {
    let went = day.courses.iter().map(|(course, runs)| format!("{} {}", grouped(*runs), course.words()));
    let worst = day.courses.keys().rev().find(|course| !matches!(course, Course::UnderWay)).copied();
    Column {
        label: day.day.format("%-d %b").to_string(),
        told: format!("{}: {}", day.day, went.collect::<Vec<_>>().join(", ")),
        heights: courses.iter().map(|course| day.courses.get(course).map(|runs| as_float(*runs))).collect(),
        mark: worst.map_or("", mark),
    }
}
