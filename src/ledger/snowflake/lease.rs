//! Who may send now: a row that says so for a while, and must be renewed.
//!
//! The clock of the lease is Snowflake's. Here its end is reckoned from before the renewal was asked for, by a clock
//! that runs and by one that is set, and the nearer end counts: a machine that slept finds its lease at an end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, oneshot, watch};

use crate::ledger::LedgerError;
use crate::source::snowflake::{Desk, literal};

/// How long a lease is held, and what follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    length: Duration,
}

impl Terms {
    /// Five minutes: the quarter that must be left for a request is more than a request takes.
    pub const STANDARD: Self = Self { length: Duration::from_secs(300) };

    /// A lease of another length.
    pub fn of(length: Duration) -> Self {
        Self { length }
    }

    /// How long it is held without being renewed.
    pub(super) fn length(self) -> Duration {
        self.length
    }

    /// How much of it must be left when a request begins.
    fn needed(self) -> Duration {
        self.length / 4
    }

    /// When it is renewed.
    fn renewal(self) -> Duration {
        self.length / 3
    }

    /// How soon a renewal that failed is tried again.
    fn again(self) -> Duration {
        self.length / 30
    }
}

/// How a lease stands.
#[derive(Debug, Clone)]
enum Standing {
    /// It is held until then, by the clock that runs and by the one that is set.
    Held(Instant, DateTime<Utc>),
    /// Someone else has taken it.
    Lost,
}

/// What the holder of a lease shares with whoever keeps it.
#[derive(Debug, Clone)]
pub struct Permit {
    schema: String,
    terms: Terms,
    now: fn() -> DateTime<Utc>,
    standing: Arc<watch::Sender<Standing>>,
    nudge: Arc<Notify>,
}

/// A moment, by the clock that runs and by the one that is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(Instant, DateTime<Utc>);

impl Moment {
    /// This one.
    pub(super) fn now(clock: fn() -> DateTime<Utc>) -> Self {
        Self(Instant::now(), clock())
    }
}

impl Permit {
    /// A lease that was asked for at a moment and granted.
    pub(super) fn new(schema: &str, terms: Terms, now: fn() -> DateTime<Utc>, asked: Moment) -> Self {
        let standing = Arc::new(watch::Sender::new(held(terms, asked)));
        Self { schema: schema.to_owned(), terms, now, standing, nudge: Arc::default() }
    }

    /// Waits until enough of the lease is left for a request; fails when it is lost, or was not renewed in time.
    pub async fn wait(&self) -> Result<(), Arc<LedgerError>> {
        let patience = tokio::time::Instant::now() + self.terms.length();
        let mut changes = self.standing.subscribe();
        loop {
            let standing = changes.borrow_and_update().clone();
            match standing {
                Standing::Lost => return Err(Arc::new(self.lost())),
                Standing::Held(until, wall) if self.left(until, wall) >= self.terms.needed() => return Ok(()),
                Standing::Held(..) => {}
            }
            self.nudge.notify_one();
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(patience) => {
                    let schema = self.schema.clone();
                    let why = "its lease could not be renewed in time";
                    return Err(Arc::new(LedgerError::LeaseLost { schema, why }));
                }
            }
        }
    }

    /// Notes that someone else has taken the lease; gives the error that says so.
    pub(super) fn lose(&self) -> LedgerError {
        self.standing.send_replace(Standing::Lost);
        self.lost()
    }

    fn lost(&self) -> LedgerError {
        LedgerError::LeaseLost { schema: self.schema.clone(), why: "another run has taken over" }
    }

    fn left(&self, until: Instant, wall: DateTime<Utc>) -> Duration {
        let by_set_clock = (wall - (self.now)()).to_std().unwrap_or_default();
        until.saturating_duration_since(Instant::now()).min(by_set_clock)
    }
}

fn held(terms: Terms, Moment(instant, wall): Moment) -> Standing {
    let length = TimeDelta::from_std(terms.length()).unwrap_or(TimeDelta::MAX);
    Standing::Held(instant + terms.length(), wall.checked_add_signed(length).unwrap_or(wall))
}

/// Renews a lease in a session of its own.
pub(super) struct Keeper {
    /// The statement that renews it.
    pub(super) renewal: String,
    /// Where it is noted.
    pub(super) permit: Permit,
}

impl Keeper {
    /// Renews the lease at a third of its length, and when someone waits for it, until it is lost or no longer wanted.
    pub(super) async fn keep(self, mut desk: Desk, mut stopped: oneshot::Receiver<()>) {
        let Self { renewal, permit } = self;
        let mut pause = permit.terms.renewal();
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(pause) => {}
                () = permit.nudge.notified() => {}
            }
            let asked = Moment::now(permit.now);
            let renewed = tokio::select! {
                _ = &mut stopped => break,
                renewed = desk.write(&renewal) => renewed,
            };
            match renewed {
                Ok(0) => {
                    drop(permit.lose());
                    break;
                }
                Ok(_) => {
                    permit.standing.send_replace(held(permit.terms, asked));
                    pause = permit.terms.renewal();
                }
                Err(error) => {
                    tracing::debug!(%error.error, "the lease was not renewed");
                    pause = permit.terms.again();
                }
            }
            // Whoever waits asks for it again at once; a renewal takes no more than a few of these.
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(permit.terms.again().min(Duration::from_secs(1))) => {}
            }
        }
        desk.close().await;
    }
}

/// The statements about one lease.
#[derive(Debug)]
pub(super) struct Lease {
    /// The table.
    pub(super) table: String,
    /// The dataset.
    pub(super) dataset_id: String,
    /// The lease's name: the dataset, or a shard of it.
    pub(super) name: String,
}

impl Lease {
    /// The leases of the dataset and the version of the tables: name, epoch, holder, who that is, since and until when
    /// in microseconds, and whether it is live.
    pub(super) fn look(&self, version_row: &str) -> String {
        let dataset = literal(&self.dataset_id);
        format!(
            "SELECT NAME, TO_VARCHAR(EPOCH) AS EPOCH, HOLDER, WHO, \
             TO_VARCHAR(DATE_PART(EPOCH_MICROSECOND, TAKEN_AT)) AS TAKEN_AT, \
             TO_VARCHAR(DATE_PART(EPOCH_MICROSECOND, EXPIRES_AT)) AS EXPIRES_AT, \
             IFF(HOLDER IS NOT NULL AND EXPIRES_AT >= SYSDATE(), '1', '0') AS LIVE FROM {} \
             WHERE NAME IN ({dataset}, '{version_row}') OR STARTSWITH(NAME, {dataset} || '/')",
            self.table
        )
    }

    /// Makes the row if there is none. Two made at once are harmless: whoever finds another holder after taking gives
    /// way.
    pub(super) fn make(&self) -> String {
        let (table, name) = (&self.table, literal(&self.name));
        format!(
            "INSERT INTO {table} (NAME, EPOCH) SELECT {name}, 0 \
             WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE NAME = {name})"
        )
    }

    /// Takes the lease if nobody holds it.
    pub(super) fn take(&self, holder: &str, who: &str, terms: Terms) -> String {
        format!(
            "UPDATE {} SET HOLDER = {}, WHO = {}, EPOCH = EPOCH + 1, TAKEN_AT = SYSDATE(), EXPIRES_AT = {} \
             WHERE NAME = {} AND (HOLDER IS NULL OR EXPIRES_AT < SYSDATE())",
            self.table,
            literal(holder),
            literal(who),
            end(terms),
            literal(&self.name)
        )
    }

    /// Renews the lease while nobody else has it.
    pub(super) fn renew(&self, holder: &str, terms: Terms) -> String {
        format!(
            "UPDATE {} SET EXPIRES_AT = {} WHERE NAME = {} AND HOLDER = {}",
            self.table,
            end(terms),
            literal(&self.name),
            literal(holder)
        )
    }

    /// Gives the lease back.
    pub(super) fn release(&self, holder: &str) -> String {
        format!(
            "UPDATE {} SET HOLDER = NULL, WHO = NULL, EXPIRES_AT = SYSDATE() WHERE NAME = {} AND HOLDER = {}",
            self.table,
            literal(&self.name),
            literal(holder)
        )
    }
}

/// The end of a lease that is taken or renewed now.
fn end(terms: Terms) -> String {
    format!("DATEADD(MILLISECOND, {}, SYSDATE())", terms.length().as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::http;

    const LENGTH: Duration = Duration::from_secs(300);

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_446_000, 0).unwrap()
    }

    #[test]
    fn what_must_be_left_of_a_lease_is_more_than_a_request_takes() {
        assert!(Terms::STANDARD.needed() >= http::TIMEOUT + Duration::from_secs(10));
        // A renewal comes in time although two fail.
        assert!(Terms::STANDARD.renewal() * 2 + Terms::STANDARD.needed() < Terms::STANDARD.length());
    }

    /// Whether a request may begin at once when a lease was asked for so long ago by each clock.
    async fn may_begin(running: Duration, set: Duration) -> bool {
        let terms = Terms::of(LENGTH);
        let asked = Moment(Instant::now().checked_sub(running).unwrap(), noon() - set);
        let permit = Permit::new("A.B", terms, noon, asked);
        tokio::select! {
            biased;
            waited = permit.wait() => waited.is_ok(),
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn fm_51_fm_52_the_clock_that_says_least_is_left_counts() {
        let seconds = Duration::from_secs;
        assert!(may_begin(seconds(0), seconds(0)).await);
        assert!(may_begin(seconds(224), seconds(224)).await);
        assert!(!may_begin(seconds(226), seconds(0)).await);
        // A machine that slept has a clock that stood still.
        assert!(!may_begin(seconds(0), seconds(226)).await);
        assert!(!may_begin(seconds(0), seconds(100_000)).await);
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_with_the_renewal_and_stops_when_the_lease_is_lost() {
        let terms = Terms::of(LENGTH);
        let asked = Moment(Instant::now().checked_sub(Duration::from_secs(250)).unwrap(), noon());
        let permit = Permit::new("A.B", terms, noon, asked);
        let renew = async {
            permit.nudge.notified().await;
            permit.standing.send_replace(held(terms, Moment::now(noon)));
        };
        let (waited, ()) = tokio::join!(permit.wait(), renew);
        assert!(waited.is_ok());
        assert!(permit.wait().await.is_ok());
        drop(permit.lose());
        let waited = permit.wait().await.map_err(|error| error.to_string());
        assert_eq!(waited, Err("this run may send no more by the state in A.B: another run has taken over".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_not_renewed_in_time_stops_the_run() {
        let asked = Moment(Instant::now().checked_sub(LENGTH).unwrap(), noon());
        let permit = Permit::new("A.B", Terms::of(LENGTH), noon, asked);
        let waited = permit.wait().await.map_err(|error| error.to_string());
        assert_eq!(
            waited,
            Err("this run may send no more by the state in A.B: its lease could not be renewed in time".into())
        );
    }
}
