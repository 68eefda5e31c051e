//! What was typed after `fbcapi report`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  fbcapi report --html report.html      a page with charts, for people who do not read logs
  fbcapi report --days 7
  fbcapi report --run last --html run.html";

/// Which runs to report on, and how.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The runs of so many days (UTC), today being one, as far as the state still has them
    #[arg(long, env = "FBCAPI_DAYS", default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// Only this run, as fbcapi status and the summary name it, or `last`
    #[arg(long, env = "FBCAPI_RUN", value_name = "ID", conflicts_with = "days")]
    pub run: Option<String>,
    /// Write a page with charts: one file that loads nothing
    #[arg(long, env = "FBCAPI_HTML", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print the numbers as JSON
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
}
