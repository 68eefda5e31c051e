//! `fbcapi why`.

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::{object, one_in_doubt};
use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, purchase};
use crate::support::run::{Sandboxed, Stage};

/// What `fbcapi why --json` prints.
#[track_caller]
fn why(stage: &Stage, arguments: &[&str]) -> Value {
    let ran = stage.run(&[&["why", "--json"], arguments].concat());
    assert!(!ran.stdout.contains("ada@example.com") && !ran.stdout.contains("129.90"), "{}", ran.stdout);
    object(&ran)
}

#[test]
fn every_event_of_a_table_has_an_answer() {
    let it = Sandboxed::new().on(|stage| {
        stage.section("events", "Order = \"Purchase\"").section("privacy", "consent = { column = \"consent\" }")
    });
    let yes = |id: &str| lead(id).with("consent", "true");
    let rows = [
        yes("sent"),
        yes("renamed").with("facebook_event_type", "Order").with("value", "1").with("currency", "EUR"),
        yes("own").with("facebook_event_type", "My Own Event"),
        yes("changed"),
        purchase("refused").with("consent", "true").without("value"),
        yes("old").ago(TimeDelta::days(9)),
        lead("no-consent"),
        yes("soon").at(Utc::now() + TimeDelta::minutes(3)),
        yes("bad-mail").with("email", "nobody").with("external_id", "x-1"),
    ];
    it.stage.rows(&rows);
    it.stage.sync(&[]);
    let rows = [&rows[..3], &[yes("changed").with("external_id", "x-2"), yes("new")], &rows[4..]].concat();
    it.stage.rows(&rows);
    let check = |id: &str, verdict: &str, next_run: Option<&str>| {
        let told = why(&it.stage, &[id]);
        assert_eq!((&told["verdict"], &told["exit_code"]), (&verdict.into(), &0.into()), "{told}");
        assert_eq!(told["rows"][0]["next_run"].as_str(), next_run, "{told}");
        // For a person there is at least a line that answers, and no value of a row.
        let ran = it.stage.run(&["why", id]);
        assert!(ran.stdout.starts_with(&format!("{id}: ")), "{}", ran.stdout);
        assert!(!ran.stdout.contains("example.com") && !ran.stdout.contains("nobody"), "{}", ran.stdout);
    };
    check("sent", "sent", None);
    check("renamed", "sent", None);
    check("own", "sent", None);
    check("bad-mail", "sent", None);
    check("new", "will_be_sent", Some("send"));
    check("refused", "refused", Some("reject"));
    check("old", "expired", Some("expire"));
    check("no-consent", "skipped", Some("skip"));
    check("soon", "deferred", Some("defer"));
    check("missing", "not_in_source", None);
    let told = why(&it.stage, &["sent"]);
    let event = &told["events"][0];
    assert_eq!((&event["event_name"], &event["fate"]), (&"Lead".into(), &"sent".into()));
    let attempt = &event["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["answer"]["status"]), (&"accepted".into(), &200.into()));
    assert!(attempt["answer"]["trace"].is_string() && attempt["batch"].is_string(), "{told}");
    assert_eq!(why(&it.stage, &["refused"])["rows"][0]["reason"], "purchase_without_value");
    assert_eq!(why(&it.stage, &["changed", "--look", "always"])["rows"][0]["has_changed"], true);
    let noted = &why(&it.stage, &["bad-mail", "--look", "always"])["rows"][0];
    assert_eq!((&noted["notes"][0]["field"], &noted["notes"][0]["reason"]), (&"email".into(), &"invalid_email".into()));
    assert_eq!(noted["match_keys"], serde_json::json!(["external_id"]));
    assert_eq!(why(&it.stage, &["new", "--look", "never"])["verdict"], "not_in_state");
    assert_eq!(why(&it.stage, &["sent", "--event", "Purchase", "--look", "never"])["verdict"], "not_in_state");
}

#[test]
fn an_event_in_doubt_tells_its_attempts_and_what_decides() {
    let it = one_in_doubt();
    let told = why(&it.stage, &["e-0"]);
    assert_eq!((&told["verdict"], &told["rows"][0]["next_run"]), (&"held".into(), &"hold".into()));
    let batch = told["events"][0]["attempts"][0]["batch"].as_str().unwrap().to_owned();
    assert_eq!(why(&it.stage, &["e-0", "--look", "never"])["verdict"], "in_doubt");
    it.stage.run(&["resolve", &batch, "--resend"]);
    let told = why(&it.stage, &["e-0"]);
    assert_eq!((&told["verdict"], &told["rows"][0]["next_run"]), (&"will_be_sent".into(), &"send".into()));
    it.stage.sync(&[]);
    let told = why(&it.stage, &["e-0"]);
    let outcomes: Vec<_> =
        told["events"][0]["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!((&told["verdict"], outcomes), (&"sent".into(), vec!["released".into(), "accepted".into()]));
}

#[test]
fn what_meta_refused_tells_code_and_whether_it_is_tried_again() {
    let it = Scripted::new(&[Answer::RefuseIds(vec!["e".into()])], Answer::Accept);
    it.stage.rows(&[lead("e")]);
    it.stage.sync(&[]);
    let told = why(&it.stage, &["e"]);
    assert_eq!((&told["verdict"], &told["rows"][0]["next_run"]), (&"refused".into(), &"still_refused".into()));
    let refusal = &told["events"][0]["refusals"][0];
    assert_eq!((&refusal["answer"]["code"], &refusal["retry_asked_at"]), (&100.into(), &Value::Null));
    it.stage.run(&["rejects", "retry", "e"]);
    let told = why(&it.stage, &["e"]);
    assert_eq!(told["rows"][0]["next_run"], "send");
    assert!(told["events"][0]["refusals"][0]["retry_asked_at"].is_string(), "{told}");
}

#[test]
fn a_source_that_cannot_be_read_leaves_what_the_state_knows() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("e")]);
    it.stage.sync(&[]);
    std::fs::remove_file(it.stage.path("rows.ndjson")).unwrap();
    let told = why(&it.stage, &["e", "--look", "always"]);
    assert_eq!((&told["verdict"], &told["exit_code"]), (&"sent".into(), &2.into()));
    assert!(told["error"].is_string(), "{told}");
}
