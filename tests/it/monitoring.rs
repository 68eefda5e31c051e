//! What monitoring is told: the file for Prometheus, and the pings.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::float_cmp, reason = "every number here is a whole one, or is printed and read in the same digits")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use fbcapi::commands::exit::Exit;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, leads};
use crate::support::run::{Ran, Sandboxed, Stage, TOKEN, wait_until};
use crate::support::watchdog::{KEY, Watchdog};

const OPERATIONS: &str = include_str!("../../docs/operations.md");

#[test]
fn every_exit_code_has_someone_who_is_called_or_nobody() {
    let table = OPERATIONS.split("## Whom to page\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut codes: Vec<u8> = cells.flat_map(|cell| cell.split(", ")).filter_map(|code| code.parse().ok()).collect();
    codes.sort_unstable();
    assert_eq!(codes, Exit::TABLE.map(|(exit, _)| exit.code()));
}

/// Reads a file of metrics as strictly as the textfile collector does, and gives each value by name and labels, without
/// the dataset, which every one must have.
/// Source: Prometheus, exposition formats, text-based format.
#[track_caller]
fn metrics(text: &str) -> BTreeMap<String, f64> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    assert!(text.ends_with('\n'), "the last line does not end");
    let (mut values, mut families, mut family) = (BTreeMap::new(), BTreeSet::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            assert!(families.insert(name.to_owned()), "{name} stands twice");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            assert!(lines.peek().is_some_and(|next| next.starts_with(name)), "{name} has no value");
            name.clone_into(&mut family);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap();
        assert_eq!(name, family, "{line}");
        let labels = labels.strip_suffix('}').unwrap();
        let labels: Vec<&str> = labels.split(',').collect();
        for label in &labels {
            let (label, value) = label.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
            assert!(is_name(label) && !value.contains(['"', '\\', '\n']) && !value.is_empty(), "{line}");
        }
        assert_eq!(labels[0], "dataset_id=\"1234567890\"", "{line}");
        let key = labels.get(1).map_or(name.to_owned(), |label| format!("{name} {}", label.replace('"', "")));
        assert_eq!(values.insert(key, value.parse::<f64>().unwrap()), None, "{line} stands twice");
    }
    values
}

/// The metrics that a run left.
#[track_caller]
fn left(stage: &Stage) -> BTreeMap<String, f64> {
    metrics(&String::from_utf8(stage.read("fbcapi.prom")).unwrap())
}

/// Runs a sync that leaves metrics.
fn sync(stage: &Stage) -> Ran {
    stage.sync(&["--metrics-file", "fbcapi.prom"])
}

#[test]
fn the_metrics_are_those_of_the_run_and_everyone_may_read_them() {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a"), lead("b"), lead("c").without("event_id"), lead("d").ago(TimeDelta::days(9))]);
    let ran = sync(&it.stage);
    assert_eq!(ran.told(), "exit 3: sent 2, rejected 1, expired 1");
    let found = left(&it.stage);
    let names: BTreeSet<&str> = found.keys().map(|key| key.split(' ').next().unwrap()).collect();
    let expected = [
        "fbcapi_backlog_oldest_seconds",
        "fbcapi_events",
        "fbcapi_exit_code",
        "fbcapi_in_doubt",
        "fbcapi_last_run_timestamp_seconds",
        "fbcapi_last_success_timestamp_seconds",
        "fbcapi_match_key_ratio",
        "fbcapi_possible_duplicates",
        "fbcapi_run_duration_seconds",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    // The document lists the same, and its rules ask for no other.
    let listed = OPERATIONS.lines().filter_map(|line| line.strip_prefix("| `fbcapi_"));
    let mut listed: Vec<String> =
        listed.map(|line| format!("fbcapi_{}", line.split(['`', '{']).next().unwrap())).collect();
    listed.sort();
    assert_eq!(listed, expected);
    let rules = OPERATIONS.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let asked: BTreeSet<&str> = rules.split(|c| !is_of_name(c)).filter(|word| word.starts_with("fbcapi_")).collect();
    assert!(asked.len() > 4 && asked.iter().all(|name| expected.contains(name)), "{asked:?}");
    let report = ran.report();
    for (end, count) in report["counts"].as_object().unwrap().iter().filter(|(end, _)| *end != "selected") {
        assert_eq!(Some(found[&format!("fbcapi_events outcome={end}")]), count.as_f64(), "{end}");
    }
    for (key, share) in report["match_keys"].as_object().unwrap() {
        assert_eq!(Some(found[&format!("fbcapi_match_key_ratio key={key}")]), share.as_f64(), "{key}");
    }
    #[expect(clippy::cast_precision_loss, reason = "the seconds since 1970 are exact")]
    let is_now = |name: &str| (found[name] - Utc::now().timestamp() as f64).abs() < 60.0;
    assert!(is_now("fbcapi_last_run_timestamp_seconds") && is_now("fbcapi_last_success_timestamp_seconds"));
    assert_eq!((found["fbcapi_exit_code"], found["fbcapi_backlog_oldest_seconds"]), (3.0, 0.0));
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&it.stage.path("fbcapi.prom").metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o644);
    }
    // Nothing else is left beside it.
    let beside = std::fs::read_dir(it.stage.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(beside.filter(|name| name.to_string_lossy().starts_with(".tmp")).count(), 0);
}

#[test]
fn a_run_that_fails_leaves_metrics_too_and_keeps_the_last_success() {
    let refuse = Answer::Error(400, 190, 463);
    let it = Scripted::new(&[Answer::Accept, refuse], Answer::Accept);
    it.stage.rows(&[lead("a")]);
    assert_eq!(sync(&it.stage).exit, Some(0));
    let success = left(&it.stage)["fbcapi_last_success_timestamp_seconds"];
    assert!(success > 0.0);
    // Refused by Meta: what is left is as old as its oldest event.
    it.stage.rows(&[lead("a"), lead("b").ago(TimeDelta::hours(5)), lead("c").ago(TimeDelta::hours(3))]);
    assert_eq!(sync(&it.stage).told(), "exit 4: already_sent 1, pending 2");
    let found = left(&it.stage);
    let backlog = found["fbcapi_backlog_oldest_seconds"];
    assert!((5.0 * 3_600.0..5.0 * 3_600.0 + 180.0).contains(&backlog), "{backlog}");
    assert_eq!((found["fbcapi_exit_code"], found["fbcapi_events outcome=pending"]), (4.0, 2.0));
    // Nothing could be read: what was left is left still.
    std::fs::remove_file(it.stage.path("rows.ndjson")).unwrap();
    assert_eq!(sync(&it.stage).exit, Some(2));
    let found = left(&it.stage);
    assert!(found["fbcapi_backlog_oldest_seconds"] >= backlog, "{found:?}");
    assert_eq!((found["fbcapi_exit_code"], found["fbcapi_events outcome=pending"]), (2.0, 0.0));
    // The configuration is wrong.
    let it = it.on(|stage| stage.configure("meta", "concurency = 3"));
    assert_eq!(it.stage.run(&["sync", "--metrics-file", "fbcapi.prom"]).exit, Some(2));
    assert_eq!(left(&it.stage)["fbcapi_last_success_timestamp_seconds"], success);
    assert!(left(&it.stage)["fbcapi_backlog_oldest_seconds"] >= backlog);
}

#[test]
fn what_is_in_doubt_is_measured() {
    let it = Scripted::new(&[], Answer::TooFew);
    it.stage.rows(&leads(3));
    assert_eq!(sync(&it.stage).told(), "exit 3: unknown 3");
    assert_eq!(left(&it.stage)["fbcapi_in_doubt"], 3.0);
}

#[test]
fn fm_56_metrics_that_cannot_be_written_are_warned_of_and_change_nothing() {
    let it = Sandboxed::new().on(|stage| stage.variable("FBCAPI_METRICS_FILE", "missing/fbcapi.prom"));
    it.stage.rows(&leads(2));
    let ran = it.stage.sync(&[]);
    assert_eq!(ran.told(), "exit 0: sent 2");
    assert!(ran.stderr.contains("! --metrics-file: missing/fbcapi.prom cannot be written"), "{}", ran.stderr);
    // What is no file of metrics is not replaced by one, not even while the configuration cannot be read.
    for name in ["rows.ndjson", "state/ledger.db", "config.toml"] {
        let before = it.stage.read(name);
        let ran = it.stage.run(&["sync", "--metrics-file", name]);
        assert!(ran.stderr.contains("is no file of metrics, and stays as it is"), "{name}: {}", ran.stderr);
        assert!(name == "state/ledger.db" || it.stage.read(name) == before, "{name} was replaced");
        assert!(!it.stage.read(name).starts_with(b"# HELP"), "{name} was replaced");
    }
}

#[test]
fn neither_a_dry_run_nor_a_run_that_was_skipped_says_anything_of_success() {
    let watchdog = Watchdog::start(200);
    let it = Scripted::new(&[Answer::Hang], Answer::Accept);
    let it = it.on(|stage| stage.section("ping", "url = { env = \"PING\" }").variable("PING", &watchdog.url));
    it.stage.rows(&leads(2));
    let dry = it.stage.run(&["sync", "--dry-run", "--metrics-file", "fbcapi.prom"]);
    assert_eq!((dry.exit, watchdog.pings().len(), it.stage.path("fbcapi.prom").exists()), (Some(0), 0, false));
    let mut first = it.stage.start(&[]);
    wait_until("the first request", || !it.graph.requests().is_empty());
    let skipped = it.stage.sync(&["--if-locked", "skip", "--metrics-file", "fbcapi.prom"]);
    assert_eq!((skipped.exit, it.stage.path("fbcapi.prom").exists()), (Some(0), false));
    assert_eq!(watchdog.pings(), ["/start", "/start"]);
    let locked = sync(&it.stage);
    assert_eq!((locked.exit, left(&it.stage)["fbcapi_exit_code"]), (Some(7), 7.0));
    assert_eq!(watchdog.pings()[2..], ["/start", "/7"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

/// Runs a sync with a watchdog, and tells its exit code, the pings, and the last body; the address is shown nowhere.
#[track_caller]
fn pinged(it: Scripted, url: &str) -> (Option<i32>, String) {
    let it = it.on(|stage| stage.section("ping", "url = { env = \"PING\" }").variable("PING", url));
    it.stage.rows(&leads(3));
    let ran = it.stage.run(&["sync", "--json", "-vv", "--report", "report.json"]);
    let shown = it.stage.run(&["config", "show", "--sources"]);
    assert!(shown.stdout.contains("url = { env = \"PING\" }"), "{}", shown.stdout);
    let report = String::from_utf8(it.stage.read("report.json")).unwrap();
    for text in [&ran.stdout, &ran.stderr, &report, &shown.stdout] {
        assert!(!text.contains(KEY) && !text.contains(TOKEN), "{text}");
    }
    (ran.exit, ran.stderr)
}

#[test]
fn a_watchdog_hears_when_a_run_begins_and_how_it_ends() {
    let check = |answers: &[Answer], then, exit: i32, body: &str| {
        let watchdog = Watchdog::start(200);
        let (ended, stderr) = pinged(Scripted::new(answers, then), &watchdog.url);
        assert_eq!(ended, Some(exit), "{stderr}");
        assert_eq!(watchdog.pings(), ["/start".to_owned(), format!("/{exit}")]);
        let heard = watchdog.heard();
        assert_eq!(heard[0].1, "");
        assert_eq!(heard[1].1.lines().next(), Some(body));
        assert!(heard[1].1.lines().nth(1).unwrap().starts_with("run 20"), "{}", heard[1].1);
    };
    check(&[], Answer::Accept, 0, "exit code 0: 3 sent");
    check(&[], Answer::TooFew, 3, "exit code 3: 3 unknown");
    check(&[], Answer::Error(400, 190, 463), 4, "exit code 4: 3 pending");
    check(&[], Answer::ErrorWith(400, 4, 0, "Retry-After: 3600\r\n".into()), 5, "exit code 5: 3 pending");
}

#[test]
fn a_watchdog_hears_of_a_run_that_could_not_begin() {
    let watchdog = Watchdog::start(200);
    let it = Sandboxed::new().on(|stage| stage.variable("FBCAPI_PING_URL", &watchdog.url));
    assert_eq!(it.stage.run(&["sync"]).exit, Some(2), "there are no rows");
    assert_eq!(it.stage.run(&["sync", "--report", "missing/report.json"]).exit, Some(2));
    assert_eq!(watchdog.pings(), ["/start", "/2", "/start", "/2"]);
}

#[test]
fn fm_56_a_watchdog_that_does_not_answer_is_warned_of_and_changes_nothing() {
    let warning = |what: &str, why: &str| format!("! [ping] url could not be told that the run {what}: {why}\n");
    let watchdog = Watchdog::start(404);
    let (exit, stderr) = pinged(Scripted::new(&[], Answer::Accept), &watchdog.url);
    assert_eq!(exit, Some(0), "{stderr}");
    for what in ["began", "ended"] {
        assert!(stderr.contains(&warning(what, "the answer was HTTP 404")), "{stderr}");
    }
    assert_eq!(watchdog.pings(), ["/start", "/start", "/0", "/0"]);
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (exit, stderr) = pinged(Scripted::new(&[], Answer::Accept), &format!("http://{refused}/{KEY}"));
    assert_eq!(exit, Some(0), "{stderr}");
    assert!(stderr.contains(&warning("ended", "there was no connection")), "{stderr}");
}

#[test]
fn an_address_that_would_show_its_path_on_the_way_is_refused_and_not_shown() {
    let it =
        Sandboxed::new().on(|stage| stage.variable("FBCAPI_PING_URL", &format!("http://watchdog.example.com/{KEY}")));
    let ran = it.stage.run(&["sync"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("[ping] url must begin with https://"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(KEY), "{}", ran.stderr);
}
