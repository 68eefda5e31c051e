//! Sends the conversions in a `facebook_events` table to Meta's Conversions API: each once, hashed, from cron.
//!
//! # The way of the data
//!
//! ```text
//! config → source ──RecordBatch──▶ event (row → event → payload) ──▶ batch ──▶ deliver ──fate──▶ ledger ──▶ report
//! ```
//!
//! The modules stand in this order. Each takes the noun before it and gives the noun after it; only [`sync`] knows
//! them all:
//!
//! - [`config`] reads a file, the environment and flags, and gives values that are all checked.
//! - [`model`] writes the dbt model that makes the table.
//! - [`source`] gives Arrow record batches, from Snowflake or from files.
//! - [`event`] makes an event of a row, or says why not; [`meta`] knows how Meta wants it.
//! - [`batch`] gathers events; [`deliver`] takes a batch to its end; [`ledger`] remembers what was tried.
//! - [`report`] tells people and programs; [`sandbox`] plays Meta; [`commands`] is what was typed, carried out.
//!
//! # What always holds
//!
//! - `event`, `meta`, `batch` and the machine in `deliver` are pure: no clock, network, environment or randomness.
//! - An intent is durable before the first byte of its post, an outcome before the run goes on. What a crash cuts
//!   off is found by the next run as an intent without outcome.
//! - A batch's bytes are made once; a retry sends the same bytes.
//! - The books balance: every selected row comes to exactly one end, or the run exits 70.
//! - Customer data is [`private::Pii`] from the cell to the hash, tokens are [`private::Secret`]: neither can be
//!   shown. What is said carries counts, codes, ids and names of columns, never values.
//! - Meta is posted to in `deliver/http.rs` only, and a watchdog in `report/ping.rs`; the two streams are written to in
//!   `report/console.rs` only.
//! - Nothing that a library logs is told, whatever the environment says (`report/log.rs`).
//! - Memory does not grow with the number of rows, but for 20 bytes for each event of the window.

pub mod cli;
pub mod config;
pub mod private;
pub mod sync;
pub mod model;
pub mod source;
pub mod event;
pub mod meta;
pub mod batch;
pub mod deliver;
pub mod ledger;
pub mod report;
pub mod sandbox;
pub mod commands;
mod signal;
mod crash;
mod split_mix;
