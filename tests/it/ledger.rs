//! The state in Snowflake: over fakesnow, and over a server that plays the faults of its protocol.

mod contract;
mod stage;
mod takeover;
mod unsent;
mod shards;
mod commands;
mod faults;
mod halted;
mod kill;
