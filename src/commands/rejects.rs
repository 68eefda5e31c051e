//! `fbcapi rejects`: the events that were refused and not sent since, and a second chance for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::exit::Exit;
use super::ledger::{Reader, Told, Trouble, answer_json, answer_text, look, moment, open, remedy_of, tell};
use crate::cli::{RejectsArgs, RejectsCommand};
use crate::config::LedgerConfig;
use crate::event::Reason;
use crate::ledger::Record;
use crate::ledger::history::Refusal;
use crate::report::human::counted;
use crate::report::printable;

/// Lists refused events, or frees them to be tried again.
pub fn run(args: &RejectsArgs, config: &LedgerConfig, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    match &args.command {
        None => tell(list(args.reason.as_deref(), config), config, Reader::of(args.json)),
        Some(RejectsCommand::Retry { event_ids, reason, json }) => {
            tell(retry(event_ids, reason.as_deref(), config, now), config, Reader::of(*json))
        }
    }
}

/// Lists refused events by reason, the reason with most of them first.
fn list(reason: Option<&str>, config: &LedgerConfig) -> Result<Told, Trouble> {
    check_reason(reason)?;
    let mut refusals = look(config)?.history.refusals(i64::MIN)?;
    refusals.retain(|refusal| reason.is_none_or(|reason| refusal.reason == reason));
    let rows: Vec<Value> = refusals
        .iter()
        .map(|Refusal { entry: _, event_name, event_id, reason, answer, at, pardoned: _ }| {
            let answer = answer_json(answer);
            let remedy = remedy_of(reason);
            json!({ "event_name": event_name, "event_id": event_id, "reason": reason, "remedy": remedy, "at": at, "answer": answer })
        })
        .collect();
    let mut by_reason: BTreeMap<&str, Vec<&Refusal>> = BTreeMap::new();
    for refusal in &refusals {
        by_reason.entry(&refusal.reason).or_default().push(refusal);
    }
    let mut groups: Vec<_> = by_reason.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    let mut text = String::new();
    for (reason, group) in groups {
        writeln!(text, "! {} {reason}", group.len()).unwrap_or_default();
        if let Some(remedy) = remedy_of(reason) {
            writeln!(text, "  → {remedy}").unwrap_or_default();
        }
        for Refusal { entry: _, event_name, event_id, reason: _, answer, at, pardoned: _ } in group {
            let (name, id) = (said(event_name, "(no name)"), said(event_id, "(no id)"));
            let answer = answer_text(answer);
            writeln!(text, "{}", format!("  {}  {name}  {id}  {answer}", moment(*at)).trim_end()).unwrap_or_default();
        }
    }
    if refusals.is_empty() {
        text.push_str("no event is refused\n");
    }
    Ok(Told { text, json: json!({ "count": rows.len(), "rejects": rows }), exit: Exit::Done })
}

/// Text of the table, or what stands in its place.
fn said(text: &str, instead: &str) -> String {
    if text.is_empty() { instead.to_owned() } else { printable(text) }
}

/// Frees refused events.
fn retry(ids: &[String], reason: Option<&str>, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    check_reason(reason)?;
    let mut book = open(config)?;
    let refusals = book.history.refusals(i64::MIN)?;
    let missing: Vec<&String> =
        ids.iter().filter(|id| !refusals.iter().any(|refusal| refusal.event_id == **id)).collect();
    // What was refused before it was posted is judged anew by every run anyway.
    let by_meta = Reason::RefusedByMeta.code();
    let reason = reason.or_else(|| ids.is_empty().then_some(by_meta));
    let chosen: Vec<&Refusal> = refusals
        .iter()
        .filter(|refusal| reason.is_none_or(|reason| refusal.reason == reason))
        .filter(|refusal| ids.is_empty() || ids.contains(&refusal.event_id))
        .collect();
    if !chosen.is_empty() {
        let keys = chosen.iter().map(|refusal| refusal.entry.key).collect();
        book.append(&[Record::Pardoned { keys, at: now }])?;
    }
    let judged_anew = chosen.iter().filter(|refusal| refusal.reason != by_meta).count();
    let mut text = format!(
        "{} that {} refused: the next fbcapi sync tries again\n",
        counted(chosen.len() as u64, "event"),
        if chosen.len() == 1 { "was" } else { "were" }
    );
    if judged_anew > 0 {
        writeln!(text, "! {judged_anew} of them never reached Meta: every run judges them anew, and refuses them as long\n  as their rows are as they are").unwrap_or_default();
    }
    for id in &missing {
        writeln!(text, "! {} is not refused: fbcapi why {} tells more", printable(id), printable(id))
            .unwrap_or_default();
    }
    let json = json!({ "retried": chosen.len(), "judged_anew_anyway": judged_anew, "not_refused": missing });
    Ok(Told { text, json, exit: Exit::Done })
}

/// Whether a reason is one that there is.
fn check_reason(reason: Option<&str>) -> Result<(), Trouble> {
    match reason {
        Some(code) if remedy_of(code).is_none() => {
            let what = format!("there is no reason {}", printable(code));
            Err(Trouble::Request(what, "docs/reasons.md lists every reason; fbcapi rejects shows which there are"))
        }
        Some(_) | None => Ok(()),
    }
}
