//! What a run leaves for the textfile collector of Prometheus' node exporter.
//!
//! Source: `node_exporter`, textfile collector; Prometheus, exposition formats. Every label's value is a word of this
//! program or the digits of a dataset, so none needs escaping.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::Report;

/// What is told of a run.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The dataset.
    pub dataset_id: &'a str,
    /// When the run began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The exit code.
    pub exit_code: u8,
    /// Whether it did what it was asked for.
    pub success: Success,
    /// What it did; none if it never got so far.
    pub report: Option<&'a Report>,
    /// What was found among the rows; none if none could be read.
    pub found: Option<Found>,
}

/// Whether a run did what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// It did.
    Yes,
    /// It did not.
    No,
}

/// What a run found among the rows, which holds until another one finds something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The time of the oldest event that was to be sent and is left.
    pub oldest_left: Option<DateTime<Utc>>,
    /// Events of which nobody knows whether Meta took them.
    pub in_doubt: u64,
}

/// Names of the metrics whose values a later run may keep.
const LAST_RUN: &str = "fbcapi_last_run_timestamp_seconds";
const LAST_SUCCESS: &str = "fbcapi_last_success_timestamp_seconds";
const BACKLOG: &str = "fbcapi_backlog_oldest_seconds";
const IN_DOUBT: &str = "fbcapi_in_doubt";

/// Writes the metrics of a run, given the file that an earlier run wrote, if one did.
pub fn render(facts: &Facts<'_>, earlier: &str) -> String {
    let Facts { dataset_id, started, finished, exit_code, success, report, found } = *facts;
    let old = |name| value(earlier, name, dataset_id);
    let now = finished.timestamp();
    let mut page = Page { text: String::new(), dataset_id };
    page.metric(LAST_RUN, "When the last run ended.", now);
    let last_success = if success == Success::Yes { Some(now) } else { old(LAST_SUCCESS) };
    page.metric(
        LAST_SUCCESS,
        "When the last run ended that did what it was asked for (exit code 0, 3 or 8); 0 if none did.",
        last_success.unwrap_or_default(),
    );
    let seconds = (finished - started).as_seconds_f64().max(0.0);
    page.metric("fbcapi_run_duration_seconds", "How long the last run took.", format_args!("{seconds:.3}"));
    page.metric("fbcapi_exit_code", "The exit code of the last run.", exit_code);
    let counts = report.map(|report| report.counts).unwrap_or_default();
    page.labelled("fbcapi_events", "What became of the rows of the last run.", "outcome", &counts.ends());
    let (backlog, in_doubt) = if let Some(Found { oldest_left, in_doubt }) = found {
        let age = oldest_left.map(|oldest| (finished - oldest).num_seconds().max(0));
        (age.unwrap_or_default(), i64::try_from(in_doubt).unwrap_or(i64::MAX))
    } else {
        // What was left grows older while nobody looks.
        let since = old(LAST_RUN).map_or(0, |at| (now - at).max(0));
        let age = old(BACKLOG).filter(|age| *age > 0).map_or(0, |age| age + since);
        (age, old(IN_DOUBT).unwrap_or_default())
    };
    page.metric(BACKLOG, "Age of the oldest event that was to be sent and is left, or 0.", backlog);
    page.metric(IN_DOUBT, "Events of which nobody knows whether Meta took them.", in_doubt);
    page.metric(
        "fbcapi_possible_duplicates",
        "Events that the last run posted again although an earlier attempt may have been taken.",
        report.map_or(0, |report| report.possible_duplicates),
    );
    let keys: Vec<(&str, f64)> =
        report.iter().flat_map(|report| &report.match_keys).map(|(key, share)| (*key, *share)).collect();
    page.labelled(
        "fbcapi_match_key_ratio",
        "Share of the events that the last run sent which carry a match key.",
        "key",
        &keys,
    );
    page.text
}

/// The value of a dataset's metric in a file that was written before.
fn value(text: &str, name: &str, dataset_id: &str) -> Option<i64> {
    let begin = format!("{name}{{dataset_id=\"{dataset_id}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(begin.as_str())).and_then(|value| value.parse().ok())
}

/// A file on its way.
struct Page<'a> {
    text: String,
    dataset_id: &'a str,
}

impl Page<'_> {
    fn head(&mut self, name: &str, help: &str) {
        // Writing to a string cannot fail.
        write!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge\n").unwrap_or_default();
    }

    fn metric(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help);
        writeln!(self.text, "{name}{{dataset_id=\"{}\"}} {value}", self.dataset_id).unwrap_or_default();
    }

    fn labelled<V: std::fmt::Display>(&mut self, name: &str, help: &str, label: &str, values: &[(&str, V)]) {
        if values.is_empty() {
            return;
        }
        self.head(name, help);
        for (word, value) in values {
            writeln!(self.text, "{name}{{dataset_id=\"{}\",{label}=\"{word}\"}} {value}", self.dataset_id)
                .unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    fn facts(finished: i64, exit_code: u8, success: Success, found: Option<Found>) -> Facts<'static> {
        let (started, finished) = (at(finished) - TimeDelta::milliseconds(1_500), at(finished));
        Facts { dataset_id: "123", started, finished, exit_code, success, report: None, found }
    }

    /// The lines of a file that are no comments and are asked for, without dataset.
    fn lines(text: &str, names: &[&str]) -> Vec<String> {
        let is_asked = |line: &&str| names.iter().any(|name| line.starts_with(&format!("fbcapi_{name}")));
        text.lines().filter(is_asked).map(|line| line.replace("{dataset_id=\"123\"}", "")).collect()
    }

    #[test]
    fn a_run_that_failed_keeps_what_only_a_success_or_the_rows_can_tell() {
        let kept = ["last_success", "backlog", "in_doubt", "run_duration"];
        let found = Found { oldest_left: Some(at(-100)), in_doubt: 7 };
        let first = render(&facts(0, 0, Success::Yes, Some(found)), "");
        let expected = [
            "fbcapi_last_success_timestamp_seconds 1795000000",
            "fbcapi_run_duration_seconds 1.500",
            "fbcapi_backlog_oldest_seconds 100",
            "fbcapi_in_doubt 7",
        ];
        assert_eq!(lines(&first, &kept), expected);
        let second = render(&facts(60, 5, Success::No, None), &first);
        let expected = [
            "fbcapi_last_success_timestamp_seconds 1795000000",
            "fbcapi_run_duration_seconds 1.500",
            "fbcapi_backlog_oldest_seconds 160",
            "fbcapi_in_doubt 7",
        ];
        assert_eq!(lines(&second, &kept), expected);
        let third = render(&facts(90, 3, Success::Yes, Some(Found { oldest_left: None, in_doubt: 0 })), &second);
        assert_eq!(lines(&third, &["last_s", "back", "in"]).concat().matches(" 0").count(), 2);
        assert!(third.contains("fbcapi_last_success_timestamp_seconds{dataset_id=\"123\"} 1795000090\n"));
    }

    #[test]
    fn what_an_earlier_file_says_of_another_dataset_or_in_another_form_is_no_success_of_this_one() {
        for earlier in [
            "",
            "fbcapi_last_success_timestamp_seconds{dataset_id=\"1234\"} 1795000000\n",
            "fbcapi_last_success_timestamp_seconds{dataset_id=\"123\"} soon\n",
            "\u{0}\u{1}\n",
        ] {
            let text = render(&facts(0, 4, Success::No, None), earlier);
            assert_eq!(lines(&text, &["last_success"]), ["fbcapi_last_success_timestamp_seconds 0"], "{earlier:?}");
        }
    }
}
