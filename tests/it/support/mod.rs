//! Peers that the tests talk to.

pub(crate) mod snowflake;
