//! Stages on which the program runs, and peers that it talks to.

pub(crate) mod graph;
pub(crate) mod wire;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod snowflake;
pub(crate) mod venv;
pub(crate) mod fakesnow;
