//! What was typed after `fbcapi sync`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::typed::{Moment, parse_count, parse_if_locked, parse_moment, parse_shard, parse_span};
use crate::source::Shard;

pub(super) const SYNC_EXAMPLES: &str = "\
Examples:
  fbcapi sync                      every row of Meta's window that was not sent yet
  fbcapi sync --dry-run | head -1  the payloads, nothing sent and nothing recorded
  fbcapi sync --since 2026-11-20   a backfill
  fbcapi sync --since 36h --event Purchase
  fbcapi sync --if-locked skip --max-duration 50m";

/// Which events.
#[derive(Debug, Args)]
pub struct WhichArgs {
    /// Only events since then: a time or a date (UTC unless it says), or so long ago (36h, 7d)
    #[arg(long, env = "FBCAPI_SINCE", value_name = "TIME", value_parser = parse_moment)]
    pub since: Option<Moment>,
    /// Only events before then, in the same forms
    #[arg(long, env = "FBCAPI_UNTIL", value_name = "TIME", value_parser = parse_moment)]
    pub until: Option<Moment>,
    /// Only events of this name; may be given several times
    #[arg(long = "event", env = "FBCAPI_EVENT", value_name = "NAME", value_delimiter = ',')]
    pub events: Vec<String>,
}

/// How to run.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Which events.
    #[command(flatten)]
    pub which: WhichArgs,
    /// Only a part of the events, as 2/5, while runs elsewhere send the others; needs a state in Snowflake
    #[arg(long, env = "FBCAPI_SHARD", value_name = "K/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,
    /// At most so many events
    #[arg(long, env = "FBCAPI_LIMIT", value_name = "N", value_parser = parse_count)]
    pub limit: Option<u64>,
    /// Print the payloads, one a line; send and record nothing
    #[arg(long, env = "FBCAPI_DRY_RUN", value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Send events again that were sent before, within --since: Meta may count them twice
    #[arg(long, env = "FBCAPI_RESEND", value_parser = FalseyValueParser::new(), requires = "since")]
    pub resend: bool,
    /// Show the events in Meta's test tool; they count all the same
    #[arg(long, env = "FBCAPI_TEST_EVENT_CODE", value_name = "CODE")]
    pub test_event_code: Option<String>,
    /// Requests that run at once [default: 4, or as configured]
    #[arg(long, env = "FBCAPI_CONCURRENCY", value_name = "N")]
    pub concurrency: Option<String>,
    /// Events in one request [default: 1000, or as configured]
    #[arg(long, env = "FBCAPI_BATCH_SIZE", value_name = "N")]
    pub batch_size: Option<String>,
    /// Take nothing new after so long (50m, 2h), settle what is under way, and leave the rest to the next run
    #[arg(long, env = "FBCAPI_MAX_DURATION", value_name = "SPAN", value_parser = parse_span)]
    pub max_duration: Option<Duration>,
    /// What to do while another run is under way: `fail`, `skip`, or wait for it, as in `wait=10m`
    #[arg(long, env = "FBCAPI_IF_LOCKED", default_value = "fail", value_name = "HOW", value_parser = parse_if_locked)]
    pub if_locked: IfLocked,
    /// Write the report as JSON into a file
    #[arg(long, env = "FBCAPI_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write what monitoring asks for into a file of Prometheus' textfile collector
    #[arg(long, env = "FBCAPI_METRICS_FILE", value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Print the report as JSON on standard output, as its last line
    #[arg(long, env = "FBCAPI_JSON", value_parser = FalseyValueParser::new(), conflicts_with = "dry_run")]
    pub json: bool,
}

/// What to do while another run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfLocked {
    /// End with an error.
    Fail,
    /// End, as if there had been nothing to do.
    Skip,
    /// Wait so long for it to end.
    Wait(Duration),
}
