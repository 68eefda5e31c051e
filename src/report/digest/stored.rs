//! A report as the state kept it, perhaps by an older or newer version of this program.
//!
//! What it lacks is not known, which is not the same as nothing: no number is made up for it.

use std::collections::BTreeMap;

use serde_json::Value;

/// A report as the state kept it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored(Value);

impl Stored {
    /// Reads a report; one that is no JSON says nothing.
    pub(super) fn read(json: &str) -> Self {
        Self(serde_json::from_str(json).unwrap_or_default())
    }

    /// How many rows came to an end.
    pub(super) fn count(&self, end: &str) -> Option<u64> {
        self.0["counts"][end].as_u64()
    }

    /// A number of the report itself.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.0[key].as_u64()
    }

    /// A text of the report itself.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0[key].as_str().map(str::to_owned)
    }

    /// The texts of a list.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let texts = self.0[key].as_array().into_iter().flatten();
        texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    /// One of the ages at sending, in seconds.
    pub(super) fn age(&self, which: &str) -> Option<u64> {
        self.0["age_seconds"][which].as_u64()
    }

    /// The events that were sent, by name.
    pub(super) fn sent_by_name(&self) -> BTreeMap<String, u64> {
        let names = self.0["by_event"].as_object().into_iter().flatten();
        names.filter_map(|(name, counts)| Some((name.clone(), counts["sent"].as_u64()?))).collect()
    }

    /// How often each reason was met.
    pub(super) fn reasons(&self) -> BTreeMap<String, u64> {
        let reasons = self.0["by_reason"].as_object().into_iter().flatten();
        reasons.filter_map(|(code, count)| Some((code.clone(), count.as_u64()?))).collect()
    }

    /// The share of sent events with each match key.
    pub(super) fn shares(&self) -> Option<BTreeMap<String, f64>> {
        let keys = self.0["match_keys"].as_object()?;
        Some(keys.iter().filter_map(|(key, share)| Some((key.clone(), share.as_f64()?))).collect())
    }
}
