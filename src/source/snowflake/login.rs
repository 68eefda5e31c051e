//! What is said at login: who, how it is proved, and what the session is to be like.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::{Value, json};

use super::fault::{Fault, Step};
use super::jwt;
use super::{Connection, Login, TokenKind};

/// Makes the body of a login out of the one that the crate made, which decides under which client id it is.
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
            // Source: the Go driver's recorded logins, `pat/successful_flow.json` and `oauth`.
            let authenticator = match kind {
                TokenKind::ProgrammaticAccess => "PROGRAMMATIC_ACCESS_TOKEN",
                TokenKind::OAuth => "OAUTH",
            };
            fields.insert("AUTHENTICATOR".into(), authenticator.into());
            fields.insert("TOKEN".into(), token.expose().into());
        }
        Login::Password(password) => {
            fields.insert("PASSWORD".into(), password.expose().into());
        }
    }
    fields.insert("ACCOUNT_NAME".into(), account.into());
    fields.insert("LOGIN_NAME".into(), connection.user.as_str().into());
    fields.insert("SESSION_PARAMETERS".into(), session_parameters(query_timeout));
    let environment =
        json!({ "APPLICATION": "fbcapi", "OS": std::env::consts::OS, "OS_VERSION": std::env::consts::ARCH });
    fields.insert("CLIENT_ENVIRONMENT".into(), environment);
    Ok(body.to_string())
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
/// Sources: Snowflake SQL reference, "Parameters"; Go driver, `doc.go`, `GO_QUERY_RESULT_FORMAT`, the parameter that
/// decides the format for the client id under which the crate signs in.
fn session_parameters(query_timeout: Duration) -> Value {
    json!({
        "CLIENT_VALIDATE_DEFAULT_PARAMETERS": true,
        "QUERY_TAG": "fbcapi",
        "TIMEZONE": "UTC",
        "GO_QUERY_RESULT_FORMAT": "ARROW",
        "CLIENT_RESULT_CHUNK_SIZE": 48,
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
