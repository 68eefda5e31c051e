//! Rows become batches, on a thread of its own: the work that costs processor time.

use std::sync::Arc;

use arrow_array::RecordBatch;
use chrono::{DateTime, Duration, Utc};
use tokio::runtime::Handle;
use tokio::sync::watch;
use twox_hash::XxHash3_64;

use super::Failure;
use super::lanes::{Batched, Destination, Lanes};
use super::send::Halt;
use super::state::{Sieve, elsewhere};
use crate::batch::Repeat;
use crate::deliver::{OnUnknown, UnknownPolicy};
use crate::event::rules::Rules;
use crate::event::{self, Event, Identity, Note, People, Reason, Refusal, Table};
use crate::ledger::{Answer, Entry, EventKey, Fate, Fingerprint, Known, Meeting, Record};
use crate::meta::payload;
use crate::report::progress::Progress;
use crate::report::{End, Minutes, Tally};
use crate::source::{LeftOut, RowStream, Shard, SourceError};

/// After this, Meta may count an event that is sent again as a second one.
/// Source: Conversions API, deduplication of pixel and server events.
pub(crate) const RESEND_WITHIN: Duration = Duration::hours(48);

/// What a run does with events that an earlier run has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Leaves them.
    Leave,
    /// Sends them once more, because someone asked for it.
    Resend,
}

/// What preparing needs to know.
pub(super) struct Preparation {
    pub(super) rules: Arc<Rules>,
    pub(super) dataset_id: String,
    pub(super) now: fn() -> DateTime<Utc>,
    /// What happened before may have been sent by a run that nobody remembers, so that it expired is no news.
    pub(super) told_since: Option<i64>,
    pub(super) on_unknown: UnknownPolicy,
    pub(super) sent: Sent,
    /// Only the rows of this shard are prepared, where the source did not choose them.
    pub(super) shard: Option<Shard>,
    /// What was sent, where the source has left that out.
    pub(super) sieve: Option<Sieve>,
    /// At most so many events are prepared.
    pub(super) limit: u64,
    pub(super) progress: Arc<Progress>,
    /// Tells when the run is over.
    pub(super) halted: watch::Receiver<Option<Halt>>,
}

/// What preparing leaves behind.
pub(super) struct Prepared {
    /// The books; events that were handed on count as pending.
    pub(super) tally: Tally,
    /// The events that were handed on, by their times.
    pub(super) handed_on: Minutes,
    /// What ended it early.
    pub(super) error: Option<Failure>,
    /// Whether it ended because enough was prepared.
    pub(super) is_limited: bool,
    /// Whether it ended because nobody takes any more.
    pub(super) is_cut_off: bool,
}

/// What comes next of a stream.
pub(super) enum Next {
    Batch(RecordBatch),
    OutOfRows,
    /// The run is over. A source may be slow to answer, and nobody waits for it then.
    Halted,
}

/// Waits for what comes next of a stream, from outside the async runtime.
pub(super) fn next(rows: &mut RowStream, halted: &mut watch::Receiver<Option<Halt>>) -> Result<Next, SourceError> {
    Handle::current().block_on(async {
        tokio::select! {
            biased;
            _ = halted.wait_for(Option::is_some) => Ok(Next::Halted),
            batch = rows.next() => batch.map_or(Ok(Next::OutOfRows), |batch| batch.map(Next::Batch)),
        }
    })
}

/// Prepares every row of a stream.
pub(super) fn prepare(
    preparation: Preparation,
    known: Known,
    mut rows: RowStream,
    destination: Destination,
) -> Prepared {
    let mut preparer = Preparer {
        preparation,
        known,
        lanes: Lanes::new(destination),
        people: People::default(),
        json: Vec::with_capacity(2_048),
        now: DateTime::UNIX_EPOCH,
        notes: Vec::new(),
        refusals: Vec::new(),
        tally: Tally::default(),
        handed_on: Minutes::default(),
        prepared: 0,
    };
    for left_out in std::mem::take(&mut rows.left_out) {
        preparer.left_out(&left_out);
    }
    let ended = preparer.run(&mut rows);
    let (is_limited, is_cut_off) = (matches!(ended, Ok(Ended::Limited)), matches!(ended, Ok(Ended::NotWanted)));
    let Preparer { tally, handed_on, .. } = preparer;
    Prepared { tally, handed_on, error: ended.err(), is_limited, is_cut_off }
}

/// Why there is nothing more to prepare.
enum Ended {
    OutOfRows,
    /// Enough was prepared.
    Limited,
    /// Nobody takes any more: the run was stopped, or the reader of the lines has gone.
    NotWanted,
}

/// Why a row was not prepared.
enum Stop {
    /// The run is over.
    NotWanted,
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Stop {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

struct Preparer {
    preparation: Preparation,
    known: Known,
    lanes: Lanes,
    people: People,
    json: Vec<u8>,
    /// The time at which the present record batch is prepared.
    now: DateTime<Utc>,
    notes: Vec<Note>,
    refusals: Vec<Record>,
    tally: Tally,
    handed_on: Minutes,
    prepared: u64,
}

impl Preparer {
    fn run(&mut self, rows: &mut RowStream) -> Result<Ended, Failure> {
        let rules = Arc::clone(&self.preparation.rules);
        let mut halted = self.preparation.halted.clone();
        loop {
            let batch = match next(rows, &mut halted)? {
                Next::Batch(batch) => batch,
                Next::OutOfRows => return self.finish(Ended::OutOfRows),
                Next::Halted => return Ok(Ended::NotWanted),
            };
            // A long run must not judge by the time at which it began.
            self.now = (self.preparation.now)();
            let table = Table::bind(&batch, &rules.columns, rules.zone)?;
            let mut people = std::mem::take(&mut self.people);
            for row in 0..table.len() {
                if self.prepared >= self.preparation.limit {
                    return self.finish(Ended::Limited);
                }
                let prepared = match self.row(&table, row, &rules, &mut people) {
                    Ok(true) => continue,
                    Ok(false) => row + 1,
                    Err(Stop::NotWanted) => row,
                    Err(Stop::Failed(failure)) => return Err(failure),
                };
                self.preparation.progress.add_rows(prepared);
                self.note_refusals()?;
                return Ok(Ended::NotWanted);
            }
            self.people = people;
            self.preparation.progress.add_rows(table.len());
            self.note_refusals()?;
            if !self.lanes.flush_urgent() {
                return Ok(Ended::NotWanted);
            }
        }
    }

    fn finish(&mut self, ended: Ended) -> Result<Ended, Failure> {
        self.note_refusals()?;
        Ok(if self.lanes.flush()? { ended } else { Ended::NotWanted })
    }

    /// Counts what was sent before and did not leave the source.
    fn left_out(&mut self, LeftOut { name, events, rows }: &LeftOut) {
        let name = self.tally.name(name.as_deref());
        let counts = self.tally.counts(name);
        counts.add(End::AlreadySent, *events);
        counts.add(End::Collapsed, rows.saturating_sub(*events));
    }

    /// Makes sure that it is known whether an event was sent: the source has found that it was not, by the very key, or
    /// everything that was sent is read, once. That takes long, and nobody waits for it when the run is over.
    fn sift(&mut self, table: &Table<'_>, row: usize, key: &EventKey) -> Result<(), Stop> {
        if self.preparation.sieve.is_none() {
            return Ok(());
        }
        let mut found = [0; 16];
        let is_read = table.unsent_key(row).is_some_and(|hex| hex::decode_to_slice(hex, &mut found).is_ok());
        if is_read && found == key.0 {
            return Ok(());
        }
        let Some(Sieve { sent, since }) = self.preparation.sieve.take() else { return Ok(()) };
        let (wanting, wanted) = watch::channel(());
        let sent = sent.while_wanted(wanted);
        let loading = elsewhere(move || sent.load(since).map_err(|error| Failure::Ledger(Arc::new(error))));
        let halted = &mut self.preparation.halted;
        let sent = Handle::current().block_on(async {
            tokio::select! {
                biased;
                _ = halted.wait_for(Option::is_some) => Err(Stop::NotWanted),
                sent = loading => Ok(sent?),
            }
        })?;
        drop(wanting);
        self.known.adopt(sent);
        Ok(())
    }

    /// Prepares one row; `false` when nobody takes any more.
    fn row(&mut self, table: &Table<'_>, row: usize, rules: &Rules, people: &mut People) -> Result<bool, Stop> {
        self.notes.clear();
        let now = self.now.timestamp();
        let copies = table.copies(row);
        if let Some(shard) = self.preparation.shard
            && !shard.holds(event::identify(table, row, rules).id)
        {
            return Ok(true);
        }
        let name = match event::build(table, row, rules, now, people, &mut self.notes) {
            Ok(event) => {
                let name = self.tally.name(Some(event.name));
                if !self.event(table, row, &event, name)? {
                    return Ok(false);
                }
                name
            }
            Err(Refusal::NotSelected) => return Ok(true),
            Err(refusal) => {
                let identity = event::identify(table, row, rules);
                let name = self.tally.name(identity.name);
                self.refusal(table, row, refusal, identity, name)?;
                name
            }
        };
        if copies > 1 {
            self.tally.counts(name).add(End::Collapsed, copies - 1);
            self.tally.differing_copies += u64::from(table.copies_differ(row));
        }
        Ok(true)
    }

    fn event(&mut self, table: &Table<'_>, row: usize, event: &Event<'_>, name: u16) -> Result<bool, Stop> {
        self.json.clear();
        payload::write(event, &mut self.json);
        let entry = Entry {
            key: EventKey::new(&self.preparation.dataset_id, event.name, event.id),
            fingerprint: fingerprint(&self.json),
            event_time: event.time,
        };
        self.sift(table, row, &entry.key)?;
        let meeting = self.known.meet(entry.key, entry.fingerprint);
        let Preparation { on_unknown, sent, .. } = &self.preparation;
        let on_unknown = on_unknown.of(event.name);
        let refused = self.known.refused(&entry.key);
        let counts = self.tally.counts(name);
        match decide(meeting, entry.fingerprint, refused, on_unknown, *sent, self.now) {
            Decision::Send(repeat) => {
                counts.add(End::Pending, 1);
                for note in &self.notes {
                    self.tally.reason(note.reason);
                }
                self.prepared += 1;
                self.handed_on.add(event.time);
                let batched = Batched { entry, name, repeat };
                return Ok(self.lanes.add(event, batched, on_unknown, &self.json)?);
            }
            Decision::AlreadySent { has_changed } => {
                counts.add(End::AlreadySent, 1);
                self.tally.changed_after_send += u64::from(has_changed);
            }
            Decision::Held => counts.add(End::Unknown, 1),
            Decision::StillRefused => {
                counts.add(End::Rejected, 1);
                self.tally.reason(Reason::RefusedByMeta);
            }
            Decision::Collapsed { differs } => {
                counts.add(End::Collapsed, 1);
                self.tally.differing_copies += u64::from(differs);
            }
        }
        Ok(true)
    }

    fn refusal(
        &mut self,
        table: &Table<'_>,
        row: usize,
        refusal: Refusal,
        identity: Identity<'_>,
        name: u16,
    ) -> Result<(), Stop> {
        let (end, reason) = match refusal {
            Refusal::NotSelected => return Ok(()),
            Refusal::Rejected(reason) => (End::Rejected, reason),
            Refusal::Expired => (End::Expired, Reason::Expired),
            Refusal::Skipped(reason) => (End::Skipped, reason),
            Refusal::Deferred => (End::Deferred, Reason::NotYetDue),
        };
        if matches!(end, End::Skipped | End::Deferred) {
            self.tally.counts(name).add(end, 1);
            self.tally.reason(reason);
            return Ok(());
        }
        // Rows without an id are told once for each name and second, which is all that tells them apart.
        let (event_id, event_name) = (identity.id.unwrap_or_default(), identity.name.unwrap_or_default());
        let nameless = identity.time.map(|time| format!("\u{1f}{time}")).unwrap_or_default();
        let entry = Entry {
            key: EventKey::new(&self.preparation.dataset_id, event_name, identity.id.unwrap_or(&nameless)),
            fingerprint: fingerprint(reason.code().as_bytes()),
            // A refusal is remembered from when it was told: by the time of an old event the ledger would forget it at
            // once, and it would be news in every run.
            event_time: identity.time.unwrap_or_default().max(self.now.timestamp()),
        };
        // A row without name or id is no event that can have been sent.
        if identity.id.is_some() && identity.name.is_some() {
            self.sift(table, row, &entry.key)?;
        }
        let is_sent = matches!(self.known.fate(&entry.key), Some(Fate::Sent(_)));
        if end == End::Expired && is_sent {
            self.tally.counts(name).add(End::AlreadySent, 1);
            return Ok(());
        }
        self.tally.counts(name).add(end, 1);
        self.tally.reason(reason);
        let is_forgotten = identity.time.zip(self.preparation.told_since).is_some_and(|(time, since)| time < since);
        let is_told = is_sent || self.known.refused(&entry.key) == Some(entry.fingerprint);
        if is_told || is_forgotten {
            return Ok(());
        }
        self.tally.news += 1;
        self.refusals.push(Record::Rejected {
            entry,
            event_name: event_name.to_owned(),
            event_id: event_id.to_owned(),
            reason: reason.code(),
            answer: Answer::default(),
            at: self.now,
        });
        Ok(())
    }

    /// Makes the refusals durable that no earlier run has noted.
    fn note_refusals(&mut self) -> Result<(), Failure> {
        let refusals = std::mem::take(&mut self.refusals);
        if let Some(appender) = self.lanes.appender()
            && !refusals.is_empty()
        {
            appender.append_blocking(refusals)?;
        }
        Ok(())
    }
}

/// Hashes bytes in a way that is the same in every version of this program.
pub(super) fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let [a, b, c, d, ..] = XxHash3_64::oneshot(bytes).to_be_bytes();
    Fingerprint(u32::from_be_bytes([a, b, c, d]))
}

/// What to do with an event, given what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Send(Repeat),
    AlreadySent { has_changed: bool },
    Held,
    StillRefused,
    Collapsed { differs: bool },
}

pub(super) fn decide(
    meeting: Meeting,
    now_is: Fingerprint,
    refused: Option<Fingerprint>,
    on_unknown: OnUnknown,
    sent: Sent,
    now: DateTime<Utc>,
) -> Decision {
    match meeting {
        Meeting::Again(first) => Decision::Collapsed { differs: first != now_is },
        Meeting::Known(Fate::Sent(_)) if sent == Sent::Resend => Decision::Send(Repeat::Anytime),
        Meeting::Known(Fate::Sent(was)) => Decision::AlreadySent { has_changed: was != now_is },
        // What Meta refused byte for byte it has not taken either, whatever an earlier attempt came to.
        Meeting::Known(Fate::Rejected(_) | Fate::Unknown { .. }) if refused == Some(now_is) => Decision::StillRefused,
        Meeting::New | Meeting::Known(Fate::Rejected(_)) => Decision::Send(Repeat::First),
        Meeting::Known(Fate::Unknown { first_attempt, .. }) => {
            let end = first_attempt.checked_add_signed(RESEND_WITHIN).filter(|end| now < *end);
            match (on_unknown, end) {
                (OnUnknown::Resend, Some(end)) => Decision::Send(Repeat::Until(end)),
                (OnUnknown::Resend | OnUnknown::Hold, _) => Decision::Held,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_decides() {
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let (same, other) = (Fingerprint(1), Fingerprint(2));
        let unknown = |hours| Fate::Unknown { fingerprint: same, first_attempt: now - Duration::hours(hours) };
        let check_after = |refused, meeting, on_unknown, sent, expected| {
            let decision = decide(meeting, same, refused, on_unknown, sent, now);
            assert_eq!(decision, expected, "{meeting:?} {on_unknown:?} {sent:?}");
        };
        let check = |meeting, on_unknown, sent, expected| {
            let refused = if let Meeting::Known(Fate::Rejected(was)) = meeting { Some(was) } else { None };
            check_after(refused, meeting, on_unknown, sent, expected);
        };
        let (resend, hold) = (OnUnknown::Resend, OnUnknown::Hold);
        let known = Meeting::Known;
        check(Meeting::New, hold, Sent::Leave, Decision::Send(Repeat::First));
        check(Meeting::Again(same), resend, Sent::Resend, Decision::Collapsed { differs: false });
        check(Meeting::Again(other), resend, Sent::Leave, Decision::Collapsed { differs: true });
        check(known(Fate::Sent(same)), resend, Sent::Leave, Decision::AlreadySent { has_changed: false });
        check(known(Fate::Sent(other)), resend, Sent::Leave, Decision::AlreadySent { has_changed: true });
        check(known(Fate::Sent(same)), hold, Sent::Resend, Decision::Send(Repeat::Anytime));
        check(known(Fate::Rejected(same)), resend, Sent::Leave, Decision::StillRefused);
        check(known(Fate::Rejected(other)), resend, Sent::Leave, Decision::Send(Repeat::First));
        let until = |hours| Decision::Send(Repeat::Until(now + Duration::hours(hours)));
        check(known(unknown(47)), resend, Sent::Leave, until(1));
        check(known(unknown(48)), resend, Sent::Leave, Decision::Held);
        check(known(unknown(1)), hold, Sent::Leave, Decision::Held);
        check_after(Some(same), known(unknown(1)), resend, Sent::Leave, Decision::StillRefused);
        check_after(Some(other), known(unknown(1)), resend, Sent::Leave, until(47));
        check_after(
            Some(same),
            known(Fate::Sent(same)),
            resend,
            Sent::Leave,
            Decision::AlreadySent { has_changed: false },
        );
    }
}
