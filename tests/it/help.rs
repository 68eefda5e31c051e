//! The help: it fits a screen, opens with an example that works, and every flag has a variable and a line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use clap::Parser as _;
use fbcapi::cli::{self, Cli, Topic};

use crate::support::rows::leads;
use crate::support::run::Sandboxed;

/// Every command that a person may type, with its words, without topics and clap's own `help`.
pub(crate) fn commands() -> Vec<(String, clap::Command)> {
    fn gather(path: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
        for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            if !subcommand.is_hide_set() {
                let path = format!("{path} {}", subcommand.get_name());
                gather(&path, subcommand, found);
                found.push((path, subcommand.clone()));
            }
        }
    }
    let mut command = cli::command();
    command.build();
    let mut found = Vec::new();
    gather("fbcapi", &command, &mut found);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(found.len() > 20, "{} commands", found.len());
    found
}

fn fbcapi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fbcapi"));
    command.env_clear().env("COLUMNS", "100");
    command
}

fn told(words: &[&str]) -> String {
    let output = fbcapi().args(words).assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn every_help_fits_a_screen_and_opens_with_an_example_that_is_understood() {
    for (path, command) in commands() {
        let words: Vec<&str> = path.split(' ').skip(1).chain(["--help"]).collect();
        let help = told(&words);
        assert!(help.lines().count() <= 40, "{path} --help has {} lines", help.lines().count());
        let mut lines = help.lines().skip(1).skip_while(|line| line.is_empty());
        let heading = lines.next().unwrap();
        assert!(heading.starts_with("Example"), "{path} --help opens with {heading:?}");
        let example = lines.next().unwrap().trim();
        let typed = example.split("  ").next().unwrap().split([';', '|', '>', '&']).next().unwrap();
        let words = typed.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect::<Vec<_>>(),
            _ => vec![part],
        });
        assert!(typed.starts_with(&path), "{path} --help shows {typed:?}");
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("`{typed}` is not understood: {error}");
        }
        // The short form says the same.
        let last = words_of(&path).into_iter().chain(["-h"]).collect::<Vec<_>>();
        assert!(told(&last).contains(&command.get_about().unwrap().to_string()), "{path} -h");
    }
}

fn words_of(path: &str) -> Vec<&str> {
    path.split(' ').skip(1).collect()
}

/// What is decided each time anew has no variable: one that was forgotten would decide for later runs.
const TYPED_EACH_TIME: [&str; 2] = ["resend", "drop"];

#[test]
fn every_flag_has_a_variable_of_its_own_a_line_in_the_topic_and_a_test() {
    let topic = told(&["help", Topic::Environment.name()]);
    let tests = sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")))
        + &sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let (mut flags, mut untested) = (0, Vec::new());
    for (path, command) in commands() {
        for flag in command.get_arguments() {
            let Some(long) = flag.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
            let is_decision = path == "fbcapi resolve" && TYPED_EACH_TIME.contains(&long);
            let variable = flag.get_env().map(|name| name.to_str().unwrap());
            assert_eq!(variable.is_none(), is_decision, "{path} --{long}: {variable:?}");
            assert!(flag.get_help().is_some_and(|help| !help.to_string().is_empty()), "{path} --{long} has no line");
            if let Some(variable) = variable {
                assert!(variable.starts_with("FBCAPI_"), "{variable}");
                let line = topic.lines().any(|line| line.split_whitespace().next() == Some(variable));
                assert!(line, "{variable} is not in `fbcapi help environment`");
            }
            let is_tested = tests.contains(&format!("--{long}")) || variable.is_some_and(|name| tests.contains(name));
            if !is_tested {
                untested.push(format!("--{long} of {path}"));
            }
            flags += 1;
        }
    }
    assert!(flags > 40, "{flags} flags");
    assert_eq!(untested, [""; 0], "flags without a test");
}

/// The text of every test, where a flag or its variable stands between quotes.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("src/cli.rs") {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

#[test]
fn the_topics_tell_what_they_are_asked_for_however_they_are_asked() {
    for topic in Topic::ALL {
        let text = told(&["help", topic.name()]);
        assert_eq!(text, told(&[topic.name()]));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(told(&["--help"]).contains(topic.name()));
    }
    assert!(told(&["help", "exit-codes"]).contains("\n    7  another run is under way\n"));
    assert!(told(&["help", "environment"]).contains("\n  FBCAPI_SINCE "));
    assert!(told(&["help", "configuration"]).contains("/etc/fbcapi/config.toml"));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    fbcapi().arg("man").arg(folder.path().join("man1")).assert().success();
    let pages = std::fs::read_dir(folder.path().join("man1")).unwrap();
    let pages: BTreeSet<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    for (path, command) in commands() {
        let name = format!("{}.1", path.replace(' ', "-"));
        let page = std::fs::read_to_string(folder.path().join("man1").join(&name)).unwrap_or_default();
        assert!(pages.contains(&name), "{name} is missing");
        let shown = command.get_arguments().filter(|flag| !flag.is_hide_set());
        for flag in shown.filter_map(clap::Arg::get_long) {
            let written = format!("\\-\\-{}", flag.replace('-', "\\-"));
            assert!(page.contains(&written), "{name} does not have --{flag}");
        }
    }
}

#[test]
fn shells_get_the_words_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = told(&["completions", shell]);
        for word in ["sync", "rejects", "max-duration", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let check =
        std::process::Command::new("bash").args(["-n", "/dev/stdin"]).stdin(std::process::Stdio::piped()).spawn();
    let mut check = check.unwrap();
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), told(&["completions", "bash"]).as_bytes()).unwrap();
    assert!(check.wait().unwrap().success(), "bash does not understand its completions");
}

#[test]
fn codes_are_explained_without_configuration_or_network() {
    let page = told(&["explain", "phone_without_country"]);
    assert!(page.contains("→ set [phone] default_country, or map a country column"), "{page}");
    let list = told(&["explain"]);
    assert!(list.contains("meta-190/463") && list.contains("exit-70") && list.contains("invalid_email"), "{list}");
    let json: serde_json::Value = serde_json::from_str(&told(&["explain", "4", "--json"])).unwrap();
    assert_eq!(json[0]["code"], "meta-4");
    assert_eq!(json[1]["code"], "exit-4");
    let assert = fbcapi().args(["explain", "no_such_code"]).assert().code(2);
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("fbcapi explain lists every code"), "{said}");
}

#[test]
fn flags_of_hash_and_status_do_what_their_lines_say() {
    let phone = |arguments: &[&str]| told(&[&["hash", "ph", "(650) 555-1212"], arguments].concat());
    assert!(phone(&["--country", "US"]).contains("16505551212"));
    assert!(!phone(&[]).contains("16505551212"));
    let birth = |arguments: &[&str]| told(&[&["hash", "db", "02/16/1997"], arguments].concat());
    assert!(birth(&["--date-format", "%m/%d/%Y"]).contains("19970216"));
    assert!(!birth(&[]).contains("19970216"));

    let it = Sandboxed::new();
    it.stage.rows(&leads(1));
    for _ in 0..3 {
        it.stage.sync(&[]);
    }
    let runs = |arguments: &[&str]| {
        let told = it.stage.run(&[&["status", "--json"], arguments].concat());
        told.report()["runs"].as_array().unwrap().len()
    };
    assert_eq!((runs(&[]), runs(&["--runs", "2"])), (3, 2));
}
