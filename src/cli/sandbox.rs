//! What was typed after `fbcapi sandbox`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::typed::{parse_locale, parse_secret};
use crate::config::SecretSource;
use crate::sandbox::{FaultRule, Language, Quota};

pub(super) const SANDBOX_EXAMPLES: &str = "\
Examples:
  fbcapi sandbox --record events.jsonl
  fbcapi sandbox --fault 'nth=3:reset-after-read' --fault 'percent=5:503' --seed 7
  fbcapi sandbox --fault 'event=evt-7:refuse' --fault 'name=Purchase,percent=10:lost'
  fbcapi sandbox --quota 100/5m --locale fr
docs/sandbox.md has every fault, and how to change faults while it runs.";

/// How to serve.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes any that is free
    #[arg(long, env = "FBCAPI_PORT", default_value_t = 8090)]
    pub port: u16,
    /// Write every accepted event into a file, one a line
    #[arg(long, env = "FBCAPI_RECORD", value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The one dataset that there is; without it every number is one
    #[arg(long, env = "FBCAPI_DATASET_ID", value_name = "ID")]
    pub dataset_id: Option<String>,
    /// The one good access token, as `env:NAME` or `file:PATH`; without it any token is good
    #[arg(long, env = "FBCAPI_SANDBOX_TOKEN", value_name = "SECRET", value_parser = parse_secret)]
    pub access_token: Option<SecretSource>,
    /// The app's secret, in the same forms; with it each call needs a proof of knowing it
    #[arg(long, env = "FBCAPI_SANDBOX_APP_SECRET", value_name = "SECRET", value_parser = parse_secret)]
    pub app_secret: Option<SecretSource>,
    /// Refuse website events without user agent or page, as Meta's documentation says
    #[arg(long, env = "FBCAPI_STRICT", value_parser = FalseyValueParser::new())]
    pub strict: bool,
    /// Take a value without currency
    #[arg(long, env = "FBCAPI_BARE_VALUES", value_parser = FalseyValueParser::new())]
    pub bare_values: bool,
    /// Name the event that a batch is refused for, which Meta does not
    #[arg(long, env = "FBCAPI_BLAME", value_parser = FalseyValueParser::new())]
    pub blame: bool,
    /// Language in which errors are explained: en, fr or da
    #[arg(long, env = "FBCAPI_LOCALE", default_value = "en", value_name = "CODE", value_parser = parse_locale)]
    pub locale: Language,
    /// Allow so many calls in a time, as Meta's headers tell: 100/5m, or 100/5m/17 with the limit's code
    #[arg(long, env = "FBCAPI_QUOTA", value_name = "QUOTA")]
    pub quota: Option<Quota>,
    /// Take so many milliseconds for each answer
    #[arg(long, env = "FBCAPI_LATENCY", value_name = "MS")]
    pub latency: Option<u64>,
    /// Let something go wrong; may be given several times, or with semicolons
    #[arg(long = "fault", env = "FBCAPI_FAULT", value_name = "RULE", value_delimiter = ';')]
    pub faults: Vec<FaultRule>,
    /// Start of the random choices of faults; the same start gives the same choices
    #[arg(long, env = "FBCAPI_SEED", default_value_t = 1, value_name = "N")]
    pub seed: u64,
}
