//! `fbcapi resolve`.

use serde_json::json;

use super::{object, one_in_doubt, status};
use crate::support::graph::Scripted;

/// The batch in doubt, as `fbcapi status` names it, and its run.
fn named(it: &Scripted) -> (String, String) {
    let batch = status(&it.stage)["in_doubt"]["batches"][0]["batch"].as_str().unwrap().to_owned();
    let run = batch.split_once('/').unwrap().0.to_owned();
    (batch, run)
}

#[test]
fn held_events_are_sent_again_when_someone_decides_so() {
    for by_run in [true, false] {
        let it = one_in_doubt();
        assert_eq!(it.stage.sync(&[]).told(), "exit 3: already_sent 2, unknown 2");
        let (batch, run) = named(&it);
        let id = if by_run { run } else { batch.clone() };
        let ran = it.stage.run(&["resolve", &id, "--resend"]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("2 events of 1 batch may be sent again"), "{}", ran.stdout);
        assert!(ran.stdout.contains("THEY MAY COUNT TWICE"), "{}", ran.stdout);
        assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 2, already_sent 2");
        assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 4");
        // Once more changes nothing, whatever is decided.
        for decision in ["--resend", "--drop"] {
            let told = object(&it.stage.run(&["resolve", &batch, decision, "--json"]));
            assert_eq!((&told["batches"], &told["events"]), (&json!([]), &0.into()));
            assert_eq!(told["settled_before"][0]["outcome"], "released");
        }
    }
}

#[test]
fn events_that_someone_counts_as_sent_never_leave_again() {
    let it = one_in_doubt();
    let (batch, _) = named(&it);
    let requests = it.graph.requests().len();
    let told = object(&it.stage.run(&["resolve", &batch, "--drop", "--json"]));
    assert_eq!((&told["decision"], &told["events"], &told["batches"]), (&"drop".into(), &2.into(), &json!([batch])));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 4");
    let it = it.on(|stage| stage.variable("FBCAPI_META_ON_UNKNOWN", "resend"));
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 4");
    assert_eq!(it.graph.requests().len(), requests);
    assert_eq!(status(&it.stage)["attention"], json!([]));
}

#[test]
fn an_id_that_is_not_in_the_state_changes_nothing() {
    let it = one_in_doubt();
    let (batch, run) = named(&it);
    for ids in [&["nobody"][..], &[&format!("{run}/9")], &[&batch, "nobody"]] {
        let ran = it.stage.run(&[&["resolve", "--resend"], ids].concat());
        assert_eq!(ran.exit, Some(2), "{ids:?}");
        assert!(ran.stderr.contains("no batch or run"), "{}", ran.stderr);
    }
    assert_eq!(it.stage.run(&["resolve", &batch]).exit, Some(2), "there is no decision by default");
    assert_eq!(it.stage.run(&["resolve", &batch, "--drop", "--resend"]).exit, Some(2));
    assert_eq!(it.stage.sync(&[]).told(), "exit 3: already_sent 2, unknown 2");
}
