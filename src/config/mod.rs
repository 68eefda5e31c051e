//! The configuration as meant: every value known and checked before anything is contacted.
//!
//! Only this folder reads the environment. Precedence: flag, environment, file, default.

mod reader;
mod feed;
mod secret;
mod source;
mod meta;
mod people;
mod state;
mod ping;
mod ledger;
mod model;
pub mod schema;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

pub use ledger::{LedgerConfig, load_ledger};
pub use model::load_model;
pub use reader::{Mistake, Overrides, Shown};
use reader::{Reader, did_you_mean};
pub use secret::{Renewable, SecretSource};
pub use source::snowflake_world;
pub use state::StatePlace;

use self::meta::Named;
use crate::deliver::UnknownPolicy;
use crate::deliver::http::GraphSettings;
use crate::event::columns::Origin;
use crate::event::field::Field;
use crate::event::rules::Rules;
use crate::meta::normalize::Settings;
use crate::private::Secret;
use crate::report::ping::Watchdog;
use crate::source::snowflake::{Login, SnowflakeSettings};

/// The configuration as meant.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where rows come from.
    pub source: SourceConfig,
    /// How rows become events.
    pub rules: Rules,
    /// Where events go.
    pub graph: GraphSettings,
    /// The access token, for those who need it.
    pub access_token: Option<Secret>,
    /// Why a secret that Meta needs cannot be had, where that is no mistake.
    pub lacking: Option<Mistake>,
    /// Where another access token may be found, should Meta refuse this one.
    pub token_again: Option<Renewable>,
    /// The app's secret, if requests are to be proven.
    pub app_secret: Option<Secret>,
    /// How many requests run at once.
    pub concurrency: usize,
    /// How many events go into one request.
    pub batch_size: usize,
    /// What to do when nobody knows whether Meta took events.
    pub on_unknown: UnknownPolicy,
    /// Where the ledger is.
    pub state: StatePlace,
    /// What to do when there is no ledger yet.
    pub first_run: FirstRun,
    /// Whom to tell about runs.
    pub watchdog: Option<Watchdog>,
    /// The configuration file.
    pub file: PathBuf,
    /// Every key with its value in force.
    pub shown: Vec<Shown>,
}

impl Config {
    /// The files that a run reads.
    pub fn files(&self) -> Vec<PathBuf> {
        files(Some(&self.source), &self.file)
    }
}

/// The files of a source, and the configuration's.
fn files(source: Option<&SourceConfig>, file: &Path) -> Vec<PathBuf> {
    let source = match source {
        Some(SourceConfig::File { pattern }) => glob::glob(pattern).ok(),
        Some(SourceConfig::Snowflake(_)) | None => None,
    };
    let mut files: Vec<PathBuf> = source.into_iter().flatten().filter_map(Result::ok).collect();
    files.push(file.to_owned());
    files
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum SourceConfig {
    /// A table in Snowflake.
    Snowflake(Box<SnowflakeSettings>),
    /// Files on this machine.
    File {
        /// A path or a glob.
        pattern: String,
    },
}

impl SourceConfig {
    /// Whether the login is one that Snowflake is closing for users that are not people.
    pub fn uses_password(&self) -> bool {
        match self {
            Self::Snowflake(settings) => matches!(settings.connection.login, Login::Password(_)),
            Self::File { .. } => false,
        }
    }

    /// The table or the files, as a person names them.
    pub fn name(&self) -> String {
        match self {
            Self::Snowflake(settings) => settings.table.clone(),
            Self::File { pattern } => pattern.clone(),
        }
    }
}

/// Whether someone chose where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChoice {
    /// The configuration names the path.
    Stated,
    /// Nobody did.
    Default,
}

/// What to do when there is no ledger yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRun {
    /// Send everything that Meta still accepts.
    Window,
    /// Stop: someone expects the ledger to be there.
    Refuse,
}

/// What a command needs of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To send: secrets must be there.
    Send,
    /// To look at everything that sending needs: a secret that is missing is no mistake, but is noted.
    Check,
    /// To read and map rows, but to send nothing.
    Look,
    /// To show the configuration only: no secret is read, and without one a table in Snowflake makes no [`Config`].
    Show,
}

/// What the machine says, handed in.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Names the environment variables that are set.
    pub variables: &'a dyn Fn() -> Vec<String>,
    /// Today, the latest day on which anyone can be born.
    pub today: NaiveDate,
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("today", &self.today).finish_non_exhaustive()
    }
}

/// A flag that overrides a key: section, key, flag, value.
pub type FlagOverride = (&'static str, &'static str, &'static str, String);

/// Finds the configuration file: the one that was named, or the first that is there.
pub fn find_file(named: Option<&Path>, environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(path) = named {
        return Some(path.to_owned());
    }
    let config_home =
        environment("XDG_CONFIG_HOME").or_else(|| environment("HOME").map(|home| format!("{home}/.config")));
    let candidates = [
        Some(PathBuf::from("config.toml")),
        config_home.map(|home| Path::new(&home).join("fbcapi/config.toml")),
        Some(PathBuf::from("/etc/fbcapi/config.toml")),
    ];
    candidates.into_iter().flatten().find(|path| path.exists())
}

/// Reads and checks the configuration in `file`; gives every mistake at once.
pub fn load(file: &Path, flags: &[FlagOverride], purpose: Purpose, machine: Machine<'_>) -> Result<Config, Refused> {
    let (name, text) = read(file)?;
    parse(&name, &text, flags, purpose, machine)
}

/// Reads only how customer data is normalised, whatever else the file says.
pub fn load_normalize(file: &Path, machine: Machine<'_>) -> Result<Settings, Refused> {
    let (name, text) = read(file)?;
    let mut reader = Reader::new(&name, &text, Overrides { environment: machine.environment, flags: &[] });
    let context = Context { file, purpose: Purpose::Show, machine };
    let date_format = reader.section("source").text("date_format").map(|found| found.value);
    let settings = context.normalize(&mut reader, date_format);
    if reader.mistakes.is_empty() {
        Ok(settings)
    } else {
        Err(Refused { mistakes: reader.mistakes, shown: Vec::new() })
    }
}

fn read(file: &Path) -> Result<(String, String), Refused> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let what = format!("cannot be read ({})", secret::plainly(&error));
            let mistakes = vec![Mistake { place: name, key: String::new(), what }];
            Err(Refused { mistakes, shown: Vec::new() })
        }
    }
}

/// A configuration that no run can use: it has mistakes, or was read only to be shown.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Every mistake; none where it was read only to be shown and is right as written.
    pub mistakes: Vec<Mistake>,
    /// The values that could be read.
    pub shown: Vec<Shown>,
}

/// Checks the text of a configuration file.
pub fn parse(
    file: &str,
    text: &str,
    flags: &[FlagOverride],
    purpose: Purpose,
    machine: Machine<'_>,
) -> Result<Config, Refused> {
    let overrides = Overrides { environment: machine.environment, flags };
    let mut reader = Reader::new(file, text, overrides);
    if !reader.mistakes.is_empty() {
        // What a file that cannot be parsed does not say is not missing.
        return Err(Refused { mistakes: reader.mistakes, shown: Vec::new() });
    }
    let asked = RefCell::new(BTreeSet::new());
    let environment = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        (machine.environment)(name)
    };
    reader.overrides.environment = &environment;
    let machine = Machine { environment: &environment, ..machine };
    let context = Context { file: Path::new(file), purpose, machine };
    let source = context.source(&mut reader);
    let meta = context.meta(&mut reader);
    let mut columns = people::columns(&mut reader, source.preset);
    let Named { rules: names, on_unknown } = meta::names(&mut reader);
    if names.is_empty() && !matches!(columns.origin(Field::SourceName), Some(Origin::Column(_))) {
        // A name that nobody asks for is not read.
        columns.unset(Field::SourceName);
    }
    let normalize = context.normalize(&mut reader, source.date_format);
    people::privacy(&mut reader, &mut columns);
    people::hashing(&mut reader, &columns, source.kind, &normalize);
    let dataset_id = meta.as_ref().map(|meta| meta.graph.dataset_id.as_str());
    let state = context.state(&mut reader, dataset_id, source.connection);
    // Only `fbcapi model` uses it; a mistake in it is one all the same.
    drop(model::section(&mut reader));
    let watchdog = context.ping(&mut reader);
    reader.end();
    if purpose != Purpose::Show {
        reader.mistakes.extend(authorities(machine.environment));
    }
    reader.mistakes.extend(unknown_variables(&(machine.variables)(), &asked.borrow(), source.unread));
    reader.mistakes.sort_by_key(Mistake::order);
    let Reader { mistakes, shown, .. } = reader;
    let (true, Some(source_config), Some(meta), Some(state)) = (mistakes.is_empty(), source.config, meta, state) else {
        return Err(Refused { mistakes, shown });
    };
    let rules = Rules {
        columns,
        normalize,
        action_source: meta.action_source,
        unmapped: meta.unmapped,
        names,
        selected_names: Vec::new(),
        since: None,
        until: None,
        zone: source.zone,
    };
    Ok(Config {
        source: source_config,
        rules,
        graph: meta.graph,
        access_token: meta.access_token,
        lacking: meta.lacking,
        token_again: meta.token_again,
        app_secret: meta.app_secret,
        concurrency: meta.concurrency,
        batch_size: meta.batch_size,
        on_unknown: UnknownPolicy { usual: meta.on_unknown, by_name: on_unknown },
        state: state.place,
        first_run: state.first_run,
        watchdog,
        file: PathBuf::from(file),
        shown,
    })
}

/// The variable that names certificates to trust in place of the system's. The HTTP client reads it, and passes over
/// in silence what it cannot read.
/// Source: `rustls-native-certs`, and before it OpenSSL, `SSL_CTX_set_default_verify_paths`.
const AUTHORITIES: &str = "SSL_CERT_FILE";

/// Says what is wrong with the file of certificates to trust, if one is named.
fn authorities(environment: &dyn Fn(&str) -> Option<String>) -> Option<Mistake> {
    let path = environment(AUTHORITIES)?;
    let what = match std::fs::read(&path) {
        Ok(bytes) if bytes.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") => return None,
        Ok(_) => "names a file without a certificate in PEM form".to_owned(),
        Err(error) => format!("names a file that cannot be read ({})", secret::plainly(&error)),
    };
    Some(Mistake { place: format!("${AUTHORITIES}"), key: String::new(), what })
}

/// Variables of this program that nobody asked for: a mistyped name must not be passed over.
fn unknown_variables(set: &[String], asked: &BTreeSet<String>, unread: Option<&str>) -> Vec<Mistake> {
    let flags = crate::cli::variables();
    let is_known = |name: &String| {
        let is_unread = unread.is_some_and(|unread| name.starts_with(unread));
        !name.starts_with("FBCAPI_") || asked.contains(name) || flags.contains(name) || is_unread
    };
    let known = || asked.iter().chain(&flags).map(String::as_str).filter(|name| name.starts_with("FBCAPI_"));
    let unknown = set.iter().filter(|name| !is_known(name)).map(|name| Mistake {
        place: format!("${name}"),
        key: String::new(),
        what: format!("is not a variable that fbcapi reads{}", did_you_mean(name, known(), "$", "")),
    });
    unknown.collect()
}

/// What the sections are read with.
struct Context<'a> {
    file: &'a Path,
    purpose: Purpose,
    machine: Machine<'a>,
}
