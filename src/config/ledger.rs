//! What the commands over the ledger need of the configuration: no connection and no secret, unless it is in Snowflake.

use std::path::{Path, PathBuf};

use super::reader::{Mistake, Overrides, Reader};
use super::{Context, Machine, Purpose, Refused, SourceConfig, StatePlace, files, meta, people, read, state};
use crate::deliver::OnUnknown;
use crate::event::columns::Origin;
use crate::event::field::Field;
use crate::meta::ActionSource;

/// What the commands over the ledger need of the configuration.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// The dataset whose events the ledger holds.
    pub dataset_id: String,
    /// Where the ledger is.
    pub state: StatePlace,
    /// Where a file for these events is if nobody says.
    pub default_file: PathBuf,
    /// The table that rows come from, if they come from Snowflake.
    pub table: Option<String>,
    /// What to do when nobody knows whether Meta took a batch.
    pub on_unknown: OnUnknown,
    /// Every name of an event that the configuration knows, in the table or as it is sent.
    pub names: Vec<String>,
    /// Of the action sources that may occur, the one of which Meta accepts the oldest events.
    pub action_source: ActionSource,
    /// The files that a run reads.
    pub files: Vec<PathBuf>,
}

/// Reads what the commands over the ledger need, and leaves the rest of the file unread.
pub fn load_ledger(file: &Path, machine: Machine<'_>) -> Result<LedgerConfig, Refused> {
    let (name, text) = read(file)?;
    let mut reader = Reader::new(&name, &text, Overrides { environment: machine.environment, flags: &[] });
    if !reader.mistakes.is_empty() {
        return Err(Refused { mistakes: reader.mistakes, shown: Vec::new() });
    }
    // Only a state in Snowflake needs a connection, and with it a secret.
    let is_remote = reader.peek("state", "kind").as_deref() == Some("snowflake");
    let purpose = if is_remote { Purpose::Look } else { Purpose::Show };
    let context = Context { file, purpose, machine };
    let source = context.source(&mut reader);
    let meta = context.meta(&mut reader);
    let table = match &source.config {
        Some(SourceConfig::Snowflake(settings)) => Some(settings.table.clone()),
        Some(SourceConfig::File { .. }) | None => None,
    };
    let columns = people::columns(&mut reader, source.preset);
    let rules = meta::names(&mut reader).rules;
    let dataset_id = meta.as_ref().map(|meta| meta.graph.dataset_id.as_str());
    let state = context.state(&mut reader, dataset_id, source.connection);
    let mut mistakes = reader.mistakes;
    mistakes.sort_by_key(Mistake::order);
    let (true, Some(meta), Some(state)) = (mistakes.is_empty(), meta, state) else {
        return Err(Refused { mistakes, shown: Vec::new() });
    };
    let store = ActionSource::PhysicalStore;
    let may_be_store = meta.action_source == store
        || rules.iter().any(|rules| rules.action_source == Some(store))
        || columns.origin(Field::ActionSource).is_some();
    let mut names: Vec<String> = Vec::new();
    for rules in rules {
        names.extend(rules.rename);
        names.push(rules.name);
    }
    if let Some(Origin::Constant(name)) = columns.origin(Field::EventName) {
        names.push(name.clone());
    }
    Ok(LedgerConfig {
        state: state.place,
        default_file: state::default_state(&meta.graph.dataset_id, machine.environment),
        dataset_id: meta.graph.dataset_id,
        table,
        on_unknown: meta.on_unknown,
        names,
        action_source: if may_be_store { store } else { ActionSource::Other },
        files: files(source.config.as_ref(), file),
    })
}
