//! Help that belongs to no command: `fbcapi help environment`, `exit-codes` and `configuration`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::Cli;
use crate::commands::exit::Exit;

/// A topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The variables that are read.
    Environment,
    /// What the exit codes say.
    ExitCodes,
    /// Where the configuration is, and what counts most.
    Configuration,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 3] = [Self::Environment, Self::ExitCodes, Self::Configuration];

    /// The name by which it is asked for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::ExitCodes => "exit-codes",
            Self::Configuration => "configuration",
        }
    }

    /// What it says.
    pub fn text(self) -> String {
        match self {
            Self::Environment => environment(),
            Self::ExitCodes => exit_codes(),
            Self::Configuration => CONFIGURATION.to_owned(),
        }
    }
}

const CONFIGURATION: &str = "\
Where the configuration is looked for; the first that is there is read, and no other:
  --config FILE, or FBCAPI_CONFIG
  ./config.toml
  $XDG_CONFIG_HOME/fbcapi/config.toml, or ~/.config/fbcapi/config.toml
  /etc/fbcapi/config.toml

What counts most comes first: a flag, a variable, the file, the default. fbcapi config show --sources tells where \
each value came from, with secrets masked.

A secret is never a flag. It is { env = \"NAME\" }, { file = \"PATH\" }, { command = [\"PROGRAM\", \"ARGUMENT\"] }, or \
text in a file that only its owner can read.

The connection to Snowflake is put together from [snowflake], then SNOWFLAKE_CONNECTIONS_<NAME>_<KEY>, then the \
connection that is named in connections.toml (in $SNOWFLAKE_HOME, ~/.snowflake or ~/.config/snowflake), then \
SNOWFLAKE_<KEY>.

config.example.toml has every key with its default.";

const ENVIRONMENT: &str = "
Every key of the configuration has a variable, too: FBCAPI_, its section and its name, as FBCAPI_META_DATASET_ID \
for dataset_id in [meta]. FBCAPI_ACCESS_TOKEN holds Meta's access token where the file names no other place.

Of Snowflake's own variables, SNOWFLAKE_HOME, SNOWFLAKE_DEFAULT_CONNECTION_NAME, SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER \
and the other keys of a connection are read, and SNOWFLAKE_CONNECTIONS_<NAME>_<KEY>.

HOME, XDG_CONFIG_HOME and XDG_STATE_HOME say where files are; HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name \
proxies; NO_COLOR, CLICOLOR_FORCE, CLICOLOR and TERM decide about colour, LC_ALL, LC_CTYPE and LANG about marks, and \
RUST_LOG asks for more of what fbcapi itself logs.";

/// Lists each variable of a flag with the commands that have the flag.
fn environment() -> String {
    let mut flags: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    gather(&Cli::command(), "", &mut flags);
    let width = flags.keys().map(String::len).max().unwrap_or_default();
    let mut text = String::from("A variable stands for a flag; the flag counts more:\n");
    for (name, (flag, commands)) in flags {
        let commands = commands.join(", ");
        let of = if commands.is_empty() { "every command" } else { &commands };
        writeln!(text, "  {name:<width$}  --{flag} of {of}").unwrap_or_default();
    }
    text.push_str(ENVIRONMENT);
    text
}

fn gather(command: &clap::Command, path: &str, flags: &mut BTreeMap<String, (String, Vec<String>)>) {
    for flag in command.get_arguments() {
        if let (Some(name), Some(long)) = (flag.get_env().and_then(|name| name.to_str()), flag.get_long()) {
            let (_, commands) = flags.entry(name.to_owned()).or_insert_with(|| (long.to_owned(), Vec::new()));
            if !path.is_empty() {
                commands.push(path.to_owned());
            }
        }
    }
    for subcommand in command.get_subcommands() {
        let path = format!("{path} {}", subcommand.get_name());
        gather(subcommand, path.trim_start(), flags);
    }
}

fn exit_codes() -> String {
    let mut text = String::from("A code that does not stand here is a failure, too.\n");
    for (exit, meaning) in Exit::TABLE {
        writeln!(text, "  {:>3}  {meaning}", exit.code()).unwrap_or_default();
    }
    text.push_str("fbcapi explain exit-7 tells more about one.");
    text
}
