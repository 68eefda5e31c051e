//! `[meta]` and `[events]`: where events go, and what they are called there.

use super::reader::{Reader, Section};
use super::secret::{Renewable, SecretSource};
use super::{Context, Mistake, Purpose};
use crate::batch::MOST_EVENTS;
use crate::deliver::OnUnknown;
use crate::deliver::http::GraphSettings;
use crate::event::rules::{NameRules, Unmapped};
use crate::meta::ActionSource;
use crate::private::Secret;
use crate::report::ping::is_this_machine;

/// Requests that run at once by default.
const CONCURRENCY: usize = 4;

/// More requests at once than this would only provoke throttling.
const MOST_CONCURRENCY: usize = 16;

/// Newest version of the Graph API when this was written. Source: Graph API changelog, 2026-07-29.
const API_VERSION: &str = "v26.0";

/// The host of the Graph API.
const API_BASE: &str = "https://graph.facebook.com";

/// What to do when nobody knows whether Meta took events, as it is written.
const POLICIES: [(&str, OnUnknown); 2] = [("resend", OnUnknown::Resend), ("hold", OnUnknown::Hold)];

/// What `[meta]` says.
pub(super) struct MetaSection {
    pub(super) graph: GraphSettings,
    pub(super) access_token: Option<Secret>,
    pub(super) lacking: Option<Mistake>,
    pub(super) token_again: Option<Renewable>,
    pub(super) app_secret: Option<Secret>,
    pub(super) action_source: ActionSource,
    pub(super) unmapped: Unmapped,
    pub(super) concurrency: usize,
    pub(super) batch_size: usize,
    pub(super) on_unknown: OnUnknown,
}

impl Context<'_> {
    /// Reads the section; `None` after a mistake.
    pub(super) fn meta(&self, reader: &mut Reader<'_>) -> Option<MetaSection> {
        let mut section = reader.section("meta");
        let dataset = section.text("dataset_id");
        let dataset_id = dataset.and_then(|found| {
            let is_number = !found.value.is_empty() && found.value.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number {
                section.mistake(&found.place, "dataset_id", "must be the digits that Events Manager shows, in quotes");
            }
            is_number.then_some(found.value)
        });
        if dataset_id.is_none() && !section.has("dataset_id") {
            section.missing("dataset_id", "copy it from Events Manager > Data sources");
        }
        let mut lacking = None;
        let token = self.secret(&mut section, "access_token", Some("FBCAPI_ACCESS_TOKEN"), &mut lacking);
        let (access_token, source) = token.unzip();
        let token_again = source.and_then(|source| Renewable::new(source, self.machine.environment, self.file));
        let app_secret = self.secret(&mut section, "app_secret", None, &mut lacking).map(|(secret, _)| secret);
        let api_base = api_base(&mut section);
        let api_version = api_version(&mut section);
        let partner_agent = partner_agent(&mut section);
        let sources = ActionSource::ALL.map(|source| (source.wire(), source));
        let action_source = section.choice("action_source", &sources, ActionSource::SystemGenerated.wire());
        let unmapped = section.choice("unmapped", &[("send", Unmapped::Send), ("skip", Unmapped::Skip)], "send");
        let concurrency = section.whole_or("concurrency", 1..=MOST_CONCURRENCY, CONCURRENCY);
        let batch_size = section.whole_or("batch_size", 1..=MOST_EVENTS, MOST_EVENTS);
        let on_unknown = section.choice("on_unknown", &POLICIES, "resend");
        section.end();
        Some(MetaSection {
            graph: GraphSettings {
                dataset_id: dataset_id?,
                api_base: api_base?,
                api_version: api_version?,
                partner_agent,
            },
            access_token,
            lacking,
            token_again,
            app_secret,
            action_source: action_source?,
            unmapped: unmapped?,
            concurrency,
            batch_size,
            on_unknown: on_unknown?,
        })
    }

    /// A secret and where it came from; it is needed to send when it has a usual variable. Where it cannot be had and
    /// that is no mistake, `lacking` says why.
    pub(super) fn secret(
        &self,
        section: &mut Section<'_, '_>,
        key: &str,
        usual: Option<&str>,
        lacking: &mut Option<Mistake>,
    ) -> Option<(Secret, SecretSource)> {
        let written = section.secret(key);
        // The usual variable may be set for another configuration.
        drop(usual.and_then(self.machine.environment));
        let (source, place) = match (written, usual) {
            (Some(found), _) => (found.value, found.place),
            (None, Some(variable)) if !section.has(key) => {
                (SecretSource::Variable(variable.to_owned()), "default".to_owned())
            }
            (None, _) => return None,
        };
        if matches!(self.purpose, Purpose::Look | Purpose::Show) {
            // The variable is known all the same.
            if let SecretSource::Variable(name) = &source {
                drop((self.machine.environment)(name));
            }
            return None;
        }
        let what = match source.resolve(self.machine.environment, self.file) {
            Ok(secret) if secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) => return Some((secret, source)),
            Ok(_) => "holds white space or other characters that no token or secret has".to_owned(),
            Err(what) => what,
        };
        if self.purpose == Purpose::Check {
            lacking.get_or_insert(section.told(&place, key, &what));
        } else {
            section.mistake(&place, key, &what);
        }
        None
    }
}

fn api_base(section: &mut Section<'_, '_>) -> Option<reqwest::Url> {
    let found = section.text_or("api_base", API_BASE);
    let url = reqwest::Url::parse(&found.value).ok();
    let url = url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url)));
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none() && url.query().is_none());
    if url.is_none() {
        section.mistake(&found.place, "api_base", "must begin with https://, or with http:// and name this machine");
    }
    url
}

fn api_version(section: &mut Section<'_, '_>) -> Option<String> {
    let found = section.text_or("api_version", API_VERSION);
    let is_version =
        found.value.strip_prefix('v').and_then(|number| number.split_once('.')).is_some_and(|(major, minor)| {
            [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        });
    if !is_version {
        section.mistake(&found.place, "api_version", "must be a version of the Graph API, such as \"v26.0\"");
    }
    is_version.then_some(found.value)
}

/// Source: Conversions API, end-to-end implementation: fewer than 23 characters, at least two letters.
fn partner_agent(section: &mut Section<'_, '_>) -> Option<String> {
    let found = section.text("partner_agent")?;
    let letters = found.value.chars().filter(char::is_ascii_alphabetic).count();
    let is_agent = found.value.chars().count() < 23 && letters >= 2;
    if !is_agent {
        section.mistake(&found.place, "partner_agent", "must be shorter than 23 characters and hold two letters");
    }
    is_agent.then_some(found.value)
}

/// What `[events]` says.
pub(super) struct Named {
    /// How rows of certain names become events.
    pub(super) rules: Vec<NameRules>,
    /// What to do when nobody knows whether Meta took events, by the name that is sent.
    pub(super) on_unknown: Vec<(String, OnUnknown)>,
}

/// Reads what holds for events of certain names: a text is the name to send instead, a section may say more.
pub(super) fn names(reader: &mut Reader<'_>) -> Named {
    let mut named = Named { rules: Vec::new(), on_unknown: Vec::new() };
    let mut section = reader.section("events");
    let (tables, renamed): (Vec<_>, Vec<_>) = section.keys().into_iter().partition(|name| section.is_section(name));
    for name in renamed {
        let rename = rename(&mut section, &name);
        named.rules.push(NameRules { name, rename, action_source: None });
    }
    for name in &tables {
        section.know(name);
    }
    section.end();
    for name in tables {
        let mut section = reader.section_of(&["events", &name]);
        let rename = rename(&mut section, "rename");
        let sources = ActionSource::ALL.map(|source| (source.wire(), source));
        let action_source = stated(&mut section, "action_source", &sources);
        let on_unknown = stated(&mut section, "on_unknown", &POLICIES);
        section.end();
        let sent_as = rename.as_ref().unwrap_or(&name).clone();
        named.on_unknown.extend(on_unknown.map(|policy| (sent_as, policy)));
        named.rules.push(NameRules { name, rename, action_source });
    }
    named
}

/// One of several words, if the key is there.
fn stated<T: Copy>(section: &mut Section<'_, '_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
    section.know(key);
    if section.has(key) { section.choice(key, choices, "") } else { None }
}

/// The name to send instead.
fn rename(section: &mut Section<'_, '_>, key: &str) -> Option<String> {
    let found = section.text(key)?;
    if found.value.trim().is_empty() {
        section.mistake(&found.place, key, "must be the name of an event, such as \"Purchase\"");
        return None;
    }
    Some(found.value.trim().to_owned())
}
