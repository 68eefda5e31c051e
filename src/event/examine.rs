//! What is wrong with the fields of a row that is not sent.
//!
//! [`build`](super::build) gives up at the first fault for which a row cannot be sent. Whoever looks at a table wants
//! every cell of it judged.

use super::context::{data_processing, opt_out, urls};
use super::custom::{custom_data, objects};
use super::field::Field;
use super::note::Note;
use super::people::People;
use super::reason::Reason;
use super::row::{channel, click, event_time, plain_keys};
use super::rules::Rules;
use super::table::Table;
use crate::meta::{ActionSource, KeySet, MatchKey};

/// Reads every field of a row that [`build`](super::build) refused, and gives the match keys that it has.
///
/// What is wrong with a field is added to `notes`, also where that is why the row was refused.
pub fn examine(table: &Table<'_>, row: usize, rules: &Rules, people: &mut People, notes: &mut Vec<Note>) -> KeySet {
    let time = table.time.get(row);
    if let (true, Err(reason)) = (time.is_some(), event_time(time)) {
        notes.push(table.note(Field::EventTime, reason));
    }
    let action_source = table.action_source.filled(row).map(ActionSource::parse);
    if action_source == Some(None) {
        notes.push(table.note(Field::ActionSource, Reason::InvalidActionSource));
    }
    // Of an event without a name nothing is asked, and each value is judged by itself, not with the others.
    drop(custom_data(table, row, "", notes));
    notes.retain(|note| note.reason != Reason::ValueWithoutCurrency);
    objects(table, row, notes);
    let mut keys = people.hash(table, row, rules, notes);
    for (key, _) in plain_keys(table, row, notes) {
        keys.insert(key);
    }
    if click(table, row, notes).is_some() {
        keys.insert(MatchKey::Fbc);
    }
    channel(table, row, notes);
    // Nor is anything asked of an event that took place elsewhere.
    urls(table, row, ActionSource::Other, keys, notes);
    opt_out(table, row, notes);
    data_processing(table, row, notes);
    keys
}
