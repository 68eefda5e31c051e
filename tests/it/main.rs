//! The program from outside: real sockets, real files, the real binary.

mod support;
mod snowflake;
mod fakesnow;
mod network;
mod sandbox;
mod sandbox_faults;
mod sandbox_sdks;
mod sandbox_docs;
mod sync;
mod dry_run;
mod check;
mod commands;
mod hash;
mod help;
mod model;
mod payloads;
mod faults;
mod kill;
mod kill_points;
mod wire_faults;
mod bad_input;
mod privacy;
mod docs;
mod matrix;
mod soak;
mod conformance;
