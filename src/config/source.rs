//! `[source]` and `[snowflake]`: where rows come from.

use std::time::Duration;

use super::reader::Reader;
use super::secret::{SecretSource, expand_home};
use super::{Context, Machine, Mistake, Purpose, SourceConfig};
use crate::event::Zone;
use crate::event::preset::Preset;
use crate::private::Secret;
use crate::source::snowflake::{
    Connection, Given, Layer, SnowflakeSettings, World, canonical_key, check_table, read_file, settle,
};

/// How long the statement that reads the table may run: a warehouse that starts and a large window take minutes.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Keys of `[snowflake]` that may be shown.
const SNOWFLAKE_KEYS: [&str; 13] = [
    "account",
    "user",
    "role",
    "warehouse",
    "database",
    "schema",
    "authenticator",
    "private_key_file",
    "token_file_path",
    "host",
    "port",
    "protocol",
    "region",
];

/// Keys of `[snowflake]` that may not be shown.
const SNOWFLAKE_SECRETS: [&str; 4] = ["private_key_raw", "private_key_passphrase", "token", "password"];

/// What `[source]` says. Where it is mistaken, the default stands in, so that the other sections can be read.
pub(super) struct SourceSection {
    /// Where rows come from; never settled where a table is only to be shown.
    pub(super) config: Option<SourceConfig>,
    /// The connection, where rows or the state are in Snowflake; never settled where it is only to be shown.
    pub(super) connection: Option<Connection>,
    /// How the variables begin that this source does not read.
    pub(super) unread: Option<&'static str>,
    /// Where rows come from, if that is said rightly.
    pub(super) kind: Option<Kind>,
    pub(super) preset: Preset,
    pub(super) zone: Zone,
    pub(super) date_format: Option<String>,
}

/// Where rows come from, as written.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A table in Snowflake.
    Snowflake,
    /// Files on this machine.
    File,
}

impl Context<'_> {
    /// Reads the section and, if rows come from Snowflake, the connection.
    pub(super) fn source(&self, reader: &mut Reader<'_>) -> SourceSection {
        let mut section = reader.section("source");
        let kind = section.choice("kind", &[("snowflake", Kind::Snowflake), ("file", Kind::File)], "snowflake");
        let preset = section.choice("preset", &Preset::NAMES, "facebook_events");
        let zone = section.text_or("timezone", "UTC");
        let zone_read = zone.value.parse::<Zone>().ok();
        if zone_read.is_none() {
            section.mistake(&zone.place, "timezone", "must be a zone of the IANA database, such as \"Europe/Berlin\"");
        }
        let date_format = section.text("date_format").map(|found| found.value);
        let table = section.text("table");
        let owners_sql = section.text("where").map(|found| found.value);
        let pattern = section.text("path").map(|found| found.value);
        match kind {
            Some(Kind::File) if pattern.is_none() => {
                section.missing("path", "name the files, as \"events/*.parquet\"");
            }
            Some(Kind::Snowflake) if table.is_none() => {
                section.missing("table", "name the table, as \"ANALYTICS.MARTS.FACEBOOK_EVENTS\"");
            }
            Some(Kind::Snowflake) => {
                if let Some((found, Err(what))) = table.as_ref().map(|found| (found, check_table(&found.value))) {
                    section.mistake(&found.place, "table", &format!("{what}: write it as DATABASE.SCHEMA.TABLE"));
                }
            }
            Some(Kind::File) | None => {}
        }
        section.end();
        let is_state_there = reader.peek("state", "kind").as_deref() == Some("snowflake");
        let is_wanted = is_state_there || matches!(kind, Some(Kind::Snowflake));
        let unread = if is_wanted { None } else { Some("FBCAPI_SNOWFLAKE_") };
        let connection = if is_wanted {
            self.connection(reader)
        } else {
            reader.ignore("snowflake");
            None
        };
        let config = match kind {
            Some(Kind::File) => {
                pattern.map(|pattern| SourceConfig::File { pattern: expand_home(&pattern, self.machine.environment) })
            }
            Some(Kind::Snowflake) => connection.clone().map(|connection| {
                let table = table.map(|found| found.value).unwrap_or_default();
                let (where_clause, query_timeout) = (owners_sql, QUERY_TIMEOUT);
                SourceConfig::Snowflake(Box::new(SnowflakeSettings { connection, table, where_clause, query_timeout }))
            }),
            None => None,
        };
        SourceSection {
            config,
            connection,
            unread,
            kind,
            preset: preset.unwrap_or(Preset::FacebookEvents),
            zone: zone_read.unwrap_or(Zone::UTC),
            date_format,
        }
    }

    /// The connection: the keys of this file, completed from what Snowflake's own tools read.
    ///
    /// Where it is only to be shown, no secret is read and nothing is completed.
    fn connection(&self, reader: &mut Reader<'_>) -> Option<Connection> {
        let mut section = reader.section("snowflake");
        let connection = section.text("connection").map(|found| found.value);
        let mut given = Layer::new();
        let mut give = |key: &str, value: Option<Secret>, place: String| {
            if let Some(key) = canonical_key(key) {
                given.insert(key, Given { value, place });
            }
        };
        for key in SNOWFLAKE_KEYS {
            match section.word(key) {
                Some(found) => give(key, Some(Secret::new(found.value)), found.place),
                // What is there and is not understood was reported, and is not missing.
                None if section.has(key) => give(key, None, String::new()),
                None => {}
            }
        }
        for key in SNOWFLAKE_SECRETS {
            match section.secret(key) {
                Some(found) if self.purpose == Purpose::Show => {
                    // The variable is known all the same.
                    if let SecretSource::Variable(name) = &found.value {
                        drop((self.machine.environment)(name));
                    }
                }
                Some(found) => match found.value.resolve(self.machine.environment, self.file) {
                    Ok(secret) => give(key, Some(secret), found.place),
                    Err(what) => {
                        section.mistake(&found.place, key, &what);
                        give(key, None, found.place);
                    }
                },
                None if section.has(key) => give(key, None, String::new()),
                None => {}
            }
        }
        section.end();
        if self.purpose == Purpose::Show {
            return None;
        }
        let world = snowflake_world(&self.machine);
        match settle(given, connection.as_deref(), &world) {
            Ok(connection) => Some(connection),
            Err(mistakes) => {
                for mistake in mistakes {
                    let remedy = mistake.remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
                    let what = format!("{}{remedy}", mistake.what);
                    reader.mistakes.push(Mistake { place: mistake.place, key: String::new(), what });
                }
                None
            }
        }
    }
}

/// What Snowflake's own files and variables are looked for in.
pub fn snowflake_world<'a>(machine: &Machine<'a>) -> World<'a> {
    World {
        variable: machine.environment,
        variables: machine.variables,
        read: &read_file,
        exists: &|path| path.exists(),
    }
}
