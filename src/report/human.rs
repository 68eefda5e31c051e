//! The summary of a run, for people: a cron mail whose last lines say how many, what not, why, and what now.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::TimeDelta;

use super::{Report, printable};
use crate::event::Reason;
use crate::meta::event_name::near_miss;
use crate::sync::{Failure, Outcome};

/// Writes the summary of a run.
pub fn summary(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let mut text = String::new();
    if let (Some(failure), 0) = (&outcome.failure, report.counts.selected) {
        // Nothing was met, so there is nothing to count and nothing to warn of.
        return failure_lines(failure);
    }
    heading(&mut text, report);
    counts(&mut text, report);
    let reasons = Reasons::of(report);
    facts(&mut text, outcome, &reasons);
    warnings(&mut text, report);
    if report.counts.selected == 0 && outcome.failure.is_none() {
        line(
            &mut text,
            "! nothing was selected: the table has no such rows in this span, or --event names an event that it has not",
        );
    }
    match outcome.news {
        0 => reasons.as_before(&mut text),
        _ => reasons.remedies(&mut text),
    }
    for hint in &report.hints {
        line(&mut text, &format!("  hint: {hint}"));
    }
    if report.counts.unknown > 0 {
        line(
            &mut text,
            "! nobody knows whether Meta took the events counted as unknown; unless on_unknown is \"hold\", the next run \
             sends them again",
        );
        line(&mut text, "  → fbcapi status names them, fbcapi resolve decides");
    }
    if let Some(failure) = &outcome.failure {
        text.push_str(&failure_lines(failure));
    }
    if outcome.failure.is_none()
        && let Some(batch) = report.batches.iter().rev().find(|batch| batch.outcome == "pending")
    {
        let answer = match (batch.status, batch.code) {
            (None, _) => "there was no connection to Meta".to_owned(),
            (Some(status), None) => format!("the last answer was HTTP {status}"),
            (Some(status), Some(code)) => format!("the last answer was HTTP {status} with code {code}"),
        };
        line(&mut text, &format!("! {} attempts for a batch failed: {answer}", batch.requests));
        let remedy = match batch.status {
            None | Some(500..) => "check the network between this machine and [meta] api_base, then run again",
            Some(_) => "run again later",
        };
        line(&mut text, &format!("  → {remedy}"));
    }
    if report.counts.pending > 0 {
        line(&mut text, &format!("  {}: safe, and left to the next run", counted(report.counts.pending, "event")));
    }
    if (outcome.failure.is_some() || outcome.is_out_of_time) && outcome.unread > 0 {
        line(
            &mut text,
            &format!("  {}: not read yet, and left to the next run", counted(outcome.unread, "further row")),
        );
    }
    if outcome.is_out_of_time {
        line(&mut text, "  stopped at --max-duration; the next run goes on from here");
    }
    if outcome.is_limited {
        line(&mut text, "  stopped at --limit; the next run goes on from here");
    }
    text
}

/// Writes the summary of a dry run.
pub fn dry_run_summary(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let c = &report.counts;
    let mut text = String::new();
    if let (Some(failure), 0) = (&outcome.failure, c.selected) {
        return failure_lines(failure);
    }
    let events = counted(c.pending, "event");
    let would = if outcome.is_cut_off {
        format!("dry run, ended by its reader after about {events}; nothing was sent or recorded")
    } else {
        format!("dry run: {events} would be sent; nothing was sent or recorded")
    };
    line(&mut text, &would);
    let rest = [
        ("already sent", c.already_sent),
        ("rejected", c.rejected),
        ("expired", c.expired),
        ("skipped", c.skipped),
        ("unknown", c.unknown),
        ("deferred", c.deferred),
        ("collapsed", c.collapsed),
    ];
    for (name, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
        row(&mut text, name, &format!("{:>11}", grouped(count)));
    }
    let reasons = Reasons::of(report);
    facts(&mut text, outcome, &reasons);
    warnings(&mut text, report);
    reasons.remedies(&mut text);
    if let Some(failure) = &outcome.failure {
        text.push_str(&failure_lines(failure));
    }
    text
}

/// Says what ended a run or a command, and what to do.
pub fn failure_lines(failure: &Failure) -> String {
    let mut text = String::new();
    line(&mut text, &format!("✗ {failure}{}", codes_of(failure)));
    for cause in causes(failure) {
        line(&mut text, &format!("  because {cause}"));
    }
    for remedy in remedy(failure).lines() {
        line(&mut text, &format!("  → {remedy}"));
    }
    text
}

/// Says in one line what ended a run or would end one.
pub(super) fn what_failed(failure: &Failure) -> String {
    let because = causes(failure).map(|cause| format!(", because {cause}"));
    format!("{failure}{}{}", codes_of(failure), because.collect::<String>())
}

/// What lies behind a failure, the nearest first.
fn causes(failure: &Failure) -> impl Iterator<Item = &dyn std::error::Error> {
    std::iter::successors(std::error::Error::source(failure), |error| error.source())
}

/// What Meta said, in brackets; empty where it said nothing.
fn codes_of(failure: &Failure) -> String {
    match failure {
        Failure::Stopped { codes, .. } => {
            let part = |name: &str, value: Option<i64>| value.map(|value| format!("{name} {value}"));
            let trace = codes.trace.as_ref().map(|trace| format!("trace {trace}"));
            let parts = [part("code", codes.code), part("subcode", codes.subcode), trace];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
        }
        Failure::Source(_)
        | Failure::Column(_)
        | Failure::Ledger(_)
        | Failure::NoState { .. }
        | Failure::StateWouldVanish { .. }
        | Failure::ShardInFile
        | Failure::Graph(_)
        | Failure::Signal(_)
        | Failure::Output(_)
        | Failure::Bug => String::new(),
    }
}

/// What to do about what ended a run, a line for each way.
pub(super) fn remedy(failure: &Failure) -> &str {
    use crate::ledger::LedgerError;
    match failure {
        Failure::Source(error) => error.remedy.as_deref().unwrap_or_default(),
        Failure::Column(_) => "cast the column in the model, or map another one in [columns]",
        Failure::Ledger(error) => match error.as_ref() {
            LedgerError::Locked { .. } => {
                "wait for it to end; a run that was killed leaves no lock behind, in Snowflake one for five minutes at most"
            }
            LedgerError::Unusable { .. } => {
                "keep the file: it says what was sent. Restore a copy (fbcapi state restore), or move it away to begin anew and send the window again"
            }
            LedgerError::Io { .. } => {
                "give the user of this run a writable folder with free space, or set [state] path"
            }
            LedgerError::Remote { source, .. } => source.remedy.as_deref().unwrap_or_default(),
            LedgerError::NoTables { .. } => {
                "run fbcapi state init, or have someone run what fbcapi state init --print-sql prints"
            }
            LedgerError::Unfit { .. } => {
                "use the version of fbcapi that wrote it, or another schema; what was sent stands in its log"
            }
            LedgerError::LeaseLost { .. } => "nothing is lost: the run that holds the lease sends the rest",
            LedgerError::Gone => "please report this",
        },
        Failure::NoState { .. } => "restore the state, or set [state] first_run = \"window\" to begin anew",
        Failure::StateWouldVanish { .. } => {
            "mount a volume and name a file on it as [state] path\nor name a path in the container all the same, if losing it is meant"
        }
        Failure::ShardInFile => "leave --shard out, or set [state] kind = \"snowflake\"",
        Failure::Graph(_) => "correct the value where the configuration takes it from",
        Failure::Stopped { stop, .. } => stop.remedy(),
        Failure::Signal(_) => "run again: what was not settled is found in the state",
        Failure::Output(_) => "",
        Failure::Bug => "please report this with the lines above; nothing was lost, run again",
    }
}

fn heading(text: &mut String, report: &Report) {
    let until = report.window.until.unwrap_or(report.started_at);
    line(
        text,
        &format!(
            "fbcapi sync {}: dataset {}, run {}",
            report.started_at.format("%F %T UTC"),
            report.dataset_id,
            report.run_id
        ),
    );
    row(text, "source", &report.source);
    let form = "%F %T";
    row(text, "events", &format!("{} to {} UTC", report.window.since.format(form), until.format(form)));
}

fn counts(text: &mut String, report: &Report) {
    let c = &report.counts;
    let by_event = |of: fn(&super::Counts) -> u64| {
        let mut parts: Vec<(&str, u64)> =
            report.by_event.iter().map(|(name, counts)| (name.as_str(), of(counts))).filter(|(_, n)| *n > 0).collect();
        parts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let more = parts.len().saturating_sub(6);
        let mut shown: Vec<String> =
            parts.iter().take(6).map(|(name, n)| format!("{} {}", short(name), grouped(*n))).collect();
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        shown.join(", ")
    };
    let lines: [(&str, u64, String); 10] = [
        ("selected", c.selected, String::new()),
        ("sent", c.sent, by_event(|counts| counts.sent)),
        ("already sent", c.already_sent, changed(report)),
        ("rejected", c.rejected, String::new()),
        ("expired", c.expired, by_event(|counts| counts.expired)),
        ("skipped", c.skipped, String::new()),
        ("unknown", c.unknown, String::new()),
        ("deferred", c.deferred, String::new()),
        ("pending", c.pending, String::new()),
        ("collapsed", c.collapsed, String::new()),
    ];
    for (at, (name, count, note)) in lines.iter().enumerate() {
        // What was asked and what was done always stands there; the rest only when there is something to say.
        if at < 2 || *count > 0 {
            let note = if note.is_empty() { String::new() } else { format!("   {note}") };
            row(text, name, &format!("{:>11}{note}", grouped(*count)));
        }
    }
}

fn changed(report: &Report) -> String {
    match report.changed_after_send {
        0 => String::new(),
        changed => format!("{} of them changed since; Meta takes no updates", grouped(changed)),
    }
}

fn facts(text: &mut String, outcome: &Outcome, reasons: &Reasons) {
    let report = &outcome.report;
    if !outcome.absent.is_empty() {
        row(text, "no column", &outcome.absent.join(", "));
    }
    if !reasons.fields.is_empty() {
        row(text, "left out", &listed(&reasons.fields));
    }
    if !reasons.advice.is_empty() {
        row(text, "sent despite", &listed(&reasons.advice));
    }
    if !report.match_keys.is_empty() {
        let mut keys: Vec<(&str, f64)> = report.match_keys.iter().map(|(key, share)| (*key, *share)).collect();
        keys.sort_by(|one, other| other.1.total_cmp(&one.1));
        row(
            text,
            "match keys",
            &keys.iter().map(|(key, share)| format!("{key} {}", percent(*share))).collect::<Vec<_>>().join(", "),
        );
    }
    if let (Some(p50), Some(p95), Some(max)) = (report.age_seconds.p50, report.age_seconds.p95, report.age_seconds.max)
    {
        row(text, "age", &format!("median {}, 95 % under {}, oldest {}", span(p50), span(p95), span(max)));
    }
    if report.requests > 0 {
        let seconds = (report.finished_at - report.started_at).as_seconds_f64().max(0.0);
        let repeated = if report.retries > 0 { format!(", {} repeated", report.retries) } else { String::new() };
        let twice = match report.possible_duplicates {
            0 => String::new(),
            events => format!(", {} may have arrived twice", counted(events, "event")),
        };
        row(text, "requests", &format!("{}{repeated}{twice}, {seconds:.1} s", grouped(report.requests)));
    }
}

/// The reasons of a report, those of rows apart from those of fields.
struct Reasons {
    rows: Vec<(Reason, u64)>,
    fields: Vec<(Reason, u64)>,
    advice: Vec<(Reason, u64)>,
}

impl Reasons {
    fn of(report: &Report) -> Self {
        let by_code: BTreeMap<&str, Reason> = Reason::ALL.into_iter().map(|reason| (reason.code(), reason)).collect();
        let known =
            report.by_reason.iter().filter_map(|(code, n)| by_code.get(code.as_str()).map(|reason| (*reason, *n)));
        let mut all: Vec<(Reason, u64)> = known.collect();
        all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let (rows, sent) = all.into_iter().partition::<Vec<_>, _>(|(reason, _)| reason.stops_row());
        let (advice, fields) = sent.into_iter().partition(|(reason, _)| reason.is_advice());
        Self { rows, fields, advice }
    }

    /// Says why rows were not sent, when an earlier run has told what to do.
    fn as_before(&self, text: &mut String) {
        if !self.rows.is_empty() {
            row(text, "not sent", &listed(&self.rows));
        }
    }

    /// Says why rows were not sent, and what to do.
    fn remedies(&self, text: &mut String) {
        for (reason, n) in &self.rows {
            line(text, &format!("! {} {}", grouped(*n), reason.code()));
            line(text, &format!("  → {}", reason.remedy()));
        }
    }
}

fn listed(reasons: &[(Reason, u64)]) -> String {
    reasons.iter().map(|(reason, n)| format!("{} {}", reason.code(), grouped(*n))).collect::<Vec<_>>().join(", ")
}

fn row(text: &mut String, name: &str, value: &str) {
    line(text, &format!("  {name:<13} {value}"));
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{}", line.trim_end()).unwrap_or_default();
}

/// A number of things, as `1 event` and `2,000 events`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn warnings(text: &mut String, report: &Report) {
    for warning in &report.warnings {
        line(text, &format!("! {warning}"));
    }
}

/// Warns that copies of events differ.
pub fn differing_copies_warning(events: u64) -> String {
    format!(
        "several rows that differ stand for {}; one of each was chosen. Look for a join that fans out",
        counted(events, "event")
    )
}

/// Warns of an event's name that was probably meant to be another.
pub fn near_miss_warning(name: &str) -> Option<String> {
    let meant = near_miss(name)?;
    let name = short(name);
    Some(format!(
        "the event name {name} is not Meta's {meant}, and counts as an event of your own: was it meant? Then write \
         [events] \"{name}\" = \"{meant}\""
    ))
}

/// An answer may have been under way for as long as a request may take, and a little more is no error of the clock.
const MOST_CLOCK_ERROR: TimeDelta = TimeDelta::minutes(2);

/// Says how far this machine's clock is from another's, where that is an error.
pub fn clock_error(ahead: TimeDelta, whose: &str) -> Option<String> {
    let side = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    let minutes = ahead.abs().num_minutes();
    (ahead.abs() > MOST_CLOCK_ERROR).then(|| format!("the clock of this machine is {minutes} min {side} {whose}"))
}

/// Warns that Meta serves the version of the API no longer.
pub const VERSION_WARNING: &str = "Meta warns that this version of the Graph API is retired: raise [meta] api_version";

/// Where to find which version there is.
pub const VERSION_REMEDY: &str =
    "Meta's Graph API changelog lists the versions; leave api_version out for fbcapi's own";

/// Warns of a login that will not work much longer.
pub const PASSWORD_WARNING: &str =
    "the login to Snowflake uses a password, which Snowflake is closing for service users: use a key pair";

/// What to do about such a login. Source: Snowflake, "Key-pair authentication and key-pair rotation".
pub const PASSWORD_REMEDY: &str =
    "make a key (openssl genrsa 2048 | openssl pkcs8 -topk8), ALTER USER … SET RSA_PUBLIC_KEY, set private_key_file";

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span of time in its two largest units.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A share in percent; what is there is never shown as nothing, and what is not all never as all.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "under 1 %".to_owned(),
        percent if percent > 99.0 && percent < 100.0 => "over 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// A name from the table as a summary has room for it.
pub(crate) fn short(name: &str) -> String {
    printable(name).chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans() {
        let check = |number, expected| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
        let check = |seconds, expected| assert_eq!(span(seconds), expected);
        check(0, "0 min");
        check(3_599, "59 min");
        check(3_600, "1 h 0 min");
        check(6 * 86_400 + 82_800, "6 d 23 h");
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_to_all() {
        let check = |share, expected: &str| assert_eq!(percent(share), expected);
        check(0.0, "0 %");
        check(0.0001, "under 1 %");
        check(0.34, "34 %");
        check(0.9999, "over 99 %");
        check(1.0, "100 %");
    }
}
