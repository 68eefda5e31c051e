//! What was looked at before anything is sent: each thing with what was found and, where need be, what to do.

use std::iter::Peekable;
use std::slice;

use serde::Serialize;

use super::human;
use crate::commands::exit::Exit;
use crate::sync::Failure;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; occurs once among the checks of a command.
    pub name: &'static str,
    /// What it is like.
    pub result: CheckResult,
    /// What was found, in lower case without full stop.
    pub what: String,
    /// What to do about it, a line for each way.
    pub remedy: Option<String>,
    /// The exit code that it calls for.
    #[serde(skip)]
    exit: Exit,
}

/// What a thing that was looked at is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// A run can work with it.
    Ok,
    /// A run works with it, but someone should know.
    Warning,
    /// A run fails because of it.
    Failed,
    /// Nobody knows, because of something else.
    NotChecked,
}

impl CheckResult {
    /// The mark in front of a line.
    const fn mark(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Failed => '✗',
            Self::NotChecked => '–',
        }
    }
}

impl Check {
    /// Says that all is well.
    pub fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, result: CheckResult::Ok, what: what.into(), remedy: None, exit: Exit::Done }
    }

    /// Says what someone should know.
    pub fn warning(name: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { name, result: CheckResult::Warning, what: what.into(), remedy, exit: Exit::Done }
    }

    /// Says what a run fails of, and with which exit code.
    pub fn failed(name: &'static str, what: impl Into<String>, remedy: impl Into<String>, exit: Exit) -> Self {
        let remedy = Some(remedy.into()).filter(|remedy| !remedy.is_empty());
        Self { name, result: CheckResult::Failed, what: what.into(), remedy, exit }
    }

    /// Says what would end a run.
    pub fn of_failure(name: &'static str, failure: &Failure) -> Self {
        Self::failed(name, human::what_failed(failure), human::remedy(failure), Exit::of_failure(failure))
    }

    /// The same, after something that went well.
    #[must_use]
    pub fn after(self, well: &str) -> Self {
        Self { what: format!("{well}, then: {}", self.what), ..self }
    }

    /// Says why it was not looked at.
    pub fn not_checked(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, result: CheckResult::NotChecked, what: why.into(), remedy: None, exit: Exit::Done }
    }

    /// The exit code that it calls for.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// The exit code that several checks call for: the one that needs someone soonest.
pub fn worst(checks: &[Check]) -> Exit {
    let rank = |exit: Exit| Exit::GRAVEST.iter().position(|known| *known == exit).unwrap_or(usize::MAX);
    checks.iter().map(Check::exit).min_by_key(|exit| rank(*exit)).unwrap_or(Exit::Done)
}

/// A line about a check: what stands in front of it, and its words.
pub(super) struct Line {
    pub(super) mark: String,
    pub(super) words: String,
}

/// How wide the name of a check is.
const NAME: usize = 13;

/// Makes the lines of checks. What was not looked at for one reason is told in one line.
pub(super) fn lines(checks: &[Check]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = checks.iter().peekable();
    while let Some(Check { name, result, what, remedy, exit: _ }) = rest.next() {
        let mark = result.mark();
        if *result == CheckResult::NotChecked {
            let names: Vec<&str> = [*name].into_iter().chain(same_reason(what, &mut rest)).collect();
            let (name, others) = (format!("{mark} {:NAME$} ", names[0]), names[1..].join(", "));
            let others = if others.is_empty() { String::new() } else { format!("; nor {others}") };
            lines.push(Line { mark: name, words: format!("not checked: {what}{others}") });
            continue;
        }
        lines.push(Line { mark: format!("{mark} {name:NAME$} "), words: what.clone() });
        for remedy in remedy.iter().flat_map(|remedy| remedy.lines()) {
            lines.push(Line { mark: "  → ".to_owned(), words: remedy.to_owned() });
        }
    }
    lines
}

/// Takes the checks that follow and were not made for the same reason.
fn same_reason(why: &str, rest: &mut Peekable<slice::Iter<'_, Check>>) -> Vec<&'static str> {
    let mut names = Vec::new();
    let is_same = |check: &&Check| check.result == CheckResult::NotChecked && check.what == why;
    while let Some(check) = rest.next_if(is_same) {
        names.push(check.name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(checks: &[Check]) -> String {
        let lines: Vec<String> =
            lines(checks).into_iter().map(|Line { mark, words }| format!("{mark}{words}\n")).collect();
        lines.concat()
    }

    #[test]
    fn each_check_has_its_mark_and_its_remedy() {
        let checks = [
            Check::ok("login", "FBCAPI_SVC, role READER"),
            Check::warning("times", "OCCURRED_AT has no zone", "cast it"),
            Check::not_checked("keys", "no warehouse"),
            Check::not_checked("rows", "no warehouse"),
            Check::not_checked("meta", "--offline"),
            Check::failed("state", "it is gone", "one way\nor another", Exit::State),
            Check::failed("clock", "it is wrong", "", Exit::Bug),
        ];
        let expected = "\
✓ login         FBCAPI_SVC, role READER
! times         OCCURRED_AT has no zone
  → cast it
– keys          not checked: no warehouse; nor rows
– meta          not checked: --offline
✗ state         it is gone
  → one way
  → or another
✗ clock         it is wrong
";
        assert_eq!(told(&checks), expected);
    }

    #[test]
    fn the_exit_code_is_that_of_the_gravest() {
        let check = |exits: &[Exit], expected: Exit| {
            let failed = exits.iter().map(|exit| Check::failed("login", "", "", *exit));
            let checks: Vec<Check> = failed.chain([Check::ok("table", ""), Check::warning("rows", "", "")]).collect();
            assert_eq!(worst(&checks), expected, "{exits:?}");
        };
        check(&[], Exit::Done);
        check(&[Exit::Temporary], Exit::Temporary);
        check(&[Exit::Temporary, Exit::Permission, Exit::State], Exit::Permission);
        check(&[Exit::State, Exit::Configuration], Exit::Configuration);
        check(&[Exit::State, Exit::Temporary], Exit::State);
        check(&[Exit::Other, Exit::Bug, Exit::Permission], Exit::Bug);
    }

    #[test]
    fn programs_read_stable_words() {
        let json = serde_json::to_value([Check::not_checked("meta", "--offline")]).unwrap();
        let expected = r#"[{"name":"meta","remedy":null,"result":"not_checked","what":"--offline"}]"#;
        assert_eq!(json, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }
}
