//! What was typed.

mod init;
mod report;
mod sandbox;
mod state;
mod streams;
mod sync;
mod topics;
mod typed;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Arg, ArgGroup, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::report::survey::Ratio;
use init::INIT_EXAMPLES;
pub use init::InitArgs;
use report::REPORT_EXAMPLES;
pub use report::ReportArgs;
use sandbox::SANDBOX_EXAMPLES;
pub use sandbox::SandboxArgs;
use state::STATE_EXAMPLES;
pub use state::{StateCommand, StateKind};
pub use streams::{StreamArgs, wants_json};
use sync::SYNC_EXAMPLES;
pub use sync::{IfLocked, SyncArgs, WhichArgs};
pub use topics::Topic;
pub use typed::Moment;
use typed::{parse_percent, parse_sample};

/// Sends the conversions in a Snowflake table to Meta's Conversions API: once each, hashed, from cron.
#[derive(Debug, Parser)]
#[command(name = "fbcapi", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file [default: ./config.toml and other places: fbcapi help configuration]
    #[arg(long, global = true, env = "FBCAPI_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// How to speak.
    #[command(flatten)]
    pub streams: StreamArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a configuration, after four questions at most
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArgs),
    /// Send every row that was not sent yet
    #[command(after_help = SYNC_EXAMPLES)]
    Sync(Box<SyncArgs>),
    /// Look at everything a run needs, from login to token, and at the rows; nothing is sent
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Tell how it goes: last runs, what is left or in doubt, whether anyone must look
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Tell what the runs of some days came to: on the terminal, or as a page with charts
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Tell everything about one event: when it was sent, or why not
    #[command(after_help = WHY_EXAMPLES)]
    Why(WhyArgs),
    /// List the events that were refused, or have them tried again
    #[command(after_help = REJECTS_EXAMPLES)]
    Rejects(RejectsArgs),
    /// Decide what becomes of events of which nobody knows whether Meta took them
    #[command(after_help = RESOLVE_EXAMPLES)]
    Resolve(ResolveArgs),
    /// Check, copy, carry over or restore the state, which knows what was sent
    #[command(subcommand, after_help = STATE_EXAMPLES)]
    State(StateCommand),
    /// Print the dbt model that makes the table from dbt-nexus, or its tests
    #[command(after_help = MODEL_EXAMPLES)]
    Model(ModelArgs),
    /// Send invented rows to a server on this machine, to see how it works
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Show what becomes of a value: normalised, hashed, and by which rule
    #[command(after_help = HASH_EXAMPLES)]
    Hash(HashArgs),
    /// Serve a Graph API on this machine that refuses what Meta refuses
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox(Box<SandboxArgs>),
    /// Tell what a code means, and what to do about it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Look at the configuration
    #[command(subcommand, after_help = CONFIG_EXAMPLES)]
    Config(ConfigCommand),
    /// Print what a shell needs to complete commands and flags
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// The variables that stand for flags and keys
    #[command(hide = true)]
    Environment,
    /// What the exit codes say
    #[command(hide = true)]
    ExitCodes,
    /// Where the configuration is looked for, and what counts most
    #[command(hide = true)]
    Configuration,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  fbcapi explain                   every code
  fbcapi explain invalid_phone
  fbcapi explain 190/463           a code of Meta's and its subcode
  fbcapi explain exit-7";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  fbcapi completions bash > ~/.local/share/bash-completion/completions/fbcapi
  fbcapi completions zsh > ~/.zfunc/_fbcapi
  fbcapi completions fish > ~/.config/fish/completions/fbcapi.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  fbcapi man ~/.local/share/man/man1 && man fbcapi-sync";

const STATUS_EXAMPLES: &str = "\
Examples:
  fbcapi status || echo 'someone must look'
  fbcapi status --json | jq .attention";

const REJECTS_EXAMPLES: &str = "\
Examples:
  fbcapi rejects --reason refused_by_meta
  fbcapi rejects retry             the next run tries them again";

const DEMO_EXAMPLES: &str = "\
Examples:
  fbcapi demo
  fbcapi demo --rows 100000";

const CONFIG_EXAMPLES: &str = "\
Examples:
  fbcapi config show --sources     every value and where it came from
  fbcapi config schema --report    the shape of the JSON report";

const CHECK_EXAMPLES: &str = "\
Examples:
  fbcapi check                     configuration, Snowflake, table, 10,000 of its rows, state, Meta's token
  fbcapi check --offline           only what is on this machine
  fbcapi check --rows all --since 24h
  fbcapi check --max-invalid 5%    exit code 3 if more than 5 % of the rows cannot be sent";

const WHY_EXAMPLES: &str = "\
Examples:
  fbcapi why order-1047            what became of it; if it was not sent, what the source says of it
  fbcapi why order-1047 --event Purchase --look never";

const RESOLVE_EXAMPLES: &str = "\
Examples (fbcapi status names the runs and batches in doubt; Events Manager may tell what arrived):
  fbcapi resolve 20261123T150901Z-1a2b3c4d --drop      they count as sent and never leave again
  fbcapi resolve 20261123T150901Z-1a2b3c4d/3 --resend  the next run sends them again";

const MODEL_EXAMPLES: &str = "\
Examples:
  fbcapi model > models/facebook_events.sql
  fbcapi model schema > models/facebook_events.yml   tests, and an exposure for fbcapi
  dbt build --select +facebook_events && fbcapi sync
[events], [columns] and [model] of the configuration decide what is printed: docs/model.md.";

const HASH_EXAMPLES: &str = "\
Examples:
  fbcapi hash em 'John_Smith@gmail.com'
  fbcapi hash ph '(650) 555-1212' --country US
  fbcapi hash - < values.jsonl     a line each: {\"field\", \"value\", \"country\"?}";

/// Where a command's help points to.
const EVERYWHERE: &str = "Flags of every command, as --config, -v, -q and --color: fbcapi --help";

/// What to look at.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// How many rows, the first that the source gives, or `all`
    #[arg(long, env = "FBCAPI_CHECK_ROWS", default_value = "10000", value_name = "N", value_parser = parse_sample)]
    pub rows: Sample,
    /// Exit with code 3 if more than this share of rows cannot be sent because of what they hold
    #[arg(long, env = "FBCAPI_MAX_INVALID", value_name = "PERCENT", value_parser = parse_percent)]
    pub max_invalid: Option<Ratio>,
    /// Which events.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Contact neither Snowflake nor Meta: only configuration, files and state are looked at
    #[arg(long, env = "FBCAPI_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,
    /// Print what was found as JSON on standard output; the text goes to standard error
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// How many rows to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// The first so many.
    First(u64),
    /// Every row.
    All,
}

/// How to tell how it goes.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// How many of the last runs to list
    #[arg(long, env = "FBCAPI_RUNS", default_value_t = 5, value_name = "N")]
    pub runs: u32,
    /// Print it as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// Which event to tell about.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The event's id, as in the table
    pub event_id: String,
    /// Its name as it is sent, when it is not one that the state or the configuration knows
    #[arg(long, env = "FBCAPI_EVENT", value_name = "NAME")]
    pub event: Option<String>,
    /// Whether to read its rows from the source, too
    #[arg(long, env = "FBCAPI_LOOK", value_enum, default_value_t = Look::Auto, value_name = "WHEN")]
    pub look: Look,
    /// Print it as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// When to read an event's rows from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Look {
    /// Unless it was sent
    Auto,
    /// In any case
    Always,
    /// In no case: only the state is asked
    Never,
}

/// Which file of the model to print.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// The file
    #[arg(value_enum, default_value_t = ModelFile::Sql, value_name = "FILE")]
    pub file: ModelFile,
}

/// A file of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelFile {
    /// The model itself
    Sql,
    /// The tests of its rows, and the exposure
    Schema,
}

/// What to do with refused events.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RejectsArgs {
    /// What to do with them, if not to list them.
    #[command(subcommand)]
    pub command: Option<RejectsCommand>,
    /// Only those refused for this reason
    #[arg(long, env = "FBCAPI_REASON", value_name = "CODE")]
    pub reason: Option<String>,
    /// Print them as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// What to do with refused events, if not to list them.
#[derive(Debug, Subcommand)]
pub enum RejectsCommand {
    /// Have the next run try events again that Meta refused, although their rows have not changed
    #[command(after_help = "Example:\n  fbcapi rejects retry --reason refused_by_meta")]
    Retry {
        /// Only events with these ids [default: all that Meta refused]
        event_ids: Vec<String>,
        /// Only events refused for this reason
        #[arg(long, env = "FBCAPI_REASON", value_name = "CODE")]
        reason: Option<String>,
        /// Print what was done as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
}

/// What to decide. The decision has no variable: it is typed each time.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("decision").required(true).args(["resend", "drop"])))]
pub struct ResolveArgs {
    /// Runs, or batches as RUN/NUMBER, as fbcapi status names them
    #[arg(required = true, value_name = "RUN|BATCH")]
    pub ids: Vec<String>,
    /// Send the events again: if Meta has them, they may count twice
    #[arg(long)]
    pub resend: bool,
    /// Count the events as sent: if Meta has them not, they are lost
    #[arg(long)]
    pub drop: bool,
    /// Print what was done as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// How to show how it works.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How many rows to invent, good and bad
    #[arg(long, env = "FBCAPI_ROWS", default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rows: u32,
}

/// What to hash.
#[derive(Debug, Args)]
pub struct HashArgs {
    /// The field, by Meta's name or a plain one (em or email, ph or phone, …); `-` reads JSON Lines from standard input
    pub field: String,
    /// The value
    pub value: Option<String>,
    /// The person's country, as a row would say
    #[arg(long, env = "FBCAPI_COUNTRY", value_name = "CODE")]
    pub country: Option<String>,
    /// The form of dates that are not ISO 8601, as %m/%d/%Y
    #[arg(long, env = "FBCAPI_DATE_FORMAT", value_name = "FORMAT")]
    pub date_format: Option<String>,
}

/// Which code to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, as a message or a report has it [default: list them all]
    #[arg(allow_hyphen_values = true)]
    pub code: Option<String>,
    /// Print it as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}

/// What to show of the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every key with its value in force; secrets are masked
    #[command(after_help = "Example:\n  fbcapi config show --sources")]
    Show {
        /// Say where each value came from
        #[arg(long, env = "FBCAPI_SOURCES", value_parser = FalseyValueParser::new())]
        sources: bool,
    },
    /// Print a JSON Schema of config.toml, with which editors check and complete it
    #[command(
        after_help = "Examples:\n  fbcapi config schema > fbcapi.schema.json    and in config.toml: #:schema fbcapi.schema.json\n  fbcapi config schema --report"
    )]
    Schema {
        /// Print that of the JSON report of a run
        #[arg(long, env = "FBCAPI_SCHEMA_REPORT", value_parser = FalseyValueParser::new())]
        report: bool,
    },
}

/// The command line as it is used: with its help topics, and help that opens with an example and fits a screen.
pub fn command() -> clap::Command {
    let command = Topic::ALL.into_iter().fold(Cli::command(), |command, topic| {
        let text = topic.text();
        command.mut_subcommand(topic.name(), |subcommand| subcommand.about(text).help_template("{about}\n"))
    });
    let everywhere: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let command = shaped(command).mut_subcommands(|subcommand| with_hidden(subcommand, &everywhere));
    command.after_help("Topics: fbcapi help environment, fbcapi help exit-codes, fbcapi help configuration")
}

/// Leaves flags that go with every command out of each command's own help, which names where they are.
fn with_hidden(command: clap::Command, flags: &[Arg]) -> clap::Command {
    let hidden = flags.iter().map(|flag| flag.clone().hide(true).hide_env(true));
    let command = if command.is_hide_set() { command } else { command.after_help(EVERYWHERE) };
    command.args(hidden).mut_subcommands(|subcommand| with_hidden(subcommand, flags))
}

/// Puts the examples of a command before its usage, and leaves out the names of variables, which the topic has.
fn shaped(command: clap::Command) -> clap::Command {
    let command = match command.get_after_help().cloned() {
        Some(examples) => command
            .before_help(examples)
            .help_template("{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}"),
        None => command,
    };
    command.mut_args(|arg| arg.hide_env(true)).mut_subcommands(shaped)
}

/// The variables that stand for flags.
pub fn variables() -> Vec<String> {
    let command = Cli::command();
    let config = command.get_subcommands().flat_map(clap::Command::get_subcommands);
    let commands = std::iter::once(&command).chain(command.get_subcommands()).chain(config);
    let names = commands.flat_map(clap::Command::get_arguments).filter_map(|flag| flag.get_env());
    names.filter_map(|name| name.to_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
