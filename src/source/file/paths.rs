//! Which files a path or a glob pattern means.

use std::path::{Path, PathBuf};

use glob::MatchOptions;

use crate::source::{SourceError, Trouble};

/// Gives the files that a pattern means, sorted by name. A path that is there is meant as it is; a pattern means
/// hidden files only if it says so, as in a shell.
pub(super) fn expand(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    if Path::new(pattern).is_file() {
        return Ok(vec![pattern.into()]);
    }
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let matches = glob::glob_with(pattern, options).map_err(|error| SourceError {
        trouble: Trouble::Configuration,
        what: format!("the path {pattern} is no valid pattern: {} (character {})", error.msg, error.pos + 1),
        remedy: None,
    })?;
    let mut files = Vec::new();
    for path in matches {
        let path = path.map_err(|error| super::unreachable(error.path(), error.error()))?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(SourceError {
            trouble: Trouble::Configuration,
            what: format!("no file matches {pattern} in the folder {}", folder_of(pattern).display()),
            remedy: Some("correct the path; a relative one starts from where the command is run".into()),
        });
    }
    files.sort();
    Ok(files)
}

/// The deepest folder of a pattern that is there, in full.
fn folder_of(pattern: &str) -> PathBuf {
    let folders = Path::new(pattern).ancestors().skip(1);
    for folder in folders {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let (true, Ok(full)) = (folder.is_dir(), folder.canonicalize()) {
            return full;
        }
    }
    PathBuf::from("/")
}
