//! What the configuration says about making events of rows.

use super::columns::Columns;
use super::personal::looks_personal;
use super::zone::Zone;
use crate::meta::ActionSource;
use crate::meta::normalize::Settings;

/// What to do with events that the model did not map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// Send them under the name `Other`.
    Send,
    /// Leave them out.
    Skip,
}

/// What holds for the events of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRules {
    /// The name in the table: the event's, or the one that it has where it comes from.
    pub name: String,
    /// The name to send instead.
    pub rename: Option<String>,
    /// Where these events take place.
    pub action_source: Option<ActionSource>,
}

/// What the configuration says about making events of rows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Which column feeds which field.
    pub columns: Columns,
    /// How customer data is normalised.
    pub normalize: Settings,
    /// Where events take place when neither row nor name says.
    pub action_source: ActionSource,
    /// What to do with events that the model did not map.
    pub unmapped: Unmapped,
    /// What holds for events of certain names.
    pub names: Vec<NameRules>,
    /// The only names wanted; empty wants all.
    pub selected_names: Vec<String>,
    /// Events before this second are not wanted, when someone said so.
    pub since: Option<i64>,
    /// Events at or after this second are not wanted.
    pub until: Option<i64>,
    /// The zone of timestamps without one.
    pub zone: Zone,
}

/// The model's fallback for events that it does not map.
pub const FALLBACK_NAME: &str = "Other";

/// What an event is called, and what holds for it by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Called<'a> {
    /// The name to send.
    pub(super) name: &'a str,
    /// What the configuration says of that name, or of the name that the event has where it comes from.
    pub(super) rules: Option<&'a NameRules>,
}

impl Rules {
    /// What an event is called whose name and name at its source stand in the table, if either is there.
    ///
    /// What the configuration says of the name at the source comes before what the model made of it, as if it were
    /// the model's case statement; a name at the source that the configuration does not know is one that the model did
    /// not map either.
    pub(super) fn call<'a>(&'a self, name: Option<&'a str>, at_source: Option<&'a str>) -> Option<Called<'a>> {
        let (name, at_source) = (name.map(str::trim), at_source.map(str::trim));
        let rules = at_source.and_then(|name| self.of(name)).or_else(|| name.and_then(|name| self.of(name)));
        let renamed = rules.and_then(|rules| rules.rename.as_deref());
        let is_mapped_here = || at_source.is_some() && self.names.iter().any(|rules| rules.rename.is_some());
        // A name that is an address is a column that was mistaken for another, and is not to be shown as a name.
        let name = renamed
            .or(name.filter(|name| !looks_personal(name)))
            .or_else(|| is_mapped_here().then_some(FALLBACK_NAME))?;
        Some(Called { name, rules })
    }

    fn of(&self, name: &str) -> Option<&NameRules> {
        self.names.iter().find(|rules| rules.name == name)
    }

    /// Whether the run wants events of a (sent) name.
    pub fn is_selected_name(&self, name: &str) -> bool {
        self.selected_names.is_empty() || self.selected_names.iter().any(|selected| selected == name)
    }

    /// Whether the run wants events of a second.
    pub fn is_selected_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}
