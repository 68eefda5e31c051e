//! The page about the sandbox says what the sandbox does, and the program serves what the page shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use clap::Parser as _;
use fbcapi::cli::Cli;
use fbcapi::sandbox::{FaultRule, Taking};
use serde_json::Value;

use crate::support::rows::leads;
use crate::support::run::Stage;

const PAGE: &str = include_str!("../../docs/sandbox.md");

/// The cells of the page's rows that begin with a code and have so many cells.
fn rows(cells: usize) -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect());
    rows.filter(|row: &Vec<_>| row.len() == cells).collect()
}

/// The texts between backticks.
fn inline() -> impl Iterator<Item = &'static str> {
    PAGE.split('`').skip(1).step_by(2)
}

#[test]
fn the_page_has_every_fault_and_what_becomes_of_the_events() {
    let told = "nonsense".parse::<FaultRule>().unwrap_err().to_string();
    let known = told.split_once("there are ").unwrap().1.replace("a status as ", "").replace(" or ", ", ");
    let known: Vec<_> = known.split(", ").collect();
    let faults = rows(4);
    assert_eq!(faults.iter().map(|row| row[0]).collect::<Vec<_>>(), known);
    for row in faults {
        let rule: FaultRule = row[3].parse().unwrap();
        let taking = if row[2] == "taken" { Taking::Taken } else { Taking::NotTaken };
        assert_eq!(rule.taking(), taking, "{}", row[0]);
        let name = row[0].split(['[', '=']).next().unwrap();
        assert!(row[3].split(':').any(|part| part.starts_with(name)), "{} is no example of {name}", row[3]);
    }
    for condition in rows(2).into_iter().map(|row| row[0]).filter(|text| text.contains('=') && !text.contains('/')) {
        format!("{condition}:lost").parse::<FaultRule>().unwrap();
    }
    assert!(inline().filter(|text| text.contains(':') && text.parse::<FaultRule>().is_ok()).count() > 15);
}

#[test]
fn every_command_on_the_page_is_understood() {
    let blocks = PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let commands = blocks.flat_map(str::lines).filter_map(|line| line.find("fbcapi ").and_then(|at| line.get(at..)));
    let flags = inline().filter(|text| text.starts_with("--") && !text.contains("RULE")).map(|flag| {
        let needs_value = ["--record", "--app-secret", "--seed", "--dataset-id"].contains(&flag);
        let value = match flag {
            "--app-secret" => " env:X",
            _ if needs_value => " 1",
            _ => "",
        };
        format!("fbcapi sandbox {flag}{value}")
    });
    for command in commands.map(str::to_owned).chain(flags) {
        if let Err(error) = Cli::try_parse_from(command.split_whitespace()) {
            panic!("`{command}` is not understood: {error}");
        }
    }
}

/// The program's sandbox.
struct Served {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    url: String,
}

/// Starts the program's sandbox and waits until it says where it is.
fn serve(arguments: &[&str]) -> Served {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fbcapi"));
    command.env_clear().env("APP", "secret-1").args(["sandbox", "--port", "0"]).args(arguments);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let url = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{line}");
    Served { child, said, url }
}

impl Served {
    /// Interrupts it, and gives what it says.
    fn interrupt(mut self) -> String {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

#[test]
fn a_lost_answer_is_a_possible_duplicate_in_the_report_and_a_duplicate_here() {
    let served = serve(&["--fault", "nth=1:lost", "--app-secret", "env:APP"]);
    let stage = Stage::new(&served.url).configure("meta", "app_secret = { env = \"APP\" }").variable("APP", "secret-1");
    stage.rows(&leads(7));
    let ran = stage.sync(&[]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let report: Value = ran.report();
    assert_eq!(report["counts"]["sent"], 7);
    assert_eq!(report["possible_duplicates"], 7, "{report}");
    let rest = served.interrupt();
    assert!(rest.contains("  fault nth=1:lost\n"), "{rest}");
    assert!(
        rest.ends_with("2 requests, 0 of them refused; 14 events received, 7 unique, 7 duplicates\n  faults lost 1\n"),
        "{rest}"
    );
}

#[test]
fn a_secret_that_is_missing_or_a_rule_that_is_none_ends_the_start() {
    for (arguments, said) in [
        (["--app-secret", "env:NOPE"], "--app-secret is to come from $NOPE, which is not set"),
        (["--app-secret", "secret-1"], "a secret is no flag: expected env:NAME or file:PATH"),
        (["--access-token", "file:/nowhere/token"], "--access-token is to come from /nowhere/token"),
        (["--fault", "lsot"], "\"lsot\" is no fault"),
        (["--quota", "5"], "expected calls and a time, like 100/5m"),
        (["--locale", "tlh"], "expected en, fr or da"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fbcapi"));
        let output = command.env_clear().args(["sandbox", "--port", "0"]).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

/// Posts one event and gives the answer.
fn post(url: &str, event: &Value) -> Value {
    let body = serde_json::json!({ "data": [event] }).to_string();
    let runtime = crate::support::run::runtime();
    let client = reqwest::Client::new().post(format!("{url}/v26.0/1234567890/events")).bearer_auth("any");
    let request = client.header("content-type", "application/json").body(body);
    let text = runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_the_sandbox_lets_pass_is_decided_by_its_flags() {
    let now = chrono::Utc::now().timestamp();
    let event = serde_json::json!({
        "event_name": "Lead", "event_id": "e-1", "event_time": now, "action_source": "website",
        "user_data": { "external_id": ["a".repeat(64)] }, "custom_data": { "value": 1 },
    });
    let served = serve(&[]);
    assert_eq!(post(&served.url, &event)["error"]["error_subcode"], 2_804_023);
    served.interrupt();
    let served = serve(&["--bare-values", "--latency", "1"]);
    assert_eq!(post(&served.url, &event)["events_received"], 1);
    served.interrupt();
    let served = serve(&["--bare-values", "--strict", "--blame"]);
    let answer = post(&served.url, &event);
    assert!(answer["error"]["error_user_msg"].as_str().unwrap().contains("event_source_url"), "{answer}");
    assert!(answer["error"]["error_data"]["blame_field_specs"].is_array(), "{answer}");
    served.interrupt();
}
