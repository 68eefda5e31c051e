//! A look at the rows of one event: what a run would make of them. Nothing is sent, recorded or locked.

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::prepare::{Decision, Sent, decide, fingerprint};
use super::run::Run;
use super::send::Halt;
use super::{Failure, Options, World, halt_in_time, state};
use crate::config::Config;
use crate::event::{self, People, Reason, Refusal, Table};
use crate::ledger::{EventKey, Known, Meeting};
use crate::meta::{MatchKey, payload};
use crate::source::Selection;

/// A row of the event that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedRow {
    /// The event's name as it is sent, unless it is missing.
    pub event_name: Option<String>,
    /// The event's time, when it can be read.
    pub event_time: Option<DateTime<Utc>>,
    /// What the next run would do with it.
    pub prospect: Prospect,
    /// Which match keys it carries.
    pub match_keys: Vec<&'static str>,
    /// What is wrong with its fields: the field, when it is known, and why.
    pub notes: Vec<(Option<String>, Reason)>,
    /// How many rows of the table it stands for.
    pub copies: u64,
}

/// What the next run would do with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prospect {
    /// Send it, unless something stops the run.
    Send,
    /// Send it once more, because nobody knows whether Meta took it.
    SendAgain,
    /// Leave it: it was sent, and may have changed since.
    AlreadySent {
        /// Whether the row would make another payload now.
        has_changed: bool,
    },
    /// Keep it, because nobody knows whether Meta took it.
    Hold,
    /// Leave it: Meta has refused it as it is.
    StillRefused,
    /// Refuse it.
    Reject(Reason),
    /// Leave it: Meta accepts no event so old.
    Expire,
    /// Leave it out, because the configuration says so.
    Skip(Reason),
    /// Leave it to a later run, for its time is still to come.
    Defer,
    /// Leave it: another row of the event comes first.
    Collapse,
}

impl Prospect {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::SendAgain => "send_again",
            Self::AlreadySent { .. } => "already_sent",
            Self::Hold => "hold",
            Self::StillRefused => "still_refused",
            Self::Reject(_) => "reject",
            Self::Expire => "expire",
            Self::Skip(_) => "skip",
            Self::Defer => "defer",
            Self::Collapse => "collapse",
        }
    }
}

/// Reads the rows with an event id, whatever their time, and tells what the next run would do with each.
///
/// From Snowflake only these rows come; files are read to their end.
pub async fn look(config: &Config, event_id: &str, world: World) -> Result<Vec<LookedRow>, Failure> {
    let options = Options::default();
    let run = Run::new(config, &options, world);
    let known = state::look(&run).await?;
    let selection =
        Selection { since: DateTime::UNIX_EPOCH, store: None, event_id: Some(event_id.to_owned()), ..run.selection() };
    let halt = watch::Sender::new(None);
    let mut halted = halt.subscribe();
    let signals = tokio::spawn(halt_in_time(halt, None));
    let result = tokio::select! {
        rows = read(&run, selection, event_id, known) => rows,
        halt = halted.wait_for(Option::is_some) => match halt.ok().and_then(|halt| halt.clone()) {
            Some(Halt::Signal(number)) => Err(Failure::Signal(number)),
            Some(Halt::Stopped(..) | Halt::Ledger(_) | Halt::TimeOver | Halt::Bug) | None => Err(Failure::Bug),
        },
    };
    signals.abort();
    run.part().await;
    result
}

/// Reads the rows and judges those of the event.
async fn read(run: &Run<'_>, selection: Selection, event_id: &str, known: Known) -> Result<Vec<LookedRow>, Failure> {
    let mut rows = run.rows_of(selection).await?;
    let mut judge = Judge { run, known, people: People::default(), json: Vec::new(), found: Vec::new() };
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let table = Table::bind(&batch, &run.rules.columns, run.rules.zone)?;
        for row in 0..table.len() {
            if event::identify(&table, row, &run.rules).id == Some(event_id) {
                judge.row(&table, row);
            }
        }
    }
    Ok(judge.found)
}

/// Judges rows as a run would.
struct Judge<'a> {
    run: &'a Run<'a>,
    known: Known,
    people: People,
    json: Vec<u8>,
    found: Vec<LookedRow>,
}

impl Judge<'_> {
    fn row(&mut self, table: &Table<'_>, row: usize) {
        let run = self.run;
        let now = (run.world.now)();
        let mut notes = Vec::new();
        let built = event::build(table, row, &run.rules, now.timestamp(), &mut self.people, &mut notes);
        let (prospect, keys) = match built {
            Ok(event) => {
                self.json.clear();
                payload::write(&event, &mut self.json);
                let key = EventKey::new(&run.config.graph.dataset_id, event.name, event.id);
                let is = fingerprint(&self.json);
                let refused = self.known.refused(&key);
                let meeting = self.known.meet(key, is);
                let decision = decide(meeting, is, refused, run.config.on_unknown.of(event.name), Sent::Leave, now);
                (prospect_of(decision, meeting), Some(event.keys))
            }
            Err(Refusal::Rejected(reason)) => (Prospect::Reject(reason), None),
            Err(Refusal::Expired) => (Prospect::Expire, None),
            Err(Refusal::Skipped(reason)) => (Prospect::Skip(reason), None),
            // Nothing narrows what is looked at.
            Err(Refusal::Deferred | Refusal::NotSelected) => (Prospect::Defer, None),
        };
        let keys = keys.unwrap_or_else(|| {
            notes.clear();
            event::examine(table, row, &run.rules, &mut self.people, &mut notes)
        });
        let slots = run.rules.columns.slot_names();
        let notes = notes.iter().map(|note| {
            let field = note.slot.and_then(|slot| slots.get(usize::from(slot.0)));
            (field.map(ToString::to_string), note.reason)
        });
        let identity = event::identify(table, row, &run.rules);
        self.found.push(LookedRow {
            event_name: identity.name.map(str::to_owned),
            event_time: identity.time.and_then(|time| DateTime::from_timestamp(time, 0)),
            prospect,
            match_keys: MatchKey::ALL.iter().filter(|key| keys.contains(**key)).map(|key| key.wire()).collect(),
            notes: notes.collect(),
            copies: table.copies(row),
        });
    }
}

/// What a run's decision means for whoever asks.
fn prospect_of(decision: Decision, meeting: Meeting) -> Prospect {
    match decision {
        Decision::Send { .. } if matches!(meeting, Meeting::Known(crate::ledger::Fate::Unknown { .. })) => {
            Prospect::SendAgain
        }
        Decision::Send { .. } => Prospect::Send,
        Decision::AlreadySent { has_changed } => Prospect::AlreadySent { has_changed },
        Decision::Held => Prospect::Hold,
        Decision::StillRefused => Prospect::StillRefused,
        Decision::Collapsed { .. } => Prospect::Collapse,
    }
}
