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
//! Behind each stands the test that holds it; a test makes sure that these tests exist.
//!
//! - `event`, `meta`, `model`, `batch` and the machine in `deliver` are pure: no clock, network, file, environment or
//!   randomness (`what_is_pure_touches_nothing_outside`).
//! - An intent is durable before the first byte of its post, an outcome before the run goes on. What a crash cuts
//!   off is found by the next run as an intent without outcome
//!   (`fm_53_killed_at_any_moment_nothing_is_lost_and_only_what_was_in_flight_comes_twice`).
//! - A batch's bytes are made once; a retry sends the same bytes (`a_part_is_a_slice_of_the_same_bytes`).
//! - The books balance: every selected row comes to exactly one end, or the run exits 70
//!   (`rows_of_pure_garbage_are_all_counted`).
//! - Customer data is [`private::Pii`] from the cell to the hash, tokens are [`private::Secret`]: neither can be
//!   shown. What is said carries counts, codes, ids and names of columns, never values
//!   (`nothing_of_a_row_is_shown_whatever_meta_answers`).
//! - Each library of the outside has one home: Meta is posted to in `deliver/http.rs` only, a watchdog in
//!   `report/ping.rs`; Snowflake's crate is known in `source/snowflake` only, rusqlite in `ledger`, the two streams
//!   in `report/console.rs` (`each_library_of_the_outside_has_one_home`).
//! - Nothing that a library logs is told, whatever the environment says
//!   (`nothing_but_this_program_is_ever_told`).
//! - One run at a time has the right to send: a lock on this machine, a lease in Snowflake
//!   (`fm_07_two_runs_cannot_hold_one_state`, `fm_54_without_the_lease_no_intent_is_written_and_an_outcome_is_kept_and_marked`).
//! - Memory does not grow with the number of rows, but for 20 bytes for each event of the window
//!   (`fm_19_three_times_the_rows_take_no_more_memory_but_for_their_keys`).

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
