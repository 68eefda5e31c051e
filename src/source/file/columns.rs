//! Which of the wanted columns the files have, and what to say of those that are missing.

use std::path::Path;

use crate::source::{ColumnRequest, Need, SourceError, Trouble};

/// What a file says of itself before its rows are read.
pub(super) struct Survey {
    /// The names of its columns, in its order.
    pub(super) names: Vec<String>,
    /// Where the names come from.
    pub(super) header: Header,
    /// How many rows it has, when it says so.
    pub(super) rows: Option<u64>,
}

/// How a file told its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// It lists them.
    Listed,
    /// Each row names its own, and all were looked at.
    AllRows,
    /// Each row names its own, and later ones may have more.
    FirstRows,
}

impl Survey {
    /// The place of a column: of its exact name, else of one that differs in case only.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        let exact = self.names.iter().position(|held| held == name);
        exact.or_else(|| self.names.iter().position(|held| is_same(held, name)))
    }
}

/// Whether two column names are the same without regard to case.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

/// Gives the columns to hand over and the names of those that are in no file.
///
/// A required column must be in every file that lists its columns, and in some row of those that do not.
pub(super) fn choose(
    requests: &[ColumnRequest],
    files: &[(&Path, &Survey)],
) -> Result<(Vec<ColumnRequest>, Vec<String>), SourceError> {
    let (mut columns, mut absent, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for request in requests {
        let lacks = |survey: &Survey| survey.place_of(&request.name).is_none();
        let is_nowhere = files.iter().all(|(_, survey)| lacks(survey));
        let may_come = files.iter().any(|(_, survey)| survey.header == Header::FirstRows);
        let lacking = files.iter().find(|(_, survey)| {
            let is_seen = survey.header == Header::Listed || (is_nowhere && !survey.names.is_empty());
            is_seen && lacks(survey)
        });
        match (request.need, lacking) {
            (Need::Required, Some((path, survey))) => missing.push((request.name.as_str(), *path, *survey)),
            (Need::IfPresent, _) if is_nowhere && !may_come => absent.push(request.name.clone()),
            (Need::Required, None) | (Need::IfPresent, _) => columns.push(request.clone()),
        }
    }
    if missing.is_empty() { Ok((columns, absent)) } else { Err(complain(&missing)) }
}

/// Says which columns are missing, where, and what they may be called there.
fn complain(missing: &[(&str, &Path, &Survey)]) -> SourceError {
    let mut phrases = Vec::new();
    let mut is_per_row = false;
    for (name, path, survey) in missing {
        let mut phrase = format!("{name} (in {}", path.display());
        if let Some(near) = nearest(name, &survey.names) {
            phrase.push_str("; there is ");
            phrase.push_str(near);
        }
        phrase.push(')');
        phrases.push(phrase);
        is_per_row |= survey.header != Header::Listed;
    }
    let mut remedy = String::from("correct the names under [columns], or the file");
    if is_per_row {
        remedy.push_str("; a row of an NDJSON file may leave a column out, but not all of its first rows");
    }
    SourceError {
        trouble: Trouble::Configuration,
        what: format!("columns are missing: {}", phrases.join(", ")),
        remedy: Some(remedy),
    }
}

/// The name that is most like a missing one, if any is.
///
/// A CSV file without a header offers the values of its first row as names; only what reads like a name and is nearly
/// the wanted one is shown.
fn nearest<'a>(wanted: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for name in names.iter().filter(|name| name.len() <= 64) {
        let is_name = name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '-' | '.'));
        let distance = distance(&wanted, &name.to_lowercase());
        if is_name && distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many characters must be put in, left out or replaced to make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, from) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (to, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check = |one: &str, other: &str, expected: usize| {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("event_id", "event_id", 0);
        check("event_id", "eventid", 1);
        check("occurred_at", "occured_at", 1);
        check("kitten", "sitting", 3);
        check("é", "e", 1);
    }

    #[test]
    fn only_a_name_that_is_alike_is_offered() {
        let check = |wanted: &str, names: &[&str], expected: Option<&str>| {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            assert_eq!(nearest(wanted, &names), expected, "{wanted} {names:?}");
        };
        check("event_id", &["id", "EventId", "event_ids"], Some("EventId"));
        check("event_id", &["order", "created"], None);
        check("email", &["ema1l", "emal@"], None);
        check("id", &[], None);
    }
}
