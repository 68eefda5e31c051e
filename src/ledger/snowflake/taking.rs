//! Taking the lease of a dataset, and looking who holds it.

use chrono::{DateTime, Utc};

use super::lease::{Keeper, Lease, Moment};
use super::reading::Texts;
use super::row::Author;
use super::{Held, Permit, Setting, SnowflakeLedger, VERSION, Warehouse, schema};
use crate::ledger::LedgerError;
use crate::source::Shard;
use crate::source::snowflake::{DeskError, Effect};

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// The process and the machine, as the holder has said.
    pub who: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Until when, unless it is renewed.
    pub until: Option<DateTime<Utc>>,
}

/// A row of the lease table.
struct LeaseRow {
    name: String,
    epoch: i64,
    holder: Option<String>,
    who: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    is_live: bool,
}

impl SnowflakeLedger {
    /// Opens the ledger for a run and takes its lease, which is given back when the ledger is dropped.
    pub fn open(warehouse: &Warehouse, setting: &Setting) -> Result<Self, LedgerError> {
        let mut ledger = Self::open_read_only(warehouse, setting)?;
        let random = setting.surroundings.random;
        let lease = ledger.lease_of(setting);
        let holder = format!("{:016x}{:016x}", random(), random());
        let now = setting.surroundings.now;
        if !ledger.leases(&lease)?.iter().any(|row| row.name == lease.name) {
            ledger.write_lease(lease.make())?;
        }
        let asked = Moment::now(now);
        // What the statement says of itself does not count: it may have been handed in twice.
        let taken = ledger.clerk.write(lease.take(&holder, &setting.who, warehouse.terms));
        if let Err(DeskError { effect: Effect::None | Effect::NoObject, .. }) = &taken {
            taken.map_err(|error| ledger.failed("locked", error))?;
        }
        let looked = ledger.leases(&lease);
        // A lease that may have been taken must not keep the next run waiting.
        let rows = looked.inspect_err(|_| ledger.clerk.write_in_passing(lease.release(&holder)))?;
        let mine = rows.iter().filter(|row| row.name == lease.name && row.holder.as_deref() == Some(&holder));
        let mine = mine.max_by_key(|row| row.epoch);
        let parts = |name: &str| parts_of(name, &setting.dataset_id);
        let in_the_way = rows.iter().find(|row| {
            row.is_live
                && row.holder.as_deref() != Some(&holder)
                && (row.name == lease.name || parts(&row.name) != parts(&lease.name))
        });
        let release = lease.release(&holder);
        let (Some(mine), None) = (mine, in_the_way) else {
            if mine.is_some() {
                // Who gives way must not be in the way; should it fail, the lease ends by itself.
                drop(ledger.clerk.write(release));
            }
            let other = in_the_way.or_else(|| rows.iter().find(|row| row.name == lease.name && row.is_live));
            return Err(LedgerError::Locked {
                path: ledger.log.schema.name(),
                holder: other.map_or_else(|| "it was released a moment ago".into(), LeaseRow::describe),
            });
        };
        let since = mine.since.map_or(0, |since| since.timestamp_micros());
        let author = Author {
            // By the time at which the lease was taken, so that writers sort in their order.
            writer: format!("{since:020}-{holder}"),
            holder: holder.clone(),
            lease: lease.name.clone(),
            epoch: mine.epoch,
            dataset_id: setting.dataset_id.clone(),
        };
        let permit = Permit::new(&ledger.log.schema.name(), warehouse.terms, now, asked);
        let renewal = lease.renew(&holder, warehouse.terms);
        ledger.clerk.keep(Keeper { renewal, permit: permit.clone() });
        ledger.lease = Some(Held { author, next: 1, permit, release, clerk: ledger.clerk.clone() });
        Ok(ledger)
    }

    /// Who holds a lease of the dataset now.
    pub fn holder(&self, setting: &Setting) -> Result<Option<LeaseHolder>, LedgerError> {
        let rows = self.leases(&self.lease_of(setting))?;
        let live = rows.into_iter().find(|row| row.is_live);
        Ok(live.map(|row| LeaseHolder { who: row.who.unwrap_or_default(), since: row.since, until: row.until }))
    }

    fn lease_of(&self, setting: &Setting) -> Lease {
        let Setting { dataset_id, shard, .. } = setting;
        let name = match shard {
            None => dataset_id.clone(),
            Some(Shard { number, of }) => format!("{dataset_id}/{number}-of-{of}"),
        };
        Lease { table: self.log.schema.lease(), dataset_id: dataset_id.clone(), name }
    }

    pub(super) fn check_version(&mut self, setting: &Setting) -> Result<(), LedgerError> {
        let rows = self.leases(&self.lease_of(setting))?;
        let version = rows.iter().find(|row| row.name == schema::VERSION_ROW).map(|row| row.epoch);
        match version {
            Some(version) if version == i64::from(VERSION) => Ok(()),
            Some(version) => {
                Err(self.unfit(format!("its version is {version}, and this program knows {VERSION} at most")))
            }
            None => Err(LedgerError::NoTables { schema: self.log.schema.name() }),
        }
    }

    fn leases(&self, lease: &Lease) -> Result<Vec<LeaseRow>, LedgerError> {
        let mut rows = Vec::new();
        self.select(lease.look(schema::VERSION_ROW), |batch| {
            let texts = Texts::of(batch);
            rows.extend((0..texts.rows()).map(|row| LeaseRow {
                name: texts.text(row, 0).unwrap_or_default().to_owned(),
                epoch: texts.number(row, 1).unwrap_or_default(),
                holder: texts.text(row, 2).map(str::to_owned),
                who: texts.text(row, 3).map(str::to_owned),
                since: texts.time(row, 4),
                until: texts.time(row, 5),
                is_live: texts.text(row, 6) == Some("1"),
            }));
        })?;
        Ok(rows)
    }

    fn write_lease(&self, sql: String) -> Result<u64, LedgerError> {
        self.clerk.write(sql).map_err(|error| self.failed("locked", error))
    }
}

impl LeaseRow {
    /// Says who holds a lease.
    fn describe(&self) -> String {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%F %T").to_string()).unwrap_or_default();
        let who = self.who.as_deref().unwrap_or("someone");
        let name = &self.name;
        format!("{who}, lease {name}, since {}, until {} UTC unless it is renewed", time(self.since), time(self.until))
    }
}

/// Into how many parts a lease's name says that the events are divided.
fn parts_of(name: &str, dataset_id: &str) -> Option<u32> {
    match name.strip_prefix(dataset_id)? {
        "" => Some(1),
        shard => shard.rsplit_once("-of-")?.1.parse().ok(),
    }
}
