//! The program from outside: real sockets, real files, the real binary.

mod support;
mod snowflake;
mod sandbox;
