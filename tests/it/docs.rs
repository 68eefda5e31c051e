//! Documents cannot drift: the README, the example configuration and the list of reasons say what the program does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod real_account;
mod pages;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use assert_cmd::Command;
use chrono::NaiveDate;
use clap::Parser as _;
use fbcapi::cli::Cli;
use fbcapi::commands::exit::Exit;
use fbcapi::config::{self, Config, Machine, Purpose, Refused};
use fbcapi::event::Reason;
use fbcapi::event::columns::{CUSTOM_KEYS, Columns, Origin};
use fbcapi::event::field::Field;
use fbcapi::event::preset::Preset;
use fbcapi::meta::MatchKey;
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../config.example.toml");
const PRIVACY: &str = include_str!("../../docs/privacy.md");
const REASONS: &str = include_str!("../../docs/reasons.md");
const REASONS_SOURCE: &str = include_str!("../../src/event/reason.rs");
const CI: &str = include_str!("../../.ci/run");

/// The blocks of the README that are fenced in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

/// The one block of a language that holds a line.
fn block_with(language: &str, line: &str) -> &'static str {
    let found: Vec<_> = blocks(language).into_iter().filter(|block| block.lines().any(|other| other == line)).collect();
    assert_eq!(found.len(), 1, "blocks of {language} with {line:?}");
    found[0]
}

/// The rows of a table, by the text of their cells.
fn table(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| code |"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The program, with nothing of this machine's environment.
fn fbcapi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fbcapi"));
    command.env_clear();
    command
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// The home folder of someone who followed the README's set-up.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| write_private(&home.path().join(path), text);
    write(".snowflake/connections.toml", block_with("toml", "[prod]"));
    write(".snowflake/fbcapi_key.p8", "a key");
    write(".config/fbcapi/token", "a-token");
    write(".config/fbcapi/config.toml", block_with("toml", "[privacy]"));
    home
}

/// Loads a configuration in that home, and tells which variables were asked for.
fn load(home: &Path, text: &str) -> (Result<Config, Refused>, BTreeSet<String>) {
    let asked = RefCell::new(BTreeSet::new());
    let environment = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        match name {
            "HOME" => Some(home.to_str().unwrap().to_owned()),
            "FBCAPI_ACCESS_TOKEN" => Some("a-token".to_owned()),
            _ => None,
        }
    };
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let machine = Machine { environment: &environment, variables: &Vec::new, today };
    let loaded = config::parse("config.toml", text, &[], Purpose::Send, machine);
    (loaded, asked.into_inner())
}

/// The text of every mistake.
fn mistakes(loaded: &Result<Config, Refused>) -> Vec<String> {
    let mistakes = loaded.as_ref().err().map(|refused| refused.mistakes.as_slice()).unwrap_or_default();
    mistakes.iter().map(ToString::to_string).collect()
}

/// Whether a word is what a key or the name of a section is made of.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// Takes the `# ` away from a key or section that is commented out; other lines have none.
fn setting(line: &str) -> Option<&str> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    let is_section =
        line.strip_prefix('[').and_then(|rest| rest.split_once(']')).is_some_and(|(name, _)| is_name(name));
    let is_key = line.split_once(" = ").is_some_and(|(key, _)| is_name(key));
    (is_section || is_key).then_some(line)
}

/// The example with every key in force.
fn uncommented() -> String {
    EXAMPLE.lines().filter_map(setting).fold(String::new(), |text, line| text + line + "\n")
}

/// Every key of the example, as `section.key`, with the value that stands there.
fn example_keys() -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    for line in EXAMPLE.lines().filter_map(setting) {
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, rest)) = line.split_once(" = ") {
            let value = rest.split("  #").next().unwrap_or(rest).trim_end();
            let old = keys.insert(format!("{section}.{key}"), value.to_owned());
            assert_eq!(old, None, "{key} stands twice in [{section}]");
        }
    }
    keys
}

#[test]
fn the_example_loads_as_it_is_and_with_every_key() {
    let home = home();
    assert_eq!(mistakes(&load(home.path(), EXAMPLE).0), [""; 0]);
    // Files that the commented keys name are not there; what must not be is a key that nobody knows.
    let strange = ["is not a key", "is not a section", "must be"];
    let found = mistakes(&load(home.path(), &uncommented()).0);
    let found: Vec<_> = found.iter().filter(|mistake| strange.iter().any(|words| mistake.contains(words))).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_example_names_every_key_and_no_other() {
    let home = home();
    // Whoever reads a key asks for its variable first, so what was asked for is what is known.
    let known = load(home.path(), &uncommented()).1;
    let known: BTreeSet<_> = known.into_iter().filter(|name| name.starts_with("FBCAPI_")).collect();
    let variable = |key: &String| format!("FBCAPI_{}", key.replace('.', "_").to_uppercase());
    let mut named: BTreeSet<_> = example_keys().keys().map(variable).collect();
    // The variables that secrets come from.
    named.insert("FBCAPI_ACCESS_TOKEN".to_owned());
    let secrets = [
        "FBCAPI_APP_SECRET",
        "FBCAPI_SNOWFLAKE_KEY",
        "FBCAPI_SNOWFLAKE_PASSPHRASE",
        "FBCAPI_SNOWFLAKE_PAT",
        "FBCAPI_WATCHDOG",
    ];
    named.extend(secrets.map(str::to_owned));
    assert_eq!(named, known);
}

#[test]
fn the_example_shows_the_defaults() {
    let home = home();
    let keys = example_keys();
    let config = load(home.path(), EXAMPLE).0.unwrap();
    let defaults: Vec<_> = config.shown.iter().filter(|shown| shown.origin == "default").collect();
    assert!(defaults.len() > 10, "{} defaults", defaults.len());
    for shown in defaults {
        let key = format!("{}.{}", shown.section, shown.key);
        assert_eq!(keys.get(&key), Some(&shown.value), "{key}");
    }
    let state = keys["state.path"].trim_matches('"').replacen('~', home.path().to_str().unwrap(), 1);
    assert_eq!(config.state.file(), Some(Path::new(&state)));
}

#[test]
fn the_example_shows_the_columns_of_the_preset() {
    let preset = Columns::new(Preset::FacebookEvents);
    let custom = preset.custom().iter().map(|field| (field.key.as_str(), &field.origin));
    let fields = Field::names().filter(|name| Field::parse(name).is_some_and(|field| field.name() == *name));
    let fields = fields.filter_map(|name| Some((name, preset.origin(Field::parse(name)?)?)));
    let keys = example_keys();
    let mut columns = 0;
    for (name, origin) in fields.chain(custom) {
        let Origin::Preset(column) = origin else { panic!("{name} is not of the preset") };
        assert_eq!(keys.get(&format!("columns.{name}")), Some(&format!("\"{column}\"")), "{name}");
        columns += 1;
    }
    let first_block = EXAMPLE.split("[columns]\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert_eq!(first_block.lines().count(), columns, "the first block is the preset and nothing else");
    assert!(CUSTOM_KEYS.iter().all(|(key, _)| keys.contains_key(&format!("columns.{key}"))));
}

#[test]
fn every_key_of_the_example_has_a_word_of_explanation() {
    for (at, line) in EXAMPLE.lines().enumerate() {
        let is_explained = line.contains("  # ")
            || EXAMPLE
                .lines()
                .nth(at.wrapping_sub(1))
                .is_some_and(|before| before.starts_with("# ") && setting(before).is_none());
        // Columns say what they are by their names.
        let is_column = line.starts_with("# ") && EXAMPLE.lines().take(at).any(|before| before == "[columns]");
        let is_key = setting(line).is_some_and(|line| !line.starts_with('['));
        assert!(is_explained || is_column || !is_key, "{line}");
    }
}

#[test]
fn config_show_takes_the_example() {
    let home = home();
    let mut command = fbcapi();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
    command.env("HOME", home.path()).args(["config", "show", "--config", example]);
    let output = command.assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(output).unwrap().contains("dataset_id = \"1234567890\""));
}

#[test]
fn the_set_up_of_the_readme_loads() {
    let home = home();
    let config = load(home.path(), block_with("toml", "[privacy]")).0;
    assert_eq!(mistakes(&config), [""; 0]);
    // From the place where the README puts it.
    fbcapi().env("HOME", home.path()).current_dir(home.path()).args(["config", "show"]).assert().success();
}

#[test]
fn the_readme_is_short_and_shows_the_help() {
    assert!(README.lines().count() < 200);
    let output = fbcapi().env("COLUMNS", "100").arg("--help").assert().success().get_output().stdout.clone();
    let help = String::from_utf8(output).unwrap();
    assert!(help.contains(block_with("text", "Commands:")), "the README's commands are not those of --help:\n{help}");
}

#[test]
fn every_command_in_the_readme_is_understood() {
    let lines = blocks("sh").into_iter().flat_map(str::lines);
    let inline = README.split('`').skip(1).step_by(2);
    let mut commands = 0;
    for text in lines.chain(inline) {
        let Some(at) = text.find("fbcapi ").filter(|at| *at == 0 || text.starts_with("FBCAPI_")) else { continue };
        let command = text.get(at..).unwrap().split("  #").next().unwrap().split(" | ").next().unwrap();
        let words = command.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("`{command}` is not understood: {error}");
        }
        commands += 1;
    }
    assert!(commands >= 8, "{commands} commands were found");
}

#[test]
fn the_test_command_is_the_one_of_the_checks() {
    let test =
        "cargo test                     # every test; some need Python 3 (FBCAPI_TEST_FAKESNOW=0 leaves these out)";
    let commands = block_with("sh", test);
    let test = commands.lines().nth(1).unwrap().split("  ").next().unwrap();
    assert_eq!(CI.lines().last(), Some(test));
    assert!(commands.starts_with("cargo run --release -- demo "));
}

#[test]
fn the_exit_codes_of_the_readme_are_those_of_the_program() {
    let section = README.split("## Exit codes\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let stated: Vec<Vec<String>> =
        table(section).into_iter().map(|row| row.into_iter().map(str::to_owned).collect()).collect();
    let meant = Exit::TABLE.map(|(exit, meaning)| vec![exit.code().to_string(), meaning.to_owned()]);
    assert_eq!(stated, meant);
}

#[test]
fn the_hashed_fields_are_those_of_the_program() {
    let named = PRIVACY.split("The fields that are hashed:").nth(1).unwrap().split('.').next().unwrap();
    let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
    let (hashed, clear): (Vec<MatchKey>, Vec<MatchKey>) = MatchKey::ALL.into_iter().partition(|key| key.is_hashed());
    let fields = |keys: Vec<MatchKey>| keys.into_iter().map(|key| Field::Match(key).name()).collect::<BTreeSet<_>>();
    let mut expected = fields(hashed);
    expected.extend([Field::FullName.name(), Field::PersonId.name()]);
    assert_eq!(BTreeSet::from_iter(named), expected);
    assert!(fields(clear).is_disjoint(&expected));
}

#[test]
fn the_reasons_are_those_of_the_program() {
    let (stopping, rest) = REASONS.split_once("\n## The field is left out").unwrap();
    let (dropping, advising) = rest.split_once("\n## The event is sent whole").unwrap();
    let check = |text: &str, is_expected: fn(&Reason) -> bool| {
        let rows = table(text);
        let reasons: Vec<Reason> = Reason::ALL.into_iter().filter(is_expected).collect();
        let codes: Vec<String> = reasons.iter().map(|reason| format!("`{}`", reason.code())).collect();
        assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), codes);
        for (row, reason) in rows.iter().zip(reasons) {
            assert_eq!(row[2], reason.remedy(), "{}", row[0]);
            let documented = format!("    /// {}\n    {reason:?},\n", row[1]);
            assert!(REASONS_SOURCE.contains(&documented), "{}: the code says something else", row[0]);
        }
    };
    check(stopping, |reason| reason.stops_row());
    check(dropping, |reason| !reason.stops_row() && !reason.is_advice());
    check(advising, |reason| reason.is_advice());
}

/// A line with every number as one `0` and the lengths of times left out, since these differ from run to run.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for word in line.split_whitespace() {
        let is_number = word.starts_with(|first: char| first.is_ascii_digit());
        shape.push_str(if is_number { "0 " } else { word });
        shape.push(' ');
    }
    shape
}

#[test]
fn the_demo_of_the_readme_is_what_the_demo_says() {
    let output = fbcapi().args(["demo"]).assert().success().get_output().stderr.clone();
    let output = String::from_utf8(output).unwrap();
    let shapes: BTreeSet<String> = output.lines().map(shape).collect();
    let block = block_with("text", "! 20 expired");
    for line in block.lines() {
        assert!(shapes.contains(&shape(line)), "the demo does not say {line:?}:\n{output}");
    }
    // What was invented is the same in every run.
    for line in
        block.lines().filter(|line| ["selected", "rejected", "collapsed"].iter().any(|word| line.contains(word)))
    {
        assert!(output.contains(line), "the demo does not say {line:?}:\n{output}");
    }
}
