//! Tables of what is said about a fault.

use super::*;
use crate::private::Secret;
use crate::source::snowflake::{Connection, Protocol, TokenKind};

fn settings(login: Login, where_clause: Option<&str>) -> SnowflakeSettings {
    SnowflakeSettings {
        connection: Connection {
            account: "o-a".into(),
            host: "o-a.snowflakecomputing.com".into(),
            port: 443,
            protocol: Protocol::Https,
            user: "SVC".into(),
            role: Some("READER".into()),
            warehouse: Some("WH".into()),
            database: Some("ANALYTICS".into()),
            schema: None,
            login,
            service_token_file: None,
        },
        table: "marts.\"Events\"".into(),
        where_clause: where_clause.map(str::to_owned),
        query_timeout: Duration::from_secs(60),
    }
}

/// Settings in which nobody chose a role.
pub(super) fn settings_without_role() -> SnowflakeSettings {
    let mut settings = settings(key(), None);
    settings.connection.role = None;
    settings
}

fn refused(step: Step, code: &str, message: &str, clock_ahead: Option<i64>) -> Fault {
    Fault::Refused { step, code: code.into(), message: Words(message.into()), clock_ahead }
}

fn key() -> Login {
    Login::KeyPair { key: Secret::new("k".into()), passphrase: None }
}

fn broken(step: Step, breakage: Breakage) -> Fault {
    Fault::Broken { step, address: "o-a.example.com:8443".into(), breakage }
}

/// Explains a fault of a statement and writes trouble, text and remedy.
fn explained(fault: Fault, settings: &SnowflakeSettings, statement: Statement) -> String {
    let error = fault.explain(&Context { settings, role: Some("READER"), statement });
    format!("{:?}|{}|{}", error.trouble, error.what, error.remedy.unwrap_or_default())
}

#[test]
fn a_refused_login_says_what_to_do() {
    let password = || Login::Password(Secret::new("p".into()));
    let token = || Login::Token { kind: TokenKind::ProgrammaticAccess, token: Secret::new("t".into()) };
    for (login, code, message, ahead, expected) in [
        (
            password(),
            "390100",
            "Incorrect username or password was specified.",
            None,
            "Permission|Snowflake refused the login of `SVC` to `o-a`: Incorrect username or password was specified \
             (390100)|check account, user and password; service users need a key pair or a token instead of a password",
        ),
        (
            key(),
            "390144",
            "JWT token is invalid. [abc]",
            Some(420),
            "Permission|Snowflake refused the login of `SVC` to `o-a`: JWT token is invalid. [abc] \
             (390144)|set this machine's clock: it is 420 seconds ahead",
        ),
        (
            key(),
            "390144",
            "JWT token is invalid.",
            Some(2),
            "Permission|Snowflake refused the login of `SVC` to `o-a`: JWT token is invalid (390144)|compare \
             `RSA_PUBLIC_KEY_FP` in `DESC USER SVC` with the key, and check account and user; \
             `ALTER USER SVC SET RSA_PUBLIC_KEY = '…'` sets the key",
        ),
        (
            key(),
            "390189",
            "Role 'READER' is not granted",
            None,
            "Permission|Snowflake refused the login of `SVC` to `o-a`: Role 'READER' is not granted \
             (390189)|GRANT ROLE READER TO USER SVC",
        ),
        (
            token(),
            "394400",
            "Programmatic access token is invalid.\u{1b}[31m\nX",
            None,
            "Permission|Snowflake refused the login of `SVC` to `o-a`: Programmatic access token is invalid. [31m X \
             (394400)|make a new token: ALTER USER SVC ADD PROGRAMMATIC ACCESS TOKEN …",
        ),
    ] {
        let found = explained(refused(Step::Login, code, message, ahead), &settings(login, None), Statement::Columns);
        assert_eq!(found, expected);
    }
}

#[test]
fn a_refused_statement_names_object_role_and_grants() {
    let missing = refused(Step::Statement, "002003", "SQL compilation error: Object does not exist", None);
    assert_eq!(
        explained(missing.clone(), &settings(key(), Some("x = 1")), Statement::Columns),
        "Permission|marts.\"Events\" does not exist or role READER may not read it: SQL compilation error: Object does \
         not exist (002003)|check the name; else GRANT USAGE ON DATABASE ANALYTICS TO ROLE READER; GRANT USAGE ON SCHEMA \
         ANALYTICS.MARTS TO ROLE READER; GRANT SELECT ON TABLE ANALYTICS.MARTS.\"Events\" TO ROLE READER; (ON VIEW for a \
         view)"
    );
    assert_eq!(
        explained(missing, &settings(key(), Some("x = 1")), Statement::Rows),
        "Configuration|Snowflake does not understand the query on marts.\"Events\": SQL compilation error: Object does \
         not exist (002003)|check `where` in the configuration"
    );
    let warehouse = refused(Step::Statement, "000606", "No active warehouse selected", None);
    assert_eq!(
        explained(warehouse, &settings(key(), None), Statement::Rows),
        "Permission|no warehouse can be used by role READER: No active warehouse selected (000606)|GRANT USAGE ON \
         WAREHOUSE WH TO ROLE READER;"
    );
}

#[test]
fn what_is_not_about_the_table_is_shown_as_snowflake_says_it() {
    let message = "SQL compilation error:\nSchema 'ANALYTICS.MARTS' does not exist or not authorized.";
    let schema = refused(Step::Statement, "002003", message, None);
    assert_eq!(
        explained(schema, &settings(key(), None), Statement::Columns),
        "Permission|Snowflake refused the query on marts.\"Events\" to role READER: SQL compilation error: Schema \
         'ANALYTICS.MARTS' does not exist or not authorized (002003)|check that what Snowflake names exists and that \
         the role may use it"
    );
}

#[test]
fn a_failed_connection_names_address_and_cause() {
    let waited = Duration::from_millis(9_600);
    for (step, breakage, expected) in [
        (
            Step::Login,
            Breakage::Unreachable(Obstacle::NameNotFound),
            "Temporary|the login to Snowflake account `o-a` failed: o-a.example.com:8443 could not be reached (name not \
             found)|check `account`, or `host`, `port` and `protocol` where they are given, and the network; then run \
             again",
        ),
        (
            Step::Statement,
            Breakage::Unreachable(Obstacle::Silence(waited)),
            "Temporary|the query failed: o-a.example.com:8443 could not be reached (no answer within 10 s)|check the \
             network, and `host`, `port` and `protocol` where they are given; then run again",
        ),
        (
            Step::Chunk,
            Breakage::Unreachable(Obstacle::Refused),
            "Temporary|the download of a part of the result failed: o-a.example.com:8443 could not be reached \
             (connection refused)|let this machine connect to every host that `SELECT SYSTEM$ALLOWLIST()` lists; then \
             run again",
        ),
        (
            Step::Poll,
            Breakage::Silent(waited),
            "Temporary|the wait for the query's result failed: o-a.example.com:8443 gave no answer within 10 s|run \
             again; nothing was lost",
        ),
    ] {
        assert_eq!(explained(broken(step, breakage), &settings(key(), None), Statement::Columns), expected);
    }
}

#[test]
fn a_message_that_may_quote_a_cell_is_not_shown() {
    for (code, message) in [
        ("100038", "Numeric value 'ada@example.com' is not recognized"),
        ("100071", "Failed to cast variant value \"ada@example.com\""),
        ("", "ada@example.com"),
        ("000603", "see https://ada@example.com/"),
    ] {
        let found = explained(refused(Step::Poll, code, message, None), &settings(key(), None), Statement::Rows);
        assert!(!found.contains("ada@example.com"), "{found}");
    }
}

#[test]
fn each_fault_has_its_kind_of_trouble() {
    use Trouble::{Configuration, Permission, Protocol as Odd, Temporary};
    for (fault, expected) in [
        (Fault::Status(Step::Statement, 503), Temporary),
        (Fault::Status(Step::Login, 403), Configuration),
        (broken(Step::Chunk, Breakage::Lost), Temporary),
        (Fault::Overdue(Duration::from_secs(1)), Temporary),
        (Fault::Expired, Temporary),
        (Fault::Unreadable(Step::Poll, "x".into()), Odd),
        (Fault::Short { announced: 2, came: 1 }, Temporary),
        (Fault::unusable("x", "y"), Configuration),
        (Fault::Stopped, Temporary),
        (refused(Step::Statement, "000630", "timeout", None), Temporary),
        (refused(Step::Statement, "390112", "expired", None), Temporary),
        (refused(Step::Statement, "100038", "bad", None), Configuration),
        (refused(Step::Statement, "003001", "Insufficient privileges", None), Permission),
        (refused(Step::Statement, "009999", "new", None), Odd),
    ] {
        let shown = format!("{fault:?}");
        let settings = settings(key(), None);
        let context = Context { settings: &settings, role: None, statement: Statement::Rows };
        assert_eq!(fault.explain(&context).trouble, expected, "{shown}");
    }
}
