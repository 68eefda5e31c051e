//! Sends the rows of a `facebook_events` table to Meta's Conversions API.

pub mod cli;
pub mod config;
pub mod private;
pub mod source;
pub mod event;
pub mod meta;
pub mod batch;
pub mod deliver;
pub mod ledger;
pub mod sandbox;
pub mod commands;
