//! Puts a connection together from everything that Snowflake's own tools read, and reports every mistake at once.
//!
//! What counts most comes first: the keys in this program's configuration, `SNOWFLAKE_CONNECTIONS_<NAME>_<KEY>`, the
//! named connection in `connections.toml` or `config.toml`, `SNOWFLAKE_<KEY>`.
//! Source: Snowflake CLI, "Managing connections", "How Snowflake CLI chooses a configuration".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::account::{Connection, Login, Protocol, TokenKind, host_of, is_loopback};
use super::connections_file::{World, read_named};
use super::identifier::parse_path;
use crate::private::Secret;

/// Something in a connection that must be mended before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands, such as `connections.toml:7`.
    pub place: String,
    /// What is wrong, in lower case without full stop; never a value of a secret.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A value that was given for a key, and where.
#[derive(Debug, Clone)]
pub struct Given {
    /// The value, kept as a secret since any may be one; `None` if it could not be had, which was reported then.
    pub value: Option<Secret>,
    /// The file and line, or the variable.
    pub place: String,
}

/// What is given for a connection in one place, by key as [`canonical_key`] writes it.
pub type Layer = BTreeMap<&'static str, Given>;

/// The keys that matter here, with the other names that Snowflake's tools give them.
/// Sources: Snowflake CLI, `ConnectionConfig`; Go driver, `connection_configuration.go`; dbt, profile keys.
const KEYS: [(&str, &[&str]); 17] = [
    ("account", &[]),
    ("user", &["username", "login_name"]),
    ("password", &[]),
    ("host", &[]),
    ("port", &[]),
    ("protocol", &[]),
    ("region", &[]),
    ("role", &["role_name"]),
    ("warehouse", &[]),
    ("database", &["database_name"]),
    ("schema", &["schema_name"]),
    ("authenticator", &[]),
    ("private_key_file", &["private_key_path"]),
    ("private_key_raw", &["private_key"]),
    ("private_key_passphrase", &["private_key_file_pwd", "private_key_pwd"]),
    ("token", &[]),
    ("token_file_path", &["token_file"]),
];

/// Gives the name under which a key is kept, whatever its case and underscores; `None` if it means nothing here.
pub fn canonical_key(key: &str) -> Option<&'static str> {
    let fold = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let wanted = fold(key);
    KEYS.iter()
        .find(|(name, aliases)| fold(name) == wanted || aliases.iter().any(|alias| fold(alias) == wanted))
        .map(|(name, _)| *name)
}

/// Where a token stands inside Snowpark Container Services.
/// Source: Snowpark Container Services, "Connecting to Snowflake from inside a container".
const CONTAINER_TOKEN: &str = "/snowflake/session/token";

/// Where the token of the service stands there, and the variable that says that this program runs there.
/// Source: Go driver, `internal/spcs/token.go`.
const SERVICE_TOKEN: (&str, &str) = ("SNOWFLAKE_RUNNING_INSIDE_SPCS", "/snowflake/session/spcs_token");

/// Puts a connection together, or names every mistake.
///
/// `given` are the keys of this program's own configuration; `name` is the connection that it names. What was given
/// and could not be had is a mistake that the caller has reported: it is not named again, and the list may be empty.
pub fn settle(given: Layer, name: Option<&str>, world: &World<'_>) -> Result<Connection, Vec<Mistake>> {
    let mut layers = vec![given];
    // What a file that cannot be used would have held is unknown, so nothing is called missing then.
    layers.extend(read_named(name, world)?);
    let mut mistakes = Vec::new();
    match (Known { layers, world }).connection(&mut mistakes) {
        Some(connection) if mistakes.is_empty() => Ok(connection),
        _ => Err(mistakes),
    }
}

/// All that is known, what counts most first.
struct Known<'a> {
    layers: Vec<Layer>,
    world: &'a World<'a>,
}

impl Known<'_> {
    /// Gives a value and the place where it stands.
    fn get(&self, key: &str) -> Option<(&str, &str)> {
        self.layers.iter().find_map(|layer| {
            let given = layer.get(key)?;
            let value = given.value.as_ref()?.expose().trim();
            (!value.is_empty()).then_some((value, given.place.as_str()))
        })
    }

    /// Whether a key was given and its value could not be had.
    fn is_withheld(&self, key: &str) -> bool {
        self.layers.iter().any(|layer| layer.get(key).is_some_and(|given| given.value.is_none()))
    }

    /// Says that a key is missing, unless it was given and could not be had.
    fn missing(&self, key: &str, variable: &str) -> Option<Mistake> {
        (!self.is_withheld(key)).then(|| Mistake {
            place: "[snowflake]".into(),
            what: format!("`{key}` is missing"),
            remedy: Some(format!("set it in the connection, under [snowflake], or as {variable}")),
        })
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|(value, _)| value.to_owned())
    }

    fn connection(&self, mistakes: &mut Vec<Mistake>) -> Option<Connection> {
        let login = self.login(mistakes);
        let protocol = self.protocol(mistakes);
        let account = self.account(mistakes);
        let host = self.host(account.as_deref(), mistakes);
        let port = self.port(protocol, mistakes);
        for key in ["role", "warehouse", "database", "schema"] {
            if let Some((value, place)) = self.get(key)
                && let Err(why) = parse_path(value, 1)
            {
                mistakes.push(mistake(place, format!("`{key}` {why}"), "write a single name"));
            }
        }
        let user = self.text("user");
        if user.is_none()
            && !matches!(
                login,
                None | Some(
                    Login::Token { kind: TokenKind::OAuth, .. } | Login::TokenFile { kind: TokenKind::OAuth, .. }
                )
            )
        {
            mistakes.extend(self.missing("user", "SNOWFLAKE_USER"));
        }
        if let (Protocol::Http, Some(host)) = (protocol, &host)
            && !is_loopback(host)
        {
            mistakes.push(Mistake {
                place: self.place("protocol"),
                what: "`protocol` is http, which would send the login in the clear".into(),
                remedy: Some("leave `protocol` out; http is for a server on this machine only".into()),
            });
        }
        Some(Connection {
            account: account?,
            host: host?,
            port: port?,
            protocol,
            user: user.unwrap_or_default(),
            role: self.text("role"),
            warehouse: self.text("warehouse"),
            database: self.text("database"),
            schema: self.text("schema"),
            login: login?,
            service_token_file: (self.world.variable)(SERVICE_TOKEN.0)
                .filter(|set| !set.is_empty())
                .map(|_| PathBuf::from(SERVICE_TOKEN.1)),
        })
    }

    fn place(&self, key: &str) -> String {
        self.get(key).map(|(_, place)| place.to_owned()).unwrap_or_default()
    }

    fn protocol(&self, mistakes: &mut Vec<Mistake>) -> Protocol {
        match self.get("protocol") {
            None => Protocol::Https,
            Some((value, _)) if value.eq_ignore_ascii_case("https") => Protocol::Https,
            Some((value, _)) if value.eq_ignore_ascii_case("http") => Protocol::Http,
            Some((_, place)) => {
                mistakes.push(mistake(place, "`protocol` is neither https nor http".into(), "leave it out"));
                Protocol::Https
            }
        }
    }

    fn port(&self, protocol: Protocol, mistakes: &mut Vec<Mistake>) -> Option<u16> {
        let Some((value, place)) = self.get("port") else {
            return Some(match protocol {
                Protocol::Https => 443,
                Protocol::Http => 80,
            });
        };
        let port = value.parse().ok().filter(|port| *port > 0);
        if port.is_none() {
            mistakes.push(mistake(place, "`port` is not a number from 1 to 65535".into(), "leave it out"));
        }
        port
    }

    fn account(&self, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let Some((account, place)) = self.get("account") else {
            if let Some((host, _)) = self.get("host") {
                return Some(host.split('.').next().unwrap_or(host).to_owned());
            }
            if !self.is_withheld("host") {
                mistakes.extend(self.missing("account", "SNOWFLAKE_ACCOUNT"));
            }
            return None;
        };
        let is_address = account.contains("://") || account.to_ascii_lowercase().contains("snowflakecomputing.");
        if is_address || !account.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            let what = "`account` is not an account identifier".into();
            let remedy = "write it as `organisation-account`, without https:// and .snowflakecomputing.com";
            mistakes.push(mistake(place, what, remedy));
            return None;
        }
        Some(account.to_owned())
    }

    fn host(&self, account: Option<&str>, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let Some((host, place)) = self.get("host") else {
            return account.map(|account| host_of(account, self.get("region").map(|(region, _)| region)));
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_address = bare.parse::<std::net::Ipv6Addr>().is_ok();
        if is_address {
            return Some(format!("[{bare}]"));
        }
        if !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            let what = "`host` is not the name of a host".into();
            mistakes.push(mistake(place, what, "write it without https://, port and path"));
            return None;
        }
        Some(host.to_ascii_lowercase())
    }

    fn login(&self, mistakes: &mut Vec<Mistake>) -> Option<Login> {
        let way = match self.get("authenticator") {
            Some((name, place)) => {
                way_of(name).map_err(|why| mistake(place, format!("`authenticator` is {why}"), ALTERNATIVES))
            }
            None => self.nearest_way(),
        };
        let login = way.map_err(Some).and_then(|way| match way {
            Way::KeyPair => self.key_pair(),
            Way::Token(kind) => self.token(kind),
            Way::ContainerToken => self.token_file(TokenKind::OAuth, CONTAINER_TOKEN, "").map_err(Some),
            Way::Password => match self.text("password") {
                Some(password) => Ok(Login::Password(Secret::new(password))),
                None => Err(self.missing("password", "SNOWFLAKE_PASSWORD")),
            },
        });
        login.map_err(|found| mistakes.extend(found)).ok()
    }

    /// Finds what to log in with where no authenticator is named: what the first layer that has anything has.
    fn nearest_way(&self) -> Result<Way, Mistake> {
        for layer in &self.layers {
            let has = |key: &str| {
                let value = layer.get(key).map(|given| given.value.as_ref());
                value.is_some_and(|value| value.is_none_or(|value| !value.expose().trim().is_empty()))
            };
            if has("private_key_file") || has("private_key_raw") {
                return Ok(Way::KeyPair);
            }
            if has("token") || has("token_file_path") {
                return Ok(Way::Token(TokenKind::ProgrammaticAccess));
            }
            if has("password") {
                return Ok(Way::Password);
            }
        }
        if (self.world.exists)(Path::new(CONTAINER_TOKEN)) {
            return Ok(Way::ContainerToken);
        }
        Err(Mistake {
            place: "[snowflake]".into(),
            what: "nothing is given to log in with".into(),
            remedy: Some(format!("{ALTERNATIVES}, in the connection or as SNOWFLAKE_PRIVATE_KEY_FILE and so on")),
        })
    }

    /// Gives the key pair, or the mistake in it unless that was reported.
    fn key_pair(&self) -> Result<Login, Option<Mistake>> {
        let key = match (self.text("private_key_raw"), self.get("private_key_file")) {
            // A path is sometimes given where the key itself is meant, as dbt does with one key for both.
            (Some(key), _) => key,
            (None, Some((path, place))) => self.read("private_key_file", path, place)?,
            (None, None) if self.is_withheld("private_key_raw") => return Err(None),
            (None, None) => return Err(self.missing("private_key_file", "SNOWFLAKE_PRIVATE_KEY_FILE")),
        };
        // A key in an environment variable often has its line breaks written as `\n`.
        let key = key.replace("\\n", "\n");
        Ok(Login::KeyPair { key: Secret::new(key), passphrase: self.text("private_key_passphrase").map(Secret::new) })
    }

    /// Gives the token, or the mistake in it unless that was reported.
    fn token(&self, kind: TokenKind) -> Result<Login, Option<Mistake>> {
        match (self.text("token"), self.get("token_file_path")) {
            (Some(token), _) => Ok(Login::Token { kind, token: Secret::new(token.trim().to_owned()) }),
            (None, Some((path, place))) => Ok(self.token_file(kind, path, place)?),
            (None, None) if self.is_withheld("token_file_path") => Err(None),
            (None, None) if kind == TokenKind::OAuth && (self.world.exists)(Path::new(CONTAINER_TOKEN)) => {
                Ok(self.token_file(kind, CONTAINER_TOKEN, "")?)
            }
            (None, None) => Err(self.missing("token", "SNOWFLAKE_TOKEN")),
        }
    }

    /// Gives the file of a token, which must hold one now and is read again at every login.
    fn token_file(&self, kind: TokenKind, path: &str, place: &str) -> Result<Login, Mistake> {
        self.read("token_file_path", path, place)?;
        Ok(Login::TokenFile { kind, path: self.world.expand(path) })
    }

    /// Reads a file that a key names.
    fn read(&self, key: &str, path: &str, place: &str) -> Result<String, Mistake> {
        let path = self.world.expand(path);
        let (why, remedy) = match (self.world.read)(&path) {
            Ok(file) if !file.text.trim().is_empty() => return Ok(file.text),
            Ok(_) => ("is empty", "write the secret into it"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ("does not exist", "check the path"),
            Err(_) => ("cannot be read", "check its owner and mode"),
        };
        Err(mistake(place, format!("the file of `{key}`, {}, {why}", path.display()), remedy))
    }
}

/// What to log in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    KeyPair,
    Token(TokenKind),
    ContainerToken,
    Password,
}

const ALTERNATIVES: &str = "use a key pair (`private_key_file`), a programmatic access token or an OAuth token \
                            (`token` or `token_file_path`)";

/// Reads the name of an authenticator, or says why it does not suit a program that runs alone.
/// Source: Snowflake, "Connecting to Snowflake", connection parameter `authenticator`.
fn way_of(name: &str) -> Result<Way, &'static str> {
    match name.to_ascii_uppercase().as_str() {
        "SNOWFLAKE_JWT" => Ok(Way::KeyPair),
        "PROGRAMMATIC_ACCESS_TOKEN" => Ok(Way::Token(TokenKind::ProgrammaticAccess)),
        "OAUTH" => Ok(Way::Token(TokenKind::OAuth)),
        "SNOWFLAKE" => Ok(Way::Password),
        "EXTERNALBROWSER" | "OAUTH_AUTHORIZATION_CODE" => Err("a login through a browser, where nobody sits"),
        "USERNAME_PASSWORD_MFA" => Err("a login that a person must confirm"),
        "OAUTH_CLIENT_CREDENTIALS" => Err("OAuth with client credentials, which is not supported"),
        "WORKLOAD_IDENTITY" => Err("workload identity, which is not supported"),
        other if other.starts_with("HTTPS://") => Err("a login through Okta, which is not supported"),
        _ => Err("unknown"),
    }
}

fn mistake(place: &str, what: String, remedy: &str) -> Mistake {
    Mistake { place: place.to_owned(), what, remedy: Some(remedy.to_owned()) }
}

#[cfg(test)]
mod tests;
