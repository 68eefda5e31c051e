//! The disk of an invented world, which keeps what was written whole; and the ways in which a program can write wrongly.

use chrono::TimeDelta;

use super::world::{Plan, Shared, World};
use super::{Variant, clock};
use crate::ledger::{Answer, Known, Ledger, LedgerError, Outcome, Record};

/// The state, as the program sees it: a handle to the disk of the world.
#[derive(Debug)]
pub(super) struct Disk(pub(super) Shared);

/// What befalls a write.
#[derive(Debug, Clone, Copy)]
enum WriteFault {
    KilledBefore,
    KilledAfter,
    Full,
}

impl Ledger for Disk {
    fn load(&mut self, since: i64) -> Result<Known, LedgerError> {
        let mut world = self.0.lock();
        if world.variant == Variant::Watermark {
            return Ok(Known::default());
        }
        world.disk.load(since)
    }

    fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let mut world = self.0.lock();
        if world.is_dead {
            return Err(full());
        }
        // A write may take hours or days, of which only the clock tells: the machine slept, or a warehouse was busy.
        let Plan { slow_writes, disk_faults: rate, .. } = world.plan;
        if world.dice.happens(slow_writes) {
            let most = world.dice.one_of(&[3, 20, 60]);
            clock::pass(world.dice.between(60, most * 3_600));
        }
        let faults = [WriteFault::KilledBefore, WriteFault::KilledAfter, WriteFault::Full];
        let fault = world.dice.happens(rate).then(|| world.dice.one_of(&faults));
        if let Some(WriteFault::Full) = fault {
            return Err(full());
        }
        if !matches!(fault, Some(WriteFault::KilledBefore)) {
            world.write(records)?;
        }
        if fault.is_some() {
            world.kill();
            self.0.killed.notify_one();
            return Err(full());
        }
        Ok(())
    }

    fn prune(&mut self, before: i64) -> Result<(), LedgerError> {
        self.tidy(before, before)
    }

    fn tidy(&mut self, events: i64, runs: i64) -> Result<(), LedgerError> {
        let mut world = self.0.lock();
        if world.is_dead {
            return Err(full());
        }
        world.disk.tidy(events, runs)
    }

    fn is_new(&self) -> Result<bool, LedgerError> {
        self.0.lock().disk.is_new()
    }
}

impl World {
    /// Puts records on disk, all or none, as a whole program does or as one that is broken.
    fn write(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let records: Vec<Record> = records.iter().flat_map(|record| self.spoil(record)).collect();
        self.disk.append(&records)?;
        Ok(())
    }

    /// What a broken program writes in place of a record. The oracle sees what a whole one would have written.
    fn spoil(&mut self, record: &Record) -> Vec<Record> {
        self.oracle.durable(record);
        let as_it_is = vec![record.clone()];
        match (self.variant, record) {
            (Variant::MarksBeforePost, Record::Intent { batch, at, .. }) => {
                let outcome = Outcome::Accepted;
                let answer = Answer::default();
                let accepted = Record::Outcome { batch: batch.clone(), at: *at, outcome, requests: 0, answer };
                vec![record.clone(), accepted]
            }
            (Variant::WritesNoIntent, Record::Intent { batch, .. }) => {
                self.withheld.insert(batch.clone(), record.clone());
                Vec::new()
            }
            (Variant::WritesNoIntent, Record::Outcome { batch, .. }) => {
                self.withheld.remove(batch).into_iter().chain(as_it_is).collect()
            }
            (Variant::MarksBeforePost, Record::Outcome { .. })
            | (Variant::ClearsNothing, Record::Outcome { outcome: Outcome::Cleared, .. })
            | (Variant::ForgetsAcceptance, Record::Outcome { outcome: Outcome::Accepted, .. }) => Vec::new(),
            (Variant::ResendsForEver, Record::Intent { batch, at, entries, labels }) => {
                let at = *at + TimeDelta::days(60);
                let (entries, labels) = (entries.clone(), labels.clone());
                vec![Record::Intent { batch: batch.clone(), at, entries, labels }]
            }
            (Variant::Watermark, Record::Intent { entries, .. }) => {
                let newest = entries.iter().map(|entry| entry.event_time).max().unwrap_or(i64::MIN);
                self.watermark = self.watermark.max(newest);
                as_it_is
            }
            (
                Variant::None
                | Variant::MarksBeforePost
                | Variant::WritesNoIntent
                | Variant::Watermark
                | Variant::ClearsNothing
                | Variant::ForgetsAcceptance
                | Variant::ResendsForEver,
                _,
            ) => as_it_is,
        }
    }
}

fn full() -> LedgerError {
    LedgerError::Io { path: "disk".into(), verb: "written", source: "it is full".into() }
}
