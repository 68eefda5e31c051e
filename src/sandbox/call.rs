//! A request in whichever encoding it came, as one shape.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::event::Text;
use super::form::Field;
use super::refusal::Refusal;

/// How many events a request may hold. Source: Conversions API, using the API, batch requests.
const MAX_EVENTS: usize = 1000;

/// What a request brought, besides its path.
#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    /// The access token, from the header, the query or the body, in this order.
    pub(crate) token: Option<Cow<'a, str>>,
    /// The proof that the sender knows the app's secret.
    pub(crate) proof: Option<Cow<'a, str>>,
    /// Whether the events are for the Test Events tool too.
    pub(crate) purpose: Purpose,
    /// The events.
    pub(crate) data: Data<'a>,
}

/// What the events of a request are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Purpose {
    /// Measurement.
    #[default]
    Live,
    /// The Test Events tool, and measurement all the same.
    Test,
}

/// The parameter `data`.
#[derive(Debug, Default)]
pub(crate) enum Data<'a> {
    /// It is absent.
    #[default]
    Missing,
    /// It is no array.
    NotArray,
    /// It holds more events than allowed.
    TooMany,
    /// The JSON of each event.
    Events(Vec<Cow<'a, str>>),
}

/// The top level of a JSON body. Keys that are not known are ignored, as Meta does.
#[derive(Deserialize)]
struct JsonBody<'a> {
    #[serde(borrow, default)]
    data: Data<'a>,
    #[serde(borrow)]
    access_token: Option<Text<'a>>,
    #[serde(borrow)]
    appsecret_proof: Option<Text<'a>>,
    test_event_code: Option<IgnoredAny>,
}

/// Reads `data`.
struct DataVisitor;

impl<'a> Call<'a> {
    /// Reads a JSON body. One that is no JSON object counts as empty.
    pub(crate) fn from_json(body: &'a [u8]) -> Self {
        let body = std::str::from_utf8(body).ok().and_then(|text| serde_json::from_str::<JsonBody<'a>>(text).ok());
        let Some(body) = body else { return Self::default() };
        Self {
            token: body.access_token.map(|text| text.0),
            proof: body.appsecret_proof.map(|text| text.0),
            purpose: if body.test_event_code.is_some() { Purpose::Test } else { Purpose::Live },
            data: body.data,
        }
    }

    /// Reads the fields of a form, or of a query.
    pub(crate) fn from_fields(fields: &'a [Field]) -> Self {
        let mut call = Self::default();
        let mut listed = Vec::new();
        for field in fields {
            let value = field.value.as_str();
            match field.name.as_str() {
                "access_token" => call.token = Some(value.into()),
                "appsecret_proof" => call.proof = Some(value.into()),
                "test_event_code" => call.purpose = Purpose::Test,
                "data" => call.data = serde_json::from_str(value).unwrap_or(Data::NotArray),
                name if name.starts_with("data[") => listed.push(Cow::Borrowed(value)),
                _ => {}
            }
        }
        match call.data {
            Data::Missing if listed.len() > MAX_EVENTS => call.data = Data::TooMany,
            Data::Missing if !listed.is_empty() => call.data = Data::Events(listed),
            Data::Missing | Data::NotArray | Data::TooMany | Data::Events(_) => {}
        }
        call
    }

    /// Takes from another place what is not known yet.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            token: self.token.or(other.token),
            proof: self.proof.or(other.proof),
            purpose: if self.purpose == Purpose::Test { self.purpose } else { other.purpose },
            data: if matches!(self.data, Data::Missing) { other.data } else { self.data },
        }
    }
}

impl<'a> Data<'a> {
    /// Gives the events, or says what is wrong with the array of them.
    pub(crate) fn events(self) -> Result<Vec<Cow<'a, str>>, Refusal> {
        match self {
            Self::Missing => Err(Refusal::DataMissing),
            Self::NotArray => Err(Refusal::DataNotArray),
            Self::TooMany => Err(Refusal::TooManyEvents),
            Self::Events(events) if events.is_empty() => Err(Refusal::DataMissing),
            Self::Events(events) => Ok(events),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Data<'de>, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = list.next_element::<&'de RawValue>()? {
            if events.len() == MAX_EVENTS {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Data::TooMany);
            }
            events.push(unquote(event));
        }
        Ok(Data::Events(events))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Data<'de>, E> {
        // A JSON body may hold the array as text, as a form does.
        let Ok(events) = serde_json::from_str::<Vec<Box<RawValue>>>(text) else { return Ok(Data::NotArray) };
        if events.len() > MAX_EVENTS {
            return Ok(Data::TooMany);
        }
        Ok(Data::Events(events.iter().map(|event| Cow::Owned(unquote(event).into_owned())).collect()))
    }

    fn visit_unit<E: Error>(self) -> Result<Data<'de>, E> {
        Ok(Data::Missing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Data<'de>, E> {
        Ok(Data::NotArray)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Data<'de>, E> {
        Ok(Data::NotArray)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Data<'de>, E> {
        Ok(Data::NotArray)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Data<'de>, E> {
        Ok(Data::NotArray)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Data::NotArray)
    }
}

/// Gives an event's JSON, which some of Meta's SDKs put into a string.
///
/// Source: `facebook_business` for Python, `AdsPixel.create_event`.
fn unquote(event: &RawValue) -> Cow<'_, str> {
    let json = event.get();
    if !json.starts_with('"') {
        return Cow::Borrowed(json);
    }
    match serde_json::from_str::<Text<'_>>(json) {
        Ok(text) => text.0,
        Err(_) => Cow::Borrowed(json),
    }
}
