//! Which of the wanted columns the files have, and what to say of those that are missing.

use std::path::Path;

use crate::source::nearest::nearest;
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

    /// Whether several columns have a name and none has it better than the others.
    fn is_ambiguous(&self, name: &str) -> bool {
        let exact = self.names.iter().filter(|held| *held == name).count();
        exact > 1 || (exact == 0 && self.names.iter().filter(|held| is_same(held, name)).count() > 1)
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
        if let Some((path, _)) = files.iter().find(|(_, survey)| survey.is_ambiguous(&request.name)) {
            return Err(SourceError {
                trouble: Trouble::Configuration,
                what: format!("several columns of {} are called {}", path.display(), request.name),
                remedy: Some("rename or drop the columns that are not meant, so that one is left".to_owned()),
            });
        }
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
        if let Some(near) = nearest(name, survey.names.iter().map(String::as_str).filter(|name| is_showable(name))) {
            phrase.push_str("; there is ");
            phrase.push_str(near);
        }
        phrase.push(')');
        phrases.push(phrase);
        is_per_row |= survey.header != Header::Listed;
    }
    let mut remedy = String::from(
        "correct the names under [columns], or the file; where [columns] is silent they come from the preset",
    );
    if is_per_row {
        remedy.push_str("; a row of an NDJSON file may leave a column out, but not all of its first rows");
    }
    SourceError {
        trouble: Trouble::Configuration,
        what: format!("columns are missing: {}", phrases.join(", ")),
        remedy: Some(remedy),
    }
}

/// Whether a name may be shown: a CSV file without a header offers the values of its first row as names.
fn is_showable(name: &str) -> bool {
    name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Reading;

    #[test]
    fn a_name_that_several_columns_share_equally_is_refused() {
        let request = ColumnRequest { name: "email".into(), reading: Reading::Text, need: Need::IfPresent };
        let check = |names: &[&str], is_clear| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let survey = Survey { names, header: Header::Listed, rows: None };
            let chosen = choose(std::slice::from_ref(&request), &[(Path::new("a.csv"), &survey)]);
            assert_eq!(chosen.is_ok(), is_clear);
        };
        check(&["email", "EMAIL"], true);
        check(&["phone", "Email"], true);
        check(&["email", "email"], false);
        check(&["Email", "EMAIL"], false);
    }

    #[test]
    fn only_what_reads_like_a_name_is_shown() {
        let check = |held: &str, expected: &str| {
            let survey = Survey { names: vec![held.to_owned()], header: Header::Listed, rows: None };
            let complaint = complain(&[("email", Path::new("a.csv"), &survey)]).what;
            assert_eq!(complaint, format!("columns are missing: email (in a.csv{expected})"), "{held}");
        };
        check("E-Mail", "; there is E-Mail");
        check("ema1l", "");
        check("emal@", "");
        check("phone", "");
    }
}
