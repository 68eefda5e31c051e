//! What is typed after `fbcapi init`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

pub(super) const INIT_EXAMPLES: &str = "\
Examples:
  fbcapi init                      asks, and writes ./config.toml
  fbcapi init --yes --connection prod --table ANALYTICS.MARTS.FACEBOOK_EVENTS \\
      --dataset-id 1234567890 --consent not-needed";

/// What the configuration is to say. What is not given is asked for, where someone sits at a terminal.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Ask nothing: what is missing is an error
    #[arg(long, env = "FBCAPI_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// The connection, by its name in connections.toml
    #[arg(long, env = "FBCAPI_SNOWFLAKE_CONNECTION", value_name = "NAME")]
    pub connection: Option<String>,
    /// The table, as DATABASE.SCHEMA.TABLE
    #[arg(long, env = "FBCAPI_SOURCE_TABLE", value_name = "TABLE")]
    pub table: Option<String>,
    /// The id of Meta's dataset (pixel)
    #[arg(long, env = "FBCAPI_META_DATASET_ID", value_name = "ID")]
    pub dataset_id: Option<String>,
    /// The file with the access token [default: it comes from `FBCAPI_ACCESS_TOKEN`]
    #[arg(long, env = "FBCAPI_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The column that says whether a person consented, or `not-needed`
    #[arg(long, env = "FBCAPI_PRIVACY_CONSENT", value_name = "COLUMN")]
    pub consent: Option<String>,
    /// The country of phone numbers without country code
    #[arg(long, env = "FBCAPI_PHONE_DEFAULT_COUNTRY", value_name = "CODE")]
    pub country: Option<String>,
    /// Write over a configuration that is there
    #[arg(long, env = "FBCAPI_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,
}
