//! The program from outside: real sockets, real files, the real binary.

mod support;
mod snowflake;
mod sandbox;
mod sync;
mod dry_run;
mod check;
mod commands;
mod hash;
mod payloads;
mod faults;
mod kill;
mod bad_input;
mod privacy;
mod docs;
mod conformance;
