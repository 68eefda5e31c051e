//! What was typed after `fbcapi state`.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::FalseyValueParser;

use super::typed::{Moment, parse_moment, parse_state_kind};

pub(super) const STATE_EXAMPLES: &str = "\
Examples:
  fbcapi state check
  fbcapi state export > state.jsonl";

/// What to do with the state.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Print where it is
    #[command(after_help = "Example:\n  fbcapi state path")]
    Path {
        /// Print it as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
    /// Read all of it and tell whether it is whole, and how much it holds
    #[command(after_help = "Example:\n  fbcapi state check")]
    Check {
        /// Print it as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
    /// Print all of it as JSON Lines, for another machine or to look at
    #[command(after_help = "Example:\n  fbcapi state export > state.jsonl")]
    Export,
    /// Add what an export holds and this state does not
    #[command(after_help = "Example:\n  fbcapi state import state.jsonl")]
    Import {
        /// The export; `-` reads standard input
        #[arg(default_value = "-", value_name = "FILE")]
        file: PathBuf,
        /// Print what was done as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
    /// Forget events that are too old to be sent again
    #[command(after_help = "Example:\n  fbcapi state prune --before 70d")]
    Prune {
        /// Only events before then: a time or a date (UTC unless it says), or so long ago (10d)
        #[arg(long, env = "FBCAPI_BEFORE", value_name = "TIME", value_parser = parse_moment)]
        before: Moment,
        /// Print what was done as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
    /// Make the tables of a state in Snowflake; those that are there stay as they are
    #[command(
        after_help = "Examples:\n  fbcapi state init\n  fbcapi state init --print-sql    the tables and the grants, for whoever may make them"
    )]
    Init {
        /// Print the SQL with the grants that are enough, and contact nobody
        #[arg(long, env = "FBCAPI_PRINT_SQL", value_parser = FalseyValueParser::new())]
        print_sql: bool,
    },
    /// Carry what a file knows over to Snowflake or back; what is there already stays
    #[command(after_help = "Example:\n  fbcapi state copy --from file --to snowflake")]
    Copy {
        /// Where it comes from: `snowflake`, `file`, or `file:PATH`
        #[arg(long, env = "FBCAPI_FROM", value_name = "STATE", value_parser = parse_state_kind)]
        from: StateKind,
        /// Where it goes to
        #[arg(long, env = "FBCAPI_TO", value_name = "STATE", value_parser = parse_state_kind)]
        to: StateKind,
        /// Print what was done as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
    /// Put a copy in its place, and keep what was there
    #[command(after_help = "Example:\n  fbcapi state restore")]
    Restore {
        /// The copy [default: the newest that is kept beside the state]
        file: Option<PathBuf>,
        /// Print what was done as JSON
        #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
        json: bool,
    },
}

/// A state, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateKind {
    /// The file that is named, or the one that there is by default.
    File(Option<PathBuf>),
    /// The tables that the configuration names.
    Snowflake,
}
