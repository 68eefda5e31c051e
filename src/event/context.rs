//! Where an event took place and how Meta may process it, and what Meta asks of it for that.

use std::borrow::Cow;

use super::custom::App;
use super::field::Field;
use super::note::Note;
use super::personal::looks_personal;
use super::reason::Reason;
use super::row::is_yes;
use super::table::Table;
use super::value::{is_word, texts};
use crate::meta::data_processing::DataProcessing;
use crate::meta::messaging::{Channel, is_event_name};
use crate::meta::{ActionSource, KeySet, MatchKey};

/// What an event must have for the place where it happened, or Meta refuses the batch.
///
/// Source: Conversions API, server event parameters; app data parameters; business messaging.
pub(super) fn require(
    action_source: ActionSource,
    name: &str,
    channel: Option<Channel>,
    keys: KeySet,
    app: App,
) -> Result<(), Reason> {
    match (action_source, channel) {
        (ActionSource::App, _) if app == App::Incomplete => Err(Reason::AppWithoutAppData),
        (ActionSource::BusinessMessaging, _) if !is_event_name(name) => Err(Reason::MessagingEventName),
        (ActionSource::BusinessMessaging, None) => Err(Reason::MessagingWithoutChannel),
        (ActionSource::BusinessMessaging, Some(channel)) if !channel.is_identified(keys) => {
            Err(Reason::MessagingWithoutIds)
        }
        _ => Ok(()),
    }
}

/// The pages of an event.
#[derive(Debug)]
pub(super) struct Urls<'a> {
    pub(super) event_source_url: Option<Cow<'a, str>>,
    pub(super) referrer_url: Option<Cow<'a, str>>,
}

/// Reads the pages of an event. Meta asks for the page and the user agent of an event on a website, but takes it
/// without them.
pub(super) fn urls<'a>(
    table: &'a Table<'_>,
    row: usize,
    action_source: ActionSource,
    keys: KeySet,
    notes: &mut Vec<Note>,
) -> Urls<'a> {
    let mut read = |field, cell: Option<&'a str>| url(table, field, cell?, notes);
    let event_source_url = read(Field::EventSourceUrl, table.event_source_url.filled(row));
    let referrer_url = read(Field::ReferrerUrl, table.referrer_url.filled(row));
    if action_source == ActionSource::Website {
        if event_source_url.is_none() {
            notes.push(table.note(Field::EventSourceUrl, Reason::WebsiteWithoutUrl));
        }
        if !keys.contains(MatchKey::ClientUserAgent) {
            notes.push(table.note(Field::Match(MatchKey::ClientUserAgent), Reason::WebsiteWithoutUserAgent));
        }
    }
    Urls { event_source_url, referrer_url }
}

/// Reads a page's address. What stands after the `?` is cut off where it holds personal data.
fn url<'a>(table: &Table<'_>, field: Field, text: &'a str, notes: &mut Vec<Note>) -> Option<Cow<'a, str>> {
    let text = text.trim();
    let has_scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    // Source: Conversions API, server event parameters, `event_source_url`.
    if !(has_scheme("http://") || has_scheme("https://")) || text.contains(char::is_whitespace) {
        notes.push(table.note(field, Reason::InvalidUrl));
        return None;
    }
    if !looks_personal(text) {
        return Some(Cow::Borrowed(text));
    }
    notes.push(table.note(field, Reason::PersonalData));
    let page = text.split(['?', '#']).next().filter(|page| !looks_personal(page));
    page.map(Cow::Borrowed)
}

/// Whether a person opted out; what cannot be read is taken for an opt-out, which does no one harm.
pub(super) fn opt_out(table: &Table<'_>, row: usize, notes: &mut Vec<Note>) -> Option<bool> {
    let text = table.opt_out.filled(row)?;
    let is_no = is_no(text);
    if !is_no && !is_yes(Some(text)) {
        notes.push(table.note(Field::OptOut, Reason::InvalidOptOut));
    }
    Some(!is_no)
}

/// How Meta may process an event; what cannot be read is taken for a limit, which does no one harm.
pub(super) fn data_processing(table: &Table<'_>, row: usize, notes: &mut Vec<Note>) -> Option<DataProcessing> {
    let text = table.processing.filled(row)?;
    let is_limited = match text.trim() {
        list if list.starts_with('[') => match texts(list) {
            Ok(options) if options.is_empty() => Some(false),
            Ok(options) => options.iter().all(|option| is_word(option, &["ldu"])).then_some(true),
            Err(_) => None,
        },
        word if is_word(word, &["ldu"]) || is_yes(Some(word)) => Some(true),
        word if is_no(word) => Some(false),
        _ => None,
    };
    if is_limited == Some(false) {
        return Some(DataProcessing::Unlimited);
    }
    let (country, state) = (table.processing_country.filled(row), table.processing_state.filled(row));
    let place = DataProcessing::limited(country, state);
    if is_limited.is_none() {
        notes.push(table.note(Field::DataProcessingOptions, Reason::InvalidDataProcessing));
    } else if place.is_none() {
        notes.push(table.note(Field::DataProcessingState, Reason::InvalidDataProcessing));
    }
    Some(place.unwrap_or(DataProcessing::ANYWHERE))
}

fn is_no(text: &str) -> bool {
    is_word(text, &["false", "f", "no", "n", "0"])
}
