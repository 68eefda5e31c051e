//! A token that Meta refuses in the middle of a run.

use std::os::unix::fs::PermissionsExt as _;

use fbcapi::sync::World;

use super::{assert_taken_once, check_stop};
use crate::support::graph::{Answer, Request, Scripted};
use crate::support::rows::leads;
use crate::support::run::{Stage, options, tell};

/// Puts a token where the configuration looks for it.
fn put(stage: &Stage, token: &str) {
    stage.write("token", token);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(stage.path("token"), private).unwrap();
}

/// Which token a request showed.
fn shown(request: &Request) -> &str {
    let line = request.head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    line.unwrap()
}

/// A run of three batches during which the token is replaced; Meta refuses the old one from the second request on.
fn replaced(line: &str, replace: impl FnOnce(&Stage), then: Answer) -> (Scripted, String) {
    let expired = Answer::Error(401, 190, 463);
    let it = Scripted::new(&[Answer::Accept, expired], then).on(|stage| {
        let folder = stage.path("").display().to_string();
        stage
            .configure("meta", &line.replace("HERE", folder.trim_end_matches('/')))
            .configure("meta", "batch_size = 10\nconcurrency = 1")
    });
    it.stage.rows(&leads(30));
    put(&it.stage, "token-1");
    let config = it.stage.config();
    replace(&it.stage);
    let world = World { now: chrono::Utc::now, random: || 0.5 };
    let outcome = it.stage.runtime.block_on(fbcapi::sync::sync(&config, &options(), world));
    let report = serde_json::to_value(&outcome.report).unwrap();
    let told = format!("exit {}: {}", outcome.report.exit_code, tell(&report));
    (it, told)
}

#[test]
fn fm_39_a_token_that_was_replaced_is_read_again_once_and_the_run_goes_on() {
    for line in ["access_token = { file = \"HERE/token\" }", "access_token = { command = [\"cat\", \"HERE/token\"] }"] {
        let (it, told) = replaced(line, |stage| put(stage, "token-2"), Answer::Accept);
        assert_eq!(told, "exit 0: sent 30", "{line}");
        let requests = it.graph.requests();
        let tokens: Vec<&str> = requests.iter().map(shown).collect();
        assert_eq!(tokens, ["token-1", "token-1", "token-2", "token-2"], "{line}");
        assert_eq!(requests[1].body, requests[2].body, "{line}");
        assert_taken_once(&it.graph, 30);
    }
}

#[test]
fn fm_39_a_token_that_stays_the_same_or_is_refused_again_stops_the_run() {
    let line = "access_token = { file = \"HERE/token\" }";
    let same = replaced(line, |_| {}, Answer::Accept);
    assert_eq!((same.1.split(" pending").next(), same.0.graph.requests().len()), (Some("exit 4: sent 10,"), 2));
    let gone = replaced(line, |stage| std::fs::remove_file(stage.path("token")).unwrap(), Answer::Accept);
    assert_eq!((gone.1.split(" pending").next(), gone.0.graph.requests().len()), (Some("exit 4: sent 10,"), 2));
    let refused = replaced(line, |stage| put(stage, "token-2"), Answer::Error(401, 190, 0));
    assert_eq!((refused.1.split(" pending").next(), refused.0.graph.requests().len()), (Some("exit 4: sent 10,"), 3));
}

#[test]
fn fm_39_the_proof_of_the_secret_is_that_of_the_new_token() {
    let line = "access_token = { file = \"HERE/token\" }\napp_secret = { command = [\"echo\", \"s3cret\"] }";
    let (it, told) = replaced(line, |stage| put(stage, "token-2"), Answer::Accept);
    assert_eq!(told, "exit 0: sent 30");
    let proofs: Vec<_> = it.graph.requests().iter().map(|r| r.json()["appsecret_proof"].clone()).collect();
    assert!(proofs[0] == proofs[1] && proofs[1] != proofs[2] && proofs[2] == proofs[3], "{proofs:?}");
    let events = |at: usize| it.graph.requests()[at].json()["data"].clone();
    assert_eq!(events(1), events(2));
}

#[test]
fn fm_39_a_token_of_the_environment_is_not_read_again() {
    let it = check_stop(&Answer::Error(401, 190, 463), 4, "Generate access token");
    assert!(it.graph.taken().is_empty());
}
