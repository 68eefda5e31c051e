//! One event as Meta reads it: what is looked at is borrowed, the rest is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::user_data::UserData;

/// An event of `data`.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    /// The name, half of the key by which Meta finds duplicates.
    pub(crate) name: Option<Text<'a>>,
    /// The id, the other half.
    pub(crate) id: Option<Text<'a>>,
    /// When it happened, in seconds.
    pub(crate) time: Option<i64>,
    /// Where it happened.
    pub(crate) action_source: Option<Text<'a>>,
    /// Which channel a messaging event came through.
    pub(crate) messaging_channel: Option<Text<'a>>,
    /// The page, whatever it is.
    pub(crate) source_url: Option<IgnoredAny>,
    /// What is known of the app and the device.
    pub(crate) app_data: Option<AppData<'a>>,
    /// Whose it is.
    pub(crate) user_data: Option<UserData>,
    /// What it was worth.
    pub(crate) custom_data: Option<CustomData<'a>>,
    /// The first key that no event has.
    pub(crate) unexpected: Option<String>,
}

/// The part of `custom_data` that Meta checks.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CustomData<'a> {
    /// The amount, a number or a number in quotes.
    #[serde(borrow)]
    pub(crate) value: Option<&'a RawValue>,
    /// The currency's code.
    #[serde(borrow)]
    pub(crate) currency: Option<Text<'a>>,
    /// What was bought.
    #[serde(borrow)]
    pub(crate) contents: Option<&'a RawValue>,
}

/// The part of `app_data` that Meta checks.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct AppData<'a> {
    /// The device, as the app's SDK describes it.
    #[serde(borrow)]
    pub(crate) extinfo: Option<&'a RawValue>,
}

/// The part of an event by which people and fault rules know it.
#[derive(Debug, Deserialize)]
pub(crate) struct Glance<'a> {
    /// The id.
    #[serde(borrow)]
    pub(crate) event_id: Option<Text<'a>>,
    /// The name.
    #[serde(borrow)]
    pub(crate) event_name: Option<Text<'a>>,
}

/// A JSON string, borrowed when it holds no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    /// The string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// A key of an event.
///
/// Source: Conversions API, server event parameters; the last one is known to Meta's SDKs only.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum EventKey {
    EventName,
    EventTime,
    EventId,
    ActionSource,
    UserData,
    CustomData,
    MessagingChannel,
    EventSourceUrl,
    OptOut,
    ReferrerUrl,
    DataProcessingOptions,
    DataProcessingOptionsCountry,
    DataProcessingOptionsState,
    OriginalEventData,
    CustomerSegmentation,
    AttributionData,
    AppData,
    AdvancedMeasurementTable,
    Unexpected(String),
}

/// Reads an event's object.
struct EventVisitor;

/// Reads a string.
struct TextVisitor;

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event<'de>, A::Error> {
        let mut event = Event::default();
        while let Some(key) = map.next_key()? {
            match key {
                EventKey::EventName => event.name = map.next_value()?,
                EventKey::EventTime => event.time = map.next_value()?,
                EventKey::EventId => event.id = map.next_value()?,
                EventKey::ActionSource => event.action_source = map.next_value()?,
                EventKey::UserData => event.user_data = map.next_value()?,
                EventKey::CustomData => event.custom_data = map.next_value()?,
                EventKey::MessagingChannel => event.messaging_channel = map.next_value()?,
                EventKey::EventSourceUrl => event.source_url = map.next_value()?,
                EventKey::AppData => event.app_data = map.next_value()?,
                EventKey::OptOut
                | EventKey::ReferrerUrl
                | EventKey::DataProcessingOptions
                | EventKey::DataProcessingOptionsCountry
                | EventKey::DataProcessingOptionsState
                | EventKey::OriginalEventData
                | EventKey::CustomerSegmentation
                | EventKey::AttributionData
                | EventKey::AdvancedMeasurementTable => {
                    map.next_value::<IgnoredAny>()?;
                }
                EventKey::Unexpected(name) => {
                    map.next_value::<IgnoredAny>()?;
                    event.unexpected.get_or_insert(name);
                }
            }
        }
        Ok(event)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
