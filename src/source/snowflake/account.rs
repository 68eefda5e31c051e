//! Where an account is and how to log in to it.

use std::path::PathBuf;

use crate::private::Secret;

/// A way into an account, every value checked.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The account as it was given: `organisation-account`, or an older locator with its region.
    pub account: String,
    /// The host that serves it.
    pub host: String,
    /// The port of that host.
    pub port: u16,
    /// How to speak to it.
    pub protocol: Protocol,
    /// The user.
    pub user: String,
    /// The role, unless the user's default is meant.
    pub role: Option<String>,
    /// The warehouse that runs the query, unless the user's default is meant.
    pub warehouse: Option<String>,
    /// The database of a table that is named without one.
    pub database: Option<String>,
    /// The schema of a table that is named without one.
    pub schema: Option<String>,
    /// What proves who the user is.
    pub login: Login,
    /// Where a container that Snowflake runs keeps the token of its service, which goes with every login.
    pub service_token_file: Option<PathBuf>,
}

/// How to speak to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Encrypted, as everywhere in the world.
    Https,
    /// In the clear, for a server on this machine only.
    Http,
}

/// What proves who a user is.
#[derive(Debug, Clone)]
pub enum Login {
    /// A private key whose public half Snowflake knows.
    KeyPair {
        /// The key, PKCS#8 in PEM or base64.
        key: Secret,
        /// What it is encrypted with.
        passphrase: Option<Secret>,
    },
    /// A token that somebody else issued.
    Token {
        /// What kind of token it is.
        kind: TokenKind,
        /// The token.
        token: Secret,
    },
    /// A token in a file, in which it is renewed from time to time: it is read at every login.
    TokenFile {
        /// What kind of token it is.
        kind: TokenKind,
        /// Where it stands.
        path: PathBuf,
    },
    /// A password. Snowflake is closing this way for users that are not people.
    Password(Secret),
}

/// What kind of token a login uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A programmatic access token, made in Snowflake.
    ProgrammaticAccess,
    /// An OAuth access token.
    OAuth,
}

impl Connection {
    /// Gives the account's name as a login wants it: upper case, without region and cloud.
    /// Source: SQL API, "Authenticating to the server"; Python connector, `parse_account`, for `.global`.
    pub(super) fn account_name(&self) -> String {
        let name = match self.account.split_once('.') {
            Some((locator, rest)) if rest.to_ascii_lowercase().starts_with("global") => {
                locator.rsplit_once('-').map_or(locator, |(name, _)| name)
            }
            Some((locator, _)) => locator,
            None => &self.account,
        };
        name.to_uppercase()
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host name means this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Gives the host of an account.
///
/// Source: Snowflake, "Connecting to your accounts": host names take hyphens for underscores, and accounts in the
/// People's Republic of China are served from `snowflakecomputing.cn`.
pub(super) fn host_of(account: &str, region: Option<&str>) -> String {
    let mut name = account.to_ascii_lowercase().replace('_', "-");
    if let (Some(region), false) = (region, name.contains('.')) {
        name = format!("{name}.{}", region.to_ascii_lowercase().replace('_', "-"));
    }
    let is_china = name.split('.').skip(1).any(|part| part.starts_with("cn-"));
    format!("{name}.snowflakecomputing.{}", if is_china { "cn" } else { "com" })
}
