//! What Snowflake's codes mean and what to do about them, told without a connection.

use std::time::Duration;

use super::fault::{Context, Fault, Statement, Step, Words};
use super::{Connection, Login, Protocol, SnowflakeSettings, TokenKind};
use crate::private::Secret;

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: String,
}

/// What a code is an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// A login with a key pair.
    KeyPair,
    /// A login with a token.
    Token,
    /// A login with an OAuth token.
    OAuth,
    /// A login with a password.
    Password,
    /// A session.
    Session,
    /// A statement.
    Statement,
}

/// The codes that a run may show.
///
/// Sources: Snowflake's drivers, `error_codes` and their recorded answers; Snowflake, "Troubleshooting key-pair
/// authentication", "Programmatic access tokens", "Network policies"; Snowflake's messages of errors in SQL.
const CODES: [(&str, Of, &str); 27] = [
    ("390100", Of::Password, "User or password is wrong."),
    ("390104", Of::Session, "The session is gone."),
    ("390111", Of::Session, "The session is gone."),
    ("390112", Of::Session, "The session has expired; it is renewed, or opened anew."),
    ("390114", Of::Session, "The login has expired; the session is opened anew."),
    ("390144", Of::KeyPair, "The signed token of a key pair is not accepted: key, account, user or clock is wrong."),
    ("390186", Of::Password, "The role is not granted to the user, or is not there."),
    ("390189", Of::Password, "The role is not granted to the user, or is not there."),
    ("390201", Of::Password, "Warehouse, database or schema of the connection is not there, or not to be used."),
    ("390303", Of::OAuth, "The OAuth token is not one."),
    ("390318", Of::OAuth, "The OAuth token has expired."),
    ("390420", Of::Password, "This machine's address is not let in."),
    ("390422", Of::Password, "This machine's address is not let in."),
    ("390432", Of::Token, "The user needs a network policy before a programmatic access token is accepted."),
    ("394300", Of::KeyPair, "The signed token names an account that does not fit the key."),
    ("394304", Of::KeyPair, "The public key of the user is another one."),
    ("394400", Of::Token, "The programmatic access token is not one, or was taken back."),
    ("000604", Of::Statement, "The query was ended, here or by an administrator."),
    ("000606", Of::Statement, "The session has no warehouse that it may use."),
    ("000630", Of::Statement, "The query ran longer than it may."),
    ("000904", Of::Statement, "A column that the query names is not there."),
    ("001003", Of::Statement, "The query cannot be read as SQL."),
    ("002003", Of::Statement, "What the query names is not there, or the role may not see it."),
    ("002043", Of::Statement, "What the query names is not there, or the role may not see it."),
    ("003001", Of::Statement, "The role lacks a privilege."),
    ("100035", Of::Statement, "A text in a cell is not a time."),
    ("100038", Of::Statement, "A text in a cell is not a number."),
];

/// The codes that are known.
pub fn known_codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, ..)| *code)
}

/// Tells what a code means, and what a message about it would advise.
pub fn explained(code: &str) -> Option<Explained> {
    let (code, of, meaning) = CODES.iter().find(|(known, ..)| *known == code)?;
    let secret = || Secret::new(String::new());
    let (login, step) = match of {
        Of::KeyPair => (Login::KeyPair { key: secret(), passphrase: None }, Step::Login),
        Of::Token => (Login::Token { kind: TokenKind::ProgrammaticAccess, token: secret() }, Step::Login),
        Of::OAuth => (Login::Token { kind: TokenKind::OAuth, token: secret() }, Step::Login),
        Of::Password => (Login::Password(secret()), Step::Login),
        Of::Session | Of::Statement => (Login::Password(secret()), Step::Statement),
    };
    let connection = Connection {
        account: "<account>".into(),
        host: String::new(),
        port: 443,
        protocol: Protocol::Https,
        user: "<user>".into(),
        role: Some("<role>".into()),
        warehouse: Some("<warehouse>".into()),
        database: None,
        schema: None,
        login,
        service_token_file: None,
    };
    let table = "DATABASE.SCHEMA.TABLE".to_owned();
    let where_clause = Some(String::new());
    let settings = SnowflakeSettings { connection, table, where_clause, query_timeout: Duration::ZERO };
    let context = Context { settings: &settings, role: Some("<role>"), statement: Statement::Columns };
    let message = "Object 'DATABASE.SCHEMA.TABLE' does not exist or not authorized.".to_owned();
    let fault = Fault::Refused { step, code: (*code).to_owned(), message: Words(message), clock_ahead: None };
    let remedy = fault.explain(&context).remedy;
    let remedy = remedy.unwrap_or_else(|| "check what the message names, and `where` in the configuration".to_owned());
    Some(Explained { meaning, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_that_of_a_message() {
        for (code, words) in [
            ("390144", "RSA_PUBLIC_KEY_FP"),
            ("390189", "GRANT ROLE <role> TO USER <user>"),
            ("390318", "give a fresh OAuth token"),
            ("394400", "ADD PROGRAMMATIC ACCESS TOKEN"),
            ("390422", "network policy"),
            ("000606", "GRANT USAGE ON WAREHOUSE <warehouse>"),
            ("002003", "GRANT SELECT ON TABLE DATABASE.SCHEMA.TABLE"),
            ("390112", "run again"),
        ] {
            let found = explained(code).unwrap();
            assert!(found.remedy.contains(words), "{code}: {found:?}");
        }
        assert_eq!(explained("123456"), None);
    }
}
