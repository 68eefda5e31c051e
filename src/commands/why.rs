//! `fbcapi why EVENT_ID`: every fact about one event, from the state and, unless it was sent, from the source.
//!
//! Shapes only: which fields are wrong and why, never what stands in them.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::exit::Exit;
use super::ledger::{Book, Reader, Told, answer_json, answer_text, batch_name, look_anyway, moment, remedy_of, tell};
use crate::cli::{Look, WhyArgs};
use crate::config::{Config, LedgerConfig, Refused};
use crate::event::rules::FALLBACK_NAME;
use crate::ledger::history::{PastAttempt, Refusal};
use crate::ledger::{EventKey, Fate, Ledger as _, LedgerError, Outcome};
use crate::meta::event_name::STANDARD;
use crate::report::console;
use crate::report::human::{failure_lines, span};
use crate::report::printable;
use crate::sync::{self, Failure, LookedRow, Prospect, World};

/// Tells every fact about an event.
pub async fn run(
    args: &WhyArgs,
    config: &LedgerConfig,
    load: impl FnOnce() -> Result<Config, Refused>,
    world: World,
) -> anyhow::Result<Exit> {
    let reader = Reader::of(args.json);
    let mut dossier = match Dossier::open(args, config) {
        Ok(dossier) => dossier,
        Err(error) => return tell(Err(error.into()), config, reader),
    };
    let wants_rows = match args.look {
        Look::Always => true,
        Look::Never => false,
        Look::Auto => !dossier.is_sent(),
    };
    if wants_rows {
        match load() {
            Ok(whole) => dossier.look(&whole, world).await,
            Err(refused) => dossier.unseen = Some(Unseen::Configuration(refused)),
        }
        // A name that only the table knows makes another key to ask the state for.
        if let Err(error) = dossier.ask() {
            return tell(Err(error.into()), config, reader);
        }
    }
    tell(Ok(dossier.tell((world.now)())), config, reader)
}

/// What is known of an event.
struct Dossier<'a> {
    config: &'a LedgerConfig,
    event_id: &'a str,
    names: BTreeSet<String>,
    /// The state.
    book: Book,
    /// What the state knows, by name; only names of which it knows something.
    known: Vec<Named>,
    /// The rows of the event, if they were looked for.
    rows: Option<Vec<LookedRow>>,
    /// Why the source was not read, although it should have been.
    unseen: Option<Unseen>,
}

/// Why the source was not read.
enum Unseen {
    Configuration(Refused),
    Failure(Failure),
}

/// What the state knows of an event under one name.
struct Named {
    name: String,
    fate: Option<Fate>,
    attempts: Vec<PastAttempt>,
    refusals: Vec<Refusal>,
}

impl<'a> Dossier<'a> {
    /// Asks the state, under every name that the event can have.
    fn open(args: &'a WhyArgs, config: &'a LedgerConfig) -> Result<Self, LedgerError> {
        let mut book = look_anyway(config)?;
        let ledger = &mut book.history;
        let mut names: BTreeSet<String> = STANDARD.into_iter().chain([FALLBACK_NAME]).map(str::to_owned).collect();
        names.extend(config.names.iter().cloned());
        names.extend(ledger.refused_names()?);
        for run in ledger.runs(u32::MAX)? {
            let report: Option<Value> = run.end.and_then(|end| serde_json::from_str(&end.report).ok());
            let by_event = report.as_ref().and_then(|report| report["by_event"].as_object());
            names.extend(by_event.into_iter().flat_map(|names| names.keys().cloned()));
        }
        if let Some(name) = &args.event {
            names = BTreeSet::from([name.clone()]);
        }
        let (known, rows, unseen) = (Vec::new(), None, None);
        let mut dossier = Self { config, event_id: &args.event_id, names, book, known, rows, unseen };
        dossier.ask()?;
        Ok(dossier)
    }

    /// Asks the state for every name.
    fn ask(&mut self) -> Result<(), LedgerError> {
        if self.config.state.file().is_some() {
            // A run that is under way may have written meanwhile.
            self.book = look_anyway(self.config)?;
        }
        let ledger = &mut self.book.history;
        let keys: HashMap<EventKey, &String> =
            self.names.iter().map(|name| (EventKey::new(&self.config.dataset_id, name, self.event_id), name)).collect();
        let attempts = ledger.attempts(&keys.keys().copied().collect())?;
        let refusals = ledger.refusals_of(self.event_id)?;
        let known = ledger.load(i64::MIN)?;
        let mut found = Vec::new();
        for name in &self.names {
            let key = EventKey::new(&self.config.dataset_id, name, self.event_id);
            let is_of = |attempt: &&PastAttempt| attempt.entries.iter().any(|entry| entry.key == key);
            let attempts: Vec<_> = attempts.iter().filter(is_of).cloned().collect();
            let refusals: Vec<_> = refusals.iter().filter(|refusal| refusal.event_name == *name).cloned().collect();
            if !attempts.is_empty() || !refusals.is_empty() {
                found.push(Named { name: name.clone(), fate: known.fate(&key), attempts, refusals });
            }
        }
        self.known = found;
        Ok(())
    }

    /// Looks for the event's rows in the source.
    async fn look(&mut self, config: &Config, world: World) {
        match sync::look(config, self.event_id, world).await {
            Ok(rows) => {
                self.names.extend(rows.iter().filter_map(|row| row.event_name.clone()));
                self.rows = Some(rows);
            }
            Err(failure) => self.unseen = Some(Unseen::Failure(failure)),
        }
    }

    fn is_sent(&self) -> bool {
        !self.known.is_empty() && self.known.iter().all(|named| matches!(named.fate, Some(Fate::Sent(_))))
    }

    /// The one word that answers the question.
    fn verdict(&self) -> &'static str {
        let has = |is_so: fn(&Fate) -> bool| self.known.iter().any(|named| named.fate.as_ref().is_some_and(is_so));
        let prospects = self.rows.iter().flatten().map(|row| row.prospect);
        let expected = prospects.min_by_key(|prospect| matches!(prospect, Prospect::Collapse));
        if has(|fate| matches!(fate, Fate::Sent(_))) {
            return "sent";
        }
        match expected {
            Some(Prospect::AlreadySent { .. }) => "sent",
            Some(Prospect::Send | Prospect::SendAgain) => "will_be_sent",
            Some(Prospect::Hold) => "held",
            Some(Prospect::StillRefused | Prospect::Reject(_)) => "refused",
            Some(Prospect::Expire) => "expired",
            Some(Prospect::Skip(_)) => "skipped",
            Some(Prospect::Defer) => "deferred",
            Some(Prospect::Collapse) => "collapsed",
            None if has(|fate| matches!(fate, Fate::Unknown { .. })) => "in_doubt",
            None if has(|fate| matches!(fate, Fate::Rejected(_))) => "refused",
            None if self.rows.is_some() => "not_in_source",
            None => "not_in_state",
        }
    }

    fn tell(&self, now: DateTime<Utc>) -> Told {
        let exit = match &self.unseen {
            None => Exit::Done,
            Some(Unseen::Configuration(_)) => Exit::Configuration,
            Some(Unseen::Failure(failure)) => Exit::of_failure(failure),
        };
        Told { text: self.text(now), json: self.json(), exit }
    }

    fn json(&self) -> Value {
        let error = self.unseen.as_ref().map(|unseen| match unseen {
            Unseen::Configuration(refused) => {
                refused.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
            Unseen::Failure(failure) => failure.to_string(),
        });
        json!({
            "event_id": self.event_id,
            "verdict": self.verdict(),
            "names_tried": self.names.len(),
            "events": self.known.iter().map(|named| named.json(&self.config.dataset_id, self.event_id)).collect::<Vec<_>>(),
            "rows": self.rows.as_ref().map(|rows| rows.iter().map(row_json).collect::<Vec<_>>()),
            "error": error,
        })
    }

    fn text(&self, now: DateTime<Utc>) -> String {
        let mut text = format!("{}: {}\n", printable(self.event_id), answer_of(self.verdict()));
        for named in &self.known {
            named.write(&mut text);
        }
        if self.known.is_empty() {
            writeln!(text, "  the state has met no such event ({} names were tried)", self.names.len())
                .unwrap_or_default();
        }
        match &self.rows {
            Some(rows) if rows.is_empty() => text.push_str(
                "  the source has no row with this id\n  → see whether [source] where leaves it out, and whether the model has built it\n",
            ),
            Some(rows) => {
                for row in rows {
                    write_row(&mut text, row, now);
                }
            }
            None if self.unseen.is_none() && !self.is_sent() => {
                text.push_str("  → fbcapi why with --look always asks the source, too\n");
            }
            None => {}
        }
        match &self.unseen {
            Some(Unseen::Configuration(refused)) => {
                console::say("! the source was not asked:\n");
                for mistake in &refused.mistakes {
                    console::say(&format!("✗ {}\n", printable(&mistake.to_string())));
                }
            }
            Some(Unseen::Failure(failure)) => {
                console::say("! the source was not read to its end:\n");
                console::say(&failure_lines(failure));
            }
            None => {}
        }
        text
    }
}

/// A verdict as a person says it.
fn answer_of(verdict: &str) -> &'static str {
    match verdict {
        "sent" => "sent",
        "will_be_sent" => "not sent yet; the next run sends it",
        "held" => "held, because nobody knows whether Meta took it",
        "refused" => "refused",
        "expired" => "not sent, and now too old for Meta",
        "skipped" => "left out, as the configuration says",
        "deferred" => "not due yet; a later run sends it",
        "collapsed" => "a copy of another row",
        "in_doubt" => "posted, and nobody knows whether Meta took it",
        "not_in_source" => "not sent: the source has no such row",
        _ => "not in the state",
    }
}

impl Named {
    fn json(&self, dataset_id: &str, event_id: &str) -> Value {
        let fate = match self.fate {
            None => "free",
            Some(Fate::Sent(_)) => "sent",
            Some(Fate::Unknown { .. }) => "unknown",
            Some(Fate::Rejected(_)) => "rejected",
        };
        let attempts: Vec<Value> = self
            .attempts
            .iter()
            .map(|PastAttempt { batch, at, entries: _, outcome, requests, answer }| {
                json!({
                    "run": batch.run.0,
                    "batch": batch_name(batch),
                    "at": at,
                    "outcome": outcome.as_ref().map(Outcome::word),
                    "requests": requests,
                    "answer": answer_json(answer),
                })
            })
            .collect();
        let refusals: Vec<Value> = self
            .refusals
            .iter()
            .map(|Refusal { entry: _, event_name: _, event_id: _, reason, answer, at, pardoned }| {
                json!({
                    "reason": reason,
                    "remedy": remedy_of(reason),
                    "at": at,
                    "answer": answer_json(answer),
                    "retry_asked_at": pardoned,
                })
            })
            .collect();
        let event_time = self.attempts.iter().flat_map(|attempt| &attempt.entries).map(|entry| entry.event_time).next();
        json!({
            "event_name": self.name,
            "key": hex::encode(EventKey::new(dataset_id, &self.name, event_id).0),
            "event_time": event_time.and_then(|time| DateTime::from_timestamp(time, 0)),
            "fate": fate,
            "attempts": attempts,
            "refusals": refusals,
        })
    }

    fn write(&self, text: &mut String) {
        let name = if self.name.is_empty() { "an event without name".to_owned() } else { printable(&self.name) };
        writeln!(text, "  {name}").unwrap_or_default();
        for PastAttempt { batch, at, entries: _, outcome, requests, answer } in &self.attempts {
            let what = match outcome {
                None => "posted; the run did not live to see an answer",
                Some(Outcome::Accepted) => "posted, and taken by Meta",
                Some(Outcome::Cleared) => "posted, and not taken",
                Some(Outcome::Unknown) => "posted; nobody knows whether Meta took it",
                Some(Outcome::Released) => "posted; someone decided that it may be sent again",
                Some(Outcome::Dropped) => "posted; someone decided that it counts as sent",
            };
            writeln!(text, "    {} UTC  {what}", moment(*at)).unwrap_or_default();
            let requests = match requests {
                0 => String::new(),
                1 => ", 1 request".to_owned(),
                requests => format!(", {requests} requests"),
            };
            let answer = answer_text(answer);
            let answer = if answer.is_empty() { answer } else { format!(", {answer}") };
            writeln!(text, "      batch {}{requests}{answer}", batch_name(batch)).unwrap_or_default();
        }
        for Refusal { entry: _, event_name: _, event_id: _, reason, answer, at, pardoned } in &self.refusals {
            let answer = answer_text(answer);
            let answer = if answer.is_empty() { answer } else { format!(" ({answer})") };
            writeln!(text, "    {} UTC  refused: {reason}{answer}", moment(*at)).unwrap_or_default();
            match (pardoned, remedy_of(reason)) {
                (Some(at), _) => {
                    writeln!(text, "      since {} UTC it may be tried again", moment(*at)).unwrap_or_default();
                }
                (None, Some(remedy)) => writeln!(text, "      → {remedy}").unwrap_or_default(),
                (None, None) => {}
            }
        }
    }
}

/// A row for programs.
fn row_json(row: &LookedRow) -> Value {
    let LookedRow { event_name, event_time, prospect, match_keys, notes, copies } = row;
    let notes: Vec<Value> = notes
        .iter()
        .map(|(field, reason)| json!({ "field": field, "reason": reason.code(), "remedy": reason.remedy() }))
        .collect();
    let reason = match prospect {
        Prospect::Reject(reason) | Prospect::Skip(reason) => Some(reason.code()),
        _ => None,
    };
    let has_changed = matches!(prospect, Prospect::AlreadySent { has_changed: true });
    json!({
        "event_name": event_name,
        "event_time": event_time,
        "next_run": prospect.word(),
        "reason": reason,
        "has_changed": has_changed,
        "match_keys": match_keys,
        "notes": notes,
        "rows": copies,
    })
}

/// Writes what the source says of a row.
fn write_row(text: &mut String, row: &LookedRow, now: DateTime<Utc>) {
    let LookedRow { event_name, event_time, prospect, match_keys, notes, copies } = row;
    let name = event_name.as_deref().map_or_else(|| "no name".to_owned(), printable);
    let time = event_time.map_or_else(
        || "no time".to_owned(),
        |time| match u64::try_from((now - time).num_seconds()) {
            Ok(age) => format!("{} UTC, {} ago", moment(time), span(age)),
            Err(_) => format!("{} UTC, still to come", moment(time)),
        },
    );
    writeln!(text, "  in the source: {name}, {time}").unwrap_or_default();
    let what = match prospect {
        Prospect::Send => "the next run sends it".to_owned(),
        Prospect::SendAgain => "the next run sends it again, because nobody knows whether Meta took it".to_owned(),
        Prospect::AlreadySent { has_changed: false } => "no run sends it again".to_owned(),
        Prospect::AlreadySent { has_changed: true } => {
            "the row has changed since it was sent; Meta takes no updates, so no run sends it again".to_owned()
        }
        Prospect::Hold => "no run sends it until fbcapi resolve decides".to_owned(),
        Prospect::StillRefused => {
            "Meta refused it as it is; it is tried again when the row changes, or after fbcapi rejects retry".to_owned()
        }
        Prospect::Reject(reason) => format!("no run sends it as it is: {}\n      → {}", reason.code(), reason.remedy()),
        Prospect::Expire => "older than Meta accepts; no run sends it".to_owned(),
        Prospect::Skip(reason) => {
            format!("the configuration leaves it out: {}\n      → {}", reason.code(), reason.remedy())
        }
        Prospect::Defer => "its time is still to come; the run after that sends it".to_owned(),
        Prospect::Collapse => "another row of the same event comes first".to_owned(),
    };
    writeln!(text, "    {what}").unwrap_or_default();
    if !match_keys.is_empty() {
        writeln!(text, "    match keys: {}", match_keys.join(", ")).unwrap_or_default();
    }
    for (field, reason) in notes {
        let field = field.as_deref().map(|field| format!("{field}: ")).unwrap_or_default();
        writeln!(text, "    {field}{}\n      → {}", reason.code(), reason.remedy()).unwrap_or_default();
    }
    if *copies > 1 {
        writeln!(text, "    {copies} rows stand for it; one of them is chosen").unwrap_or_default();
    }
}
