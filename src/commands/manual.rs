//! `fbcapi completions`, `fbcapi man` and the help topics: what is known of the command line, in other forms.

use std::io;
use std::path::Path;

use super::exit::Exit;
use crate::cli::{Topic, command};
use crate::report::console;

/// Prints what a shell needs to complete commands and flags.
pub fn completions(shell: clap_complete::Shell) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "fbcapi", &mut script);
    console::print(&script)?;
    Ok(Exit::Done)
}

/// Writes a manual page for every command into a folder, which is made if it is not there.
pub fn pages(folder: &Path) -> io::Result<Exit> {
    let mut root = command();
    root.build();
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| write(root, folder)) {
        let folder = folder.display();
        console::say(&format!("✗ {folder} cannot be written to ({})\n  → name another folder\n", error.kind()));
        return Ok(Exit::Configuration);
    }
    console::say(&format!("the manual pages are in {}\n", folder.display()));
    Ok(Exit::Done)
}

/// Writes the page of a command and those of its subcommands.
fn write(command: clap::Command, folder: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        write(subcommand.clone(), folder)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    std::fs::write(folder.join(format!("{name}.1")), page)
}

/// Prints a help topic.
pub fn topic(topic: Topic) -> io::Result<Exit> {
    let text = command().find_subcommand_mut(topic.name()).map(|topic| topic.render_help().to_string());
    console::print(text.unwrap_or_default().as_bytes())?;
    Ok(Exit::Done)
}
