//! What is done when nobody knows whether Meta took events, by their names.

use serde_json::json;

use super::sync_here;
use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{Row, lead, purchase};
use crate::support::run::Stage;

/// Rows of two kinds in turns.
fn rows() -> Vec<Row> {
    let row = |number: usize| match number % 2 {
        0 => lead(&format!("lead-{number}")),
        _ => purchase(&format!("purchase-{number}")),
    };
    (0..6).map(row).collect()
}

/// Purchases are held.
fn hold_purchases(stage: Stage) -> Stage {
    stage.configure("meta", "concurrency = 1").section("events.Purchase", "on_unknown = \"hold\"")
}

#[test]
fn fm_36_events_that_are_to_be_held_ride_in_batches_of_their_own() {
    let it = Scripted::new(&[], Answer::LostAfterCommit).on(hold_purchases);
    it.stage.rows(&rows());
    assert_eq!(sync_here(&it.stage), "exit 3: unknown 6, 3 twice?");
    for request in it.graph.requests() {
        let names: Vec<_> =
            request.json()["data"].as_array().unwrap().iter().map(|e| e["event_name"].clone()).collect();
        assert!(
            names == [json!("Lead"), json!("Lead"), json!("Lead")] || names == vec![json!("Purchase"); 3],
            "{names:?}"
        );
    }
    it.graph.then_answer(&[Answer::Accept]);
    // The next run sends again what may be, and keeps the rest for a person.
    assert_eq!(sync_here(&it.stage), "exit 3: sent 3, unknown 3, 3 twice?");
    let purchases = it.graph.taken().iter().filter(|id| id.starts_with("purchase")).count();
    assert_eq!(purchases, 3, "a purchase was posted again");
}

#[test]
fn a_policy_is_that_of_the_name_that_is_sent() {
    let rename = |stage: Stage| {
        stage
            .configure("meta", "on_unknown = \"hold\"")
            .section("events.Lead", "rename = \"Contact\"\non_unknown = \"resend\"")
    };
    let it = Scripted::new(&[Answer::LostAfterCommit], Answer::Accept).on(rename);
    it.stage.rows(&[lead("a"), lead("b")]);
    assert_eq!(sync_here(&it.stage), "exit 0: sent 2, 2 twice?");
    let it = Scripted::new(&[Answer::LostAfterCommit], Answer::Accept).on(rename);
    it.stage.rows(&[purchase("a")]);
    assert_eq!(sync_here(&it.stage), "exit 3: unknown 1");
}

#[test]
fn a_policy_that_does_not_exist_is_a_mistake() {
    let it = Scripted::new(&[], Answer::Accept).on(|stage| stage.section("events.Purchase", "on_unknown = \"drop\""));
    it.stage.rows(&rows());
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("[events.Purchase] on_unknown must be \"resend\" or \"hold\""), "{}", ran.stderr);
}
