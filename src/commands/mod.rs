//! The subcommands, a folder or a file for each.

pub mod demo;
