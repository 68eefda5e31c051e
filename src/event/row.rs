//! What one row says happened, checked and hashed.

use std::borrow::Cow;

use super::context::{Urls, data_processing, opt_out, require, urls};
use super::custom::{Objects, custom_data, objects};
use super::field::Field;
use super::note::Note;
use super::people::{People, Shape, shape};
use super::personal::looks_personal;
use super::reason::Reason;
use super::rules::{FALLBACK_NAME, Rules, Unmapped};
use super::table::Table;
use super::time::{self, Micros, NotATime};
use super::value::{Value, is_word};
use crate::meta::click::{Click, is_fbc, is_fbp};
use crate::meta::data_processing::DataProcessing;
use crate::meta::hash::Digest;
use crate::meta::messaging::Channel;
use crate::meta::window::{self, Timeliness};
use crate::meta::{ActionSource, KeySet, MatchKey};
use crate::private::Scratch;

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
    pub event_source_url: Option<Cow<'a, str>>,
    /// The page that led there.
    pub referrer_url: Option<Cow<'a, str>>,
    /// Whether it is kept out of ads delivery optimisation.
    pub opt_out: Option<bool>,
    /// How Meta may process it.
    pub processing: Option<DataProcessing>,
    /// The messaging app in which it took place.
    pub channel: Option<Channel>,
    /// A table of Meta's advanced measurement.
    pub measurement: Option<&'a str>,
    /// Objects that stand beside `user_data`, as JSON.
    pub objects: Vec<(&'static str, String)>,
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
    let called = rules.call(table.name.filled(row), table.source_name.filled(row));
    Identity {
        id: table.id.filled(row),
        name: called.map(|called| called.name),
        time: table.time.get(row).and_then(Result::ok).map(to_seconds),
    }
}

/// Makes an event of a row at the time `now` (seconds since 1970).
///
/// What was left out of it, or is wrong with it although it is sent, is added to `notes`.
pub fn build<'a>(
    table: &'a Table<'_>,
    row: usize,
    rules: &'a Rules,
    now: i64,
    people: &'a mut People,
    notes: &mut Vec<Note>,
) -> Result<Event<'a>, Refusal> {
    let reject = |reason| Refusal::Rejected(reason);
    let time = event_time(table.time.get(row));
    if let Ok(time) = time
        && !rules.is_selected_time(time)
    {
        return Err(Refusal::NotSelected);
    }
    let called = rules.call(table.name.filled(row), table.source_name.filled(row));
    if !called.is_none_or(|called| rules.is_selected_name(called.name)) {
        return Err(Refusal::NotSelected);
    }
    let id = table.id.filled(row).ok_or(reject(Reason::MissingEventId))?;
    let called = called.ok_or(reject(Reason::MissingEventName))?;
    let name = called.name;
    let time = time.map_err(reject)?;
    if name == FALLBACK_NAME && rules.unmapped == Unmapped::Skip {
        return Err(Refusal::Skipped(Reason::Unmapped));
    }
    if table.consent.as_ref().is_some_and(|consent| !is_yes(consent.get(row))) {
        return Err(Refusal::Skipped(Reason::NoConsent));
    }
    let action_source = match table.action_source.filled(row) {
        Some(text) => ActionSource::parse(text).ok_or(reject(Reason::InvalidActionSource))?,
        None => called.rules.and_then(|rules| rules.action_source).unwrap_or(rules.action_source),
    };
    let timeliness = window::judge(time, action_source, now);
    match timeliness {
        Timeliness::Due | Timeliness::Urgent => {}
        Timeliness::Expired => return Err(Refusal::Expired),
        Timeliness::NotYetDue => return Err(Refusal::Deferred),
        Timeliness::InFuture => return Err(reject(Reason::InFuture)),
    }
    let mut custom = custom_data(table, row, name, notes).map_err(reject)?;
    let Objects { beside, within, app } = objects(table, row, notes);
    custom.extend(within);
    let mut keys = people.hash(table, row, rules, notes);
    let plain = plain_keys(table, row, notes);
    let click = click(table, row, notes);
    for (key, _) in &plain {
        keys.insert(*key);
    }
    if click.is_some() {
        keys.insert(MatchKey::Fbc);
    }
    if !keys.is_sufficient() {
        return Err(reject(Reason::TooFewMatchKeys));
    }
    let channel = channel(table, row, notes);
    require(action_source, name, channel, keys, app).map_err(reject)?;
    let Urls { event_source_url, referrer_url } = urls(table, row, action_source, keys, notes);
    Ok(Event {
        id,
        name,
        time,
        timeliness,
        action_source,
        event_source_url,
        referrer_url,
        opt_out: opt_out(table, row, notes),
        processing: data_processing(table, row, notes),
        channel,
        measurement: table.measurement.filled(row).map(str::trim),
        objects: beside,
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

pub(super) fn event_time(cell: Option<Result<Micros, NotATime>>) -> Result<i64, Reason> {
    match cell {
        Some(Ok(micros)) if micros >= time::TOO_LATE => Err(Reason::EventTimeNotInSeconds),
        Some(Ok(micros)) => Ok(to_seconds(micros)),
        Some(Err(NotATime::TooManyDigits)) => Err(Reason::EventTimeNotInSeconds),
        Some(Err(NotATime::Unreadable)) => Err(Reason::InvalidEventTime),
        None => Err(Reason::MissingEventTime),
    }
}

/// Whether a cell says yes.
pub(super) fn is_yes(cell: Option<&str>) -> bool {
    cell.is_some_and(|text| is_word(text, &["true", "t", "yes", "y", "1", "granted"]))
}

/// The messaging app of an event.
pub(super) fn channel(table: &Table<'_>, row: usize, notes: &mut Vec<Note>) -> Option<Channel> {
    let text = table.channel.filled(row)?;
    let channel = Channel::parse(text);
    notes.extend(channel.is_none().then(|| table.note(Field::MessagingChannel, Reason::InvalidChoice)));
    channel
}

/// The keys that are sent in the clear. Source: Conversions API, customer information parameters, "do not hash".
pub(super) fn plain_keys<'a>(table: &'a Table<'_>, row: usize, notes: &mut Vec<Note>) -> Vec<(MatchKey, &'a str)> {
    let mut plain = Vec::new();
    for (key, texts) in &table.matches {
        if key.is_hashed() || *key == MatchKey::Fbc {
            continue;
        }
        let Some(text) = texts.filled(row).map(str::trim) else { continue };
        let is_digits = || text.bytes().all(|byte| byte.is_ascii_digit());
        let fault = match key {
            MatchKey::ClientIpAddress => text.parse::<std::net::IpAddr>().err().map(|_| Reason::InvalidIpAddress),
            MatchKey::ClientUserAgent => None,
            MatchKey::Fbp => (!is_fbp(text)).then_some(Reason::InvalidFbp),
            // Source: Conversions API, customer information parameters: integers. A bad one refuses the batch (2804036).
            MatchKey::LeadId | MatchKey::FbLoginId if !is_digits() => Some(Reason::InvalidId),
            _ if !matches!(shape(text), Shape::Plain) => Some(Reason::InvalidJson),
            _ => looks_personal(text).then_some(Reason::PersonalData),
        };
        match fault {
            Some(reason) => notes.push(table.note(Field::Match(*key), reason)),
            None => plain.push((*key, text)),
        }
    }
    plain
}

/// The click: a ready `fbc` wins over one made of click id and time.
pub(super) fn click<'a>(table: &'a Table<'_>, row: usize, notes: &mut Vec<Note>) -> Option<Click<'a>> {
    let ready = table.matches.iter().find(|(key, _)| *key == MatchKey::Fbc);
    if let Some(text) = ready.and_then(|(_, texts)| texts.filled(row)).map(str::trim) {
        if is_fbc(text) {
            return Some(Click::Ready(text));
        }
        notes.push(table.note(Field::Match(MatchKey::Fbc), Reason::InvalidFbc));
    }
    let fbclid = table.fbclid.filled(row)?;
    match table.fbclid_time.get(row) {
        Some(Ok(micros)) if (1..time::TOO_LATE).contains(&micros) => {
            Some(Click::Made { millis: micros / 1_000, fbclid })
        }
        Some(_) => {
            notes.push(table.note(Field::FbclidTime, Reason::InvalidClickTime));
            None
        }
        None => {
            notes.push(table.note(Field::Fbclid, Reason::ClickWithoutTime));
            None
        }
    }
}
