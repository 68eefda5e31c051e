//! What was left out of an event, or is wrong with it although it is sent.

use super::columns::Slot;
use super::reason::Reason;

/// What was left out of an event, or is wrong with it although it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// What it is about, if that is fed at all.
    pub slot: Option<Slot>,
    /// Why.
    pub reason: Reason,
}
