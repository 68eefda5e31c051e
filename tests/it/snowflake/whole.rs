//! The whole program over a table in Snowflake: asked to end, and under every fault with nothing shown of what is secret.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::run::{Stage, runtime, wait_for, wait_until};

use super::*;

/// A stage whose rows come from a server that follows a script.
fn stage(script: impl FnOnce(SocketAddr) -> Script) -> (Stage, Server) {
    let runtime = runtime();
    let server = runtime.block_on(Server::start(script));
    let connection = format!(
        "account = \"o-a\"\nuser = \"U\"\npassword = {{ env = \"SECRET\" }}\nhost = \"127.0.0.1\"\nport = {}\n\
         protocol = \"http\"",
        server.address.port()
    );
    let stage = Stage::within(runtime, "http://127.0.0.1:9")
        .variable("SECRET", "password-secret")
        .variable("RUST_LOG", "trace")
        .variable("RUST_BACKTRACE", "full")
        .section("source", "table = \"A.B.FACEBOOK_EVENTS\"")
        .section("snowflake", &connection)
        .section("columns", "event_name = { value = \"Lead\" }");
    (stage, server)
}

#[test]
fn fm_50_asked_to_end_while_snowflake_runs_the_query_the_query_is_ended_and_the_session_closed() {
    for (name, exit) in [("-INT", 130), ("-TERM", 143)] {
        for arguments in [&["sync", "--dry-run"][..], &["sync"]] {
            let (stage, server) = stage(|_| Script {
                rows: [running("333334", "/queries/q/result")].into(),
                polls: [Reply::Hang].into(),
                ..Script::default()
            });
            let run = stage.command(arguments).stdout(Stdio::piped()).spawn().expect("the program is there");
            wait_until("the question for the result", || !server.seen("/queries/q/result").is_empty());
            let began = Instant::now();
            let signalled = Command::new("kill").args([name, &run.id().to_string()]).status();
            assert!(signalled.expect("kill is there").success());
            let ran = wait_for(run);
            // Five seconds are granted to the farewell.
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
            assert_eq!(ran.exit, Some(exit), "{}", ran.stderr);
            let [abort] = server.seen("/queries/v1/abort-request").try_into().expect("it is ended once");
            assert_eq!(abort.body["requestId"], server.statements()[0].query["requestId"].as_str());
            let closed = server.seen("/session").into_iter().filter(|seen| seen.path == "/session").count();
            assert_eq!(closed, 1, "the session is closed");
        }
    }
}

/// Makes a script for a server at an address.
type Play = Box<dyn FnOnce(SocketAddr) -> Script>;

/// A script with these answers to the query and to questions for its result.
fn with(rows: Vec<Reply>, polls: Vec<Reply>) -> Script {
    Script { rows: rows.into(), polls: polls.into(), ..Script::default() }
}

#[test]
fn nothing_of_a_token_an_address_or_a_cell_is_shown_under_any_fault() {
    let message = "Numeric value 'canary-cell' is not recognized";
    let expired = || refused("390112", "Your session has expired.");
    let gone = || Reply::Bytes(403, b"<Error>signature-secret</Error>".to_vec(), vec![]);
    let accepted = || running("333334", "/queries/q/result?canary=1");
    let in_parts = |part: Reply, polls: fn(SocketAddr) -> Vec<Reply>| -> Play {
        Box::new(move |address| {
            let mut data = result_data(4, 0..2, &[(part_address(address, 0), 2)]);
            data["queryId"] = "01bc-0a".into();
            Script {
                rows: [done(&data)].into(),
                polls: polls(address).into(),
                parts: [(0, vec![part; 6].into())].into(),
                ..Script::default()
            }
        })
    };
    let plays: Vec<(&str, Play)> = vec![
        ("a cell that cannot be converted", Box::new(move |_| with(vec![refused("100038", message)], vec![]))),
        (
            "a login refused",
            Box::new(|_| Script {
                logins: [refused("390100", "Incorrect username or password was specified.")].into(),
                ..Script::default()
            }),
        ),
        (
            "a login of another shape",
            Box::new(|_| Script {
                logins: [done(&json!({ "token": 1, "masterToken": "master-secret" }))].into(),
                ..Script::default()
            }),
        ),
        ("a session lost twice", Box::new(move |_| with(vec![expired(), expired()], vec![]))),
        ("a place elsewhere", Box::new(|_| with(vec![running("333334", "http://canary.example.com/q")], vec![]))),
        ("a poll refused", Box::new(move |_| with(vec![accepted()], vec![refused("100132", message)]))),
        ("no JSON", Box::new(|_| with(vec![Reply::Bytes(200, b"canary-cell".to_vec(), vec![])], vec![]))),
        ("an address that has expired", in_parts(gone(), |_| vec![])),
        (
            "an address that stays expired",
            in_parts(gone(), |address| {
                let mut data = result_data(4, 0..2, &[(part_address(address, 0), 2)]);
                data["queryId"] = "01bc-0a".into();
                vec![done(&data), done(&data), done(&data)]
            }),
        ),
        (
            "fresh addresses refused in words with a cell",
            in_parts(gone(), |_| vec![refused("100038", "Numeric value 'canary-cell' is not recognized")]),
        ),
        (
            "a renewal refused in words with a cell",
            Box::new(move |_| Script {
                renewals: [refused("100038", message)].into(),
                ..with(vec![expired(), expired()], vec![])
            }),
        ),
        ("a part of another shape", in_parts(Reply::Bytes(200, b"canary-cell".to_vec(), vec![]), |_| vec![])),
        ("all is well", in_parts(part(2..4), |_| vec![])),
    ];
    for (what, play) in plays {
        let (stage, server) = stage(play);
        let ran = stage.run(&["sync", "--dry-run", "-vv", "--report", "report.json"]);
        let report = String::from_utf8(stage.read("report.json")).expect("the report is text");
        assert!(what == "all is well" || ran.stderr.contains("✗ "), "{what}: {}", ran.stderr);
        let address = server.address.to_string();
        let forbidden =
            ["secret", "://", "canary", "HEADERKEY", "MASTERKEY", "/queries", "/parts", "requestId", "evt_", "01bc-0a"];
        for (place, content) in [("standard error", &ran.stderr), ("the report", &report)] {
            for text in forbidden.iter().map(ToString::to_string).chain([format!("{address}/"), format!("{address}?")])
            {
                assert!(!content.contains(&text), "{what}: {text} stands in {place}: {content}");
            }
        }
    }
}
