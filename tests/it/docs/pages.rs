//! Pages that are made of what the program knows: `FBCAPI_WRITE_DOCS=1 cargo test pages` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::Parser as _;
use fbcapi::cli::Cli;

use super::{EXAMPLE, fbcapi, is_name, setting};

/// The folder of the documents.
fn documents() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"))
}

/// Compares a page with what it should be, or writes it where that is asked for.
#[track_caller]
fn check(name: &str, text: &str) {
    let path = documents().join(name);
    if std::env::var("FBCAPI_WRITE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(text.lines()).position(|(one, other)| one != other);
    assert!(written == text, "docs/{name} is out of date at line {differs:?}: FBCAPI_WRITE_DOCS=1 cargo test pages");
}

#[test]
fn the_page_of_commands_is_their_help() {
    let mut page = String::from(
        "# Commands\n\nWhat `--help` of each command says. Every flag can be given as a variable: `fbcapi help environment`.\n",
    );
    for (path, _) in crate::help::commands() {
        let words: Vec<&str> = path.split(' ').skip(1).chain(["--help"]).collect();
        let output = fbcapi().env("COLUMNS", "100").args(words).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(page, "\n## {path}\n\n```text\n{}\n```\n", help.join("\n").trim_end()).unwrap();
    }
    for topic in fbcapi::cli::Topic::ALL {
        let output = fbcapi().env("COLUMNS", "100").args(["help", topic.name()]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        write!(page, "\n## fbcapi help {}\n\n```text\n{}\n```\n", topic.name(), text.join("\n").trim_end()).unwrap();
    }
    check("commands.md", &page);
}

/// The keys of the configuration as a table, out of the example, whose keys and defaults other tests hold to the code.
#[test]
fn the_page_of_keys_is_the_example() {
    let mut page = String::from(
        "# Configuration\n\nEvery key, with its default, or an example where there is none (marked with ·). Every key has a \
         variable, too:\n`FBCAPI_`, section and key, as `FBCAPI_META_DATASET_ID`. Where the file is looked for, and what \
         counts most: `fbcapi help configuration`.\n",
    );
    let mut before: Vec<&str> = Vec::new();
    let home = super::home();
    let shown = super::load(home.path(), EXAMPLE).0.unwrap().shown;
    let mut section = String::new();
    let mut is_open = false;
    // What stands before the first section is about the file.
    let lines = EXAMPLE.lines().skip_while(|line| !line.starts_with('['));
    for line in lines {
        let Some(found) = setting(line) else {
            match line.strip_prefix("# ") {
                Some(words) => before.push(words),
                None => {
                    tell(&mut page, &mut before, &mut is_open);
                }
            }
            continue;
        };
        if let Some((name, rest)) = found.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.clone_into(&mut section);
            let words = rest.trim().trim_start_matches('#').trim();
            let intro =
                before.drain(..).chain([words]).filter(|words| !words.is_empty()).collect::<Vec<_>>().join("\n");
            write!(page, "\n## [{name}]\n").unwrap();
            if !intro.is_empty() {
                write!(page, "\n{intro}\n").unwrap();
            }
            is_open = false;
            continue;
        }
        let (key, rest) = found.split_once(" = ").unwrap();
        assert!(is_name(key));
        let (value, words) =
            rest.split_once("  #").map_or((rest, ""), |(value, words)| (value.trim_end(), words.trim()));
        let is_default =
            shown.iter().any(|shown| shown.section == section && shown.key == key && shown.origin == "default");
        if before.last().is_some_and(|words| words.ends_with(':')) {
            tell(&mut page, &mut before, &mut is_open);
        }
        // Another sentence of its own before a key belongs to the key.
        let words = if before.is_empty() {
            words.to_owned()
        } else {
            format!("{} {words}", std::mem::take(&mut before).join(" "))
        };
        if !is_open {
            page.push_str("\n| key | default | |\n|---|---|---|\n");
            is_open = true;
        }
        let mark = if is_default { "" } else { "· " };
        writeln!(page, "| `{key}` | {mark}`{}` | {} |", value.replace('|', "\\|"), words.trim().replace('|', "\\|"))
            .unwrap();
    }
    check("configuration.md", &page);
}

/// Writes sentences that belong to no key as a paragraph.
fn tell(page: &mut String, before: &mut Vec<&str>, is_open: &mut bool) {
    if !before.is_empty() && !page.is_empty() {
        *is_open = false;
        let text = std::mem::take(before).join("\n");
        write!(page, "\n{text}\n").unwrap();
    }
}

#[test]
fn what_the_pages_show_is_what_the_commands_say() {
    // Blocks in `console`, run one after another.
    let cases = trycmd::TestCases::new();
    cases.register_bin("fbcapi", Path::new(env!("CARGO_BIN_EXE_fbcapi"))).case("docs/*.md").case("README.md");
    cases.run();
}

#[test]
fn every_command_on_every_page_is_understood() {
    let mut found = 0;
    for entry in fs::read_dir(documents()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "md") || path.ends_with("commands.md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        for line in blocks.flat_map(str::lines) {
            let typed = line.split("  #").next().unwrap().split([';', '|', '>', '&']).next().unwrap().trim();
            let Some(at) = typed.find("fbcapi ").filter(|at| *at == 0 || typed.starts_with("FBCAPI_")) else {
                continue;
            };
            let words =
                typed.get(at..).unwrap_or_default().split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{}: `{typed}` is not understood: {error}", path.display());
            }
            found += 1;
        }
    }
    assert!(found > 5, "{found} commands");
}
