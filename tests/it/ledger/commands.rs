//! The commands over a state in Snowflake, and its way there and back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use fbcapi::sandbox::SandboxOptions;
use serde_json::Value;

use super::stage::{SCHEMA, kept_in, setting, warehouse};
use crate::support::fakesnow::Database;
use crate::support::rows::{Row, leads};
use crate::support::run::{Ran, Sandboxed, TOKEN};

/// The last line of standard output as JSON.
fn json(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

/// A stage with some rows whose state is in a database; the second event is refused by Meta.
fn stage(events: usize) -> Option<(Sandboxed, Database)> {
    let database = Database::new()?;
    let faults = vec!["event=e-1:refuse".parse().unwrap()];
    let it = Sandboxed::with(SandboxOptions { faults, ..SandboxOptions::default() });
    let it = it.on(|stage| kept_in(stage, &database));
    it.stage.rows(&leads(events));
    Some((it, database))
}

#[test]
fn every_command_answers_from_the_log() {
    let Some((it, database)) = stage(8) else { return };
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 3: sent 7, rejected 1", "{}", ran.stderr);
    let place = format!("{}.{SCHEMA}", database.name);
    assert_eq!(it.stage.run(&["state", "path"]).stdout.trim(), place);

    let checked = json(&it.stage.run(&["state", "check", "--json"]));
    assert_eq!(
        (&checked["holds"]["sent"], &checked["holds"]["refused"], &checked["holds"]["runs"]),
        (&7.into(), &1.into(), &1.into())
    );
    assert_eq!((&checked["holds"]["version"], &checked["late"]), (&1.into(), &0.into()));
    let status = json(&it.stage.run(&["status", "--json"]));
    assert_eq!(
        (&status["state"], &status["holds"]["sent"], &status["bytes"]),
        (&place.as_str().into(), &7.into(), &Value::Null)
    );
    assert_eq!(status["attention"], serde_json::json!(["new_rejects"]));

    let why = json(&it.stage.run(&["why", "e-3", "--json"]));
    assert_eq!(
        (&why["verdict"], why["events"][0]["attempts"].as_array().map(Vec::is_empty)),
        (&"sent".into(), Some(false))
    );
    assert_eq!(json(&it.stage.run(&["why", "e-1", "--json"]))["verdict"], "refused");
    let rejects = json(&it.stage.run(&["rejects", "--json"]));
    assert_eq!((&rejects["count"], &rejects["rejects"][0]["event_id"]), (&1.into(), &"e-1".into()));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 7, rejected 1");
    let retried = json(&it.stage.run(&["rejects", "retry", "--json"]));
    assert_eq!(retried["retried"], 1);
    assert_eq!(it.stage.sync(&[]).told(), "exit 3: already_sent 7, rejected 1");
    assert_eq!(it.stats().received, 7);

    // The views say the same, the one for dbt in its own words.
    let count = |view: &str, condition: &str| {
        database.cell(&format!("SELECT COUNT(*) FROM {SCHEMA}.{view} WHERE {condition}")).unwrap()
    };
    assert_eq!(count("FBCAPI_SEND_STATE", "STATE = 'sent' AND EVENT_NAME = 'Lead'"), "7");
    assert_eq!(count("FBCAPI_SEND_STATE", "STATE = 'rejected' AND EVENT_ID = 'e-1'"), "1");
    assert_eq!(count("FBCAPI_SEND_STATE", "TRUE"), "8");
    assert_eq!(count("FBCAPI_RUNS", "FINISHED_AT >= STARTED_AT AND REPORT LIKE '{%}'"), "3");
    assert_eq!(count("NEXUS_FACEBOOK_CAPI_SEND_LOG", "STATUS = 'sent' AND FACEBOOK_EVENT_SYNC_ID LIKE 'e-%'"), "7");
    // Ids and names stand in the log; nothing of a person does.
    assert_eq!(count("FBCAPI_SEND_LOG", "REPORT LIKE '%@%' OR EVENT_ID LIKE '%@%'"), "0");
}

#[test]
fn what_is_in_doubt_is_resolved_in_the_log() {
    let Some(database) = Database::new() else { return };
    let faults = vec!["nth=1:reset-after-read".parse().unwrap()];
    let it = Sandboxed::with(SandboxOptions { faults, ..SandboxOptions::default() });
    let it = it.on(|stage| kept_in(stage, &database).configure("meta", "on_unknown = \"hold\""));
    it.stage.rows(&leads(4));
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 3: unknown 4", "{}", ran.stderr);
    let status = json(&it.stage.run(&["status", "--json"]));
    let batch = status["in_doubt"]["batches"][0]["batch"].as_str().unwrap().to_owned();
    let resolved = json(&it.stage.run(&["resolve", &batch, "--resend", "--json"]));
    assert_eq!((&resolved["events"], &resolved["still_in_doubt"]), (&4.into(), &0.into()));
    let again = it.stage.run(&["resolve", &batch, "--drop"]);
    assert!(again.stdout.contains("settled before (released)"), "{}", again.stdout);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 4");
}

#[test]
fn a_state_goes_to_snowflake_and_back_and_nothing_is_sent_again() {
    let Some(database) = Database::new() else { return };
    let faults = vec!["event=e-1:refuse".parse().unwrap()];
    let it = Sandboxed::with(SandboxOptions { faults, ..SandboxOptions::default() });
    it.stage.rows(&leads(9));
    assert_eq!(it.stage.sync(&["--batch-size", "4"]).told(), "exit 3: sent 8, rejected 1");
    let it = it.on(|stage| kept_in(stage, &database));
    let copy = |from: &str, to: &str| it.stage.run(&["state", "copy", "--from", from, "--to", to, "--json"]);
    let there = json(&copy("file:state/ledger.db", "snowflake"));
    assert_eq!((&there["added"]["runs"], &there["added"]["rejects"]), (&1.into(), &1.into()), "{there}");
    assert!(there["added"]["batches"].as_u64() >= Some(3), "{there}");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 8, rejected 1");
    // What is there is not added again; the run that was made since is new to the file.
    let again = json(&copy("file:state/ledger.db", "snowflake"));
    assert_eq!(again["added"], serde_json::json!({ "runs": 0, "batches": 0, "rejects": 0 }));
    let back = json(&copy("snowflake", "file:state/ledger.db"));
    assert_eq!(back["added"], serde_json::json!({ "runs": 1, "batches": 0, "rejects": 0 }));
    let anew = json(&copy("snowflake", "file:state/other.db"));
    assert_eq!(anew["added"]["runs"], 2);
    let export = it.stage.run(&["state", "export"]);
    it.stage.write("export.jsonl", &export.stdout);
    let imported = json(&it.stage.run(&["state", "import", "export.jsonl", "--json"]));
    assert_eq!(imported["added"], serde_json::json!({ "runs": 0, "batches": 0, "rejects": 0 }));
    let wrong = copy("file", "file");
    assert_eq!(wrong.exit, Some(2));

    let it = it.on(|stage| {
        let stage = stage.section("state", "path = \"state/other.db\"").section("snowflake", "");
        stage.bare().variable("FBCAPI_ACCESS_TOKEN", TOKEN)
    });
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 8, rejected 1");
    assert_eq!((it.stats().received, it.stats().unique), (8, 8));
}

#[test]
fn tables_are_made_on_request_only_and_those_of_a_newer_version_are_refused() {
    let Some(database) = Database::new() else { return };
    let it = Sandboxed::new();
    it.stage.rows(&leads(2));
    let lines = format!("kind = \"snowflake\"\nschema = \"{}.{SCHEMA}\"", database.name);
    let it = it.on(|stage| {
        let stage = stage.section("state", &lines).section("snowflake", &database.connection());
        stage.variable("FBCAPI_TEST_PASSWORD", "snow")
    });
    for command in [&["sync"][..], &["status"], &["check"], &["state", "check"], &["state", "export"]] {
        let ran = it.stage.run(command);
        assert_eq!(ran.exit, Some(2), "{command:?}: {}", ran.stderr);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("run fbcapi state init"), "{command:?}: {said}");
    }
    let printed = it.stage.run(&["state", "init", "--print-sql"]);
    assert_eq!(printed.exit, Some(0), "{}", printed.stderr);
    assert!(printed.stdout.contains("GRANT SELECT, INSERT, UPDATE ON TABLE"), "{}", printed.stdout);
    assert_eq!(it.stage.run(&["state", "check"]).exit, Some(2), "printing made something");
    // What is printed is what makes them.
    for statement in printed.stdout.split(";\n").filter(|statement| statement.contains("FBCAPI_")) {
        let statement: Vec<&str> = statement.lines().filter(|line| !line.starts_with("--")).collect();
        let statement = statement.join("\n");
        if !statement.contains("GRANT") && !statement.trim().is_empty() {
            database.sql(&statement);
        }
    }
    for _ in 0..2 {
        let made = it.stage.run(&["state", "init"]);
        assert_eq!(made.exit, Some(0), "{}", made.stderr);
    }
    let first = it.stage.sync(&[]);
    assert_eq!(first.told(), "exit 0: sent 2", "{}", first.stderr);
    assert!(first.stderr.contains("no run is recorded"), "{}", first.stderr);
    let checked = it.stage.run(&["check"]);
    assert!(checked.stdout.contains("runs are recorded"), "{}{}", checked.stdout, checked.stderr);
    let restored = it.stage.run(&["state", "restore"]);
    assert_eq!(restored.exit, Some(2), "{}", restored.stderr);

    database.sql(&format!("UPDATE {SCHEMA}.FBCAPI_LEASE SET EPOCH = 2 WHERE NAME = 'fbcapi schema version'"));
    for command in [&["sync"][..], &["state", "check"]] {
        let ran = it.stage.run(command);
        assert_eq!(ran.exit, Some(6), "{}", ran.stderr);
        assert!(ran.stderr.contains("its version is 2"), "{}", ran.stderr);
    }
}

#[test]
fn what_is_old_is_forgotten_on_request_only() {
    let Some((it, database)) = stage(3) else { return };
    let old: Vec<Row> = leads(3);
    it.stage.rows(&old);
    assert_eq!(it.stage.sync(&[]).exit, Some(3));
    let rows = || database.cell(&format!("SELECT COUNT(*) FROM {SCHEMA}.FBCAPI_SEND_LOG")).unwrap();
    let before = rows();
    assert_eq!(it.stage.run(&["state", "prune", "--before", "100d"]).exit, Some(0));
    assert_eq!(rows(), before);
    assert_eq!(it.stage.run(&["state", "prune", "--before", "1h"]).exit, Some(2));
    // What happened three months ago goes.
    database.sql(&format!(
        "UPDATE {SCHEMA}.FBCAPI_SEND_LOG SET EVENT_TIME = EVENT_TIME - 90 * 86400, \
         WRITTEN_AT = DATEADD(DAY, -90, WRITTEN_AT)"
    ));
    let pruned = json(&it.stage.run(&["state", "prune", "--before", "30d", "--json"]));
    assert_eq!((&pruned["forgotten"]["sent"], &pruned["forgotten"]["refused"]), (&2.into(), &1.into()), "{pruned}");
    assert_eq!(rows(), "2", "only the last run is left");
    // A state in Snowflake is opened by whoever asks, for as long as it is asked.
    let ledger = fbcapi::ledger::SnowflakeLedger::open(&warehouse(&database), &setting("other")).unwrap();
    ledger.close();
}

#[test]
fn a_copy_that_was_cut_off_is_made_whole_when_it_is_made_again() {
    let Some((it, database)) = stage(0) else { return };
    it.stage.rows(&leads(6));
    // Refusals that were taken back.
    let refuse = |n: usize| format!("event=e-{n}:refuse").parse().unwrap();
    let faults = (10..22).map(refuse).collect();
    let file = Sandboxed::with(SandboxOptions { faults, ..SandboxOptions::default() });
    file.stage.rows(&leads(22));
    assert_eq!(file.stage.sync(&[]).told(), "exit 3: sent 10, rejected 12");
    assert_eq!(json(&file.stage.run(&["rejects", "retry", "--json"]))["retried"], 12);
    let path = file.stage.path("state/ledger.db").display().to_string();
    let copy = || it.stage.run(&["state", "copy", "--from", &format!("file:{path}"), "--to", "snowflake", "--json"]);
    assert_eq!(copy().exit, Some(0));
    // Lines are ordered as numbers: the first refusal becomes line 999, and that it was taken back line 1000.
    let first = "(SELECT MIN(LINE) FROM MARTS.FBCAPI_SEND_LOG WHERE STATUS = 'rejected')";
    database.sql(&format!("UPDATE MARTS.FBCAPI_SEND_LOG SET LINE = LINE + 999 - {first}"));
    let exported = || {
        let lines = it.stage.run(&["state", "export"]).stdout;
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let (mut batches, mut pardoned) = (Vec::new(), 0);
        for line in lines {
            match line["record"].as_str().unwrap() {
                "batch" => batches.push(line["events"].as_array().unwrap().len()),
                "reject" => pardoned += usize::from(!line["pardoned_at"].is_null()),
                _ => {}
            }
        }
        batches.sort_unstable();
        (batches, pardoned)
    };
    let whole = exported();
    assert_eq!(whole.1, 12);
    // The statement that held the last events of a batch never arrived; that batch comes first in the second copy.
    let batch = "SELECT BATCH_NO FROM MARTS.FBCAPI_SEND_LOG WHERE STATUS = 'sending' AND BATCH_NO > 1 \
                 GROUP BY BATCH_NO ORDER BY COUNT(*) DESC LIMIT 1";
    let number = database.cell(batch).unwrap();
    let of_batch = format!("STATUS = 'sending' AND BATCH_NO = {number}");
    let middle = format!("SELECT MIN(LINE) + 3 FROM MARTS.FBCAPI_SEND_LOG WHERE {of_batch}");
    let middle = database.cell(&middle).unwrap();
    database.sql(&format!("DELETE FROM MARTS.FBCAPI_SEND_LOG WHERE {of_batch} AND LINE >= {middle}"));
    assert_eq!(exported().0.len(), whole.0.len() - 1, "half a batch counts for none");
    assert_eq!(json(&copy())["added"]["batches"], 1);
    assert_eq!(exported(), whole);
    assert_eq!(database.cell("SELECT COUNT(*) FROM MARTS.FBCAPI_SEND_STATE WHERE STATE = 'sent'").unwrap(), "10");
}

#[test]
fn a_schema_that_is_not_there_is_told_with_who_can_make_it() {
    let Some(database) = Database::new() else { return };
    let nowhere = format!("kind = \"snowflake\"\nschema = \"{}.NOWHERE\"", database.name);
    let it = Sandboxed::new().on(|stage| {
        let stage = stage.section("state", &nowhere).section("snowflake", &database.connection());
        stage.variable("FBCAPI_TEST_PASSWORD", "snow")
    });
    let ran = it.stage.run(&["state", "init"]);
    let told = format!(
        "✗ the state in {}.NOWHERE cannot be made\n  because the schema is not there, or the role of this login may not \
         make tables in it\n  → have someone run what fbcapi state init --print-sql prints\n",
        database.name
    );
    assert_eq!((ran.exit, ran.stderr.trim_end()), (Some(4), told.trim_end()));
    let script = it.stage.run(&["state", "init", "--print-sql"]).stdout;
    assert!(script.contains("CREATE SCHEMA IF NOT EXISTS"), "{script}");
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("→ run fbcapi state init, or have someone run"), "{}", ran.stderr);
}
