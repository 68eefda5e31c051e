//! What can go wrong between here and Snowflake, and what is said about it.
//!
//! Snowflake's own message is shown with its code, but never for an error about data, whose text quotes the value of
//! a cell. No fault holds a URL or a token.

mod blame;

use std::time::Duration;
use std::{fmt, io};

pub(super) use self::blame::grants_of;
use self::blame::{grantee, grants, is_about_table, no_choice};
use super::{Login, SnowflakeSettings};
use crate::report::is_steering;
use crate::source::{SourceError, Trouble};

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Opening a session.
    Login,
    /// Prolonging a session.
    Renewal,
    /// Handing in a statement.
    Statement,
    /// Asking for the result of a statement that runs long.
    Poll,
    /// Fetching a part of a result.
    Chunk,
    /// Ending a statement.
    Abort,
    /// Ending the session.
    Close,
}

impl Step {
    /// Names the step in a message.
    const fn name(self) -> &'static str {
        match self {
            Self::Login => "the login",
            Self::Renewal => "the renewal of the session",
            Self::Statement => "the query",
            Self::Poll => "the wait for the query's result",
            Self::Chunk => "the download of a part of the result",
            Self::Abort => "the end of the query",
            Self::Close => "the end of the session",
        }
    }
}

/// How a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breakage {
    /// The server could not be reached.
    Unreachable(Obstacle),
    /// The server did not answer in the time that passed.
    Silent(Duration),
    /// The connection broke before the answer was complete.
    Lost,
}

/// What kept a connection from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No address belongs to the host's name.
    NameNotFound,
    /// Nothing listens at the port.
    Refused,
    /// The two sides did not agree on an encrypted connection.
    Tls,
    /// Nothing came back in the time that passed.
    Silence(Duration),
    /// What else the operating system said.
    System(io::ErrorKind),
    /// Something that nobody told.
    Other,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNotFound => f.write_str("name not found"),
            Self::Refused => f.write_str("connection refused"),
            Self::Tls => f.write_str("TLS handshake failed"),
            Self::Silence(passed) => write!(f, "no answer within {} s", whole_seconds(*passed)),
            Self::System(kind) => write!(f, "{kind}"),
            Self::Other => f.write_str("the connection could not be made"),
        }
    }
}

/// Gives a time in seconds, one at least.
fn whole_seconds(time: Duration) -> u64 {
    (time + Duration::from_millis(500)).as_secs().max(1)
}

/// What Snowflake said, which may quote a cell: whoever logs a fault shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Words(pub(super) String);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why something asked of Snowflake did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Snowflake refused, in its own words.
    Refused {
        /// What for.
        step: Step,
        /// Snowflake's code, such as `002003`.
        code: String,
        /// Its message as it came.
        message: Words,
        /// How far this machine's clock is ahead of the server's, in seconds, when the server told its time.
        clock_ahead: Option<i64>,
    },
    /// An HTTP status that is no answer of Snowflake's.
    Status(Step, u16),
    /// The connection failed, and failed again when tried again.
    Broken {
        /// What for.
        step: Step,
        /// Host and port of the other side.
        address: String,
        /// How.
        breakage: Breakage,
    },
    /// The query ran longer than the configuration allows.
    Overdue(Duration),
    /// The address of a part of the result is no longer valid.
    Expired,
    /// An answer that this program does not understand.
    Unreadable(Step, String),
    /// The rows that came are not as many as were announced.
    Short {
        /// How many were announced.
        announced: u64,
        /// How many came.
        came: u64,
    },
    /// What was given cannot be used.
    Unusable {
        /// What, and why not.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Nobody knows whether a statement that writes has taken effect.
    InDoubt(Box<Fault>),
    /// The reader is gone.
    Stopped,
}

/// Which of the two statements of a run a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    /// The look at the table's columns.
    Columns,
    /// The selection of rows, sent when the table is known to be readable.
    Rows,
}

/// What an explanation can name.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// What was to be read.
    pub(super) settings: &'a SnowflakeSettings,
    /// The role in effect.
    pub(super) role: Option<&'a str>,
    /// Which statement was being run.
    pub(super) statement: Statement,
}

/// The code after which a session can be renewed.
/// Source: Go driver, `errors.go`, `sessionExpiredCode`.
const SESSION_EXPIRED: &str = "390112";

/// Codes after which a new login may help. None of them comes after a statement was begun.
/// Source: Snowflake's drivers, "session expired", "session gone", "authentication expired", "must log in".
const SESSION_LOST: [&str; 4] = ["390112", "390111", "390114", "390104"];

impl Fault {
    /// Says of something that was given that it cannot be used.
    pub(super) fn unusable(what: &str, remedy: &str) -> Self {
        Self::Unusable { what: what.to_owned(), remedy: remedy.to_owned() }
    }

    /// Whether the session is gone while the login itself is fine.
    pub(super) fn is_session_lost(&self) -> bool {
        matches!(self, Self::Refused { step: Step::Statement | Step::Poll | Step::Renewal, code, .. }
            if SESSION_LOST.contains(&code.as_str()))
    }

    /// Whether the session only needs a new token.
    pub(super) fn is_session_expired(&self) -> bool {
        matches!(self, Self::Refused { step, code, .. } if *step != Step::Login && code == SESSION_EXPIRED)
    }

    /// Whether the request may have arrived although it failed.
    pub(super) fn may_have_arrived(&self) -> bool {
        match self {
            Self::Broken { breakage, .. } => !matches!(breakage, Breakage::Unreachable(_)),
            // Who answers so may be a balancer that has passed the request on.
            Self::Status(_, status) => *status >= 500,
            Self::Overdue(_) | Self::Unreadable(..) | Self::InDoubt(_) => true,
            Self::Refused { .. } | Self::Expired | Self::Short { .. } | Self::Unusable { .. } | Self::Stopped => false,
        }
    }

    /// Says it to people: what failed, on what, what to do.
    pub(super) fn explain(self, context: &Context<'_>) -> SourceError {
        let settings = context.settings;
        match self {
            Self::Refused { step: Step::Login | Step::Renewal, code, message, clock_ahead } => {
                refused_login(settings, &code, &message.0, clock_ahead)
            }
            Self::Refused { code, message, .. } => refused_statement(context, &code, &message.0),
            Self::Status(Step::Login, status @ (403 | 404)) => SourceError {
                trouble: Trouble::Configuration,
                what: format!("no Snowflake account answers to `{}` (HTTP {status})", settings.connection.account),
                remedy: Some("write the account as `organisation-account`, as Snowsight shows it".into()),
            },
            Self::Status(step, status) => temporary(format!("{} failed with HTTP {status}", step.name())),
            Self::Broken { step, address, breakage } => broken(settings, step, &address, breakage),
            Self::Overdue(limit) => SourceError {
                trouble: Trouble::Temporary,
                what: format!("the query on {} ran longer than {} seconds", settings.table, limit.as_secs()),
                remedy: Some("run again, use a larger warehouse, or allow more time".into()),
            },
            Self::Expired => temporary("a part of the result was no longer there to download".into()),
            Self::Unreadable(step, why) => SourceError {
                trouble: Trouble::Protocol,
                what: format!("{} brought an answer that this program does not understand: {why}", step.name()),
                remedy: None,
            },
            Self::Short { announced, came } => {
                temporary(format!("Snowflake announced {announced} rows and gave {came}"))
            }
            Self::Unusable { what, remedy } => {
                SourceError { trouble: Trouble::Configuration, what, remedy: Some(remedy) }
            }
            Self::InDoubt(fault) => {
                let SourceError { trouble, what, remedy: _ } = fault.explain(context);
                let what = format!("whether Snowflake has carried out a statement that writes is not known: {what}");
                SourceError { trouble, what, remedy: Some("run again; the next run looks".into()) }
            }
            Self::Stopped => temporary("reading from Snowflake was stopped".into()),
        }
    }
}

fn broken(settings: &SnowflakeSettings, step: Step, address: &str, breakage: Breakage) -> SourceError {
    let how = match breakage {
        Breakage::Unreachable(obstacle) => format!("{address} could not be reached ({obstacle})"),
        Breakage::Silent(passed) => format!("{address} gave no answer within {} s", whole_seconds(passed)),
        Breakage::Lost => format!("the connection to {address} broke"),
    };
    let is_reached = !matches!(breakage, Breakage::Unreachable(_));
    let (what, remedy) = match step {
        Step::Login => (
            format!("the login to Snowflake account `{}` failed: {how}", settings.connection.account),
            "check `account`, or `host`, `port` and `protocol` where they are given, and the network; then run again",
        ),
        // Results lie in the storage of the cloud, which a firewall may not know.
        // Source: Snowflake, "Allowing host names", `SYSTEM$ALLOWLIST`.
        Step::Chunk if !is_reached => (
            format!("{} failed: {how}", step.name()),
            "let this machine connect to every host that `SELECT SYSTEM$ALLOWLIST()` lists; then run again",
        ),
        _ if !is_reached => (
            format!("{} failed: {how}", step.name()),
            "check the network, and `host`, `port` and `protocol` where they are given; then run again",
        ),
        _ => return temporary(format!("{} failed: {how}", step.name())),
    };
    SourceError { trouble: Trouble::Temporary, what, remedy: Some(remedy.into()) }
}

fn temporary(what: String) -> SourceError {
    SourceError { trouble: Trouble::Temporary, what, remedy: Some("run again; nothing was lost".into()) }
}

/// Clocks may differ by so many seconds before a key pair login is refused for it.
/// Source: Snowflake, "Key-pair authentication and key-pair rotation", troubleshooting.
const CLOCK_TOLERANCE_SECONDS: u64 = 30;

fn refused_login(settings: &SnowflakeSettings, code: &str, message: &str, clock_ahead: Option<i64>) -> SourceError {
    let user = &settings.connection.user;
    let remedy = match (code, &settings.connection.login) {
        ("390144" | "394300" | "394301" | "394302" | "394303" | "394304", Login::KeyPair { .. }) => match clock_ahead {
            Some(seconds) if seconds.unsigned_abs() > CLOCK_TOLERANCE_SECONDS => {
                let direction = if seconds > 0 { "ahead" } else { "behind" };
                format!("set this machine's clock: it is {} seconds {direction}", seconds.unsigned_abs())
            }
            _ => format!(
                "compare `RSA_PUBLIC_KEY_FP` in `DESC USER {user}` with the key, and check account and user; \
                 `ALTER USER {user} SET RSA_PUBLIC_KEY = '…'` sets the key"
            ),
        },
        ("390189" | "390186", _) => match &settings.connection.role {
            Some(role) => format!("GRANT ROLE {role} TO USER {user}"),
            None => format!("ALTER USER {user} SET DEFAULT_ROLE = …"),
        },
        ("390201", _) => "check that warehouse, database and schema exist and that the role may use them".into(),
        ("390422" | "390420", _) => "let this machine's address into the network policy of the user".into(),
        ("390432" | "394400" | "394401" | "394402", _) => {
            format!("make a new token: ALTER USER {user} ADD PROGRAMMATIC ACCESS TOKEN …")
        }
        ("390303" | "390318", _) => "give a fresh OAuth token".into(),
        (_, Login::KeyPair { .. }) => format!("check account, user and the public key of `{user}`"),
        (_, Login::Token { .. } | Login::TokenFile { .. }) => format!("check account, user and the token of `{user}`"),
        (_, Login::Password(_)) => {
            "check account, user and password; service users need a key pair or a token instead of a password".into()
        }
    };
    SourceError {
        trouble: Trouble::Permission,
        what: format!(
            "Snowflake refused the login of `{user}` to `{}`{}",
            settings.connection.account,
            said(code, message)
        ),
        remedy: Some(remedy),
    }
}

fn refused_statement(context: &Context<'_>, code: &str, message: &str) -> SourceError {
    let settings = context.settings;
    let table = &settings.table;
    let role = context.role.filter(|role| !role.is_empty());
    let as_role = role.map_or_else(|| "a login without role".to_owned(), |role| format!("role {role}"));
    let words = said(code, message);
    // The table could be read a moment ago, so what is not there is something that the owner's condition names.
    let blames_condition = context.statement == Statement::Rows && settings.where_clause.is_some();
    match code {
        "000904" | "000938" | "001003" | "001007" | "002003" | "002016" | "002043" | "002140" | "002141"
            if blames_condition =>
        {
            SourceError {
                trouble: Trouble::Configuration,
                what: format!("Snowflake does not understand the query on {table}{words}"),
                remedy: Some("check `where` in the configuration".into()),
            }
        }
        "002003" | "002043" | "003001" if is_about_table(settings, message) => SourceError {
            trouble: Trouble::Permission,
            what: format!("{table} does not exist or {as_role} may not read it{words}"),
            remedy: Some(grants(settings, role)),
        },
        "002003" | "002043" | "003001" => SourceError {
            trouble: Trouble::Permission,
            what: format!("Snowflake refused the query on {table} to {as_role}{words}"),
            remedy: Some(format!(
                "{}check that what Snowflake names exists and that the role may use it",
                no_choice(settings, role)
            )),
        },
        "000606" => SourceError {
            trouble: Trouble::Permission,
            what: format!("no warehouse can be used by {as_role}{words}"),
            remedy: Some(match &settings.connection.warehouse {
                Some(warehouse) => {
                    let (choice, role) = (no_choice(settings, role), grantee(role));
                    format!("{choice}GRANT USAGE ON WAREHOUSE {warehouse} TO ROLE {role};")
                }
                None => "name a `warehouse`".into(),
            }),
        },
        "000604" | "000630" => temporary(format!("Snowflake ended the query on {table}{words}")),
        code if code.starts_with("1000") || code.starts_with("1001") => SourceError {
            trouble: Trouble::Configuration,
            what: format!("a cell of {table} could not be converted{words}"),
            remedy: settings.where_clause.as_ref().map(|_| "check the conversions in `where`".to_owned()),
        },
        code if SESSION_LOST.contains(&code) => temporary(format!("the session ended twice{words}")),
        code if code.starts_with("0003") || code.starts_with("0006") => {
            temporary(format!("Snowflake could not run the query on {table}{words}"))
        }
        _ => SourceError {
            trouble: Trouble::Protocol,
            what: format!("Snowflake refused the query on {table}{words}"),
            remedy: None,
        },
    }
}

/// Quotes Snowflake's code and message, the message only where it cannot hold a value of a row.
fn said(code: &str, message: &str) -> String {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    // Compilation and system errors begin with 00 and login errors with 39; the others may quote a cell.
    let shown = if code.starts_with("00") || code.starts_with("39") { plain(message) } else { String::new() };
    if shown.is_empty() { format!(" ({code})") } else { format!(": {shown} ({code})") }
}

/// Longer messages are cut.
const MAX_MESSAGE_CHARACTERS: usize = 300;

/// Makes a server's text one harmless line.
pub(super) fn plain(message: &str) -> String {
    let words: String =
        message.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_steering(*c)).collect();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    if line.contains("://") {
        return String::new();
    }
    line.chars().take(MAX_MESSAGE_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;
