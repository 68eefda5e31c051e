//! What is said at login: who, how it is proved, and what the session is to be like.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::{Value, json};

use super::fault::{Fault, Step};
use super::jwt;
use super::{Connection, Login, TokenKind};
use crate::private::Secret;

/// Who asks. The crate would say that it is an old version of Snowflake's driver for Go, which Snowflake could refuse
/// one day, and which would be untrue.
///
/// Snowflake takes logins of clients that it does not know (`snowflake-connector-rs` names none at all). Which form of
/// results they get is not documented, so both are read.
const CLIENT_APP_ID: &str = "fbcapi";

/// The largest part of a result that is asked for, the least that Snowflake takes: a few parts are in memory at a time.
/// Source: Snowflake SQL reference, "Parameters", `CLIENT_RESULT_CHUNK_SIZE`.
pub(super) const CHUNK_MEGABYTES: u32 = 16;

/// Makes the body of a login out of the one that the crate made.
pub(super) fn body(
    of_the_crate: &[u8],
    connection: &Connection,
    query_timeout: Duration,
    now: DateTime<Utc>,
) -> Result<String, Fault> {
    let mut body: Value = serde_json::from_slice(of_the_crate).unwrap_or_default();
    let fields = body.get_mut("data").and_then(Value::as_object_mut);
    let fields = fields.ok_or_else(|| Fault::Unreadable(Step::Login, "the request has another shape".into()))?;
    let account = connection.account_name();
    fields.remove("PASSWORD");
    match &connection.login {
        Login::KeyPair { key, passphrase } => {
            let token = jwt::sign(key, passphrase.as_ref(), &account, &connection.user, now)?;
            fields.insert("AUTHENTICATOR".into(), "SNOWFLAKE_JWT".into());
            fields.insert("TOKEN".into(), token.expose().into());
        }
        Login::Token { kind, token } => {
            fields.insert("AUTHENTICATOR".into(), authenticator(*kind).into());
            fields.insert("TOKEN".into(), token.expose().into());
        }
        Login::TokenFile { kind, path } => {
            let unreadable = || Fault::Unusable {
                what: format!("the file of the token, {}, cannot be read or is empty", path.display()),
                remedy: "check that whatever renews the token writes it there, and the owner and mode of the file"
                    .into(),
            };
            let token = read_token(path).ok_or_else(unreadable)?;
            fields.insert("AUTHENTICATOR".into(), authenticator(*kind).into());
            fields.insert("TOKEN".into(), token.expose().into());
        }
        Login::Password(password) => {
            fields.insert("PASSWORD".into(), password.expose().into());
        }
    }
    fields.insert("ACCOUNT_NAME".into(), account.into());
    fields.insert("LOGIN_NAME".into(), connection.user.as_str().into());
    fields.insert("SESSION_PARAMETERS".into(), session_parameters(query_timeout));
    fields.insert("CLIENT_APP_ID".into(), CLIENT_APP_ID.into());
    fields.insert("CLIENT_APP_VERSION".into(), env!("CARGO_PKG_VERSION").into());
    // Source: Go driver, `internal/spcs/token.go`: a token that cannot be read is left out, and read anew each time.
    if let Some(token) = connection.service_token_file.as_deref().and_then(read_token) {
        fields.insert("SPCS_TOKEN".into(), token.expose().into());
    }
    let environment =
        json!({ "APPLICATION": "fbcapi", "OS": std::env::consts::OS, "OS_VERSION": std::env::consts::ARCH });
    fields.insert("CLIENT_ENVIRONMENT".into(), environment);
    Ok(body.to_string())
}

/// How a login with a token is called.
/// Source: the Go driver's recorded logins, `pat/successful_flow.json` and `oauth`.
const fn authenticator(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::ProgrammaticAccess => "PROGRAMMATIC_ACCESS_TOKEN",
        TokenKind::OAuth => "OAUTH",
    }
}

/// Reads the token in a file; `None` where there is none.
fn read_token(path: &Path) -> Option<Secret> {
    let text = Secret::new(std::fs::read_to_string(path).ok()?);
    let token = text.expose().trim();
    (!token.is_empty()).then(|| Secret::new(token.to_owned()))
}

/// Names warehouse, database, schema and role in the address of a login, as they are written.
///
/// The crate would put them in upper case, which is wrong for quoted names.
pub(super) fn name_session(url: &mut Url, connection: &Connection) {
    let names = [
        ("warehouse", &connection.warehouse),
        ("databaseName", &connection.database),
        ("schemaName", &connection.schema),
        ("roleName", &connection.role),
    ];
    let others = url.query_pairs().filter(|(key, _)| !names.iter().any(|(name, _)| name == key));
    let others: Vec<(String, String)> = others.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let given = names.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    url.query_pairs_mut().clear().extend_pairs(others).extend_pairs(given);
}

/// Gives the parameters that the statements and their decoding rely on, whatever the account's own are.
///
/// Sources: Snowflake SQL reference, "Parameters"; Go driver, `doc.go`, `GO_QUERY_RESULT_FORMAT`, which asks for Arrow
/// and hurts nobody where it is not heeded.
fn session_parameters(query_timeout: Duration) -> Value {
    json!({
        "CLIENT_VALIDATE_DEFAULT_PARAMETERS": true,
        "QUERY_TAG": "fbcapi",
        // An account may want transactions to be ended by hand, and results to be cut.
        "AUTOCOMMIT": true,
        "ROWS_PER_RESULTSET": 0,
        "TIMEZONE": "UTC",
        "GO_QUERY_RESULT_FORMAT": "ARROW",
        "CLIENT_RESULT_CHUNK_SIZE": CHUNK_MEGABYTES,
        "STATEMENT_TIMEOUT_IN_SECONDS": query_timeout.as_secs().max(1),
        "TIMESTAMP_INPUT_FORMAT": "AUTO",
        "DATE_INPUT_FORMAT": "AUTO",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF6",
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZH:TZM",
        "TIMESTAMP_TZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZH:TZM",
        "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
        "BINARY_OUTPUT_FORMAT": "HEX",
    })
}
