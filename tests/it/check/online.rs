//! A check of everything that a run needs: Snowflake, table, rows, state, token and clock, each good and bad.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use fbcapi::private::Secret;
use fbcapi::sandbox::SandboxOptions;
use serde_json::{Value, json};

use super::{check_untouched, field, unwrapped};
use crate::support::graph::{Answer, Scripted};
use crate::support::rows::leads;
use crate::support::run::{DATASET_ID, Ran, Sandboxed, Stage, TOKEN, wait_for, wait_until};
use crate::support::snowflake::{Reply, Script, Server, columns, part, part_address, refused, result, texts};

/// A sandbox that knows one token and one dataset.
fn strict() -> SandboxOptions {
    SandboxOptions {
        token: Some(Secret::new(TOKEN.into())),
        dataset_id: Some(DATASET_ID.into()),
        ..SandboxOptions::default()
    }
}

/// The columns of a whole table.
const TABLE: [(&str, &str); 2] = [("EVENT_ID", "text"), ("OCCURRED_AT", "timestamp_tz")];

/// A stage with a table in Snowflake, which answers so.
fn snowflake(script: impl FnOnce(SocketAddr) -> Script) -> (Sandboxed, Server) {
    let sandboxed = Sandboxed::with(strict());
    let server = sandboxed.stage.runtime.block_on(Server::start(|address| {
        let script = script(address);
        let columns =
            if script.columns.is_empty() { [columns(&TABLE), columns(&TABLE)].into() } else { script.columns };
        Script { columns, ..script }
    }));
    let sandboxed = sandboxed.on(|stage| at(stage, &server));
    (sandboxed, server)
}

/// Lets a stage read a table in Snowflake.
fn at(stage: Stage, server: &Server) -> Stage {
    let connection = format!(
        "account = \"org-acct\"\nuser = \"U\"\ntoken = {{ env = \"SECRET\" }}\nhost = \"127.0.0.1\"\n\
         authenticator = \"PROGRAMMATIC_ACCESS_TOKEN\"\nport = {}\nprotocol = \"http\"",
        server.address.port()
    );
    stage
        .variable("SECRET", "token-secret")
        .section("source", "table = \"A.B.FACEBOOK_EVENTS\"")
        .section("snowflake", &connection)
        .section("columns", "event_name = { value = \"Lead\" }")
}

/// A table of 40 rows, of which the first ten can be fetched.
fn torn(address: SocketAddr) -> Script {
    let addresses: Vec<_> = (0..20).map(|number| (part_address(address, number), 2)).collect();
    Script {
        rows: [result(40, 0..0, &addresses)].into(),
        parts: (0..5).map(|number| (number, VecDeque::from([part(number * 2..number * 2 + 2)]))).collect(),
        ..Script::default()
    }
}

/// The results of the checks, in their order, as `name result`.
fn results(ran: &Ran) -> Vec<String> {
    let report = ran.report();
    let checks = report["checks"].as_array().unwrap().iter();
    checks.map(|check| format!("{} {}", check["name"].as_str().unwrap(), check["result"].as_str().unwrap())).collect()
}

/// What was found of one thing: the check of that name.
#[track_caller]
fn one(ran: &Ran, name: &str) -> Value {
    let report = ran.report();
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {report}")).clone()
}

/// Checks what was found of one thing, and the exit code; nothing that is said may hold a secret or an address.
#[track_caller]
fn check(ran: &Ran, exit: i32, name: &str, result: &str, what: &str, remedy: &str) {
    let found = one(ran, name);
    assert_eq!(found["result"], result, "{found}");
    let said = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    assert!(said("what").contains(what), "{found}");
    assert!(said("remedy").contains(remedy) && remedy.is_empty() == said("remedy").is_empty(), "{found}");
    assert_eq!((ran.exit, &ran.report()["exit_code"]), (Some(exit), &json!(exit)), "{}", ran.stdout);
    for kept in ["-secret", TOKEN, "://", "/v26.0", "fields="] {
        assert!(
            !ran.stdout.contains(kept) && !ran.stderr.contains(kept),
            "{kept} is shown:\n{}{}",
            ran.stdout,
            ran.stderr
        );
    }
}

/// Runs `check --json`.
fn look(stage: &Stage) -> Ran {
    stage.run(&["check", "--json"])
}

#[test]
fn everything_is_well() {
    let (sandboxed, server) = snowflake(|_| Script { rows: [result(40, 0..40, &[])].into(), ..Script::default() });
    let stage = sandboxed.stage;
    std::fs::create_dir(stage.path("state")).unwrap();
    let ran = stage.run(&["check"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    let lines: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.is_empty()).skip(1).take(18).collect();
    let shown = lines.join("\n");
    for part in [
        "✓ configuration config.toml\n",
        "✓ login         user U, role READER\n",
        "✓ warehouse     WH\n",
        "✓ table         A.B.FACEBOOK_EVENTS can be read: 2 columns\n",
        "✓ columns       2 fields fed: VARCHAR event_id; TIMESTAMP_TZ event_time\n                (OCCURRED_AT); not there, and not needed: email, phone,\n",
        "✓ times         no timestamp without zone\n",
        "✓ window        40 rows in 7 days, about 5 a day; the newest is ",
        "✓ keys          event id and name are unique: 40 events\n",
        "! state         there is none at state/ledger.db",
        "✓ meta          the access token is good and sees dataset 1234567890 \"Sandbox\n                dataset\"\n",
        "✓ clock         agrees with Snowflake's and Meta's",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is not shown:\n{}", ran.stdout);
    }
    assert!(!shown.contains("✗") && ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    // Both sessions were closed, nothing was posted to Meta.
    assert_eq!(server.seen("/session").iter().filter(|seen| seen.query.contains_key("delete")).count(), 2);
    assert!(!stage.path("state/ledger.db").exists());
}

#[test]
fn programs_get_every_check_with_stable_keys() {
    let (sandboxed, _server) = snowflake(|_| Script { rows: [result(40, 0..40, &[])].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    let names = ["configuration", "login", "warehouse", "table", "columns", "times", "window", "keys", "rows"];
    let expected: Vec<String> = names.iter().map(|name| format!("{name} ok")).collect();
    assert_eq!(results(&ran)[..9], expected[..]);
    assert_eq!(results(&ran)[9..], ["state warning", "meta ok", "clock ok"]);
    let login = json!({ "name": "login", "result": "ok", "what": "user U, role READER", "remedy": null });
    assert_eq!(one(&ran, "login"), login);
    let report = ran.report();
    let fields = report["fields"].as_array().unwrap();
    let types = fields.iter().map(|field| (field["name"].as_str().unwrap(), &field["column_type"]));
    let types: Vec<_> = types.filter(|(_, kind)| !kind.is_null()).collect();
    assert_eq!(types, [("event_id", &json!("VARCHAR")), ("event_time", &json!("TIMESTAMP_TZ"))]);
    assert_eq!((&report["error"], &report["schema_version"]), (&Value::Null, &json!(1)));
}

#[test]
fn what_needs_something_that_failed_is_not_checked_and_the_rest_is() {
    let refusal = || refused("390100", "Incorrect username or password was specified.");
    let (sandboxed, server) = snowflake(|_| Script { logins: [refusal()].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    check(&ran, 4, "login", "failed", "Snowflake refused the login of `U`", "check account, user and the token");
    let names = ["warehouse", "table", "columns", "times", "window", "keys", "rows"];
    let expected: Vec<String> = names.iter().map(|name| format!("{name} not_checked")).collect();
    assert_eq!(results(&ran)[2..9], expected[..]);
    assert_eq!(results(&ran)[9..], ["state warning", "meta ok", "clock ok"]);
    assert!(ran.stderr.contains("– warehouse     not checked: it needs what failed above (login)"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("✗ a run would fail: login\n"), "{}", ran.stderr);
    assert!(server.statements().is_empty());
    check_untouched(&sandboxed.stage);
}

#[test]
fn a_session_without_warehouse_is_told_what_to_grant() {
    let session = || texts(&[Some("U"), Some("READER"), None, Some("1795446000000")]);
    let (sandboxed, _server) = snowflake(|_| Script { sessions: [session()].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    check(&ran, 4, "warehouse", "failed", "the session has none", "GRANT USAGE ON WAREHOUSE … TO ROLE READER;");
}

#[test]
fn a_table_that_is_not_there_or_lacks_a_column() {
    let gone = || refused("002003", "Object 'A.B.FACEBOOK_EVENTS' does not exist or not authorized.");
    let (sandboxed, _server) = snowflake(|_| Script { columns: [gone()].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    check(
        &ran,
        4,
        "table",
        "failed",
        "A.B.FACEBOOK_EVENTS does not exist or role READER may not read it",
        "GRANT SELECT",
    );
    assert_eq!(results(&ran)[4..9].iter().filter(|result| result.ends_with("not_checked")).count(), 5);
    let other = || columns(&[("EVENT_ID", "text"), ("OCCURED_AT", "timestamp_tz")]);
    let (sandboxed, _server) = snowflake(|_| Script { columns: [other()].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    check(&ran, 2, "columns", "failed", "has no column `occurred_at` (there is `OCCURED_AT`)", "correct the names");
    assert_eq!(one(&ran, "table")["result"], "ok");
}

#[test]
fn columns_of_wrong_types_and_times_without_zone() {
    let script = |kinds: [(&'static str, &'static str); 3]| {
        move |_| Script { columns: [columns(&kinds), columns(&kinds)].into(), ..Script::default() }
    };
    let ntz = [("EVENT_ID", "text"), ("OCCURRED_AT", "timestamp_ntz"), ("EMAIL", "boolean")];
    let (sandboxed, _server) = snowflake(script(ntz));
    let ran = look(&sandboxed.stage);
    check(&ran, 2, "columns", "failed", "email is BOOLEAN", "cast the column");
    let (what, remedy) = ("without zone, OCCURRED_AT (TIMESTAMP_NTZ) is read in UTC", "[source] timezone = \"UTC\"");
    check(&ran, 2, "times", "warning", what, remedy);
    let ntz = [("EVENT_ID", "text"), ("OCCURRED_AT", "timestamp_ntz"), ("EMAIL", "text")];
    let (sandboxed, _server) = snowflake(script(ntz));
    let stage = sandboxed.stage.configure("source", "timezone = \"Europe/Berlin\"");
    check(&look(&stage), 0, "times", "ok", "OCCURRED_AT (TIMESTAMP_NTZ) is read in Europe/Berlin", "");
}

#[test]
fn what_is_in_the_window_is_counted() {
    let counted = |row: [&'static str; 5]| {
        let (sandboxed, server) = snowflake(|_| {
            let row = row.map(|cell| Some(cell).filter(|cell| !cell.is_empty()));
            Script { counts: [texts(&row)].into(), ..Script::default() }
        });
        (look(&sandboxed.stage), server)
    };
    let (ran, server) = counted(["9000", "9000", "9000", "8000", "1795446000"]);
    check(&ran, 0, "keys", "warning", "1,000 of 9,000 rows repeat the id and name of another", "a join that fans out");
    check(&ran, 0, "window", "ok", "9,000 rows in 7 days, about 1,28", "");
    let count = server.seen("/queries/v1/query-request");
    let count = count.iter().find_map(|seen| seen.body["sqlText"].as_str().filter(|sql| sql.contains("COUNT(*)")));
    assert!(count.unwrap().contains("HASH(fbcapi_rows.\"EVENT_ID\")"), "{count:?}");
    let (ran, _server) = counted(["0", "0", "0", "0", ""]);
    check(&ran, 0, "window", "warning", "no row in the last 7 days", "see whether the model is built");
    check(&ran, 0, "rows", "warning", "nothing was selected", "see whether the model is built");
    let (ran, _server) = counted(["12", "10", "12", "12", "1795446000"]);
    check(&ran, 0, "window", "warning", "2 rows without a time that can be read", "give each row of the model a time");
}

#[test]
fn a_count_that_fails_leaves_the_rows_unread() {
    let failed = || refused("000606", "No active warehouse selected in the current session.");
    let (sandboxed, server) = snowflake(|_| Script { counts: [failed()].into(), ..Script::default() });
    let ran = look(&sandboxed.stage);
    check(&ran, 4, "window", "failed", "no warehouse can be used by role READER", "name a `warehouse`");
    assert_eq!(one(&ran, "rows")["result"], "not_checked");
    assert!(server.statements().is_empty());
}

#[test]
fn fm_52_a_clock_that_is_wrong_is_found_by_either_server() {
    let session = |ahead: TimeDelta| {
        let server = (Utc::now() - ahead).timestamp_millis().to_string();
        let (sandboxed, _server) = snowflake(|_| Script {
            sessions: [texts(&[Some("U"), Some("READER"), Some("WH"), Some(&server)])].into(),
            ..Script::default()
        });
        look(&sandboxed.stage)
    };
    let ran = session(TimeDelta::seconds(450));
    check(&ran, 0, "clock", "warning", "the clock of this machine is 7 min ahead of Snowflake's", "set it right");
    let ran = session(TimeDelta::seconds(-7_250));
    check(&ran, 2, "clock", "failed", "the clock of this machine is 120 min behind Snowflake's", "set it right");
    let date = (Utc::now() + TimeDelta::seconds(450)).to_rfc2822();
    let body = format!("{{\"id\":\"{DATASET_ID}\",\"name\":\"Shop\"}}").into_bytes();
    let meta = Scripted::new(&[Answer::Raw(200, format!("Date: {date}\r\n"), body)], Answer::Accept);
    meta.stage.rows(&leads(1));
    let ran = look(&meta.stage);
    check(&ran, 0, "clock", "warning", "the clock of this machine is 7 min behind Meta's", "set it right");
}

#[test]
fn the_state_is_looked_at_and_left_alone() {
    let sandboxed = Sandboxed::with(strict());
    let stage = &sandboxed.stage;
    stage.rows(&leads(3));
    let (what, remedy) = ("there is none at state/ledger.db: the first run makes it", "fbcapi state restore");
    check(&look(stage), 0, "state", "warning", what, remedy);
    check_untouched(stage);
    assert_eq!(stage.sync(&[]).exit, Some(0));
    let ran = look(stage);
    check(&ran, 0, "state", "ok", "state/ledger.db: 3 events sent, the last run ended 0 min ago with code 0", "");
    let lock = std::fs::File::options().write(true).open(stage.path("state/ledger.db.lock")).unwrap();
    lock.lock().unwrap();
    check(&look(stage), 0, "state", "ok", "; a run is under way", "");
    lock.unlock().unwrap();
    std::fs::write(stage.path("state/ledger.db"), "no state at all, though long enough to be one").unwrap();
    let ran = look(stage);
    check(&ran, 6, "state", "failed", "state/ledger.db", "keep the file");
    assert_eq!(one(&ran, "meta")["result"], "ok");
    let refusing = sandboxed.stage.section("state", "path = \"elsewhere/ledger.db\"\nfirst_run = \"refuse\"");
    check(&look(&refusing), 2, "state", "failed", "there is no state at elsewhere/ledger.db", "restore the state");
    std::fs::write(refusing.path("file"), "").unwrap();
    let blocked = refusing.section("state", "path = \"file/ledger.db\"");
    check(&look(&blocked), 6, "state", "failed", "the state file file/ledger.db cannot be", "set [state] path");
}

#[test]
fn fm_09_a_state_that_would_vanish_is_told_before_a_run() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let sandboxed = Sandboxed::with(strict());
    let stage = sandboxed.stage.section("state", "").variable("XDG_STATE_HOME", folder.path().to_str().unwrap());
    stage.rows(&leads(1));
    check(&look(&stage), 2, "state", "failed", "the state would be lost with this container", "mount a volume");
}

#[test]
fn the_token_and_the_dataset_are_asked_for_and_nothing_is_sent() {
    let sandboxed = Sandboxed::with(strict());
    sandboxed.stage.rows(&leads(3));
    let ran = look(&sandboxed.stage);
    check(&ran, 0, "meta", "ok", "the access token is good and sees dataset 1234567890 \"Sandbox dataset\"", "");
    let stats = sandboxed.stats();
    assert_eq!((stats.requests, stats.received), (0, 0));
    let wrong = sandboxed.on(|stage| stage.variable("FBCAPI_ACCESS_TOKEN", "EAAB-another"));
    check(&look(&wrong.stage), 4, "meta", "failed", "Meta refused the access token (code 190", "make a new one");
    let elsewhere =
        wrong.on(|stage| stage.variable("FBCAPI_ACCESS_TOKEN", TOKEN).variable("FBCAPI_META_DATASET_ID", "99"));
    let what = "the dataset does not exist or the access token cannot see it (code 100, subcode 33";
    check(&look(&elsewhere.stage), 4, "meta", "failed", what, "compare [meta] dataset_id");
    let none = elsewhere.stage.bare();
    let what = "[meta] access_token is to come from $FBCAPI_ACCESS_TOKEN, which is not set";
    check(&look(&none), 2, "meta", "failed", what, "put it where");
    check_untouched(&none);
}

#[test]
fn the_proof_of_the_apps_secret_goes_with_the_question() {
    let secret = || Some(Secret::new("app-secret".into()));
    let sandboxed = Sandboxed::with(SandboxOptions { app_secret: secret(), ..strict() });
    sandboxed.stage.rows(&leads(1));
    let (what, remedy) = ("Meta refused the request because of the app's secret", "set [meta] app_secret");
    check(&look(&sandboxed.stage), 4, "meta", "failed", what, remedy);
    let proven = sandboxed.stage.configure("meta", "app_secret = { env = \"APP\" }").variable("APP", "app-secret");
    check(&look(&proven), 0, "meta", "ok", "the access token is good", "");
}

#[test]
fn what_meta_may_answer_besides() {
    let answered = |answer: Answer| {
        let meta = Scripted::new(&[answer], Answer::Error(500, 1, 0));
        meta.stage.rows(&leads(1));
        let ran = look(&meta.stage);
        let requests = meta.graph.requests();
        assert!(requests.iter().all(|request| request.head.starts_with("GET /v26.0/1234567890?fields=id%2Cname HTTP")));
        assert!(requests.iter().all(|request| request.head.contains(&format!("Bearer {TOKEN}"))));
        ran
    };
    let (what, remedy) = ("the access token is good but may not read dataset 1234567890", "fbcapi sync --limit 1");
    check(&answered(Answer::Error(403, 200, 0)), 0, "meta", "warning", what, remedy);
    check(&answered(Answer::Error(400, 10, 0)), 0, "meta", "warning", what, remedy);
    let ran = answered(Answer::Error(500, 2, 0));
    check(&ran, 5, "meta", "failed", "requests to Meta fail one after another (code 2", "check the network");
    let ran = answered(Answer::Html(404));
    check(&ran, 2, "meta", "failed", "the answer did not come from the Graph API", "check [meta] api_base");
    let unreachable = Stage::new("http://127.0.0.1:9");
    unreachable.rows(&leads(1));
    let ran = look(&unreachable);
    check(&ran, 5, "meta", "failed", "requests to Meta fail", "check the network");
    assert_eq!(
        (one(&ran, "clock")["result"].as_str(), one(&ran, "rows")["result"].as_str()),
        (Some("not_checked"), Some("ok"))
    );
}

#[test]
fn a_retired_version_is_told() {
    let sandboxed = Sandboxed::with(strict()).on(|stage| stage.configure("meta", "api_version = \"v17.0\""));
    sandboxed.stage.rows(&leads(1));
    let ran = look(&sandboxed.stage);
    check(&ran, 0, "meta", "warning", "Meta warns that this version of the Graph API is retired", "changelog");
}

#[test]
fn offline_nobody_is_contacted() {
    let (sandboxed, server) = snowflake(|_| Script::default());
    let ran = sandboxed.stage.run(&["check", "--offline", "--json"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let told = results(&ran);
    assert_eq!(told[0], "configuration ok");
    assert!(told[1..9].iter().all(|result| result.ends_with("not_checked")), "{told:?}");
    assert_eq!(told[9..], ["state warning", "meta not_checked", "clock not_checked"]);
    assert!(server.seen("/").is_empty());
    assert!(unwrapped(&ran.stderr).contains("not checked: --offline; nor warehouse, table,"), "{}", ran.stderr);
    // A state in Snowflake is left alone, too.
    let remote = sandboxed.on(|stage| stage.section("state", "kind = \"snowflake\"\nschema = \"OPS.FBCAPI\""));
    let ran = remote.stage.run(&["check", "--offline", "--json"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert_eq!(results(&ran)[9..], ["state not_checked", "meta not_checked", "clock not_checked"]);
    assert!(server.seen("/").is_empty());
    let files = remote.on(|stage| {
        stage.section("source", "kind = \"file\"\npath = \"rows.ndjson\"").section("columns", "").section("state", "")
    });
    files.stage.rows(&leads(2));
    let ran = files.stage.run(&["check", "--offline", "--json"]);
    assert_eq!((ran.exit, &ran.report()["counts"]["sendable"]), (Some(0), &json!(2)), "{}", ran.stderr);
    assert_eq!(files.stats().requests, 0);
}

#[test]
fn a_password_is_warned_of() {
    let (sandboxed, _server) = snowflake(|_| Script::default());
    let stage = sandboxed.stage.configure("snowflake", "password = { env = \"SECRET\" }");
    let stage = stage.variable("FBCAPI_SNOWFLAKE_AUTHENTICATOR", "SNOWFLAKE");
    let ran = look(&stage);
    check(&ran, 0, "configuration", "warning", "the login to Snowflake uses a password", "make a key");
}

#[test]
fn an_interrupted_check_ends_its_statement() {
    for script in [
        || Script { rows: [Reply::Hang].into(), ..Script::default() },
        || Script { counts: [Reply::Hang].into(), ..Script::default() },
    ] {
        let (sandboxed, server) = snowflake(|_| script());
        let statements = if script().rows.is_empty() { 3 } else { 5 };
        let run = sandboxed.stage.command(&["check", "--json"]).spawn().unwrap();
        wait_until("the statement", || server.seen("/queries/v1/query-request").len() == statements);
        assert!(Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
        let ran = wait_for(run);
        assert_eq!(ran.exit, Some(130));
        assert!(ran.stderr.ends_with("✗ the check was interrupted\n"), "{}", ran.stderr);
        assert_eq!(ran.report()["error"], "the run was interrupted");
        assert_eq!(server.seen("/queries/v1/abort-request").len(), 1);
        check_untouched(&sandboxed.stage);
    }
}

#[test]
fn a_sample_of_a_table_in_snowflake_leaves_the_rest_where_it_is() {
    let (sandboxed, server) = snowflake(torn);
    let ran = sandboxed.stage.run(&["check", "--json", "--rows", "3"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let found = ran.report();
    assert_eq!(found["rows"], json!({ "read": 3, "limit": 3, "is_whole": false }));
    assert_eq!(field(&found, "event_id"), json!([3, 3, {}]));
    assert!(server.seen("/parts/").len() < 20);
    let closed = server.seen("/session");
    assert!(closed.iter().any(|seen| seen.query.get("delete").is_some_and(|is| is == "true")), "{closed:?}");
}

#[test]
fn a_table_that_cannot_be_read_to_its_end_is_told_up_to_there() {
    let (sandboxed, _server) = snowflake(torn);
    let ran = sandboxed.stage.run(&["check", "--json", "--rows", "all"]);
    check_untouched(&sandboxed.stage);
    assert_eq!(ran.report()["exit_code"].as_i64(), ran.exit.map(i64::from));
    assert_ne!(ran.exit, Some(0));
    assert_eq!(ran.report()["rows"], json!({ "read": 10, "limit": null, "is_whole": false }));
    assert!(ran.stderr.contains("✗ rows          10 rows were read, then: "), "{}", ran.stderr);
}
