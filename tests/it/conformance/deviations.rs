//! The list of deviations, compared with what deviates.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Outcomes longer than this are told by their beginning and their length.
const LONGEST_OUTCOME: usize = 80;

/// How an outcome is told when nothing is sent.
pub(super) const ABSENT: &str = "(nothing)";

/// Every deviation, by what it is a deviation of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviations {
    /// Of cases of normalising.
    pub(super) value: Vec<Group>,
    /// Of cases of normalising on which the sources contradict each other: whom this program follows.
    pub(super) disagreement: Vec<Group>,
    /// Of keys of events.
    pub(super) event: Vec<Group>,
    /// Of verdicts on answers of the Graph API.
    pub(super) answer: Vec<Group>,
    /// Of phone numbers.
    pub(super) phone: Vec<Group>,
}

/// Cases that deviate for one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// What this program does.
    pub(super) what: String,
    /// Words of the rule that `fbcapi hash` tells of the field.
    pub(super) rule: Option<String>,
    /// The page of Meta's documentation that asks for it, and what it says.
    pub(super) documented: Option<String>,
    /// Why it is right.
    because: String,
    /// Cases of which nothing is sent.
    #[serde(default)]
    absent: String,
    /// A line for each other case, with what is made of it.
    #[serde(default)]
    ours: String,
}

impl Group {
    /// Gives each case of the group and its outcome.
    pub(super) fn cases(&self) -> impl Iterator<Item = (&str, &str)> {
        let absent = self.absent.split_whitespace().map(|case| (case, ABSENT));
        let ours = self.ours.lines().filter(|line| !line.is_empty());
        absent.chain(ours.map(|line| line.split_once(' ').unwrap_or_else(|| panic!("{line:?} tells no outcome"))))
    }
}

impl Deviations {
    /// Reads the list.
    pub(super) fn read() -> Self {
        toml::from_str(include_str!("../vectors/deviations.toml")).unwrap_or_else(|mistake| panic!("{mistake}"))
    }
}

/// What became of a case that deviates.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<String, (String, String)>);

impl Found {
    /// Notes what became of a case, and the case itself for those who must look into it.
    pub(super) fn add(&mut self, case: impl Into<String>, outcome: &str, told: impl Into<String>) {
        self.0.insert(case.into(), (tell(outcome), told.into()));
    }

    /// Says whether a case deviates.
    pub(super) fn has(&self, case: &str) -> bool {
        self.0.contains_key(case)
    }

    /// Compares what deviates with what is listed: each deviation once, with its outcome, and none too many.
    #[track_caller]
    pub(super) fn compare(&self, listed: &[Group]) {
        let mut wrong = String::new();
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for group in listed {
            let is_reasoned = !group.what.is_empty() && group.because.len() > 20;
            assert!(is_reasoned && group.cases().next().is_some(), "{:?} gives no reason or no case", group.what);
            for (case, outcome) in group.cases() {
                assert!(known.insert(case, outcome).is_none(), "{case} is listed twice");
            }
        }
        for (case, (outcome, told)) in &self.0 {
            match known.remove(case.as_str()) {
                None => writeln!(wrong, "{case} deviates and is not listed: {told}; ours: {outcome}"),
                Some(expected) if expected != outcome => {
                    writeln!(wrong, "{case} is listed as {expected}, but ours: {outcome}; {told}")
                }
                Some(_) => Ok(()),
            }
            .expect("a text takes every line");
        }
        for (case, outcome) in known {
            writeln!(wrong, "{case} is listed as {outcome}, but does not deviate").expect("a text takes every line");
        }
        assert!(wrong.is_empty(), "the deviations are not those of tests/it/vectors/deviations.toml:\n{wrong}");
    }
}

/// Shortens an outcome, as the list tells it.
fn tell(outcome: &str) -> String {
    let length = outcome.chars().count();
    if length <= LONGEST_OUTCOME {
        return outcome.to_owned();
    }
    format!("{}… ({length} characters)", outcome.chars().take(20).collect::<String>())
}

/// Reads a file of cases, one in a line.
pub(super) fn cases<Case: DeserializeOwned>(text: &str) -> Vec<Case> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|mistake| panic!("{mistake} in {line}"));
    text.lines().map(read).collect()
}
