//! What a check found, for people: in 80 columns, to be looked at rather than read.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::findings::{EventCounts, FieldFindings, Findings, HashedIn, Leaves};
use crate::event::Reason;
use crate::report::checks::{CheckResult, Line, lines};
use crate::report::human::{counted, grouped, span};
use crate::report::printable;

/// How wide a terminal is at least.
const WIDTH: usize = 80;

/// How wide a bar is.
const BAR: usize = 20;

/// How wide the bar of a field is.
const PICTURE: usize = 10;

/// How wide the name of what is measured is.
const NAME: usize = 24;

/// How many lines a list has at most.
const MOST_LINES: usize = 8;

/// Writes down what a check found.
pub fn describe(findings: &Findings) -> String {
    let mut page = Page::default();
    page.heading(findings);
    page.checks(findings);
    if findings.rows.read > 0 {
        page.rows(findings);
        page.fields(findings);
        page.match_keys(findings);
        page.ages(findings);
        page.names(findings);
        page.leaving(findings);
        page.remedies(findings);
    }
    for warning in &findings.warnings {
        page.item("! ", warning);
    }
    if findings.rows.read > 0 {
        page.verdict(findings);
    }
    page.failures(findings);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        writeln!(self.text, "{}", line.trim_end()).unwrap_or_default();
    }

    fn gap(&mut self) {
        self.line("");
    }

    /// Writes words after a mark, with further lines under the first word.
    fn item(&mut self, mark: &str, words: &str) {
        let indent = mark.chars().count();
        let mut line = mark.to_owned();
        for word in words.split_whitespace() {
            let length = line.chars().count();
            if length > indent && length + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
            }
            if !line.ends_with(' ') {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    fn heading(&mut self, findings: &Findings) {
        let Findings { checked_at, window, source, .. } = findings;
        let form = "%F %T";
        let until = window.until.unwrap_or(*checked_at);
        self.line(&format!("fbcapi check {} UTC: nothing was sent or recorded", checked_at.format(form)));
        self.item("  source        ", source);
        self.line(&format!("  events        {} to {} UTC", window.since.format(form), until.format(form)));
    }

    fn checks(&mut self, findings: &Findings) {
        if findings.checks.is_empty() {
            return;
        }
        self.gap();
        for Line { mark, words } in lines(&findings.checks) {
            self.item(&mark, &words);
        }
    }

    fn rows(&mut self, findings: &Findings) {
        let EventCounts { selected, sendable, rejected, expired, skipped, deferred, collapsed } = findings.counts;
        self.gap();
        self.line("What becomes of them");
        let ends = [
            ("can be sent", sendable),
            ("rejected", rejected),
            ("expired", expired),
            ("skipped", skipped),
            ("deferred", deferred),
            ("collapsed (copies)", collapsed),
        ];
        for (at, (name, rows)) in ends.into_iter().enumerate() {
            if at < 2 || rows > 0 {
                self.measure(name, rows, selected, selected);
            }
        }
    }

    /// Writes a name, a number, its share of a whole, and a bar of which `full` fills all.
    fn measure(&mut self, name: &str, number: u64, whole: u64, full: u64) {
        let (count, share) = (grouped(number), share(number, whole));
        self.line(&format!("  {name:<NAME$} {count:>11} {share:>7}  {}", bar(number, full)));
    }

    fn fields(&mut self, findings: &Findings) {
        let rows = findings.rows.read;
        let widest = |of: fn(&FieldFindings) -> usize, most: usize| {
            findings.fields.iter().map(of).max().unwrap_or_default().min(most)
        };
        let name_width = widest(|field| field.name.chars().count(), 20);
        let column_width = widest(|field| source(field).chars().count(), 22);
        let number_width = grouped(rows).len().max("present".len());
        self.gap();
        self.line(&format!(
            "{:<name_width$}  {:<column_width$}  {:>number_width$} {:>7}  {:>number_width$}",
            "  field", "  from", "present", "", "valid"
        ));
        for field in &findings.fields {
            let (name, column) = (shortened(&field.name, name_width), shortened(&source(field), column_width));
            let (present, valid) = (grouped(field.present), grouped(field.valid));
            let valid = if field.is_absent { "" } else { &valid };
            let present = if field.is_absent { "" } else { &present };
            let share = if field.is_absent { String::new() } else { share(field.present, rows) };
            self.line(&format!(
                "  {name:<name_width$}  {column:<column_width$}  {present:>number_width$} {share:>7}  \
                 {valid:>number_width$}  {}",
                picture(field, rows)
            ));
            for (code, count) in &field.dropped {
                self.line(&format!("  {:>name_width$}  {} {code}", "·", grouped(*count)));
            }
        }
    }

    fn match_keys(&mut self, findings: &Findings) {
        let sendable = findings.counts.sendable;
        let mut keys: Vec<(&str, u64)> =
            findings.match_key_events.iter().map(|(key, events)| (*key, *events)).collect();
        keys.sort_by_key(|(_, events)| Reverse(*events));
        self.gap();
        self.line("Match keys of the events that can be sent");
        for (key, events) in keys {
            self.measure(key, events, sendable, sendable);
        }
        self.gap();
        self.line("Match keys that occur together");
        let rows: u64 = findings.key_sets.iter().map(|set| set.rows).sum();
        for set in findings.key_sets.iter().take(MOST_LINES) {
            let keys = if set.keys.is_empty() { "none".to_owned() } else { set.keys.join(" ") };
            let verdict = if set.is_sufficient { "" } else { " (too few)" };
            self.line(&format!("  {:>11} {:>7}  {keys}{verdict}", grouped(set.rows), share(set.rows, rows)));
        }
        self.more(findings.key_sets.len());
        // A combination that is not enough is worth a line, however rare it is.
        let few = findings.key_sets.iter().skip(MOST_LINES).filter(|set| !set.is_sufficient);
        let few: u64 = few.map(|set| set.rows).sum();
        if few > 0 {
            self.line(&format!("  {:>11} {:>7}  too few, in other combinations", grouped(few), share(few, rows)));
        }
    }

    fn more(&mut self, lines: usize) {
        if lines > MOST_LINES {
            self.line(&format!("  and {} more, which --json lists", lines - MOST_LINES));
        }
    }

    fn ages(&mut self, findings: &Findings) {
        let rows: u64 = findings.ages.iter().map(|band| band.rows).sum();
        let most = findings.ages.iter().map(|band| band.rows).max().unwrap_or_default();
        self.gap();
        self.line("Age of the events");
        for band in &findings.ages {
            self.measure(band.name, band.rows, rows, most);
        }
        if let Some(age) = findings.newest_age_seconds.and_then(|age| u64::try_from(age).ok()) {
            let words = format!("the newest is {} old; Meta advises to send an event within an hour", span(age));
            self.item("  ", &words);
        }
    }

    fn names(&mut self, findings: &Findings) {
        let selected = findings.counts.selected;
        let mut names: Vec<(&String, u64)> =
            findings.by_event.iter().map(|(name, counts)| (name, counts.selected)).collect();
        names.sort_by_key(|(_, rows)| Reverse(*rows));
        self.gap();
        self.line("Event names");
        for (name, rows) in names.iter().take(MOST_LINES) {
            self.measure(&shortened(&printable(name), NAME), *rows, selected, selected);
        }
        self.more(names.len());
    }

    fn leaving(&mut self, findings: &Findings) {
        let present = || findings.fields.iter().filter(|field| !field.is_absent);
        let names = |leaves: Leaves| {
            let fields = present().filter(|field| field.leaves == leaves);
            fields.map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        if let Some(hash_in) = findings.hash_in {
            let there = |is_there: bool| {
                let columns = present().filter(|field| field.column.is_some());
                let fields = columns.filter(|field| (field.hashed_in == Some(HashedIn::Warehouse)) == is_there);
                fields.map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            self.gap();
            self.line("What leaves the warehouse");
            let hashed = match hash_in {
                HashedIn::Warehouse => there(true),
                HashedIn::Client => "nothing; [privacy] hash_in = \"warehouse\" keeps clear values there".to_owned(),
            };
            self.item("  hashed there  ", &hashed);
            self.item("  in the clear  ", &there(false));
        }
        self.gap();
        self.line("What leaves this machine");
        for (title, leaves) in [("  hashed        ", Leaves::Hashed), ("  in the clear  ", Leaves::Clear)] {
            self.item(title, &names(leaves));
        }
        let kept = names(Leaves::Not);
        let others = "columns that no field names are not even read";
        self.item("  not at all    ", &if kept.is_empty() { others.to_owned() } else { format!("{kept}; {others}") });
    }

    /// Says what to do about each reason, those first for which rows are not sent.
    fn remedies(&mut self, findings: &Findings) {
        let mut stopping: Vec<(&str, u64)> = findings.by_reason.iter().map(|(code, rows)| (*code, *rows)).collect();
        stopping.sort_by_key(|(_, rows)| Reverse(*rows));
        let mut lines: Vec<(String, &str)> = Vec::new();
        for (code, rows) in stopping {
            lines.push((format!("{} {code}", counted(rows, "row")), code));
        }
        let told: Vec<&str> = lines.iter().map(|(_, code)| *code).collect();
        for field in &findings.fields {
            let dropped = field.dropped.iter().filter(|(code, _)| !told.contains(code));
            lines.extend(dropped.map(|(code, rows)| (format!("{}: {} {code}", field.name, grouped(*rows)), *code)));
        }
        lines.extend(findings.advice.iter().map(|(code, rows)| (format!("{} {code}", counted(*rows, "event")), *code)));
        if lines.is_empty() {
            return;
        }
        self.gap();
        self.line("What to do");
        for (line, code) in lines {
            self.item("! ", &line);
            if let Some(reason) = Reason::ALL.into_iter().find(|reason| reason.code() == code) {
                self.item("  → ", reason.remedy());
            }
        }
    }

    /// Names what failed, for whoever looks at the last line only.
    fn failures(&mut self, findings: &Findings) {
        let failed = findings.checks.iter().filter(|check| check.result == CheckResult::Failed);
        let names: Vec<&str> = failed.map(|check| check.name).collect();
        if !names.is_empty() {
            self.gap();
            self.item("✗ ", &format!("a run would fail: {}", names.join(", ")));
        }
    }

    fn verdict(&mut self, findings: &Findings) {
        let EventCounts { sendable, rejected, .. } = findings.counts;
        let judged = findings.counts.judged();
        self.gap();
        let (Some(most), Some(invalid)) = (findings.max_invalid_percent, findings.invalid_percent) else {
            let rest = match rejected {
                0 => String::new(),
                _ => format!(", {} rejected ({})", grouped(rejected), share(rejected, judged)),
            };
            return self.item("✓ ", &format!("{} can be sent{rest}", counted(sendable, "event")));
        };
        let (mark, verdict) = if invalid > most { ("✗ ", "more than") } else { ("✓ ", "within") };
        let rejected = format!("{} of {} rejected: {invalid}", grouped(rejected), counted(judged, "row"));
        self.item(mark, &format!("{rejected}, {verdict} --max-invalid {most}"));
    }
}

/// What feeds a field, in words.
fn source(field: &FieldFindings) -> String {
    match &field.column {
        _ if field.is_absent => "no such column".to_owned(),
        Some(column) => printable(column),
        None => "the same for all".to_owned(),
    }
}

/// A text that is cut where it is too long.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A share in percent, in which neither the first nor the last row is rounded away.
fn share(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    match part {
        0 => "–".to_owned(),
        _ if part >= whole => "100 %".to_owned(),
        _ if tenths == 0 => "<0.1 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// How many of so many steps a part of a whole fills: at least one, and all only when it is the whole.
fn steps(part: u64, whole: u64, steps: usize) -> usize {
    if part == 0 || whole == 0 {
        return 0;
    }
    let most = u128::try_from(steps).unwrap_or_default();
    let filled = u128::from(part.min(whole)) * most / u128::from(whole);
    usize::try_from(filled.max(1)).unwrap_or(steps)
}

/// A bar of eighths.
fn bar(part: u64, whole: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = steps(part, whole, BAR * 8);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// A bar of what is valid, what is not, and what is missing.
fn picture(field: &FieldFindings, rows: u64) -> String {
    let invalid = steps(field.present.saturating_sub(field.valid), rows, PICTURE);
    let present = steps(field.present, rows, PICTURE).max(invalid);
    "█".repeat(present - invalid) + &"▒".repeat(invalid) + &"·".repeat(PICTURE - present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_first_nor_the_last_row_is_rounded_away() {
        let check = |part, whole, words: &str, eighths| {
            assert_eq!((share(part, whole).as_str(), steps(part, whole, 160)), (words, eighths), "{part} of {whole}");
        };
        check(0, 10, "–", 0);
        check(0, 0, "–", 0);
        check(1, 1_000_000, "<0.1 %", 1);
        check(1, 3, "33.3 %", 53);
        check(999_999, 1_000_000, "99.9 %", 159);
        check(10, 10, "100 %", 160);
        check(u64::MAX, u64::MAX, "100 %", 160);
        assert_eq!(bar(10, 10).chars().count(), BAR);
        assert_eq!(bar(1, 1_000), "▏");
    }

    #[test]
    fn long_words_are_wrapped_and_cut() {
        let mut page = Page::default();
        page.item("! ", &"twelve chars ".repeat(7));
        assert!(page.text.lines().all(|line| line.chars().count() <= WIDTH), "{}", page.text);
        assert_eq!(page.text.lines().nth(1), Some("  twelve chars"));
        assert_eq!((shortened("ünïcode", 7), shortened("ünïcodes", 7)), ("ünïcode".into(), "ünïcod…".into()));
    }
}
