//! What one run asks for: which rows, from where, and how they are mapped.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};

use super::prepare::Preparation;
use super::send::Halt;
use super::{Options, World, state};
use crate::config::{Config, SourceConfig, StatePlace};
use crate::event::columns::Origin;
use crate::event::field::Field;
use crate::event::rules::{FALLBACK_NAME, Rules};
use crate::ledger::RunId;
use crate::meta::ActionSource;
use crate::meta::window::oldest_accepted;
use crate::report::progress::{Meter, Progress};
use crate::source::snowflake::Surroundings;
use crate::source::{Hashing, NameSource, RowStream, Selection, Shard, SourceError, StoreWindow, Unsent};

/// How long the end of all sessions is waited for; each bounds its own end.
const FAREWELL: Duration = Duration::from_secs(10);

/// What stays the same throughout a run.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a Options,
    pub(super) world: World,
    pub(super) id: RunId,
    pub(super) started: DateTime<Utc>,
    /// The oldest event that Meta still accepts from any action source that may occur.
    pub(super) oldest: DateTime<Utc>,
    pub(super) since: DateTime<Utc>,
    pub(super) rules: Arc<Rules>,
    pub(super) surroundings: Surroundings,
    /// Ends once a session in Snowflake is closed.
    pub(super) farewell: mpsc::Receiver<()>,
}

impl<'a> Run<'a> {
    pub(super) fn new(config: &'a Config, options: &'a Options, world: World) -> Self {
        let started = (world.now)();
        let mut rules = config.rules.clone();
        rules.selected_names.clone_from(&options.names);
        rules.since = options.since.map(|since| since.timestamp());
        rules.until = options.until.map(|until| until.timestamp());
        let at = |source| {
            DateTime::from_timestamp(oldest_accepted(source, started.timestamp()), 0).unwrap_or(DateTime::UNIX_EPOCH)
        };
        let store = ActionSource::PhysicalStore;
        let is_store = rules.action_source == store || rules.names.iter().any(|name| name.action_source == Some(store));
        let may_be_store = is_store || rules.columns.origin(Field::ActionSource).is_some();
        let oldest_of = |is_store| at(if is_store { store } else { ActionSource::Other });
        // Runs that are killed and begun again begin in the same second, too.
        let random = (world.random)() * f64::from(u32::MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to the largest")]
        let suffix = random as u32;
        // Shards of one table begin in the same second, and write into the same log.
        let part = options.shard.map(|shard| format!("-{}of{}", shard.number, shard.of)).unwrap_or_default();
        let (said, farewell) = mpsc::channel(1);
        let surroundings = Surroundings { farewell: Some(said), now: world.now, ..Surroundings::default() };
        Self {
            config,
            options,
            world,
            id: RunId(format!("{}-{suffix:08x}{part}", started.format("%Y%m%dT%H%M%SZ"))),
            started,
            oldest: oldest_of(may_be_store),
            since: options.since.unwrap_or(oldest_of(is_store)),
            rules: Arc::new(rules),
            surroundings,
            farewell,
        }
    }

    /// Logs what is asked for.
    pub(super) fn announce(&self) {
        tracing::info!(
            run = self.id.0,
            dataset = self.config.graph.dataset_id,
            source = self.config.source.name(),
            since = %self.since.format("%FT%TZ"),
            until = self.options.until.map(|until| until.format("%FT%TZ").to_string()),
            "the run begins"
        );
    }

    pub(super) fn preparation(
        &self,
        progress: &Arc<Progress>,
        halt: &watch::Sender<Option<Halt>>,
        told_since: Option<i64>,
    ) -> Preparation {
        Preparation {
            rules: Arc::clone(&self.rules),
            dataset_id: self.config.graph.dataset_id.clone(),
            now: self.world.now,
            told_since,
            on_unknown: self.config.on_unknown.clone(),
            sent: self.options.sent,
            limit: self.options.limit.unwrap_or(u64::MAX),
            shard: self.shard_here(),
            sieve: None,
            progress: Arc::clone(progress),
            halted: halt.subscribe(),
        }
    }

    /// What happened before is forgotten: a day more than the window, so that no clock that is set right brings an
    /// event back.
    pub(super) fn remembered_since(&self) -> DateTime<Utc> {
        self.oldest - chrono::Duration::days(1)
    }

    pub(super) fn selection(&self) -> Selection {
        let columns = &self.rules.columns;
        let column = |field| columns.origin(field).and_then(Origin::column).map(str::to_owned);
        let store = column(Field::ActionSource).filter(|_| self.options.since.is_none());
        Selection {
            columns: columns.requests(),
            // The configuration has made sure that these two are columns.
            time_column: column(Field::EventTime).unwrap_or_default(),
            id_column: column(Field::EventId).unwrap_or_default(),
            name_columns: [Field::EventName, Field::SourceName].into_iter().filter_map(column).collect(),
            match_columns: columns.match_columns(),
            since: self.since,
            until: self.options.until,
            store: store.map(|column| StoreWindow { column, since: self.oldest }),
            // Names in the table are not the names that are sent once one is renamed.
            names: if self.rules.names.is_empty() { self.options.names.clone() } else { Vec::new() },
            event_id: None,
            zone: self.rules.zone,
            hashing: Hashing { settings: self.rules.normalize.clone(), country: self.rules.columns.country() },
            unsent: None,
            shard: self.options.shard,
        }
    }

    /// What the source needs to know to leave out what was sent; none where it does not lie beside the log.
    pub(super) fn unsent(&self) -> Option<Unsent> {
        let StatePlace::Snowflake(warehouse) = &self.config.state else { return None };
        let columns = &self.rules.columns;
        let name = |field| match columns.origin(field) {
            None => NameSource::None,
            Some(Origin::Constant(name)) => NameSource::Constant(name.clone()),
            Some(Origin::Column(name) | Origin::Preset(name)) => NameSource::Column(name.clone()),
        };
        let renames: Vec<_> = self.rules.names.iter().map(|rules| (rules.name.clone(), rules.rename.clone())).collect();
        let is_renamed = renames.iter().any(|(_, rename)| rename.is_some());
        state::is_sifted(self).then(|| Unsent {
            log: warehouse.schema.log(),
            dataset_id: self.config.graph.dataset_id.clone(),
            since: self.remembered_since().timestamp(),
            name: name(Field::EventName),
            source_name: name(Field::SourceName),
            renames,
            fallback: is_renamed.then(|| FALLBACK_NAME.to_owned()),
            names: self.options.names.clone(),
        })
    }

    /// The shard whose rows are to be picked out here, because the source cannot.
    fn shard_here(&self) -> Option<Shard> {
        match &self.config.source {
            SourceConfig::Snowflake(_) => None,
            SourceConfig::File { .. } => self.options.shard,
        }
    }

    /// Opens the source for another selection.
    pub(super) async fn rows_of(&self, selection: Selection) -> Result<RowStream, SourceError> {
        match &self.config.source {
            SourceConfig::Snowflake(settings) => {
                let settings = settings.as_ref().clone();
                crate::source::snowflake::open(settings, selection, self.surroundings.clone()).await
            }
            SourceConfig::File { pattern } => crate::source::file::open(pattern, &selection),
        }
    }

    /// Opens the source, unless a signal comes first.
    pub(super) async fn open_source(
        &self,
        halt: &watch::Sender<Option<Halt>>,
        unsent: Option<Unsent>,
    ) -> Result<RowStream, SourceError> {
        let mut halted = halt.subscribe();
        let _waiting = Meter::of_query(self.surroundings.query_since.subscribe(), self.options.watched);
        tokio::select! {
            rows = self.rows_of(Selection { unsent, ..self.selection() }) => rows,
            _ = halted.wait_for(Option::is_some) => {
                let (_, batches) = mpsc::channel(1);
                Ok(RowStream::new(Some(0), Vec::new(), batches))
            }
        }
    }

    /// Waits until the session in Snowflake is closed; the session itself bounds how long that takes.
    pub(super) async fn part(mut self) {
        self.surroundings.farewell = None;
        // Nothing is ever said: the channel ends when the last session drops its sender.
        let parted = async { while self.farewell.recv().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, parted).await.is_err() {
            tracing::debug!("a session was not closed in time");
        }
    }
}
