//! A row of the table becomes an event.

pub mod reason;

pub use reason::Reason;
