//! A row of the table becomes an event.
//!
//! Pure: no clock, no network, no environment. [`Table::bind`] binds the columns of a record batch, [`build`] makes
//! an [`Event`] of each row, or says why not.

pub mod columns;
pub mod rules;
pub mod time;
mod row;
mod people;
pub mod reason;
mod table;
mod texts;

pub use people::People;
pub use reason::Reason;
pub use row::{Event, Identity, Refusal, Value, build, identify};
pub use table::{Table, UnreadableColumn};

#[cfg(test)]
mod tests;
