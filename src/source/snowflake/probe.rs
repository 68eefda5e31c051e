//! A look at session and table that moves no row: who is logged in, what the table has, how much there is.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, RecordBatch};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::columns::{Column, Kind, match_columns};
use super::count::{SESSION_COLUMNS, count_query, session_query};
use super::desk::show_texts;
use super::fault::{Context, Fault, Statement, Step};
use super::query;
use super::session::Session;
use super::{SnowflakeSettings, Surroundings};
use crate::source::{Selection, SourceError, Trouble};

/// What a look at session and table shows. What could not be asked, because of what was shown before, is not there.
#[derive(Debug)]
pub struct Probe {
    /// What the session says of itself.
    pub session: Result<Told, SourceError>,
    /// How many columns the table has.
    pub table: Option<Result<usize, SourceError>>,
    /// Which of them the mapping means.
    pub mapping: Option<Result<Mapped, SourceError>>,
    /// How much there is in the window.
    pub window: Option<Result<Counted, SourceError>>,
}

/// What a session says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The user.
    pub user: String,
    /// The role in effect.
    pub role: Option<String>,
    /// The warehouse that runs its statements.
    pub warehouse: Option<String>,
    /// How far this machine's clock is ahead of Snowflake's, at least.
    pub clock_ahead: TimeDelta,
}

/// Which columns of the table the mapping means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Those that are there.
    pub present: Vec<Fed>,
    /// Names of those that are not there and need not be.
    pub absent: Vec<String>,
}

/// A column that was asked for and is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed {
    /// The name that was asked for.
    pub request: String,
    /// Its name in the table.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// How much there is in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The rows, also those whose time cannot be read.
    pub rows: u64,
    /// Those whose time can be read.
    pub with_time: u64,
    /// Those with an event id.
    pub with_id: u64,
    /// The events that these stand for.
    pub events: u64,
    /// The newest time.
    pub newest: Option<DateTime<Utc>>,
}

/// Logs in and looks, in one session that is closed again. It needs no privilege that a run does not need.
///
/// Dropping the future ends the statement and the session, in the background and within `Patience::farewell`.
pub async fn probe(settings: SnowflakeSettings, selection: Selection, surroundings: Surroundings) -> Probe {
    let (sender, found) = oneshot::channel();
    tokio::spawn(look(Arc::new(settings), selection, surroundings, sender));
    let stopped =
        || SourceError { trouble: Trouble::Temporary, what: "looking at Snowflake was stopped".into(), remedy: None };
    found.await.unwrap_or_else(|_| Probe { session: Err(stopped()), table: None, mapping: None, window: None })
}

/// The life of one session, which goes on to its proper end even when nobody waits any more.
async fn look(
    settings: Arc<SnowflakeSettings>,
    selection: Selection,
    surroundings: Surroundings,
    mut sender: oneshot::Sender<Probe>,
) {
    let _until_closed = surroundings.farewell.clone();
    let now = surroundings.now;
    let failed = |fault: Fault| {
        let context = Context { settings: &settings, role: None, statement: Statement::Columns };
        Probe { session: Err(fault.explain(&context)), table: None, mapping: None, window: None }
    };
    let mut session = match Session::new(&settings, surroundings) {
        Ok(session) => session,
        Err(fault) => return drop(sender.send(failed(fault))),
    };
    let looking = async {
        match look_at_session(&mut session, now).await {
            Err(fault) => failed(fault),
            Ok(told) => look_at_table(&mut session, &settings, &selection, told).await,
        }
    };
    let probe = tokio::select! {
        probe = looking => Some(probe),
        () = sender.closed() => None,
    };
    session.close().await;
    if let Some(probe) = probe {
        // Whoever asked may have gone.
        drop(sender.send(probe));
    }
}

async fn look_at_session(session: &mut Session, now: fn() -> DateTime<Utc>) -> Result<Told, Fault> {
    let before = now();
    let row = ask(session, &session_query()).await?;
    let after = now();
    let [user, role, warehouse, clock]: [Option<String>; SESSION_COLUMNS] = row.try_into().map_err(|_| unexpected())?;
    let server = clock.and_then(|clock| DateTime::from_timestamp_millis(clock.parse().ok()?)).ok_or_else(unexpected)?;
    Ok(Told {
        user: user.unwrap_or_default(),
        role: role.filter(|role| !role.is_empty()),
        warehouse: warehouse.filter(|warehouse| !warehouse.is_empty()),
        clock_ahead: clock_ahead(before, server, after),
    })
}

/// How far a clock is ahead of a server's that was read at some time between two readings of it.
///
/// However long the way took, it is no error of the clock.
fn clock_ahead(before: DateTime<Utc>, server: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    if server < before {
        before - server
    } else if server > after {
        after - server
    } else {
        TimeDelta::zero()
    }
}

async fn look_at_table(
    session: &mut Session,
    settings: &SnowflakeSettings,
    selection: &Selection,
    told: Told,
) -> Probe {
    let mut probe = Probe { session: Ok(told), table: None, mapping: None, window: None };
    let role = session.role();
    let explain = |fault: Fault, statement| fault.explain(&Context { settings, role: role.as_deref(), statement });
    let table = match settings.table_path() {
        Ok(table) => table,
        Err(error) => return Probe { table: Some(Err(error)), ..probe },
    };
    let columns = match session.run(&query::columns_query(&table)).await {
        Ok(head) => head.columns,
        Err(fault) => return Probe { table: Some(Err(explain(fault, Statement::Columns))), ..probe },
    };
    probe.table = Some(Ok(columns.len()));
    probe.mapping = Some(mapped(settings, selection, &columns));
    let owner_condition = settings.where_clause.as_deref();
    if let (Some(Ok(_)), Some(sql)) = (&probe.mapping, count_query(&table, &columns, selection, owner_condition)) {
        let counted = ask(session, &sql).await.and_then(|row| counted(&row));
        probe.window = Some(counted.map_err(|fault| explain(fault, Statement::Rows)));
    }
    probe
}

fn mapped(settings: &SnowflakeSettings, selection: &Selection, columns: &[Column]) -> Result<Mapped, SourceError> {
    let matched = match_columns(&selection.columns, columns).map_err(|unsuited| unsuited.explain(settings))?;
    let present = matched.present.iter().map(|found| Fed {
        request: found.request.name.clone(),
        name: found.column.name.spelling().to_owned(),
        kind: found.column.kind.clone(),
    });
    Ok(Mapped { present: present.collect(), absent: matched.absent })
}

fn counted(row: &[Option<String>]) -> Result<Counted, Fault> {
    let [rows, with_time, with_id, events, newest] = row else { return Err(unexpected()) };
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok()).ok_or_else(unexpected);
    Ok(Counted {
        rows: number(rows)?,
        with_time: number(with_time)?,
        with_id: number(with_id)?,
        events: number(events)?,
        newest: newest.as_ref().and_then(|newest| DateTime::from_timestamp(newest.parse().ok()?, 0)),
    })
}

/// Runs a statement whose result is one row of texts.
async fn ask(session: &mut Session, sql: &str) -> Result<Vec<Option<String>>, Fault> {
    let manifest = session.run(sql).await?;
    let mut row = None;
    let first = |batch: RecordBatch| {
        if row.is_none() && batch.num_rows() > 0 {
            row = Some(first_row(&batch));
        }
    };
    show_texts(manifest, session, first).await?;
    row.ok_or_else(unexpected)
}

fn first_row(batch: &RecordBatch) -> Vec<Option<String>> {
    let cells = batch.columns().iter().map(|column| {
        let texts = column.as_string::<i32>();
        texts.is_valid(0).then(|| texts.value(0).to_owned())
    });
    cells.collect()
}

fn unexpected() -> Fault {
    Fault::Unreadable(Step::Statement, "it is not the one row that was asked for".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_way_is_no_error_of_the_clock() {
        let at = |seconds: i64| DateTime::from_timestamp(1_795_446_000 + seconds, 0).unwrap();
        for (before, server, after, ahead) in
            [(0, 0, 0, 0), (0, 300, 300, 0), (0, 30, 600, 0), (0, -90, 5, 90), (0, 605, 5, -600), (10, 10, 10, 0)]
        {
            let found = clock_ahead(at(before), at(server), at(after));
            assert_eq!(found, TimeDelta::seconds(ahead), "{before} {server} {after}");
        }
    }
}
