//! `[state]`: where the ledger is.

use std::path::{Path, PathBuf};

use super::reader::Reader;
use super::secret::expand_home;
use super::{Context, FirstRun, StateChoice};

/// What `[state]` says.
pub(super) struct StateSection {
    pub(super) path: PathBuf,
    pub(super) choice: StateChoice,
    pub(super) first_run: FirstRun,
}

impl Context<'_> {
    /// Reads the section; `None` after a mistake.
    pub(super) fn state(&self, reader: &mut Reader<'_>, dataset_id: Option<&str>) -> Option<StateSection> {
        let mut section = reader.section("state");
        section.choice("kind", &[("file", ())], "file");
        let path = section.text("path").map(|found| expand_home(&found.value, self.machine.environment));
        let first_runs = [("window", FirstRun::Window), ("refuse", FirstRun::Refuse)];
        let first_run = section.choice("first_run", &first_runs, "window");
        let default_path = dataset_id.map(|id| default_state(id, self.machine.environment));
        if let (None, Some(path)) = (&path, &default_path) {
            let home = (self.machine.environment)("HOME");
            let short = home.and_then(|home| Some(format!("~/{}", path.strip_prefix(home).ok()?.display())));
            section.show_default("path", &short.unwrap_or_else(|| path.display().to_string()));
        }
        section.end();
        let (path, choice) = match path {
            Some(path) => (PathBuf::from(path), StateChoice::Stated),
            None => (default_path?, StateChoice::Default),
        };
        Some(StateSection { path, choice, first_run: first_run? })
    }
}

/// `$XDG_STATE_HOME/fbcapi/<dataset id>.db`.
fn default_state(dataset_id: &str, environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let home = environment("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| environment("HOME").map(|home| Path::new(&home).join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from("/var/lib")).join("fbcapi").join(format!("{dataset_id}.db"))
}
