//! One file per subcommand: what it reads, and what it writes to standard output.

pub mod check;
pub mod config;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod hash;
pub mod init;
pub mod manual;
mod ledger;
pub mod model;
mod output_file;
mod monitoring;
pub mod rejects;
pub mod report;
pub mod resolve;
pub mod sandbox;
pub mod state;
pub mod status;
pub mod sync;
pub mod why;
