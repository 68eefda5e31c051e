//! A sync from rows to the sandbox: what is sent, what is not, and what is told of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use chrono::{DateTime, TimeDelta, Utc};
use fbcapi::private::Secret;
use fbcapi::sandbox::SandboxOptions;
use serde_json::{Value, json};

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{Row, csv, lead, leads, ndjson, purchase, write_parquet};
use crate::support::run::{Sandboxed, Stage, tell};

/// Runs a sync of some rows on a new stage and compares what is told.
#[track_caller]
fn check(rows: &[Row], change: impl FnOnce(Stage) -> Stage, arguments: &[&str], expected: &str) -> Sandboxed {
    let it = Sandboxed::new().on(change);
    it.stage.rows(rows);
    let ran = it.stage.sync(arguments);
    assert_eq!(ran.told(), expected, "{}", ran.stderr);
    assert_eq!(Some(it.stats().received), ran.report()["counts"]["sent"].as_u64());
    it
}

/// A configuration that nothing is changed in.
fn plain(stage: Stage) -> Stage {
    stage
}

/// The events that a scripted server reads when these rows are synced.
fn events_of(rows: &[Row], change: impl FnOnce(Stage) -> Stage, arguments: &[&str]) -> Vec<Value> {
    let it = Scripted::new(&[], Answer::Accept).on(change);
    it.stage.rows(rows);
    let ran = it.stage.sync(arguments);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let requests = it.graph.requests();
    requests.iter().flat_map(|request| request.json()["data"].as_array().unwrap().clone()).collect()
}

#[test]
fn rows_of_every_format_arrive_once() {
    let rows = [lead("a").with("full_name", "Łukasz \"O'Neil\", Jr"), purchase("b"), purchase("c").without("email")];
    let expected = "exit 3: sent 2, rejected 1";
    let with = |path: &str| {
        let it = Sandboxed::new();
        let source = format!("kind = \"file\"\npath = \"{path}\"");
        it.on(|stage| stage.section("source", &source))
    };
    let check = |it: Sandboxed, name: &str| {
        let ran = it.stage.sync(&[]);
        assert_eq!(ran.told(), expected, "{name}: {}", ran.stderr);
        assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 2, rejected 1", "{name}");
        assert_eq!((it.stats().received, it.stats().unique), (2, 2), "{name}");
    };
    let it = with("a.ndjson");
    it.stage.write("a.ndjson", ndjson(&rows));
    check(it, "NDJSON");
    let it = with("a.csv");
    it.stage.write("a.csv", csv(&rows));
    check(it, "CSV");
    let it = with("a.parquet");
    write_parquet(&it.stage.path("a.parquet"), &rows);
    check(it, "Parquet");
    let it = with("part-*");
    it.stage.write("part-1.csv", csv(&rows[..1]));
    write_parquet(&it.stage.path("part-2.parquet"), &rows[1..2]);
    it.stage.write("part-3.jsonl", ndjson(&rows[2..]));
    check(it, "all of them");
}

#[test]
fn new_rows_are_sent_and_old_ones_are_not() {
    let it = check(&leads(3), plain, &[], "exit 0: sent 3");
    it.stage.rows(&leads(5));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 2, already_sent 3");
    it.stage.rows(&leads(4));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 4");
    assert_eq!((it.stats().received, it.stats().unique), (5, 5));
}

#[test]
fn the_first_run_is_announced_and_the_second_is_not() {
    let it = check(&leads(1), plain, &[], "exit 0: sent 1");
    let second = it.stage.sync(&[]);
    assert!(!second.stderr.contains("first run"), "{}", second.stderr);
    let fresh = Sandboxed::new();
    fresh.stage.rows(&leads(1));
    let first = fresh.stage.sync(&[]);
    assert!(first.stderr.contains("no run is recorded in the state at state/ledger.db"), "{}", first.stderr);
}

#[test]
fn fm_16_a_table_without_rows_is_done() {
    check(&[], plain, &[], "exit 0: nothing");
}

#[test]
fn a_selection_narrows_what_is_sent() {
    let rows = [
        lead("new"),
        purchase("old").ago(TimeDelta::days(3)),
        lead("older").ago(TimeDelta::days(5)),
        lead("expired").ago(TimeDelta::days(9)),
    ];
    check(&rows, plain, &[], "exit 3: sent 3, expired 1");
    check(&rows, plain, &["--since", "4d"], "exit 0: sent 2");
    check(&rows, plain, &["--since", "4d", "--until", "1d"], "exit 0: sent 1");
    check(&rows, plain, &["--since", "30d", "--until", "4d"], "exit 3: sent 1, expired 1");
    check(&rows, plain, &["--event", "Purchase"], "exit 0: sent 1");
    check(&rows, plain, &["--event", "Purchase,Lead", "--since", "4d"], "exit 0: sent 2");
    check(&rows, plain, &["--event", "purchase"], "exit 0: nothing");
    check(&rows, plain, &["--limit", "2"], "exit 8: sent 2");
    check(&rows[..2], plain, &["--limit", "2"], "exit 0: sent 2");
    let date = (Utc::now() - TimeDelta::days(4)).format("%Y-%m-%d").to_string();
    check(&rows, plain, &["--since", &date], "exit 0: sent 2");
    let by_variable = |stage: Stage| stage.variable("FBCAPI_SINCE", "4d").variable("FBCAPI_EVENT", "Lead");
    check(&rows, by_variable, &[], "exit 0: sent 1");
}

#[test]
fn fm_25_an_expired_row_is_told_once_and_never_sent() {
    let it = check(&[lead("late").ago(TimeDelta::days(8))], plain, &[], "exit 3: expired 1");
    let again = it.stage.sync(&["--since", "30d"]);
    assert_eq!(again.told(), "exit 0: expired 1");
    assert_eq!(again.report()["by_reason"]["expired"], 1);
    let it = check(&[lead("long ago").ago(TimeDelta::days(90))], plain, &[], "exit 3: expired 1");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: expired 1");
    // In a physical store Meta takes events for 62 days.
    let store = |stage: Stage| stage.configure("meta", "action_source = \"physical_store\"");
    let rows = [lead("a").ago(TimeDelta::days(61)), lead("b").ago(TimeDelta::hours(62 * 24 + 12))];
    check(&rows, store, &[], "exit 3: sent 1, expired 1");
    let column = |stage: Stage| stage.section("columns", "action_source = \"channel\"");
    let rows = [
        lead("a").with("channel", "physical_store").ago(TimeDelta::days(30)),
        lead("b").with("channel", "website").ago(TimeDelta::days(30)),
        lead("c").with("channel", "a shop"),
    ];
    check(&rows, column, &[], "exit 3: sent 1, rejected 1, expired 1");
}

#[test]
fn fm_24_what_lies_ahead_waits_or_is_refused() {
    let rows = [lead("soon").ago(TimeDelta::minutes(-2)), lead("never").ago(TimeDelta::days(-2))];
    let it = check(&rows, plain, &[], "exit 3: rejected 1, deferred 1");
    it.stage.rows(&[lead("soon").ago(TimeDelta::seconds(1))]);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
}

#[test]
fn fm_21_fm_22_copies_of_an_event_are_sent_once() {
    let rows = [lead("a"), lead("a"), lead("a").with("phone", "+1 650-555-1212"), purchase("a")];
    let it = check(&rows, plain, &[], "exit 0: sent 2, collapsed 2");
    assert_eq!(it.stats().unique, 2);
    let again = it.stage.sync(&[]);
    assert_eq!(again.told(), "exit 0: already_sent 2, collapsed 2");
    assert!(again.stderr.contains("several rows that differ stand for 1 event;"), "{}", again.stderr);
}

#[test]
fn a_good_copy_of_a_bad_row_is_sent_and_the_bad_one_told_once() {
    for rows in [[lead("a").without("email"), lead("a")], [lead("a"), lead("a").without("email")]] {
        let it = check(&rows, plain, &[], "exit 3: sent 1, rejected 1");
        assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 1, rejected 1");
    }
}

#[test]
fn fm_29_a_row_that_changed_after_it_was_sent_is_counted_and_not_sent() {
    let it = check(&leads(2), plain, &[], "exit 0: sent 2");
    it.stage.rows(&[lead("e-0"), lead("e-1").with("phone", "+16505551212")]);
    let ran = it.stage.sync(&[]);
    // The event time of the first has moved too, since it is told relative to now.
    assert!(ran.report()["changed_after_send"].as_u64().unwrap() >= 1, "{}", ran.stdout);
    assert_eq!(ran.told(), "exit 0: already_sent 2");
    assert!(ran.stderr.contains("changed since"), "{}", ran.stderr);
}

#[test]
fn events_are_sent_again_only_for_someone_who_asks() {
    let it = check(&leads(3), plain, &[], "exit 0: sent 3");
    let again = it.stage.sync(&["--resend", "--since", "2d"]);
    assert_eq!(again.told(), "exit 0: sent 3");
    assert_eq!(again.report()["possible_duplicates"], 3);
    assert_eq!((it.stats().received, it.stats().unique), (6, 3));
    let without_since = it.stage.run(&["sync", "--resend"]);
    assert_eq!(without_since.exit, Some(2), "{}", without_since.stderr);
}

#[test]
fn fm_30_a_rejected_row_is_told_once_and_sent_when_it_is_mended() {
    let bad = lead("a").without("email");
    let it = check(&[bad.clone(), lead("b")], plain, &[], "exit 3: sent 1, rejected 1");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 1, rejected 1");
    it.stage.rows(&[bad.with("email", "ada@example.com"), lead("b")]);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1, already_sent 1");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 2");
}

#[test]
fn fm_20_fm_23_every_kind_of_bad_row_has_its_reason_and_stops_no_other() {
    let rows = [
        lead("good"),
        lead("no email").without("email"),
        lead("x").without("event_id"),
        lead("y").without("facebook_event_type"),
        lead("z").without("occurred_at"),
        lead("w").with("occurred_at", "yesterday"),
        lead("millis").with("occurred_at", "1795446541000"),
        purchase("no value").without("value"),
        purchase("no currency").without("currency"),
        purchase("doubloons").with("currency", "DBL"),
        purchase("words").with("value", "twelve"),
    ];
    let it = check(&rows, plain, &[], "exit 3: sent 1, rejected 10");
    let reasons = it.stage.sync(&[]).report()["by_reason"].clone();
    let expected = json!({
        "event_time_not_in_seconds": 1, "invalid_event_time": 1, "missing_event_id": 1, "missing_event_name": 1,
        "missing_event_time": 1, "purchase_with_invalid_currency": 1, "purchase_with_invalid_value": 1,
        "purchase_without_currency": 1, "purchase_without_value": 1, "too_few_match_keys": 1,
    });
    assert_eq!(reasons, expected);
}

#[test]
fn fm_23_a_bad_field_is_left_out_and_the_rest_of_the_row_is_sent() {
    let row = lead("a").with("phone", "12").with("fbclid", "IwAR1").with("value", "1").with("date_of_birth", "soon");
    let it = Sandboxed::new();
    it.stage.rows(&[row]);
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 1", "{}", ran.stderr);
    let expected =
        json!({"click_without_time": 1, "invalid_date_of_birth": 1, "invalid_phone": 1, "value_without_currency": 1});
    assert_eq!(ran.report()["by_reason"], expected);
    assert_eq!(ran.report()["match_keys"], json!({"em": 1.0}));
}

#[test]
fn fm_60_another_dataset_knows_nothing_of_what_was_sent() {
    let it = check(&leads(2), plain, &[], "exit 0: sent 2");
    let it = it.on(|stage| stage.variable("FBCAPI_META_DATASET_ID", "987"));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 2");
    assert_eq!(it.stats().unique, 4);
}

#[test]
fn the_report_has_every_key() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a"), purchase("b"), lead("c").without("email")]);
    let ran = it.stage.sync(&["--report", "report.json"]);
    let report = ran.report();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&report),
        "age_seconds batches by_event by_reason changed_after_send counts dataset_id error exit_code finished_at hints \
         match_keys possible_duplicates requests retries run_id schema_version source started_at version warnings window"
    );
    assert_eq!(
        keys(&report["counts"]),
        "already_sent collapsed deferred expired pending rejected selected sent skipped unknown"
    );
    assert_eq!(keys(&report["window"]), "since until");
    assert_eq!(keys(&report["age_seconds"]), "max p50 p95");
    assert_eq!(keys(&report["by_event"]), "Lead Purchase");
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["exit_code"], 3);
    assert_eq!(report["requests"], 1);
    assert_eq!(report["match_keys"], json!({"em": 1.0}));
    assert_eq!(report["batches"][0]["outcome"], "accepted");
    assert_eq!(report["batches"][0]["status"], 200);
    assert_eq!(ran.stdout.lines().count(), 1, "standard output is for the report only");
    let written: Value = serde_json::from_slice(&it.stage.read("report.json")).unwrap();
    assert_eq!(written, report);
    assert_eq!(tell(&report), "sent 2, rejected 1");
    // Nothing stays beside the report.
    let mut names: Vec<_> = std::fs::read_dir(it.stage.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.toml", "report.json", "rows.ndjson", "state"]);
}

#[test]
fn the_summary_says_how_many_and_why_not() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a"), purchase("b"), lead("c").without("email")]);
    let ran = it.stage.run(&["sync"]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(3), ""));
    for part in ["selected", "Lead 1", "Purchase 1", "1 too_few_match_keys", "add a column that identifies"] {
        assert!(ran.stderr.contains(part), "{part} is not told: {}", ran.stderr);
    }
}

#[test]
fn a_test_event_code_is_shouted_and_sent() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(2));
    let ran = it.stage.sync(&["--test-event-code", "TEST123"]);
    assert_eq!(ran.told(), "exit 0: sent 2");
    assert_eq!(it.stats().test_events, 2);
    assert!(ran.stderr.contains("TEST EVENT CODE TEST123"), "{}", ran.stderr);
    assert!(ran.report()["warnings"].to_string().contains("TEST EVENT CODE TEST123"));
    let it = Scripted::new(&[], Answer::Accept);
    it.stage.rows(&leads(1));
    it.stage.sync(&["--test-event-code", "TEST123"]);
    it.stage.rows(&leads(2));
    it.stage.sync(&[]);
    let codes: Vec<Value> = it.graph.requests().iter().map(|r| r.json()["test_event_code"].clone()).collect();
    assert_eq!(codes, [json!("TEST123"), Value::Null]);
}

#[test]
fn names_and_action_sources_are_as_configured() {
    let change = |stage: Stage| {
        stage
            .configure("meta", "action_source = \"website\"")
            .section("events.Signup", "rename = \"CompleteRegistration\"\naction_source = \"chat\"")
            .section("columns", "event_source_url = { value = \"https://shop.example.com/\" }")
    };
    let rows = [lead("a"), lead("b").with("facebook_event_type", "Signup")];
    let events = events_of(&rows, change, &[]);
    let told: Vec<String> =
        events.iter().map(|event| format!("{} {}", event["event_name"], event["action_source"])).collect();
    assert_eq!(told, ["\"Lead\" \"website\"", "\"CompleteRegistration\" \"chat\""]);
    let selected = events_of(&rows, change, &["--event", "CompleteRegistration"]);
    assert_eq!(selected.len(), 1);
    let default = events_of(&rows[..1], plain, &[]);
    assert_eq!(default[0]["action_source"], "system_generated");
}

#[test]
fn a_name_that_misses_a_standard_event_is_warned_of() {
    let rows = [lead("a").with("facebook_event_type", "purchase"), lead("b").with("facebook_event_type", "Survey")];
    let it = Sandboxed::new();
    it.stage.rows(&rows);
    let stderr = it.stage.sync(&[]).stderr;
    let warned = "the event name purchase is not Meta's Purchase";
    assert_eq!(stderr.matches("is not Meta's").count(), 1, "{stderr}");
    assert!(stderr.contains(warned) && stderr.contains("[events] \"purchase\" = \"Purchase\""), "{stderr}");
}

#[test]
fn only_people_who_consented_are_sent() {
    let rows = [
        lead("a").with("may_we", true),
        lead("b").with("may_we", "YES"),
        lead("c").with("may_we", false),
        lead("d").with("may_we", "perhaps"),
        lead("e"),
    ];
    let consent = |stage: Stage| stage.section("privacy", "consent = { column = \"may_we\" }");
    let it = check(&rows, consent, &[], "exit 0: sent 2, skipped 3");
    it.stage.rows(&[lead("c").with("may_we", 1)]);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
}

#[test]
fn events_that_the_model_did_not_map_are_sent_or_skipped() {
    let rows = [lead("a"), lead("b").with("facebook_event_type", "Other")];
    check(&rows, plain, &[], "exit 0: sent 2");
    check(&rows, |stage| stage.configure("meta", "unmapped = \"skip\""), &[], "exit 0: sent 1, skipped 1");
}

#[test]
fn requests_name_the_platform_and_prove_the_secret() {
    let it = Scripted::new(&[], Answer::Accept).on(|stage| stage.configure("meta", "partner_agent = \"acme-shop\""));
    it.stage.rows(&leads(1));
    assert_eq!(it.stage.sync(&[]).exit, Some(0));
    let request = &it.graph.requests()[0];
    assert_eq!(request.json()["partner_agent"], "acme-shop");
    assert!(request.head.starts_with("POST /v26.0/1234567890/events HTTP/1.1\r\n"), "{}", request.head);
    let secret = || SandboxOptions { app_secret: Some(Secret::new("s3cret".into())), ..SandboxOptions::default() };
    let prove = |stage: Stage| stage.configure("meta", "app_secret = { env = \"APP\" }");
    let it = Sandboxed::with(secret()).on(|stage| prove(stage).variable("APP", "s3cret"));
    it.stage.rows(&leads(1));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
    let it = Sandboxed::with(secret()).on(|stage| prove(stage).variable("APP", "another"));
    it.stage.rows(&leads(1));
    let refused = it.stage.sync(&[]);
    assert_eq!(refused.told(), "exit 4: pending 1", "{}", refused.stderr);
    assert!(refused.stderr.contains("app_secret"), "{}", refused.stderr);
    let it = it.on(|stage| stage.variable("APP", "s3cret"));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
}

#[test]
fn a_proxy_for_the_internet_does_not_stand_before_this_machine() {
    let proxy =
        |stage: Stage| stage.variable("HTTP_PROXY", "http://127.0.0.1:9").variable("http_proxy", "http://127.0.0.1:9");
    check(&leads(1), proxy, &[], "exit 0: sent 1");
}

#[test]
fn the_demo_shows_two_runs_and_leaves_nothing_behind() {
    let it = Sandboxed::new();
    let ran = it.stage.run(&["demo", "--rows", "100"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("none was lost, none came twice"), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    serde_json::from_str::<Value>(&ran.stdout).unwrap();
    assert_eq!(std::fs::read_dir(it.stage.path("")).unwrap().count(), 1, "only the configuration is there");
}

#[test]
fn batches_are_cut_and_sent_side_by_side() {
    let it = Scripted::new(&[], Answer::Accept);
    it.stage.rows(&leads(25));
    let ran = it.stage.sync(&["--batch-size", "10", "--concurrency", "3"]);
    assert_eq!(ran.told(), "exit 0: sent 25");
    let mut sizes: Vec<usize> = it.graph.requests().iter().map(|request| request.ids().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10]);
    let mut ids = it.graph.taken();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 25);
}

#[test]
fn the_report_says_what_ended_a_run_before_it_began() {
    let it = Sandboxed::new();
    let stage = it.stage.configure("state", "first_run = \"refuse\"");
    stage.rows(&[lead("a")]);
    let report = stage.sync(&[]).report();
    assert_eq!((&report["exit_code"], report["error"].is_string()), (&json!(2), true), "{report}");
}

#[test]
#[cfg(target_os = "linux")]
fn fm_56_a_report_that_cannot_be_written_changes_nothing_about_the_delivery() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a")]);
    // A device that opens like a file and is always full.
    let ran = it.stage.sync(&["--report", "/dev/full"]);
    assert_eq!(ran.told(), "exit 0: sent 1", "{}", ran.stderr);
    assert!(ran.stderr.contains("! --report: /dev/full cannot be written"), "{}", ran.stderr);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 1");
}

#[test]
fn fm_58_a_backfill_beyond_the_window_sends_what_meta_takes_and_counts_the_rest() {
    let old = lead("b").ago(TimeDelta::days(20));
    let it = check(&[lead("a"), old], plain, &["--since", "30d"], "exit 3: sent 1, expired 1");
    assert_eq!(it.stage.sync(&["--since", "30d"]).exit, Some(0));
    assert_eq!((it.stats().received, it.stats().refused), (1, 0));
}

#[test]
fn a_report_never_replaces_what_the_run_needs() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a")]);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
    for needed in ["config.toml", "rows.ndjson", "state/ledger.db", "state/ledger.db.lock"] {
        let before = std::fs::read(it.stage.path(needed)).unwrap();
        let ran = it.stage.run(&["sync", "--report", needed]);
        assert_eq!(ran.exit, Some(2), "{needed}: {}", ran.stderr);
        assert_eq!(std::fs::read(it.stage.path(needed)).unwrap(), before, "{needed}");
    }
}

#[test]
fn fm_52_a_clock_that_is_wrong_is_warned_of() {
    let check = |now: fn() -> DateTime<Utc>, expected: Option<&str>| {
        // That the last request is not answered hides nothing.
        let faults = vec!["event=b:lost".parse().unwrap()];
        let it = Sandboxed::with(SandboxOptions { faults, ..SandboxOptions::default() })
            .on(|stage| stage.configure("meta", "batch_size = 1\nconcurrency = 1"));
        it.stage.rows(&[lead("a"), lead("b")]);
        let warnings = it.stage.sync_at(now).report.warnings;
        let warned = warnings.iter().find(|warning| warning.contains("clock"));
        assert_eq!(warned.map(|warning| warning.split(", and").next().unwrap()), expected);
    };
    check(Utc::now, None);
    check(|| Utc::now() + TimeDelta::seconds(630), Some("the clock of this machine is 10 min ahead of Meta's"));
    check(|| Utc::now() - TimeDelta::seconds(630), Some("the clock of this machine is 10 min behind Meta's"));
}
