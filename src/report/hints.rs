//! What would make the next runs better, from the totals of one: at most three lines, each with the key that helps.
//!
//! What is a warning already, or stands with a remedy beside it, is no hint.

use super::Report;
use super::human::{counted, span};
use crate::event::Reason;
use crate::event::rules::FALLBACK_NAME;

/// More than these would not be read.
const MOST_HINTS: usize = 3;

/// A share from which something is worth a line.
const NOTEWORTHY: f64 = 0.2;

/// The keys by which Meta finds most people, each with what feeds it.
/// Source: Conversions API, best practices, "send customer information parameters of high priority".
pub(super) const STRONG_KEYS: [(&str, &str); 4] =
    [("em", "email"), ("ph", "phone"), ("external_id", "external_id"), ("fbc", "fbclid and fbclid_time")];

/// With fewer of them on an average event, most people have a single chance to be found.
const ENOUGH_KEYS: f64 = 2.0;

/// Meta advises to send events within an hour, and warns of those that are older than a day.
/// Source: Conversions API, best practices, "send events in real time".
pub const ADVISED_AGE_SECONDS: u64 = 3_600;

/// From this age on an event is worth less for the delivery of ads. Source: as above.
pub const LATE_AGE_SECONDS: u64 = 86_400;

/// Says what would make the next runs better; nothing of a run that sent nothing.
pub fn hints(report: &Report) -> Vec<String> {
    if report.counts.sent == 0 {
        return Vec::new();
    }
    let all = [phones(report), others(report), age(report), keys(report), duplicates(report)];
    all.into_iter().flatten().take(MOST_HINTS).collect()
}

fn phones(report: &Report) -> Option<String> {
    let lost = report.by_reason.get(Reason::PhoneWithoutCountry.code()).copied().unwrap_or_default();
    let kept = as_float(report.counts.sent) * share(report, "ph");
    let is_worth_it = lost > 0 && as_float(lost) >= NOTEWORTHY * (as_float(lost) + kept);
    is_worth_it.then(|| {
        let numbers = counted(lost, "phone number");
        format!("{numbers} without country code were left out: set [phone] default_country, or map [columns] country")
    })
}

fn others(report: &Report) -> Option<String> {
    let others = report.by_event.get(FALLBACK_NAME).map_or(0, |counts| counts.sent);
    let part = as_float(others) / as_float(report.counts.sent);
    (others > 0 && part >= NOTEWORTHY).then(|| {
        format!(
            "{:.0} % of the events went as {FALLBACK_NAME}, which no campaign optimises for: name them in [events]",
            part * 100.0
        )
    })
}

fn age(report: &Report) -> Option<String> {
    // Where nothing of the window was sent before, this was a first run or a backfill, and its events had to be old.
    if report.counts.already_sent == 0 {
        return None;
    }
    let (half, most) = (report.age_seconds.p50?, report.age_seconds.p95?);
    let old = match (half > ADVISED_AGE_SECONDS, most > LATE_AGE_SECONDS) {
        (true, _) => format!("half of the events were over {} old", span(half.saturating_sub(60))),
        (false, true) => format!("1 in 20 events was over {} old", span(most.saturating_sub(60))),
        (false, false) => return None,
    };
    Some(format!("{old}, and Meta advises to send within an hour: run fbcapi sync more often"))
}

fn keys(report: &Report) -> Option<String> {
    let average: f64 = STRONG_KEYS.iter().map(|(key, _)| share(report, key)).sum();
    if average >= ENOUGH_KEYS {
        return None;
    }
    let rare = STRONG_KEYS.iter().filter(|(key, _)| share(report, key) < 0.5).map(|(_, column)| *column);
    let rare: Vec<&str> = rare.collect();
    Some(format!(
        "an event has {average:.1} of the four strongest match keys on average: fill or map [columns] {}",
        rare.join(", ")
    ))
}

fn duplicates(report: &Report) -> Option<String> {
    let twice = report.possible_duplicates;
    (twice > 0).then(|| {
        let events = counted(twice, "event");
        format!(
            "{events} may have arrived twice after an answer was lost: [meta] on_unknown = \"hold\" lets you decide"
        )
    })
}

fn share(report: &Report, key: &str) -> f64 {
    report.match_keys.get(key).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Ages, Counts};

    /// A run of a hundred events about which there is nothing to say, changed.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Report), expected: &[&str]) {
        let mut report = Report::empty();
        report.counts = Counts { selected: 200, already_sent: 100, sent: 100, ..Counts::default() };
        report.by_event.insert("Purchase".to_owned(), report.counts);
        report.match_keys = [("em", 0.9), ("ph", 0.8), ("external_id", 0.7)].into();
        report.age_seconds = Ages { p50: Some(1_200), p95: Some(3_600), max: Some(7_200) };
        change(&mut report);
        let hints = hints(&report);
        assert_eq!(hints.len(), expected.len(), "{hints:?}");
        for (hint, part) in hints.iter().zip(expected) {
            assert!(hint.contains(part), "{hint:?} does not say {part:?}");
            assert!(!hint.contains('\n') && hint.chars().count() <= 140, "{hint}");
        }
    }

    #[test]
    fn totals_become_hints() {
        let reason = |report: &mut Report, lost| {
            report.by_reason.insert("phone_without_country".to_owned(), lost);
        };
        let ages = |p50, p95| Ages { p50: Some(p50), p95: Some(p95), max: Some(p95) };
        check(|_| {}, &[]);
        check(|report| reason(report, 1), &[]);
        check(
            |report| reason(report, 20),
            &["20 phone numbers without country code were left out: set [phone] default_country"],
        );
        check(|report| report.age_seconds = ages(3_660, 4_000), &["half of the events were over 1 h 0 min old"]);
        check(|report| report.age_seconds = ages(3_600, 86_400), &[]);
        check(|report| report.age_seconds = ages(3_600, 90_060), &["1 in 20 events was over 1 d 1 h old"]);
        check(|report| report.age_seconds = Ages::default(), &[]);
        check(
            |report| report.match_keys = [("em", 1.0)].into(),
            &["1.0 of the four strongest match keys on average: fill or map [columns] phone, external_id, fbclid"],
        );
        check(|report| report.match_keys = [("em", 1.0), ("ph", 0.99)].into(), &["2.0 of"]);
        check(|report| report.match_keys = [("em", 1.0), ("fbc", 1.0)].into(), &[]);
        check(|report| report.possible_duplicates = 1_000, &["1,000 events may have arrived twice"]);
    }

    #[test]
    fn events_of_no_type_are_worth_a_line_when_they_are_many() {
        let others = |sent| {
            move |report: &mut Report| {
                report.by_event.insert(FALLBACK_NAME.to_owned(), Counts { sent, ..Counts::default() });
            }
        };
        check(others(19), &[]);
        check(others(20), &["20 % of the events went as Other"]);
    }

    #[test]
    fn a_first_run_is_not_told_to_run_more_often() {
        let old = Ages { p50: Some(300_000), p95: Some(600_000), max: Some(600_000) };
        check(|report| (report.counts.already_sent, report.age_seconds) = (0, old), &[]);
    }

    #[test]
    fn what_sent_nothing_gets_no_hint_and_nothing_gets_more_than_three() {
        let everything = |report: &mut Report| {
            report.by_reason.insert("phone_without_country".to_owned(), 90);
            report.by_event.insert(FALLBACK_NAME.to_owned(), Counts { sent: 90, ..Counts::default() });
            report.age_seconds = Ages { p50: Some(9_000), p95: Some(9_000), max: Some(9_000) };
            report.match_keys.clear();
            report.possible_duplicates = 4;
        };
        check(everything, &["[phone] default_country", "[events]", "more often"]);
        check(|report| (everything(report), report.counts.sent = 0).1, &[]);
    }
}
