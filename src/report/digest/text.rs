//! A digest for the terminal, in 80 columns.

use std::fmt::Write as _;

use super::{Course, DayDigest, Digest, Effect, Scope};
use crate::report::human::{counted, grouped, percent, short, span};
use crate::report::{is_steering, printable};

/// How wide the longest bar is.
const BAR: usize = 36;

/// How many names stand in a line.
const MOST_NAMES: usize = 5;

/// Writes a digest down.
pub fn describe(digest: &Digest) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| writeln!(text, "  {name:<13} {value}").unwrap_or_default();
    row("dataset", &digest.dataset_id);
    if let Some(source) = &digest.source {
        row("source", &printable(source));
    }
    let Some((first, last)) = digest.span() else {
        row("runs", "none is recorded in this span");
        text.push_str("  → fbcapi sync makes one\n");
        return text;
    };
    match &digest.scope {
        Scope::Days(_) => row("span", &format!("{first} to {last} UTC, {}", counted(digest.days.len() as u64, "day"))),
        Scope::Run(run) => row("run", &format!("{run}, {}", digest.runs.first().map_or("", |run| run.course.words()))),
    }
    row("runs", &runs(digest));
    row("sent", &known(digest.totals.sent));
    for (name, sent) in digest.names.iter().take(MOST_NAMES) {
        row("", &format!("{:>11}   {}", grouped(*sent), short(name)));
    }
    if digest.names.len() > MOST_NAMES {
        row("", &format!("{:>11}   and {} more", "", counted((digest.names.len() - MOST_NAMES) as u64, "name")));
    }
    let totals = &digest.totals;
    row("unknown", &format!("{} (after the last run)", known(totals.unknown).trim_start()));
    let requests = known(totals.requests);
    row("requests", &format!("{}, {} repeated", requests.trim_start(), known(totals.retries).trim_start()));
    if let Some(twice) = totals.possible_duplicates.filter(|twice| *twice > 0) {
        row("", &format!("{} may have arrived twice", counted(twice, "event")));
    }
    if !digest.match_keys.is_empty() {
        let keys = digest.match_keys.iter().take(7).map(|key| format!("{} {}", key.key, percent(key.share)));
        row("match keys", &keys.collect::<Vec<_>>().join(", "));
    }
    let median = digest.runs.iter().rev().find_map(|run| run.age_p50.zip(run.age_p95));
    if let Some((p50, p95)) = median {
        row("age", &format!("median {}, 95 % under {} (of the last run that sent)", span(p50), span(p95)));
    }
    if digest.days.len() > 1 {
        text.push_str("\n  day (UTC)     runs        sent\n");
        let most = digest.days.iter().filter_map(|day| day.sent).max().unwrap_or(0);
        for day in &digest.days {
            text.push_str(&day_line(day, most));
        }
    }
    for (effect, heading) in
        [(Effect::NotSent, "not sent"), (Effect::LeftOut, "left out"), (Effect::Advice, "sent despite")]
    {
        let mut reasons = digest.reasons.iter().filter(|reason| reason.effect == effect).peekable();
        if reasons.peek().is_some() {
            writeln!(text, "\n  {heading}:").unwrap_or_default();
        }
        for reason in reasons {
            writeln!(text, "  {} {}", grouped(reason.rows), short(&reason.code)).unwrap_or_default();
            if let Some(remedy) = reason.remedy {
                writeln!(text, "  → {remedy}").unwrap_or_default();
            }
        }
    }
    for hint in &digest.hints {
        writeln!(text, "  hint: {}", hint.chars().filter(|c| !is_steering(*c)).collect::<String>()).unwrap_or_default();
    }
    text
}

/// How many runs there were, and how they went.
pub fn runs(digest: &Digest) -> String {
    let went = Course::ALL.into_iter().map(|course| (digest.went(course), course)).filter(|(runs, _)| *runs > 0);
    let went: Vec<(u64, Course)> = went.collect();
    match went.as_slice() {
        [(1, course)] => format!("1 run, {}", course.words()),
        [(runs, course)] => format!("{} runs, all {}", grouped(*runs), course.words()),
        _ => {
            let went: Vec<String> =
                went.iter().map(|(runs, course)| format!("{} {}", grouped(*runs), course.words())).collect();
            format!("{} runs: {}", grouped(digest.runs.len() as u64), went.join(", "))
        }
    }
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(|| format!("{:>11}", "not known"), |number| format!("{:>11}", grouped(number)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "it is a picture"
)]
fn day_line(day: &DayDigest, most: u64) -> String {
    let length =
        day.sent.filter(|sent| *sent > 0).map_or(0, |sent| (sent as f64 / most as f64 * BAR as f64).ceil() as usize);
    let sent = match (day.runs, day.sent) {
        (0, _) => "no run".to_owned(),
        (_, None) => "not known".to_owned(),
        (_, Some(sent)) => grouped(sent),
    };
    let line = format!("  {} {:>7} {sent:>11}  {}", day.day, day.runs, "█".repeat(length));
    format!("{}\n", line.trim_end())
}
