//! The program runs where little is granted: as an ordinary user, without a home, or with one that cannot be written.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::rows::leads;
use crate::support::run::{Ran, Sandboxed, Stage, files_below};

/// The user that owns nothing, when the tests run as root, who may do everything.
const NOBODY: u32 = 65_534;

/// Runs the program as an ordinary user, who owns the stage and can change it.
fn run_as_user(stage: &Stage, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Ran {
    let written = stage.command(arguments);
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = if is_root {
        // The folder in which the tests were built may be root's own.
        let program = stage.path("fbcapi");
        if !program.exists() {
            let built = written.get_program();
            fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        }
        give(stage.path("").as_path());
        let mut command = Command::new(program);
        command.args(written.get_args()).uid(NOBODY).gid(NOBODY);
        command
    } else {
        Command::new(written.get_program())
    };
    command.args(if is_root { &[] } else { arguments }).env_clear().current_dir(stage.path(""));
    command.envs(written.get_envs().filter_map(|(name, value)| Some((name, value?))));
    change(&mut command);
    Ran::new(command.output().unwrap())
}

/// Gives everything in a folder to nobody, but for the program.
fn give(folder: &Path) {
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give(&path);
        } else if !path.ends_with("fbcapi") {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

#[test]
fn an_ordinary_user_with_a_home_that_cannot_be_written_can_run_everything() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    let home = it.stage.path("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o555)).unwrap();
    let run = |arguments: &[&str]| run_as_user(&it.stage, arguments, |command| _ = command.env("HOME", &home));
    let check = |arguments: &[&str], words: &str| {
        let ran = run(arguments);
        assert_eq!(ran.exit, Some(0), "{arguments:?}: {}", ran.stderr);
        assert!((ran.stdout + &ran.stderr).contains(words), "{arguments:?}");
    };
    check(&["check"], "3 events can be sent");
    check(&["sync", "--metrics-file", "fbcapi.prom", "--report", "report.json"], "sent                    3");
    check(&["sync"], "already sent            3");
    check(&["status"], "3");
    check(&["state", "check"], "is whole");
    check(&["config", "show"], "dataset_id");
    check(&["hash", "em", "ada@example.com"], "sha256");
    // What was tried there would be there if it had been possible, and this shows that it was not.
    assert!(files_below(&home).is_empty());
    let refused = run_as_user(&it.stage, &["man", "home/man"], |_| {});
    assert_eq!(refused.exit, Some(2), "the home can be written: {}", refused.stderr);
}

#[test]
fn no_home_is_needed_where_the_state_has_a_path() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    let run = |arguments: &[&str]| run_as_user(&it.stage, arguments, |command| _ = command.env_remove("HOME"));
    for (arguments, words) in [
        (["sync", "--json"].as_slice(), "\"sent\":3"),
        (&["check"], "3 events can be sent"),
        (&["status"], "3"),
        (&["config", "show", "--sources"], "state/ledger.db"),
        (&["help", "exit-codes"], "another run"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.exit, Some(0), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.contains(words), "{arguments:?}: {}", ran.stdout);
    }
}
