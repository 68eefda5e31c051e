//! The script for a real account: its configuration loads, its commands are understood, and it makes what it reads.

use clap::Parser as _;
use fbcapi::cli::Cli;

use super::{home, load, mistakes};

const SCRIPT: &str = include_str!("../../../docs/real-account.md");

#[test]
fn the_configuration_of_the_script_loads() {
    let home = home();
    let text = SCRIPT.split("```toml\n").nth(1).unwrap().split("\n```").next().unwrap();
    let found = mistakes(&load(home.path(), text).0);
    // The passphrase comes from a variable that is not set here, and nothing else is wrong.
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("FBCAPI_SNOWFLAKE_PASSPHRASE"), "{found:?}");
    let columns = ["EVENT_ID", "OCCURRED_AT", "FACEBOOK_EVENT_TYPE", "EMAIL", "SKUS", "BASKET", "WEIGHT"];
    assert!(columns.iter().all(|column| SCRIPT.contains(&format!(" AS {column}"))));
}

#[test]
fn every_command_of_the_script_is_understood() {
    let mut commands = 0;
    for text in SCRIPT.split('`').skip(1).step_by(2) {
        let is_command = text.starts_with("fbcapi ") || text.starts_with("FBCAPI_");
        let Some(at) = text.find("fbcapi ").filter(|_| is_command) else { continue };
        if let Err(error) = Cli::try_parse_from(text.get(at..).unwrap().split_whitespace()) {
            panic!("`{text}` is not understood: {error}");
        }
        commands += 1;
    }
    assert!(commands >= 10, "{commands} commands were found");
}
