//! One file per subcommand: what it reads, and what it writes to standard output.

pub mod demo;
pub mod hash;
