//! The rules that an event must pass, in the order in which Meta applies them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::event::{CustomData, Event};
use super::event_fault::EventFault;
use super::place::{self, Website};

/// How old an event may be. Source: Conversions API, server event parameters, `event_time`.
const WINDOW_SECONDS: i64 = 7 * 86_400;

/// How old an event in a physical store may be. Source: Conversions API, using the API and offline events.
const STORE_WINDOW_SECONDS: i64 = 62 * 86_400;

/// Where events may happen. Source: Conversions API, server event parameters, `action_source`.
const ACTION_SOURCES: [&str; 9] = [
    "email",
    "website",
    "app",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
];

/// What to make of a value without currency. Only one report of a refusal is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BareValue {
    /// It is refused.
    #[default]
    Refused,
    /// It is taken.
    Taken,
}

/// How strictly events are judged where Meta's ways are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strictness {
    /// What a website event must say of the visit.
    pub website: Website,
    /// What to make of a value without currency.
    pub bare_value: BareValue,
}

/// The moment by which events are judged, and how far they may lie ahead of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The time of arrival, in seconds.
    now: i64,
    /// The last time that is not yet the future, in seconds.
    latest: i64,
}

/// An item of `contents`, of which only the id matters.
#[derive(Deserialize)]
struct Content {
    id: Option<IgnoredAny>,
}

impl Moment {
    /// Fixes the moment of a request's arrival.
    pub(crate) fn new(now: DateTime<Utc>, future_tolerance: Duration) -> Self {
        let now = now.timestamp();
        Self { now, latest: now.saturating_add_unsigned(future_tolerance.as_secs()) }
    }

    /// The time of arrival, in seconds.
    pub(crate) fn seconds(self) -> i64 {
        self.now
    }
}

/// Reads one event and applies every rule; gives the first fault.
///
/// Source of the order: live calls in which the time was refused before the customer information; the rest is
/// inferred.
pub(crate) fn read(json: &str, moment: Moment, strictness: Strictness) -> Result<Event<'_>, EventFault> {
    let Ok(mut event) = serde_json::from_str::<Event<'_>>(json) else { return Err(EventFault::Unreadable) };
    let Some(name) = event.name.as_ref().filter(|name| !name.is_blank()) else {
        return Err(EventFault::Missing("event_name"));
    };
    let Some(time) = event.time else { return Err(EventFault::Missing("event_time")) };
    let Some(source) = event.action_source.as_ref() else { return Err(EventFault::Missing("action_source")) };
    if !ACTION_SOURCES.contains(&source.as_str()) {
        return Err(EventFault::Invalid("action_source"));
    }
    if let Some(key) = event.unexpected.take() {
        return Err(EventFault::UnexpectedKey(key));
    }
    check_time(time, source.as_str(), moment)?;
    check_user_data(&event)?;
    place::check(&event, strictness.website)?;
    check_custom_data(name.as_str(), event.custom_data.as_ref(), strictness.bare_value)?;
    Ok(event)
}

/// Applies the window of the event's action source.
fn check_time(time: i64, action_source: &str, moment: Moment) -> Result<(), EventFault> {
    let window = if action_source == "physical_store" { STORE_WINDOW_SECONDS } else { WINDOW_SECONDS };
    if time < moment.now.saturating_sub(window) {
        return Err(EventFault::TooOld);
    }
    if time > moment.latest {
        return Err(EventFault::InFuture);
    }
    Ok(())
}

/// Applies the rules of customer information.
fn check_user_data(event: &Event<'_>) -> Result<(), EventFault> {
    let user_data = event.user_data.unwrap_or_default();
    if let Some(key) = user_data.unhashed() {
        return Err(EventFault::NotHashed(key));
    }
    if user_data.is_too_broad() {
        return Err(EventFault::TooFewKeys);
    }
    if user_data.has_strange_lead() {
        return Err(EventFault::LeadId);
    }
    Ok(())
}

/// Applies the rules of amounts and contents.
fn check_custom_data(
    event_name: &str,
    custom_data: Option<&CustomData<'_>>,
    bare_value: BareValue,
) -> Result<(), EventFault> {
    let value = custom_data.and_then(|custom| custom.value);
    let currency = custom_data.and_then(|custom| custom.currency.as_ref()).filter(|currency| !currency.is_blank());
    let is_purchase = event_name == "Purchase";
    if value.is_none() && is_purchase {
        return Err(EventFault::PurchaseWithoutValue);
    }
    if value.is_some_and(|value| !is_amount(value)) {
        return Err(EventFault::Invalid("value"));
    }
    match currency {
        None if is_purchase => return Err(EventFault::PurchaseWithoutCurrency),
        None if value.is_some() && bare_value == BareValue::Refused => return Err(EventFault::ValueWithoutCurrency),
        None => {}
        Some(code) if is_currency(code.as_str()) => {}
        Some(_) => return Err(EventFault::Invalid("currency")),
    }
    let Some(contents) = custom_data.and_then(|custom| custom.contents) else { return Ok(()) };
    // Contents that are no list of objects are left to Meta: how it answers them is not known.
    let contents = serde_json::from_str::<Vec<Content>>(contents.get()).unwrap_or_default();
    if contents.iter().any(|content| content.id.is_none()) {
        return Err(EventFault::ContentWithoutId);
    }
    Ok(())
}

/// Whether a value is a number, or a number in quotes as in one of Meta's samples.
///
/// Source: Conversions API, custom data parameters; fbp and fbc parameters, sample payload.
fn is_amount(value: &RawValue) -> bool {
    let json = value.get();
    let number = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    number.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a currency has the form of a code. Source: Conversions API, custom data parameters (ISO 4217).
fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;
    const HASH: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";

    /// Checks an event made of a valid Lead whose members are replaced by the given ones; `#` stands for a digest and
    /// a member of null is left out.
    #[track_caller]
    fn check(changes: &str, expected: impl Into<Option<EventFault>>) {
        let mut event = serde_json::json!({
            "event_name": "Lead", "event_time": NOW - 60, "event_id": "e-1", "action_source": "website",
            "user_data": {"em": HASH},
        });
        let changes: serde_json::Value = serde_json::from_str(&changes.replace('#', HASH)).unwrap();
        let members = event.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        assert_eq!(fault_of(&event.to_string()), expected.into(), "{event}");
    }

    fn fault_of(json: &str) -> Option<EventFault> {
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        read(json, Moment::new(now, Duration::from_secs(60)), Strictness::default()).err()
    }

    fn check_time(action_source: &str, seconds_ago: i64, expected: impl Into<Option<EventFault>>) {
        let time = NOW - seconds_ago;
        check(&format!(r#"{{"event_time":{time},"action_source":"{action_source}"}}"#), expected);
    }

    #[test]
    fn events_of_the_wrong_shape_are_refused() {
        for json in ["1", "null", "[]", r#""text""#, r#"{"event_name":1}"#, r#"{"event_name":"Lead","user_data":[]}"#] {
            assert_eq!(fault_of(json), Some(EventFault::Unreadable), "{json}");
        }
        check("{}", None);
        check(r#"{"event_time":"1790000000"}"#, EventFault::Unreadable);
        check(r#"{"event_time":1790000000.5}"#, EventFault::Unreadable);
        check(r#"{"event_id":7}"#, EventFault::Unreadable);
        check(r#"{"custom_data":"x"}"#, EventFault::Unreadable);
        check(r#"{"event_name":null}"#, EventFault::Missing("event_name"));
        check(r#"{"event_name":" "}"#, EventFault::Missing("event_name"));
        check(r#"{"event_time":null}"#, EventFault::Missing("event_time"));
        check(r#"{"action_source":null}"#, EventFault::Missing("action_source"));
        check(r#"{"action_source":"WEBSITE"}"#, EventFault::Invalid("action_source"));
        check(r#"{"action_source":"shop"}"#, EventFault::Invalid("action_source"));
        check(r#"{"event_id":null}"#, None);
        check(r#"{"advertiser_tracking_enabled":1}"#, EventFault::UnexpectedKey("advertiser_tracking_enabled".into()));
    }

    #[test]
    fn a_deep_event_is_refused_and_breaks_nothing() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(fault_of(&deep), Some(EventFault::Unreadable));
        assert_eq!(fault_of(&format!(r#"{{"user_data":{{"em":{deep}}}}}"#)), Some(EventFault::Unreadable));
        assert_eq!(fault_of(&format!(r#"{{"app_data":{deep}}}"#)), Some(EventFault::Missing("event_name")));
    }

    #[test]
    fn every_documented_key_is_taken() {
        check(
            r#"{"event_source_url":"https://example.com","opt_out":false,"referrer_url":"https://example.com",
                "data_processing_options":["LDU"],"data_processing_options_country":1,
                "data_processing_options_state":1000,"original_event_data":{"event_name":"Lead"},
                "customer_segmentation":"existing_customer_to_business","attribution_data":{"scope":"click"},
                "app_data":{"extinfo":["a2"]},"messaging_channel":"whatsapp","advanced_measurement_table":"t",
                "custom_data":{"anything":{"goes":[1]}}}"#,
            None,
        );
    }

    #[test]
    fn times_have_a_window() {
        check_time("website", 7 * 86_400, None);
        check_time("website", 7 * 86_400 + 1, EventFault::TooOld);
        check_time("system_generated", 8 * 86_400, EventFault::TooOld);
        check_time("physical_store", 62 * 86_400, None);
        check_time("physical_store", 62 * 86_400 + 1, EventFault::TooOld);
        check_time("website", -60, None);
        check_time("website", -61, EventFault::InFuture);
        check(r#"{"event_time":1790000000000}"#, EventFault::InFuture);
        check(r#"{"event_time":-9223372036854775808}"#, EventFault::TooOld);
        check(r#"{"event_time":9223372036854775807}"#, EventFault::InFuture);
    }

    #[test]
    fn customer_information_is_hashed_and_enough() {
        check(r#"{"user_data":{"em":"ada@example.com"}}"#, EventFault::NotHashed("em"));
        check(r##"{"user_data":{"em":"#","country":"us"}}"##, EventFault::NotHashed("country"));
        check(r#"{"user_data":{"client_user_agent":"Mozilla/5.0"}}"#, EventFault::TooFewKeys);
        check(r#"{"user_data":{}}"#, EventFault::TooFewKeys);
        check(r#"{"user_data":null}"#, EventFault::TooFewKeys);
        check(r#"{"user_data":{"external_id":"u-1"}}"#, None);
        check(r##"{"user_data":{"em":"#","lead_id":"1"}}"##, EventFault::LeadId);
        check(r#"{"action_source":"app"}"#, EventFault::AppWithoutDevice);
        check(r#"{"action_source":"business_messaging"}"#, EventFault::MessagingName("Lead".into()));
    }

    #[test]
    fn amounts_are_whole() {
        let purchase = |custom: &str| format!(r#"{{"event_name":"Purchase","custom_data":{custom}}}"#);
        let lead = |custom: &str| format!(r#"{{"custom_data":{custom}}}"#);
        check(&purchase("null"), EventFault::PurchaseWithoutValue);
        check(&purchase("{}"), EventFault::PurchaseWithoutValue);
        check(&purchase(r#"{"value":null,"currency":"USD"}"#), EventFault::PurchaseWithoutValue);
        check(&purchase(r#"{"value":1.5}"#), EventFault::PurchaseWithoutCurrency);
        check(&purchase(r#"{"value":1.5,"currency":""}"#), EventFault::PurchaseWithoutCurrency);
        check(&purchase(r#"{"value":0,"currency":"usd"}"#), None);
        check(&purchase(r#"{"value":"142.52","currency":"USD"}"#), None);
        check(&purchase(r#"{"value":"abc","currency":"USD"}"#), EventFault::Invalid("value"));
        check(&purchase(r#"{"value":"inf","currency":"USD"}"#), EventFault::Invalid("value"));
        check(&purchase(r#"{"value":[1],"currency":"USD"}"#), EventFault::Invalid("value"));
        check(&purchase(r#"{"value":1,"currency":"US$"}"#), EventFault::Invalid("currency"));
        check(&lead(r#"{"value":3}"#), EventFault::ValueWithoutCurrency);
        check(&lead(r#"{"value":3,"currency":"EUR"}"#), None);
        check(&lead(r#"{"currency":"EUR"}"#), None);
        check(&lead(r#"{"contents":[{"id":"a"},{"quantity":1}]}"#), EventFault::ContentWithoutId);
        check(&lead(r#"{"contents":[{"id":"a","quantity":1}]}"#), None);
    }

    #[test]
    fn the_first_fault_is_told() {
        check(r#"{"event_time":1,"user_data":{"em":"ada@example.com"}}"#, EventFault::TooOld);
        check(r#"{"event_time":1,"shoe_size":44}"#, EventFault::UnexpectedKey("shoe_size".into()));
        check(r#"{"event_name":"Purchase","user_data":{"em":"ada@example.com"}}"#, EventFault::NotHashed("em"));
    }
}
