//! The configuration that is written: what was chosen, and the keys that are most often wanted next.

use std::path::PathBuf;

/// What the configuration is to say.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    pub(super) connection: Option<String>,
    pub(super) table: String,
    pub(super) dataset_id: String,
    pub(super) token: Token,
    pub(super) consent: Consent,
    pub(super) country: Option<String>,
    /// The connection's role, for what is said about grants.
    pub(super) role: Option<String>,
    /// The connection's warehouse, for the same.
    pub(super) warehouse: Option<String>,
}

/// Where the access token is.
#[derive(Debug, Clone)]
pub(super) enum Token {
    /// In `FBCAPI_ACCESS_TOKEN`.
    Variable,
    /// In a file.
    File(PathBuf),
}

/// Whether people must have agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consent {
    /// They need not.
    NotNeeded,
    /// A column says so.
    Column(String),
}

impl Consent {
    /// Reads what was answered: the word of the configuration, or the name of a column.
    pub(super) fn of(answer: &str) -> Self {
        match answer.trim() {
            "not-needed" => Self::NotNeeded,
            column => Self::Column(column.to_owned()),
        }
    }
}

/// Writes the configuration.
pub(super) fn text(choices: &Choices) -> String {
    let Choices { connection, table, dataset_id, token, consent, country, role: _, warehouse: _ } = choices;
    let connection = match connection {
        Some(name) => format!("connection = {}", quoted(name)),
        None => "# connection = \"prod\"                    # a section of ~/.snowflake/connections.toml".to_owned(),
    };
    let token = match token {
        Token::Variable => "{ env = \"FBCAPI_ACCESS_TOKEN\" }".to_owned(),
        Token::File(path) => format!("{{ file = {} }}", quoted(&path.display().to_string())),
    };
    let consent = match consent {
        Consent::NotNeeded => "\"not-needed\"".to_owned(),
        Consent::Column(column) => format!("{{ column = {} }}", quoted(column)),
    };
    let country = match country {
        Some(country) => format!("default_country = {}", quoted(country)),
        None => "# default_country = \"US\"                 # without it numbers without country code are left out"
            .to_owned(),
    };
    format!(
        "\
# Written by `fbcapi init`. docs/configuration.md has every key; `fbcapi config show --sources` shows what is in force.

[source]
table = {table}
# timezone = \"UTC\"                        # of timestamps without zone, as \"Europe/Berlin\"
# where = \"source = 'shop'\"               # a condition on the rows, in Snowflake's SQL

[snowflake]
{connection}

[meta]
dataset_id = {dataset_id}
access_token = {token}
# action_source = \"system_generated\"      # where events take place: website, physical_store, phone_call, email, …
# unmapped = \"send\"                       # events of type Other: \"send\" or \"skip\"
# on_unknown = \"resend\"                   # when nobody knows whether Meta took a batch: \"resend\" or \"hold\"

[phone]
{country}

[privacy]
consent = {consent}

# [state]
# path = \"…\"                              # by default ~/.local/state/fbcapi/<dataset_id>.db
",
        table = quoted(table),
        dataset_id = quoted(dataset_id),
    )
}

/// Writes a text as TOML does.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(choices: &Choices) -> BTreeMap<String, toml::Table> {
        toml::from_str(&text(choices)).unwrap()
    }

    fn choices() -> Choices {
        Choices {
            connection: Some("prod".into()),
            table: "A.B.\"Facebook \\ Events\"".into(),
            dataset_id: "1234567890".into(),
            token: Token::Variable,
            consent: Consent::NotNeeded,
            country: None,
            role: None,
            warehouse: None,
        }
    }

    #[test]
    fn what_was_chosen_is_what_is_read_whatever_it_holds() {
        let found = read(&choices());
        assert_eq!(found["source"]["table"].as_str(), Some("A.B.\"Facebook \\ Events\""));
        assert_eq!(found["snowflake"]["connection"].as_str(), Some("prod"));
        assert_eq!(found["meta"]["access_token"]["env"].as_str(), Some("FBCAPI_ACCESS_TOKEN"));
        assert_eq!(found["privacy"]["consent"].as_str(), Some("not-needed"));
        assert!(found["phone"].is_empty());
        let other = Choices {
            connection: None,
            token: Token::File("/etc/fbcapi/to\"ken".into()),
            consent: Consent::of(" MAY_SHARE "),
            country: Some("DE".into()),
            ..choices()
        };
        let found = read(&other);
        assert!(found["snowflake"].is_empty());
        assert_eq!(found["meta"]["access_token"]["file"].as_str(), Some("/etc/fbcapi/to\"ken"));
        assert_eq!(found["privacy"]["consent"]["column"].as_str(), Some("MAY_SHARE"));
        assert_eq!(found["phone"]["default_country"].as_str(), Some("DE"));
    }
}
