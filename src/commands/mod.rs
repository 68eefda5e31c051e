//! One file per subcommand: what it reads, and what it writes to standard output.

pub mod check;
pub mod config;
pub mod demo;
pub mod exit;
pub mod hash;
pub mod sandbox;
pub mod sync;
