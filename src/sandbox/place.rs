//! What Meta wants to know of an event by the place where it happened: a website, an app, a conversation.

use serde_json::value::RawValue;

use super::event::{Event, Text};
use super::event_fault::EventFault;
use super::user_data::UserKey;

/// What a website event must say of the visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Website {
    /// Nothing: in live calls Meta took events without user agent and page.
    #[default]
    Lenient,
    /// User agent and page, as Meta's documentation requires.
    ///
    /// Source: Conversions API, best practices. How Meta would refuse them is not known.
    Strict,
}

/// The names that messaging events have. Source: Conversions API for business messaging.
const MESSAGING_NAMES: [&str; 14] = [
    "Purchase",
    "LeadSubmitted",
    "InitiateCheckout",
    "AddToCart",
    "ViewContent",
    "OrderCreated",
    "OrderShipped",
    "OrderDelivered",
    "OrderCanceled",
    "OrderReturned",
    "CartAbandoned",
    "QualifiedLead",
    "RatingProvided",
    "ReviewProvided",
];

/// How many slots `extinfo` has. Source: Conversions API, app data parameters.
const EXTINFO_SLOTS: usize = 16;

/// The slot of `extinfo` that holds the version of the operating system. Source: Conversions API, app data parameters.
const SYSTEM_VERSION_SLOT: usize = 4;

/// Applies the rules of the event's place.
pub(super) fn check(event: &Event<'_>, website: Website) -> Result<(), EventFault> {
    match event.action_source.as_ref().map(Text::as_str) {
        Some("website") if website == Website::Strict => check_visit(event),
        Some("app") => check_device(event),
        Some("business_messaging") => check_conversation(event),
        _ => Ok(()),
    }
}

/// A visit has a page and a browser.
fn check_visit(event: &Event<'_>) -> Result<(), EventFault> {
    if event.source_url.is_none() {
        return Err(EventFault::Missing("event_source_url"));
    }
    let user_data = event.user_data.unwrap_or_default();
    if user_data.has(UserKey::ClientUserAgent) { Ok(()) } else { Err(EventFault::Missing("client_user_agent")) }
}

/// An app runs on a device: `extinfo` has sixteen slots, of which Meta looks at the first and the system's version.
///
/// Source: Conversions API, app data parameters; a public test for a refusal of a blank version.
fn check_device(event: &Event<'_>) -> Result<(), EventFault> {
    let extinfo = event.app_data.as_ref().and_then(|app| app.extinfo).map(RawValue::get);
    let slots = extinfo.and_then(|json| serde_json::from_str::<Vec<String>>(json).ok()).unwrap_or_default();
    let is_device = slots.len() == EXTINFO_SLOTS
        && slots.first().is_some_and(|kind| matches!(kind.as_str(), "a2" | "i2"))
        && slots.get(SYSTEM_VERSION_SLOT).is_some_and(|version| !version.trim().is_empty());
    if is_device { Ok(()) } else { Err(EventFault::AppWithoutDevice) }
}

/// A conversation has a channel, and each channel its ids.
///
/// Source: Conversions API for business messaging; public reports of the subcodes.
fn check_conversation(event: &Event<'_>) -> Result<(), EventFault> {
    let name = event.name.as_ref().map(Text::as_str).unwrap_or_default();
    if !MESSAGING_NAMES.contains(&name) {
        return Err(EventFault::MessagingName(name.to_owned()));
    }
    let user_data = event.user_data.unwrap_or_default();
    let has = |key| user_data.has(key);
    match event.messaging_channel.as_ref().map(Text::as_str) {
        None => Err(EventFault::Missing("messaging_channel")),
        Some("whatsapp") if !has(UserKey::PageId) && !has(UserKey::WhatsappBusinessAccountId) => {
            Err(EventFault::WhatsappWithoutAccount)
        }
        Some("whatsapp") if !has(UserKey::CtwaClid) => Err(EventFault::WhatsappWithoutClick),
        Some("messenger") if !has(UserKey::PageId) => Err(EventFault::MessengerWithoutPage),
        Some("instagram") if !has(UserKey::IgAccountId) => Err(EventFault::InstagramWithoutAccount),
        Some("whatsapp" | "messenger" | "instagram") => Ok(()),
        Some(_) => Err(EventFault::Invalid("messaging_channel")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: impl Into<Option<EventFault>>) {
        let event: Event<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(super::check(&event, Website::Strict).err(), expected.into(), "{json}");
    }

    #[test]
    fn a_visit_has_a_page_and_a_browser_when_that_is_asked_for() {
        let bare = r#"{"action_source":"website"}"#;
        check(bare, EventFault::Missing("event_source_url"));
        let event: Event<'_> = serde_json::from_str(bare).unwrap();
        assert_eq!(super::check(&event, Website::Lenient), Ok(()));
        let page = r#"{"action_source":"website","event_source_url":"https://example.com""#;
        check(&format!("{page}}}"), EventFault::Missing("client_user_agent"));
        check(&format!(r#"{page},"user_data":{{"client_user_agent":"Mozilla/5.0"}}}}"#), None);
        check(r#"{"action_source":"phone_call"}"#, None);
    }

    #[test]
    fn an_app_says_on_which_device_it_runs() {
        let app = |data: &str| format!(r#"{{"action_source":"app","app_data":{data}}}"#);
        let extinfo = |kind: &str, version: &str, more: usize| {
            let more = r#","""#.repeat(more);
            app(&format!(r#"{{"extinfo":["{kind}","com.example","1","1.0","{version}"{more}]}}"#))
        };
        check(r#"{"action_source":"app"}"#, EventFault::AppWithoutDevice);
        check(&app("null"), EventFault::AppWithoutDevice);
        check(&app("{}"), EventFault::AppWithoutDevice);
        check(&app(r#"{"extinfo":"a2"}"#), EventFault::AppWithoutDevice);
        check(&extinfo("i2", "17.1", 11), None);
        check(&extinfo("a2", "15", 11), None);
        check(&extinfo("a2", "15", 10), EventFault::AppWithoutDevice);
        check(&extinfo("w1", "15", 11), EventFault::AppWithoutDevice);
        check(&extinfo("a2", " ", 11), EventFault::AppWithoutDevice);
    }

    #[test]
    fn a_conversation_has_the_ids_of_its_channel() {
        let event = |name: &str, channel: &str, ids: &str| {
            format!(
                r#"{{"action_source":"business_messaging","event_name":"{name}","messaging_channel":{channel},"user_data":{{{ids}}}}}"#
            )
        };
        let lead = |channel: &str, ids: &str| event("LeadSubmitted", channel, ids);
        check(&event("Lead", r#""whatsapp""#, ""), EventFault::MessagingName("Lead".into()));
        check(&lead("null", ""), EventFault::Missing("messaging_channel"));
        check(&lead(r#""telegram""#, ""), EventFault::Invalid("messaging_channel"));
        check(&lead(r#""whatsapp""#, r#""ctwa_clid":"c""#), EventFault::WhatsappWithoutAccount);
        check(&lead(r#""whatsapp""#, r#""page_id":"1""#), EventFault::WhatsappWithoutClick);
        check(&lead(r#""whatsapp""#, r#""page_id":"1","ctwa_clid":"c""#), None);
        check(&lead(r#""whatsapp""#, r#""whatsapp_business_account_id":"1","ctwa_clid":"c""#), None);
        check(&lead(r#""messenger""#, r#""page_scoped_user_id":"1""#), EventFault::MessengerWithoutPage);
        check(&lead(r#""messenger""#, r#""page_id":"1""#), None);
        check(&lead(r#""instagram""#, r#""ig_sid":"1""#), EventFault::InstagramWithoutAccount);
        check(&lead(r#""instagram""#, r#""ig_account_id":"1""#), None);
    }
}
