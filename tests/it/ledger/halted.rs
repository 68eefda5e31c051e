//! Asked to end while Snowflake is silent about the state, the program ends.

use std::process::Command;
use std::time::{Duration, Instant};

use super::faults::{Between, Decide, Passage};
use super::stage::kept_in;
use crate::support::fakesnow::Database;
use crate::support::run::{Ran, Sandboxed, Stage, wait_for, wait_until};

/// Asks a command to end once a statement with such words was seen, and waits until it has.
fn interrupted(stage: &Stage, arguments: &[&str], between: &Between, words: &str) -> Ran {
    let run = stage.command(arguments).spawn().expect("the program is there");
    wait_until("the statement", || between.seen(words) > 0);
    let began = Instant::now();
    let signalled = Command::new("kill").args(["-INT", &run.id().to_string()]).status();
    assert!(signalled.expect("kill is there").success());
    let ran = wait_for(run);
    // A statement may take a quarter of an hour; five seconds are granted to the farewell.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    ran
}

/// A stage whose rows and state are in a database, reached through a server in between once the tables are made.
fn stage(database: &Database, decide: Decide) -> (Sandboxed, Between) {
    let between = Between::start(database.port, decide);
    let (direct, detour) = (format!("port = {}\n", database.port), format!("port = {}\n", between.address.port()));
    let it = Sandboxed::new().on(|stage| {
        let stage = kept_in(database.feed(stage, "facebook_events"), database);
        stage.section("snowflake", &database.connection().replace(&direct, &detour))
    });
    (it, between)
}

/// Ids that every program writes in its own way, so that the warehouse cannot say which events were sent.
fn odd_ids(database: &Database) {
    database
        .sql("CREATE TABLE MARTS.facebook_events (id DOUBLE, occurred_at TIMESTAMP_NTZ, kind VARCHAR, email VARCHAR)");
    database.sql(
        "INSERT INTO MARTS.facebook_events SELECT 1e15 * SEQ, DATEADD(HOUR, -1, SYSDATE()), 'Lead', 'ada@example.com' \
         FROM (VALUES (1), (2), (3)) AS rows (SEQ)",
    );
}

#[test]
fn fm_50_a_run_ends_while_everything_that_was_sent_is_being_read() {
    let Some(database) = Database::new() else { return };
    odd_ids(&database);
    let decide: Decide = |sql, _| {
        let is_everything = sql.starts_with("SELECT EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT FROM");
        if is_everything { Passage::Silent } else { Passage::Through }
    };
    let (it, between) = stage(&database, decide);
    let it = it.on(|stage| stage.section("columns", "event_id = \"id\"\nevent_name = \"kind\""));
    let words = "SELECT EVENT_KEY, TO_VARCHAR(FINGERPRINT) AS FINGERPRINT FROM";
    let ran = interrupted(&it.stage, &["sync", "--json"], &between, words);
    assert_eq!(ran.exit, Some(130), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!((&report["counts"]["selected"], it.stats().received), (&0.into(), 0), "{report}");
}

#[test]
fn fm_50_a_check_ends_while_the_state_is_looked_at() {
    let Some(database) = Database::new() else { return };
    odd_ids(&database);
    let decide: Decide = |sql, _| if sql.contains("FBCAPI_SEND_LOG") { Passage::Silent } else { Passage::Through };
    let (it, between) = stage(&database, decide);
    let it = it.on(|stage| stage.section("columns", "event_id = \"id\"\nevent_name = \"kind\""));
    let ran = interrupted(&it.stage, &["check"], &between, "FBCAPI_SEND_LOG");
    assert_eq!((ran.exit, ran.stderr.lines().last()), (Some(130), Some("✗ the check was interrupted")));
}
