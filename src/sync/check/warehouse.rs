//! What Snowflake showed, judged: login, warehouse, table, columns, times, and what is in the window.

use super::mapping::{COLUMNS, TIMES, Zone, judge_columns, judge_times};
use super::needs;
use crate::commands::exit::Exit;
use crate::report::checks::Check;
use crate::report::human::{counted, grouped, span};
use crate::source::SourceError;
use crate::source::snowflake::{Counted, Probe, Told};
use crate::sync::Failure;
use crate::sync::run::Run;

const LOGIN: &str = "login";
const WAREHOUSE: &str = "warehouse";
const TABLE: &str = "table";
const WINDOW: &str = "window";
const KEYS: &str = "keys";

/// The checks of a table in Snowflake, in the order of the data.
pub(super) const NAMES: [&str; 7] = [LOGIN, WAREHOUSE, TABLE, COLUMNS, TIMES, WINDOW, KEYS];

/// Judges what a look at session and table showed.
pub(super) fn judge(run: &Run<'_>, table: &str, found: Probe) -> Vec<Check> {
    let Probe { session, table: columns, mapping, window } = found;
    let rules = &run.rules;
    let failed = |name, error: SourceError| Check::of_failure(name, &Failure::Source(error));
    let zone = rules.zone.name();
    let is_stated = |shown: &&crate::config::Shown| shown.section == "source" && shown.key == "timezone";
    let zone = match run.config.shown.iter().find(is_stated) {
        Some(shown) if shown.origin != "default" => Zone::Stated(zone),
        Some(_) | None => Zone::Default(zone),
    };
    let mut checks = match session {
        Ok(told) => vec![judge_login(&told), judge_warehouse(&told)],
        Err(error) => vec![failed(LOGIN, error), Check::not_checked(WAREHOUSE, needs(LOGIN))],
    };
    let (session, names) = (needs(LOGIN), [COLUMNS, TIMES, WINDOW, KEYS]);
    let why = match columns {
        None => Some((session, true)),
        Some(Err(error)) => {
            checks.push(failed(TABLE, error));
            Some((needs(TABLE), false))
        }
        Some(Ok(columns)) => {
            checks.push(Check::ok(TABLE, format!("{table} can be read: {}", counted(columns as u64, "column"))));
            None
        }
    };
    if let Some((why, is_table_open)) = why {
        let names = is_table_open.then_some(TABLE).into_iter().chain(names);
        checks.extend(names.map(|name| Check::not_checked(name, why.clone())));
        return checks;
    }
    match mapping {
        Some(Ok(mapped)) => {
            checks.push(judge_columns(&rules.columns, &mapped));
            checks.push(judge_times(&rules.columns, &mapped, zone));
        }
        Some(Err(error)) => {
            checks.push(failed(COLUMNS, error));
            checks.push(Check::not_checked(TIMES, needs(COLUMNS)));
        }
        None => {}
    }
    let asked = run.options.until.unwrap_or(run.started) - run.since;
    match window {
        Some(Ok(counts)) => {
            let newest = counts.newest.map(|newest| (run.started - newest).num_seconds());
            checks.push(judge_window(&counts, newest, asked.num_minutes()));
            checks.push(judge_keys(&counts));
        }
        Some(Err(error)) => {
            checks.push(failed(WINDOW, error));
            checks.push(Check::not_checked(KEYS, needs(WINDOW)));
        }
        None => checks.extend([WINDOW, KEYS].map(|name| Check::not_checked(name, needs(COLUMNS)))),
    }
    checks
}

fn judge_login(told: &Told) -> Check {
    let Told { user, role, .. } = told;
    match role {
        Some(role) => Check::ok(LOGIN, format!("user {user}, role {role}")),
        None => Check::warning(
            LOGIN,
            format!("user {user}, without a role"),
            format!("set `role` under [snowflake], or ALTER USER {user} SET DEFAULT_ROLE = …"),
        ),
    }
}

/// Source: Snowflake, "Overview of warehouses", "Warehouse usage in sessions": without one no query runs.
fn judge_warehouse(told: &Told) -> Check {
    let Told { user, role, warehouse, .. } = told;
    match warehouse {
        Some(warehouse) => Check::ok(WAREHOUSE, warehouse.clone()),
        None => Check::failed(
            WAREHOUSE,
            "the session has none: it does not exist, or the role may not use it, or none is named",
            format!(
                "name one (`warehouse` under [snowflake], or ALTER USER {user} SET DEFAULT_WAREHOUSE = …)\n\
                 and let the role use it: GRANT USAGE ON WAREHOUSE … TO ROLE {};",
                role.as_deref().unwrap_or("…")
            ),
            Exit::Permission,
        ),
    }
}

/// Judges how much there is, the newest so many seconds old, in so many minutes.
fn judge_window(counts: &Counted, newest: Option<i64>, minutes: i64) -> Check {
    let Counted { rows, with_time, .. } = *counts;
    let untimed = rows.saturating_sub(with_time);
    let minutes = minutes.max(0).unsigned_abs();
    let is_long = minutes >= 2 * 1_440;
    let asked = if is_long { counted((minutes + 720) / 1_440, "day") } else { counted((minutes + 30) / 60, "hour") };
    if rows == 0 {
        return Check::warning(
            WINDOW,
            format!("no row in the last {asked}"),
            "see whether the model is built, and whether `where` in [source] leaves anything over",
        );
    }
    let a_day = match with_time * 1_440 / minutes.max(1) {
        rows if is_long => format!(", about {} a day", grouped(rows)),
        _ => String::new(),
    };
    let newest = match newest {
        Some(seconds) if seconds < 0 => "; the newest is in the future".to_owned(),
        Some(seconds) => format!("; the newest is {} old", span(seconds.unsigned_abs())),
        None => String::new(),
    };
    let what = format!("{} in {asked}{a_day}{newest}", counted(rows, "row"));
    match untimed {
        0 => Check::ok(WINDOW, what),
        _ => Check::warning(
            WINDOW,
            format!("{what}; {} without a time that can be read, which cannot be sent", counted(untimed, "row")),
            "give each row of the model a time, or leave such rows out in [source] where",
        ),
    }
}

fn judge_keys(counts: &Counted) -> Check {
    let Counted { with_id, events, .. } = *counts;
    match with_id.saturating_sub(events) {
        0 => Check::ok(KEYS, format!("event id and name are unique: {}", counted(events, "event"))),
        copies => Check::warning(
            KEYS,
            format!(
                "{} of {} repeat the id and name of another; one of each event is sent",
                grouped(copies),
                counted(with_id, "row")
            ),
            "look for a join that fans out in the model, and test its event id: unique",
        ),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::report::checks::CheckResult;

    fn told(role: Option<&str>, warehouse: Option<&str>) -> Told {
        let [role, warehouse] = [role, warehouse].map(|name| name.map(str::to_owned));
        Told { user: "FBCAPI".into(), role, warehouse, clock_ahead: TimeDelta::zero() }
    }

    #[test]
    fn a_session_without_role_or_warehouse() {
        let whole = told(Some("READER"), Some("WH"));
        assert_eq!(judge_login(&whole), Check::ok("login", "user FBCAPI, role READER"));
        assert_eq!(judge_warehouse(&whole), Check::ok("warehouse", "WH"));
        let bare = judge_login(&told(None, None));
        assert_eq!((bare.result, bare.what.as_str()), (CheckResult::Warning, "user FBCAPI, without a role"));
        let none = judge_warehouse(&told(Some("READER"), None));
        assert_eq!((none.result, none.exit()), (CheckResult::Failed, Exit::Permission));
        assert!(none.remedy.is_some_and(|remedy| remedy.ends_with("GRANT USAGE ON WAREHOUSE … TO ROLE READER;")));
    }

    #[test]
    fn what_is_in_the_window() {
        use CheckResult::{Ok, Warning};
        let check = |rows, with_time, newest, minutes, result: CheckResult, what: &str| {
            let counts = Counted { rows, with_time, with_id: rows, events: rows, newest: None };
            let check = judge_window(&counts, newest, minutes);
            assert_eq!((check.result, check.what.as_str()), (result, what));
        };
        check(
            7_000,
            7_000,
            Some(7_260),
            10_080,
            Ok,
            "7,000 rows in 7 days, about 1,000 a day; the newest is 2 h 1 min old",
        );
        check(1, 1, Some(-5), 1_440, Ok, "1 row in 24 hours; the newest is in the future");
        check(0, 0, None, 10_070, Warning, "no row in the last 7 days");
        check(0, 0, None, 60, Warning, "no row in the last 1 hour");
        let expected = "12 rows in 7 days, about 1 a day; 2 rows without a time that can be read, which cannot be sent";
        check(12, 10, None, 10_080, Warning, expected);
    }

    #[test]
    fn copies_are_counted() {
        let check = |with_id, events, result: CheckResult, what: &str| {
            let check = judge_keys(&Counted { rows: 9_000, with_time: 9_000, with_id, events, newest: None });
            assert_eq!((check.result, check.what.as_str()), (result, what));
        };
        check(9_000, 9_000, CheckResult::Ok, "event id and name are unique: 9,000 events");
        let expected = "1,204 of 9,000 rows repeat the id and name of another; one of each event is sent";
        check(9_000, 7_796, CheckResult::Warning, expected);
    }
}
