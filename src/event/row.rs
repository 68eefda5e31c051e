//! What one row says happened, checked and hashed.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::columns::{CustomField, Kind};
use super::people::{People, Shape, shape};
use super::reason::Reason;
use super::rules::{Rules, Unmapped};
use super::table::Table;
use super::time::{Micros, NotATime};
use crate::meta::click::{Click, is_fbc, is_fbp};
use crate::meta::hash::Digest;
use crate::meta::normalize::currency::currency;
use crate::meta::number::{json_number, json_whole};
use crate::meta::window::{self, Timeliness};
use crate::meta::{ActionSource, KeySet, MatchKey};
use crate::private::Scratch;

/// The model's fallback for events that it does not map.
const FALLBACK_NAME: &str = "Other";

/// The event for which Meta asks a value and a currency. Source: Conversions API, custom data parameters.
const PURCHASE: &str = "Purchase";

/// What one row says happened, ready to be written as a payload.
///
/// Borrows the row and the [`People`] that hashed it.
#[derive(Debug)]
pub struct Event<'a> {
    /// The event's id.
    pub id: &'a str,
    /// Meta's name of the event.
    pub name: &'a str,
    /// Seconds since 1970.
    pub time: i64,
    /// Whether it must be sent soon.
    pub timeliness: Timeliness,
    /// Where it took place.
    pub action_source: ActionSource,
    /// The page on which it took place.
    pub event_source_url: Option<&'a str>,
    /// The page that led there.
    pub referrer_url: Option<&'a str>,
    /// Whether it is kept out of ads delivery optimisation.
    pub opt_out: Option<bool>,
    /// Hashed keys; the values of one key stand together.
    pub digests: &'a [(MatchKey, Digest)],
    /// External ids that are sent as they are.
    pub raw_ids: &'a [Scratch],
    /// Keys that are sent as they are.
    pub plain: Vec<(MatchKey, &'a str)>,
    /// The click that led to it.
    pub click: Option<Click<'a>>,
    /// Keys of `custom_data`.
    pub custom: Vec<(&'a str, Value<'a>)>,
    /// Which match keys it carries.
    pub keys: KeySet,
}

/// A value of `custom_data`.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Written as it is: a number, list or object that is valid JSON.
    Json(Cow<'a, str>),
    /// Written as a string.
    Text(Cow<'a, str>),
}

/// What a row comes to when it is not sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The run did not ask for it.
    NotSelected,
    /// It cannot be sent as it is.
    Rejected(Reason),
    /// Meta no longer accepts it.
    Expired,
    /// The configuration says not to send it.
    Skipped(Reason),
    /// A later run sends it.
    Deferred,
}

/// What identifies a row, for the ledger and for lists of what was not sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity<'a> {
    /// The event's id, unless it is missing.
    pub id: Option<&'a str>,
    /// Meta's name of the event, unless it is missing.
    pub name: Option<&'a str>,
    /// Seconds since 1970, when they can be read.
    pub time: Option<i64>,
}

/// Reads what identifies a row.
pub fn identify<'a>(table: &'a Table<'_>, row: usize, rules: &'a Rules) -> Identity<'a> {
    Identity {
        id: table.id.filled(row),
        name: table.name.filled(row).map(|name| rules.name(name.trim())),
        time: table.time.get(row).and_then(Result::ok).map(to_seconds),
    }
}

/// Makes an event of a row at the time `now` (seconds since 1970).
///
/// Reasons why optional fields were left out are added to `dropped`.
pub fn build<'a>(
    table: &'a Table<'_>,
    row: usize,
    rules: &'a Rules,
    now: i64,
    people: &'a mut People,
    dropped: &mut Vec<Reason>,
) -> Result<Event<'a>, Refusal> {
    let reject = |reason| Refusal::Rejected(reason);
    let time = event_time(table.time.get(row));
    if let Ok(time) = time
        && !rules.is_selected_time(time)
    {
        return Err(Refusal::NotSelected);
    }
    let given_name = table.name.filled(row).map(str::trim);
    let name = given_name.map(|name| rules.name(name));
    if !name.is_none_or(|name| rules.is_selected_name(name)) {
        return Err(Refusal::NotSelected);
    }
    let id = table.id.filled(row).ok_or(reject(Reason::MissingEventId))?;
    let name = name.ok_or(reject(Reason::MissingEventName))?;
    let time = time.map_err(reject)?;
    if name == FALLBACK_NAME && rules.unmapped == Unmapped::Skip {
        return Err(Refusal::Skipped(Reason::Unmapped));
    }
    if table.consent.as_ref().is_some_and(|consent| !is_yes(consent.get(row))) {
        return Err(Refusal::Skipped(Reason::NoConsent));
    }
    let action_source = match table.action_source.filled(row) {
        Some(text) => ActionSource::parse(text).ok_or(reject(Reason::InvalidActionSource))?,
        None => rules.action_source(given_name.unwrap_or(name)),
    };
    let timeliness = window::judge(time, action_source, now);
    match timeliness {
        Timeliness::Due | Timeliness::Urgent => {}
        Timeliness::Expired => return Err(Refusal::Expired),
        Timeliness::NotYetDue => return Err(Refusal::Deferred),
        Timeliness::InFuture => return Err(reject(Reason::InFuture)),
    }
    let custom = custom_data(table, row, name, dropped)?;
    let mut keys = people.hash(table, row, rules, dropped);
    let plain = plain_keys(table, row, dropped);
    let click = click(table, row, dropped);
    for (key, _) in &plain {
        keys.insert(*key);
    }
    if click.is_some() {
        keys.insert(MatchKey::Fbc);
    }
    if !keys.is_sufficient() {
        return Err(reject(Reason::TooFewMatchKeys));
    }
    Ok(Event {
        id,
        name,
        time,
        timeliness,
        action_source,
        event_source_url: table.event_source_url.filled(row).map(str::trim),
        referrer_url: table.referrer_url.filled(row).map(str::trim),
        opt_out: table.opt_out.filled(row).map(|text| opt_out(text, dropped)),
        digests: people.digests(),
        raw_ids: people.raw_ids(),
        plain,
        click,
        custom,
        keys,
    })
}

fn to_seconds(micros: Micros) -> i64 {
    micros.div_euclid(1_000_000)
}

fn event_time(cell: Option<Result<Micros, NotATime>>) -> Result<i64, Reason> {
    match cell {
        Some(Ok(micros)) => Ok(to_seconds(micros)),
        Some(Err(NotATime::TooManyDigits)) => Err(Reason::EventTimeNotInSeconds),
        Some(Err(NotATime::Unreadable)) => Err(Reason::InvalidEventTime),
        None => Err(Reason::MissingEventTime),
    }
}

/// Whether a person opted out; what cannot be read is taken for an opt-out, which does no one harm.
fn opt_out(text: &str, dropped: &mut Vec<Reason>) -> bool {
    let is_no = ["false", "f", "no", "n", "0"].iter().any(|no| text.trim().eq_ignore_ascii_case(no));
    if !is_no && !is_yes(Some(text)) {
        dropped.push(Reason::InvalidOptOut);
    }
    !is_no
}

fn is_yes(cell: Option<&str>) -> bool {
    cell.is_some_and(|text| {
        ["true", "t", "yes", "y", "1", "granted"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
    })
}

/// The keys that are sent in the clear. Source: Conversions API, customer information parameters, "do not hash".
fn plain_keys<'a>(table: &'a Table<'_>, row: usize, dropped: &mut Vec<Reason>) -> Vec<(MatchKey, &'a str)> {
    let mut plain = Vec::new();
    for (key, texts) in &table.matches {
        if key.is_hashed() || *key == MatchKey::Fbc {
            continue;
        }
        let Some(text) = texts.filled(row).map(str::trim) else { continue };
        let fault = match key {
            MatchKey::ClientIpAddress if text.parse::<std::net::IpAddr>().is_err() => Some(Reason::InvalidIpAddress),
            MatchKey::Fbp if !is_fbp(text) => Some(Reason::InvalidFbp),
            _ if !matches!(shape(text), Shape::Plain) => Some(Reason::InvalidJson),
            _ => None,
        };
        match fault {
            Some(reason) => dropped.push(reason),
            None => plain.push((*key, text)),
        }
    }
    plain
}

/// The click: a ready `fbc` wins over one made of click id and time.
fn click<'a>(table: &'a Table<'_>, row: usize, dropped: &mut Vec<Reason>) -> Option<Click<'a>> {
    let ready = table.matches.iter().find(|(key, _)| *key == MatchKey::Fbc);
    if let Some(text) = ready.and_then(|(_, texts)| texts.filled(row)).map(str::trim) {
        if is_fbc(text) {
            return Some(Click::Ready(text));
        }
        dropped.push(Reason::InvalidFbc);
    }
    let fbclid = table.fbclid.filled(row)?;
    match table.fbclid_time.get(row) {
        Some(Ok(micros)) if micros > 0 => Some(Click::Made { millis: micros / 1_000, fbclid }),
        Some(_) => {
            dropped.push(Reason::InvalidClickTime);
            None
        }
        None => {
            dropped.push(Reason::ClickWithoutTime);
            None
        }
    }
}

fn custom_data<'a>(
    table: &'a Table<'_>,
    row: usize,
    name: &str,
    dropped: &mut Vec<Reason>,
) -> Result<Vec<(&'a str, Value<'a>)>, Refusal> {
    let is_purchase = name == PURCHASE;
    let mut custom: Vec<(&str, Value<'_>)> = Vec::with_capacity(table.custom.len());
    for (field, texts) in &table.custom {
        let Some(text) = texts.filled(row) else { continue };
        match custom_value(field, text) {
            Ok(value) => custom.push((&field.key, value)),
            Err(_) if is_purchase && field.key == "value" => {
                return Err(Refusal::Rejected(Reason::PurchaseWithInvalidValue));
            }
            Err(_) if is_purchase && field.key == "currency" => {
                return Err(Refusal::Rejected(Reason::PurchaseWithInvalidCurrency));
            }
            Err(reason) => dropped.push(reason),
        }
    }
    let has = |key: &str| custom.iter().any(|(known, _)| *known == key);
    let (has_value, has_currency) = (has("value"), has("currency"));
    if is_purchase && !has_value {
        return Err(Refusal::Rejected(Reason::PurchaseWithoutValue));
    }
    if is_purchase && !has_currency {
        return Err(Refusal::Rejected(Reason::PurchaseWithoutCurrency));
    }
    if has_value && !has_currency {
        // Meta refuses such an event (2804023), and with it the whole batch.
        custom.retain(|(key, _)| *key != "value");
        dropped.push(Reason::ValueWithoutCurrency);
    }
    Ok(custom)
}

/// Takes white space out of valid JSON where it means nothing: an event is one line.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r', '\t', ' ']) {
        return Cow::Borrowed(json);
    }
    let mut compact = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for letter in json.chars() {
        if !is_text && letter.is_ascii_whitespace() {
            continue;
        }
        is_text ^= letter == '"' && !is_escaped;
        is_escaped = is_text && letter == '\\' && !is_escaped;
        compact.push(letter);
    }
    Cow::Owned(compact)
}

fn custom_value<'a>(field: &CustomField, text: &'a str) -> Result<Value<'a>, Reason> {
    match field.kind {
        Kind::Number => json_number(text).map(Value::Json).ok_or(Reason::InvalidValue),
        Kind::Whole => json_whole(text).map(Value::Json).ok_or(Reason::InvalidValue),
        Kind::Currency => {
            let code = currency(text)?.ok_or(Reason::InvalidCurrency)?;
            // Most columns hold the code as it is sent.
            let is_as_sent = text.as_bytes() == code.as_slice();
            let owned = || Cow::Owned(code.iter().map(|letter| char::from(*letter)).collect());
            Ok(Value::Text(if is_as_sent { Cow::Borrowed(text) } else { owned() }))
        }
        Kind::Text => Ok(Value::Text(text.into())),
        Kind::Texts => match text.trim() {
            list if list.starts_with('[') => {
                let texts: Vec<Cow<'_, str>> = serde_json::from_str(list).map_err(|_| Reason::InvalidJson)?;
                serde_json::to_string(&texts).map(|json| Value::Json(json.into())).map_err(|_| Reason::InvalidJson)
            }
            one => serde_json::to_string(&[one]).map(|json| Value::Json(json.into())).map_err(|_| Reason::InvalidJson),
        },
        Kind::Json => {
            let items: Vec<HashMap<Cow<'_, str>, &RawValue>> =
                serde_json::from_str(text).map_err(|_| Reason::InvalidJson)?;
            // An item without id makes Meta refuse the whole batch (2804008).
            let is_each_named = items.iter().all(|item| item.get("id").is_some_and(|id| id.get() != "null"));
            if is_each_named { Ok(Value::Json(compact(text.trim()))) } else { Err(Reason::InvalidJson) }
        }
    }
}
