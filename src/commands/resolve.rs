//! `fbcapi resolve`: someone decides what becomes of events of which nobody knows whether Meta took them.

use std::collections::HashSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::exit::Exit;
use super::ledger::{Reader, Told, Trouble, batch_name, open, tell};
use crate::cli::ResolveArgs;
use crate::config::LedgerConfig;
use crate::ledger::history::PastAttempt;
use crate::ledger::{BatchId, EventKey, Fate, Ledger as _, Outcome, Record};
use crate::report::human::counted;
use crate::report::printable;

/// Settles the batches that were named.
pub fn run(args: &ResolveArgs, config: &LedgerConfig, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    let decision = if args.drop { Outcome::Dropped } else { Outcome::Released };
    tell(resolve(&args.ids, &decision, config, now), config, Reader::of(args.json))
}

/// Settles every batch in doubt that is named, or whose run is.
fn resolve(ids: &[String], decision: &Outcome, config: &LedgerConfig, now: DateTime<Utc>) -> Result<Told, Trouble> {
    let mut book = open(config)?;
    let is_named = |batch: &BatchId, id: &String| batch.run.0 == *id || batch_name(batch) == *id;
    let named = book.history.batches(|batch| ids.iter().any(|id| is_named(batch, id)))?;
    if let Some(unknown) = ids.iter().find(|id| !named.iter().any(|attempt| is_named(&attempt.batch, id))) {
        let what = format!("no batch or run {} is in the state", printable(unknown));
        return Err(Trouble::Request(what, "fbcapi status names what is in doubt; nothing was changed"));
    }
    let before: HashSet<EventKey> = book.history.load(i64::MIN)?.in_doubt().map(|(key, _)| key).collect();
    let (open, settled): (Vec<_>, Vec<_>) = named.into_iter().partition(PastAttempt::is_in_doubt);
    let outcomes: Vec<Record> = open
        .iter()
        .map(|PastAttempt { batch, at: _, entries: _, outcome: _, requests, answer }| Record::Outcome {
            batch: batch.clone(),
            at: now,
            outcome: decision.clone(),
            requests: *requests,
            answer: answer.clone(),
        })
        .collect();
    if !outcomes.is_empty() {
        book.append(&outcomes)?;
    }
    let known = book.history.load(i64::MIN)?;
    let keys: HashSet<EventKey> = open.iter().flat_map(|attempt| &attempt.entries).map(|entry| entry.key).collect();
    let resolved = keys.iter().filter(|key| before.contains(key));
    let still: HashSet<EventKey> = known.in_doubt().map(|(key, _)| key).filter(|key| keys.contains(key)).collect();
    let resolved = resolved.filter(|key| !still.contains(key)).count() as u64;
    let sent_before = keys.iter().filter(|key| !before.contains(key));
    let sent_before = sent_before.filter(|key| matches!(known.fate(key), Some(Fate::Sent(_)))).count() as u64;
    let others: Vec<String> = book
        .history
        .doubts()?
        .iter()
        .filter(|doubt| doubt.events.iter().any(|(entry, _)| still.contains(&entry.key)))
        .map(|doubt| batch_name(&doubt.batch))
        .collect();
    let mut text = String::new();
    let batches = match open.len() {
        1 => "1 batch".to_owned(),
        batches => format!("{batches} batches"),
    };
    let events = counted(resolved, "event");
    match (open.is_empty(), decision) {
        (true, _) => text.push_str("nothing of it is in doubt\n"),
        (false, Outcome::Dropped) => {
            writeln!(text, "{events} of {batches} count as sent and never leave again").unwrap_or_default();
            text.push_str("! if Meta did not take them after all, they are lost\n");
        }
        (false, _) => {
            writeln!(text, "{events} of {batches} may be sent again, whatever on_unknown says").unwrap_or_default();
            text.push_str("! IF META TOOK THEM AFTER ALL, THEY MAY COUNT TWICE\n");
            text.push_str("  the next fbcapi sync sends those that still are in the table and in Meta's window\n");
        }
    }
    if sent_before > 0 {
        writeln!(text, "  {}: sent by another attempt, and left so", counted(sent_before, "event")).unwrap_or_default();
    }
    if !still.is_empty() {
        let events = counted(still.len() as u64, "event");
        writeln!(text, "! {events}: still in doubt, because of {}", others.join(", ")).unwrap_or_default();
    }
    for PastAttempt { batch, outcome, .. } in &settled {
        let outcome = outcome.as_ref().map_or("", Outcome::word);
        writeln!(text, "  {}: settled before ({outcome})", batch_name(batch)).unwrap_or_default();
    }
    let settled: Vec<_> = settled
        .iter()
        .map(|past| json!({ "batch": batch_name(&past.batch), "outcome": past.outcome.as_ref().map(Outcome::word) }))
        .collect();
    let json = json!({
        "decision": if *decision == Outcome::Dropped { "drop" } else { "resend" },
        "batches": open.iter().map(|attempt| batch_name(&attempt.batch)).collect::<Vec<_>>(),
        "events": resolved,
        "sent_by_another_attempt": sent_before,
        "still_in_doubt": still.len(),
        "still_in_doubt_because_of": others,
        "settled_before": settled,
    });
    Ok(Told { text, json, exit: Exit::Done })
}
