//! Stages on which the program runs, and peers that it talks to.

pub(crate) mod graph;
pub(crate) mod json_schema;
pub(crate) mod wire;
pub(crate) mod rows;
pub(crate) mod run;
#[expect(clippy::unwrap_used, reason = "a peer that cannot be set up fails its test")]
pub(crate) mod snowflake;
pub(crate) mod venv;
pub(crate) mod fakesnow;
pub(crate) mod network;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod watchdog;
