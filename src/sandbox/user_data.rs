//! Which customer information an event carries, and whether it is hashed.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What `user_data` holds. The values are looked at and not kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserData {
    present: u64,
    unhashed: Option<&'static str>,
    lead: Lead,
}

/// What the lead id looks like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// There is none, or it could be one of Meta's.
    #[default]
    Plausible,
    /// Meta makes no such ids.
    Strange,
}

/// A key of `user_data`.
///
/// Source: Conversions API, customer information parameters; from `f5first` on: Meta's SDKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
pub(crate) enum UserKey {
    Em,
    Ph,
    Fn,
    Ln,
    Db,
    Ge,
    Ct,
    St,
    Zp,
    Country,
    ExternalId,
    ClientIpAddress,
    ClientUserAgent,
    Fbc,
    Fbp,
    SubscriptionId,
    FbLoginId,
    LeadId,
    AnonId,
    Madid,
    PageId,
    PageScopedUserId,
    CtwaClid,
    IgAccountId,
    IgSid,
    WhatsappBusinessAccountId,
    F5first,
    F5last,
    Fi,
    Dobd,
    Dobm,
    Doby,
    #[serde(other)]
    Unknown,
}

/// The names of the keys whose values must be hashed: the first ones of [`UserKey`], in its order.
///
/// Source: Conversions API, customer information parameters.
const HASHED: [&str; 10] = ["em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country"];

/// How the value of a key looks; in a list, the last of these that occurs decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    /// Null, or a list of nothing.
    Absent,
    /// A digest.
    Hashed,
    /// Anything else.
    Clear,
}

/// Reads the object.
struct UserDataVisitor;

/// Reads a value.
struct ShapeVisitor;

/// Combinations so broad that an event with no more than one of them is refused.
///
/// Source: Conversions API, best practices, customer information parameters (Graph API 13.0 and later).
const TOO_BROAD: [u64; 4] = [
    UserKey::Ct.bit()
        | UserKey::Country.bit()
        | UserKey::St.bit()
        | UserKey::Zp.bit()
        | UserKey::Ge.bit()
        | UserKey::ClientUserAgent.bit(),
    UserKey::Db.bit() | UserKey::ClientUserAgent.bit(),
    UserKey::Fn.bit() | UserKey::Ge.bit(),
    UserKey::Ln.bit() | UserKey::Ge.bit(),
];

impl UserData {
    /// The first key whose value should be hashed and is not.
    pub(crate) fn unhashed(self) -> Option<&'static str> {
        self.unhashed
    }

    /// Whether the keys are too few or too broad for Meta to look for a person.
    pub(crate) fn is_too_broad(self) -> bool {
        TOO_BROAD.iter().any(|broad| self.present & !broad == 0)
    }

    /// Whether there is a value for a key.
    pub(crate) fn has(self, key: UserKey) -> bool {
        self.present & key.bit() != 0
    }

    /// Whether there is a lead id that Meta cannot have made.
    pub(crate) fn has_strange_lead(self) -> bool {
        self.lead == Lead::Strange
    }
}

impl Lead {
    /// Looks at a number, in quotes or not.
    ///
    /// Source: the text with which Meta refuses lead ids: a number of 15 or 16 digits.
    fn of(json: &str) -> Self {
        let digits = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
        let is_plausible = matches!(digits.len(), 15 | 16) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_plausible { Self::Plausible } else { Self::Strange }
    }
}

impl UserKey {
    /// The key's place in a set. An unknown key is tolerated and counts for nothing.
    const fn bit(self) -> u64 {
        match self {
            Self::Unknown => 0,
            known => 1 << known as u32,
        }
    }

    /// The key's name, if its values must be hashed.
    fn hashed_name(self) -> Option<&'static str> {
        HASHED.get(self as usize).copied()
    }
}

impl<'de> Deserialize<'de> for UserData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UserDataVisitor)
    }
}

impl<'de> Visitor<'de> for UserDataVisitor {
    type Value = UserData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("customer information")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserData, A::Error> {
        let mut found = UserData::default();
        while let Some(key) = map.next_key::<UserKey>()? {
            if key == UserKey::LeadId {
                let value = map.next_value::<&RawValue>()?.get();
                if value != "null" {
                    found.present |= key.bit();
                    found.lead = Lead::of(value);
                }
                continue;
            }
            let shape = map.next_value::<Shape>()?;
            if shape == Shape::Absent {
                continue;
            }
            found.present |= key.bit();
            if shape == Shape::Clear && found.unhashed.is_none() {
                found.unhashed = key.hashed_name();
            }
        }
        Ok(found)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Shape, E> {
        Ok(if is_digest(text.as_bytes()) { Shape::Hashed } else { Shape::Clear })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut all = Shape::Absent;
        while let Some(one) = list.next_element::<Shape>()? {
            all = all.max(one);
        }
        Ok(all)
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Absent)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Clear)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Clear)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Clear)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Clear)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Shape::Clear)
    }
}

/// Whether a value is a SHA-256 or MD5 digest in hex, alone or with the suffix of Meta's parameter builder.
///
/// Source: Meta's `capi-param-builder` 1.3.2 (`.` and two or eight characters of base64url); MD5 passes in all of
/// Meta's SDKs.
fn is_digest(value: &[u8]) -> bool {
    let hex = value.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (32 | 64, Some(rest)) = (hex, value.get(hex..)) else { return false };
    match rest {
        [] => true,
        [b'.', suffix @ ..] => {
            matches!(suffix.len(), 2 | 8)
                && suffix.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";

    #[track_caller]
    fn check_hashed(json: &str, expected: Option<&str>) {
        let json = json.replace('#', HASH);
        assert_eq!(serde_json::from_str::<UserData>(&json).unwrap().unhashed(), expected, "{json}");
    }

    #[test]
    fn clear_values_are_found() {
        check_hashed(r##"{"em":"#"}"##, None);
        check_hashed(r##"{"em":["#","#"]}"##, None);
        check_hashed(r##"{"em":"#.AQQAAQMC"}"##, None);
        check_hashed(r##"{"em":"#.Ag"}"##, None);
        check_hashed(r#"{"em":"D41D8CD98F00B204E9800998ECF8427E"}"#, None);
        check_hashed(r#"{"em":null,"ph":[]}"#, None);
        check_hashed(r##"{"em":"#.AQQ"}"##, Some("em"));
        check_hashed(r##"{"em":"# "}"##, Some("em"));
        check_hashed(r###"{"em":"##"}"###, Some("em"));
        check_hashed(r#"{"em":"ada@example.com"}"#, Some("em"));
        check_hashed(r#"{"em":""}"#, Some("em"));
        check_hashed(r##"{"em":"#","ct":["#","paris"],"ph":"1"}"##, Some("ct"));
        check_hashed(r##"{"ct":["paris","#",null]}"##, Some("ct"));
        check_hashed(r#"{"ph":16505551212}"#, Some("ph"));
        check_hashed(r#"{"country":{"a":1}}"#, Some("country"));
        check_hashed(r#"{"zp":true}"#, Some("zp"));
        check_hashed(r#"{"external_id":"u-1","fbp":"fb.1.1596403881668.1116446470","lead_id":1,"new":"x"}"#, None);
    }

    #[test]
    fn lead_ids_have_fifteen_or_sixteen_digits() {
        let check = |id: &str, is_strange: bool| {
            let user_data: UserData = serde_json::from_str(&format!(r#"{{"lead_id":{id}}}"#)).unwrap();
            assert_eq!(user_data.has_strange_lead(), is_strange, "{id}");
            assert_eq!(user_data.is_too_broad(), id == "null", "{id}");
        };
        check("null", false);
        check("123456789012345", false);
        check(r#""1234567890123456""#, false);
        check(r#""12345678901234567""#, true);
        check(r#""l:123456789012345""#, true);
        check("1", true);
        check(r#""""#, true);
        check(r#"["123456789012345"]"#, true);
        check("{}", true);
    }

    #[track_caller]
    fn check_broad(keys: &[&str], expected: bool) {
        let members: Vec<_> = keys.iter().map(|key| format!(r#""{key}":["{HASH}"]"#)).collect();
        let json = format!("{{{}}}", members.join(","));
        assert_eq!(serde_json::from_str::<UserData>(&json).unwrap().is_too_broad(), expected, "{keys:?}");
    }

    #[test]
    fn broad_combinations_are_too_few() {
        check_broad(&[], true);
        check_broad(&["client_user_agent"], true);
        check_broad(&["ct", "country", "st", "zp", "ge", "client_user_agent"], true);
        check_broad(&["db", "client_user_agent"], true);
        check_broad(&["fn", "ge"], true);
        check_broad(&["ln", "ge"], true);
        check_broad(&["unknown_key"], true);
        check_broad(&["fn", "ln"], false);
        check_broad(&["fn", "zp"], false);
        check_broad(&["db", "ge"], false);
        check_broad(&["em"], false);
        check_broad(&["external_id"], false);
        check_broad(&["fbc"], false);
        check_broad(&["whatsapp_business_account_id"], false);
        check_broad(&["dobd"], false);
    }
}
