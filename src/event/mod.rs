//! A row of the table becomes an event.
//!
//! Pure: no clock, no network, no environment. [`Table::bind`] binds the columns of a record batch, [`build`] makes
//! an [`Event`] of each row, or says why not.

pub mod field;
pub mod object;
pub mod value;
pub mod preset;
pub mod columns;
pub mod personal;
pub mod rules;
pub mod time;
mod zone;
mod row;
mod examine;
mod people;
mod custom;
mod context;
pub mod reason;
mod note;
mod table;
mod texts;
mod suit;

pub use examine::examine;
pub use note::Note;
pub use people::People;
pub(crate) use people::{Shape, item_text, shape};
pub use reason::Reason;
pub use row::{Event, Identity, Refusal, build, identify};
pub use suit::Want;
pub use table::{Table, UnreadableColumn};
pub use value::Value;
#[cfg(test)]
pub(crate) use zone::zone;
pub use zone::{NotAZone, Zone};

#[cfg(test)]
mod tests;
