//! What the configuration says about making events of rows.

use chrono_tz::Tz;

use super::columns::Columns;
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
    /// The name in the table.
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
    pub zone: Tz,
}

impl Rules {
    /// The name to send for a name in the table.
    pub fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.of_name(name).and_then(|rules| rules.rename.as_deref()).unwrap_or(name)
    }

    fn of_name(&self, name: &str) -> Option<&NameRules> {
        self.names.iter().find(|rules| rules.name == name)
    }

    /// Where events of a name in the table take place when the row does not say.
    pub fn action_source(&self, name: &str) -> ActionSource {
        self.of_name(name).and_then(|rules| rules.action_source).unwrap_or(self.action_source)
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
