//! What was typed about the two streams: it goes with every command.

use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args};

use crate::report::manner::{Asked, Color, LogFormat, Loudness};

/// How to speak on standard error.
#[derive(Debug, Clone, Args)]
pub struct StreamArgs {
    /// Tell each step on standard error; -vv tells every detail
    #[arg(short, long, global = true, env = "FBCAPI_VERBOSE", action = ArgAction::Count)]
    pub verbose: u8,
    /// Tell only what needs someone; nothing when all is well
    #[arg(short, long, global = true, env = "FBCAPI_QUIET", value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// Form of standard error: text, or one JSON object a line
    #[arg(
        long,
        global = true,
        env = "FBCAPI_LOG_FORMAT",
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        value_enum
    )]
    pub log_format: LogFormat,
    /// When to use colours: auto, always or never
    #[arg(
        long,
        global = true,
        env = "FBCAPI_COLOR",
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        value_enum
    )]
    pub color: Color,
}

impl StreamArgs {
    /// What is asked for, given where it was typed: a flag counts more than a variable, and where both are flags or
    /// both are variables, `--verbose` counts more than `--quiet`.
    pub fn asked(&self, typed: &ArgMatches) -> Asked {
        let is_typed = |name| typed.value_source(name) == Some(ValueSource::CommandLine);
        let loudness = match self.verbose {
            1.. if self.quiet && is_typed("quiet") && !is_typed("verbose") => Loudness::Quiet,
            0 if self.quiet => Loudness::Quiet,
            0 => Loudness::Usual,
            1 => Loudness::Verbose,
            2.. => Loudness::VeryVerbose,
        };
        Asked { loudness, form: self.log_format, color: self.color }
    }
}

/// Whether a command line that cannot be understood asks for JSON all the same.
pub fn wants_json(
    words: impl Iterator<Item = std::ffi::OsString>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> bool {
    let words: Vec<String> = words.filter_map(|word| word.into_string().ok()).collect();
    let flag = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--log-format")? {
        "" => words.get(at + 1).cloned(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    });
    flag.or_else(|| environment("FBCAPI_LOG_FORMAT")).is_some_and(|form| form == "json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, command};
    use clap::FromArgMatches as _;

    #[test]
    fn how_loud_it_is_may_be_typed_anywhere() {
        let check = |words: &str, expected| {
            let matches = command().try_get_matches_from(words.split(' ')).unwrap();
            let cli = Cli::from_arg_matches(&matches).unwrap();
            assert_eq!(cli.streams.asked(&matches).loudness, expected, "{words}");
        };
        check("fbcapi sync", Loudness::Usual);
        check("fbcapi sync -v", Loudness::Verbose);
        check("fbcapi -v sync", Loudness::Verbose);
        check("fbcapi sync -vv", Loudness::VeryVerbose);
        check("fbcapi state check -vvv", Loudness::VeryVerbose);
        check("fbcapi sync --quiet", Loudness::Quiet);
        check("fbcapi sync -q -v", Loudness::Verbose);
        check("fbcapi -q sync -vv", Loudness::VeryVerbose);
    }
}
