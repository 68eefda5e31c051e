//! `[state]`: where the ledger is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::reader::Reader;
use super::secret::expand_home;
use super::{Context, FirstRun, StateChoice};
use crate::crash;
use crate::ledger::snowflake::{Schema, Warehouse};
use crate::source::snowflake::Connection;

/// Where the ledger is.
#[derive(Debug, Clone)]
pub enum StatePlace {
    /// In a file on this machine.
    File {
        /// Which.
        path: PathBuf,
        /// Whether someone chose it.
        choice: StateChoice,
    },
    /// In tables of a schema in Snowflake.
    Snowflake(Box<Warehouse>),
}

impl StatePlace {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, choice: _ } => Some(path),
            Self::Snowflake(_) => None,
        }
    }
}

impl fmt::Display for StatePlace {
    /// Writes the path or the schema.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, choice: _ } => write!(f, "{}", path.display()),
            Self::Snowflake(warehouse) => f.write_str(&warehouse.schema.name()),
        }
    }
}

/// What `[state]` says.
pub(super) struct StateSection {
    pub(super) place: StatePlace,
    pub(super) first_run: FirstRun,
}

/// The kinds of places.
#[derive(Clone, Copy)]
enum Kind {
    File,
    Snowflake,
}

impl Context<'_> {
    /// Reads the section; `None` after a mistake, and where there is no connection to a state in Snowflake.
    pub(super) fn state(
        &self,
        reader: &mut Reader<'_>,
        dataset_id: Option<&str>,
        connection: Option<Connection>,
    ) -> Option<StateSection> {
        let mut section = reader.section("state");
        let kind = section.choice("kind", &[("file", Kind::File), ("snowflake", Kind::Snowflake)], "file");
        let path = section.text("path");
        let schema = section.text("schema");
        let first_runs = [("window", FirstRun::Window), ("refuse", FirstRun::Refuse)];
        let first_run = section.choice("first_run", &first_runs, "window");
        match (kind, &path, &schema) {
            (Some(Kind::File), _, Some(found)) => {
                section.mistake(&found.place, "schema", "belongs to kind = \"snowflake\"; a file has a path");
            }
            (Some(Kind::Snowflake), Some(found), _) => {
                section.mistake(
                    &found.place,
                    "path",
                    "belongs to kind = \"file\"; in Snowflake the state has a schema",
                );
            }
            (Some(Kind::Snowflake), None, None) => {
                section.missing("schema", "name it as DATABASE.SCHEMA, where fbcapi state init makes its tables");
            }
            (Some(Kind::File | Kind::Snowflake) | None, _, _) => {}
        }
        let place = match kind? {
            Kind::File => {
                let default = dataset_id.map(|id| default_state(id, self.machine.environment));
                if let (None, Some(path)) = (&path, &default) {
                    let home = (self.machine.environment)("HOME");
                    let short = home.and_then(|home| Some(format!("~/{}", path.strip_prefix(home).ok()?.display())));
                    section.show_default("path", &short.unwrap_or_else(|| path.display().to_string()));
                }
                let stated = path.map(|found| PathBuf::from(expand_home(&found.value, self.machine.environment)));
                match (stated, default) {
                    (Some(path), _) => Some(StatePlace::File { path, choice: StateChoice::Stated }),
                    (None, Some(path)) => Some(StatePlace::File { path, choice: StateChoice::Default }),
                    (None, None) => None,
                }
            }
            Kind::Snowflake => {
                let parsed = schema.and_then(|found| match Schema::parse(&found.value) {
                    Ok(schema) => Some(schema),
                    Err(why) => {
                        section.mistake(&found.place, "schema", &format!("{why}: write it as DATABASE.SCHEMA"));
                        None
                    }
                });
                let there = connection.zip(parsed);
                there.map(|(connection, schema)| {
                    StatePlace::Snowflake(Box::new(Warehouse { connection, schema, terms: crash::terms() }))
                })
            }
        };
        section.end();
        Some(StateSection { place: place?, first_run: first_run? })
    }
}

/// `$XDG_STATE_HOME/fbcapi/<dataset id>.db`.
pub(super) fn default_state(dataset_id: &str, environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let home = environment("XDG_STATE_HOME").map(PathBuf::from);
    let home = home.or_else(|| environment("HOME").map(|home| Path::new(&home).join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from("/var/lib")).join("fbcapi").join(format!("{dataset_id}.db"))
}
