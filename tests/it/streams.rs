//! What stands on standard error: how much, in which form, and in which colours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, leads};
use crate::support::run::{Ran, Sandboxed, Stage, TOKEN, runtime};
use crate::support::snowflake::{Script, Server, columns, login_with_role, part, part_address, result, unavailable};

/// The lines of standard error, each of which must be an object with a time, a level and a message.
#[track_caller]
fn objects(ran: &Ran) -> Vec<Value> {
    let parse = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let time = object["timestamp"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&object["level"].as_str().unwrap()), "{line}");
        assert!(!object["message"].as_str().unwrap().is_empty(), "{line}");
        object
    };
    ran.stderr.lines().map(parse).collect()
}

/// The messages of a level.
fn messages(objects: &[Value], level: &str) -> Vec<String> {
    let of_level = objects.iter().filter(|object| object["level"] == level);
    of_level.map(|object| object["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn who_is_quiet_hears_of_nothing_when_all_is_well_and_of_what_needs_someone() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    let first = it.stage.run(&["sync", "-q"]);
    assert_eq!((first.exit, first.stderr.lines().count()), (Some(0), 1), "{}", first.stderr);
    assert!(first.stderr.starts_with("! no run is recorded in the state"), "{}", first.stderr);
    let again = it.stage.run(&["sync", "--quiet"]);
    assert_eq!((again.exit, again.stderr.as_str()), (Some(0), ""));
    it.stage.rows(&[lead("a"), lead("b").without("event_id")]);
    let bad = it.stage.run(&["sync", "-q"]);
    assert_eq!(bad.exit, Some(3));
    let begins = ["! 1 missing_event_id", "  → "];
    assert!(bad.stderr.lines().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{}", bad.stderr);
    assert_eq!(bad.stderr.lines().count(), 2, "{}", bad.stderr);
    // The same once more is no news.
    let it = it.on(|stage| stage.variable("FBCAPI_QUIET", "1"));
    assert_eq!(it.stage.run(&["sync"]).stderr, "");
    let has_steps = |arguments: &[&str]| it.stage.run(arguments).stderr.contains("the run begins");
    assert!(has_steps(&["sync", "-v"]) && has_steps(&["-v", "sync"]));
    let it = it.on(|stage| stage.bare().variable("FBCAPI_ACCESS_TOKEN", TOKEN).variable("FBCAPI_VERBOSE", "1"));
    assert_eq!(it.stage.run(&["sync", "-q"]).stderr, "");
}

#[test]
fn each_step_is_told_to_whoever_asks_for_it() {
    let it = Scripted::new(&[Answer::Error(500, 2, 0)], Answer::Accept);
    it.stage.rows(&leads(3));
    let steps = [
        "INFO  the run begins run=",
        "INFO  the state is open, and no other run can use it state=",
        "INFO  rows are coming",
        "INFO  this batch waits, then it is posted again batch=1 failed=1 because=\"failed, and nobody knows whether it \
         was taken\" status=500 code=2 subcode=0 trace=Atrace milliseconds=",
        "INFO  a batch came to its end batch=1 events=3 outcome=accepted requests=2 status=200 trace=Atrace \
         milliseconds=",
        "INFO  the run is over, and the state says so exit_code=0",
    ];
    let told = it.stage.run(&["sync", "-v"]).stderr;
    let mut lines = told.lines();
    for step in steps {
        let line = lines.find(|line| line.contains(step)).unwrap_or_else(|| panic!("{step:?} is not told:\n{told}"));
        let time = line.split(' ').next().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'), "{line}");
    }
    assert!(!told.contains("DEBUG"), "{told}");
    let usual = it.stage.run(&["sync"]).stderr;
    assert!(!usual.contains("INFO"), "{usual}");
    for detailed in [it.stage.run(&["sync", "-vv"]).stderr, it.stage.run(&["sync", "-v", "-v"]).stderr] {
        assert!(detailed.contains("DEBUG "), "{detailed}");
    }
    let it = it.on(|stage| stage.variable("FBCAPI_VERBOSE", "2"));
    assert!(it.stage.run(&["sync"]).stderr.contains("DEBUG "));
}

#[test]
fn the_steps_in_snowflake_are_told_and_nothing_secret_with_them() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start(|address| Script {
        logins: [login_with_role(&"REPORTER".into())].into(),
        columns: [columns(&[("EVENT_ID", "text"), ("OCCURRED_AT", "timestamp_tz")])].into(),
        rows: [unavailable(), result(4, 0..2, &[(part_address(address, 0), 2)])].into(),
        parts: [(0, [part(2..4)].into())].into(),
        ..Script::default()
    }));
    let connection = format!(
        "account = \"org-acct\"\nuser = \"U\"\npassword = {{ env = \"SECRET\" }}\nhost = \"127.0.0.1\"\n\
         port = {}\nprotocol = \"http\"",
        server.address.port()
    );
    let stage = Stage::within(runtime, "http://127.0.0.1:9")
        .variable("SECRET", "password-secret")
        .section("source", "table = \"A.B.FACEBOOK_EVENTS\"\nwhere = \"source = 'literal-secret'\"")
        .section("snowflake", &connection)
        .section("columns", "event_name = { value = \"Lead\" }");
    let told = stage.run(&["sync", "-v", "--limit", "1", "--dry-run"]).stderr;
    let mut lines = told.lines();
    for step in [
        "logged in to Snowflake role=REPORTER",
        "the columns are known; the statement is running table=A.B.FACEBOOK_EVENTS columns=2",
        "a request to Snowflake is made again step=Statement attempt=1",
        "the statement has run rows=4",
    ] {
        assert!(lines.any(|line| line.contains(step)), "{step:?} is not told:\n{told}");
    }
    let told = stage.variable("RUST_LOG", "trace").run(&["sync", "-vv", "--dry-run"]).stderr + &told;
    for kept in ["secret", "://", "/queries", "/session", "/parts", "requestId", "HEADERKEY", "MASTERKEY", "SELECT"] {
        assert!(!told.contains(kept), "{kept} in: {told}");
    }
}

#[test]
fn in_json_every_line_is_an_object_however_a_run_ends() {
    let check = |answers: &[Answer], then, arguments: &[&str], exit| {
        let it = Scripted::new(answers, then).on(|stage| stage.variable("RUST_LOG", "trace"));
        it.stage.rows(&[lead("a"), lead("b"), lead("c").without("event_id")]);
        let ran = it.stage.run(&[&["sync", "--log-format", "json"], arguments].concat());
        assert_eq!(ran.exit, Some(exit), "{}", ran.stderr);
        objects(&ran)
    };
    let done = check(&[], Answer::Accept, &[], 3);
    let end = done.iter().find(|object| object["exit_code"] == 3 && object["counts"].is_object()).unwrap();
    assert_eq!(end["message"], "the run ended with exit code 3: 2 sent, 1 rejected");
    assert_eq!((&end["counts"]["sent"], &end["counts"]["selected"]), (&2.into(), &3.into()));
    assert_eq!(end["dataset_id"], "1234567890");
    let missing = done.iter().find(|object| object["message"] == "1 missing_event_id").unwrap();
    assert!(missing["remedy"].as_str().unwrap().contains("event_id"), "{missing}");
    let targets: Vec<&str> = done.iter().filter_map(|object| object["target"].as_str()).collect();
    assert!(targets.len() > 5 && targets.iter().all(|target| target.starts_with("fbcapi::")), "{targets:?}");

    let refused = check(&[], Answer::Error(400, 190, 463), &["-v"], 4);
    assert!(messages(&refused, "ERROR")[0].contains("Meta refused the access token"), "{refused:?}");
    let wrong = check(&[], Answer::Accept, &["--since", "1h", "--until", "2h"], 2);
    assert_eq!(messages(&wrong, "ERROR").len(), 1, "{wrong:?}");
    let quiet = check(&[], Answer::Accept, &["-q"], 3);
    assert_eq!(messages(&quiet, "WARN").len(), 2, "{quiet:?}");
}

#[test]
fn in_json_mistakes_of_configuration_and_command_line_are_objects_too() {
    let it = Sandboxed::new().on(|stage| stage.configure("meta", "concurency = 3"));
    let it = it.on(|stage| stage.variable("FBCAPI_LOG_FORMAT", "json"));
    let mistaken = it.stage.run(&["sync"]);
    assert_eq!(mistaken.exit, Some(2));
    assert!(messages(&objects(&mistaken), "ERROR")[0].contains("did you mean concurrency?"), "{}", mistaken.stderr);
    let unknown = it.stage.run(&["sync", "--no-such-flag"]);
    assert_eq!(unknown.exit, Some(2));
    let told = objects(&unknown);
    assert!(messages(&told, "ERROR")[0].contains("--no-such-flag") && told.len() == 1, "{}", unknown.stderr);
    let typed = it.stage.run(&["sync", "--log-format=text", "--no-such-flag"]);
    assert!(typed.stderr.starts_with("error: "), "{}", typed.stderr);
    // The help is no message.
    assert!(it.stage.run(&["sync", "--help"]).stdout.contains("Usage: fbcapi sync"));
}

#[test]
fn marks_have_colours_where_they_are_asked_for_and_data_never() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a"), lead("b").without("event_id")]);
    let (yellow, dim) = ("\u{1b}[33m!\u{1b}[0m 1 missing_event_id", "  \u{1b}[2m→\u{1b}[0m give every row");
    let always = it.stage.run(&["sync", "--json", "--color", "always"]);
    assert!(always.stderr.contains(yellow) && always.stderr.contains(dim), "{}", always.stderr);
    assert!(!always.stdout.contains('\u{1b}'), "{}", always.stdout);
    let plain = it.stage.run(&["check", "--color", "always"]);
    assert!(plain.stdout.contains("missing_event_id") && !plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    let failing = |arguments: &[&str]| it.stage.run(&[&["explain", "no_such_code"], arguments].concat()).stderr;
    assert!(!failing(&[]).contains('\u{1b}') && !failing(&["--color", "never"]).contains('\u{1b}'));
    assert!(failing(&["--color", "always"]).starts_with("\u{1b}[31m✗\u{1b}[0m "), "{}", failing(&[]));
    assert!(!failing(&["--color", "always", "--log-format", "json"]).contains('\u{1b}'));
    let it = it.on(|stage| stage.variable("CLICOLOR_FORCE", "1"));
    let failing = |arguments: &[&str]| it.stage.run(&[&["explain", "no_such_code"], arguments].concat()).stderr;
    assert!(failing(&[]).contains('\u{1b}') && !failing(&["--color", "never"]).contains('\u{1b}'));
    let it = it.on(|stage| stage.variable("FBCAPI_COLOR", "never").variable("LC_ALL", "C"));
    let ascii = it.stage.run(&["explain", "no_such_code"]).stderr;
    assert!(ascii.starts_with("x ") && ascii.contains("\n  -> ") && ascii.is_ascii(), "{ascii}");
}
