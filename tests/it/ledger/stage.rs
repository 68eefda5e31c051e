//! Stages whose state is in Snowflake.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use fbcapi::ledger::snowflake::{Schema, Setting, Terms, Warehouse};
use fbcapi::private::Secret;
use fbcapi::source::snowflake::{Connection, Login, Protocol, Surroundings};

use crate::support::fakesnow::Database;
use crate::support::run::Stage;

/// The schema of the tests' database that holds the state.
pub(crate) const SCHEMA: &str = "MARTS";

/// A state in a database.
pub(crate) fn warehouse(database: &Database) -> Warehouse {
    warehouse_at("127.0.0.1", database.port, &database.name)
}

/// A state in a database of a server on this machine.
pub(crate) fn warehouse_at(host: &str, port: u16, database: &str) -> Warehouse {
    Warehouse {
        connection: Connection {
            account: "fakesnow".into(),
            host: host.into(),
            port,
            protocol: Protocol::Http,
            user: "FBCAPI".into(),
            role: None,
            warehouse: None,
            database: Some(database.into()),
            schema: Some(SCHEMA.into()),
            service_token_file: None,
            login: Login::Password(Secret::new("snow".into())),
        },
        schema: Schema::parse(&format!("{database}.{SCHEMA}")).unwrap(),
        terms: Terms::of(Duration::from_secs(60)),
    }
}

/// What a ledger of a dataset needs.
pub(crate) fn setting(dataset_id: &str) -> Setting {
    Setting::new(dataset_id, None, Surroundings::default())
}

/// Lets a stage keep its state in a database, whose tables are made.
pub(crate) fn kept_in(stage: Stage, database: &Database) -> Stage {
    let stage = stage
        .section("state", &format!("kind = \"snowflake\"\nschema = \"{}.{SCHEMA}\"", database.name))
        .section("snowflake", &database.connection())
        .variable("FBCAPI_TEST_PASSWORD", "snow");
    let made = stage.run(&["state", "init"]);
    assert_eq!(made.exit, Some(0), "{}", made.stderr);
    stage
}
