//! `fbcapi check`: looks at everything that a run needs, and at the rows, and says what would become of them.
//!
//! The text goes to standard output, for it is what was asked for; with `--json` it makes way for the JSON.

use anyhow::Context as _;

use super::exit::Exit;
use super::sync::{names, span};
use crate::cli::{CheckArgs, Sample};
use crate::config::Config;
use crate::report::survey::describe;
use crate::report::{console, human};
use crate::sync::{self, Checked, Failure, Options, Reach, World};

/// Looks as it was asked for, and tells what it found.
pub async fn run(args: &CheckArgs, config: &Config, world: World) -> anyhow::Result<Exit> {
    let Some((since, until)) = span(&args.which, (world.now)()) else { return Ok(Exit::Configuration) };
    let options =
        Options { since, until, names: names(&args.which), watched: console::watched(), ..Options::default() };
    let most_rows = match args.rows {
        Sample::First(rows) => Some(rows),
        Sample::All => None,
    };
    let reach = if args.offline { Reach::Offline } else { Reach::Online };
    let mut checked = sync::check(config, &options, most_rows, reach, world).await;
    checked.findings.invalid_percent = checked.findings.counts.invalid();
    checked.findings.max_invalid_percent = args.max_invalid;
    let exit = Exit::of_check(&checked);
    checked.findings.exit_code = exit.code();
    let Checked { findings, failure } = checked;
    // Of what was not looked at there is nothing to describe.
    let text = if findings.checks.is_empty() { String::new() } else { describe(&findings) };
    if args.json {
        console::say(&text);
        let mut line = serde_json::to_vec(&findings).context("the findings cannot be written as JSON")?;
        line.push(b'\n');
        console::print(&line).context("cannot write to standard output")?;
    } else {
        console::show(&text).context("cannot write to standard output")?;
    }
    match &failure {
        // Nothing was begun that a later run would have to find.
        Some(Failure::Signal(_)) => console::say("✗ the check was interrupted\n"),
        Some(failure) => console::say(&human::failure_lines(failure)),
        None => {}
    }
    Ok(exit)
}
