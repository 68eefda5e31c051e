//! `fbcapi model`: prints the dbt model that makes the table, or its `schema.yml`. Nothing is contacted.

use anyhow::Context as _;

use super::exit::Exit;
use crate::cli::{ModelArgs, ModelFile};
use crate::model::Model;
use crate::report::console;

/// Prints what was asked for, and tells people what the configuration left open.
pub fn run(args: &ModelArgs, model: &Model) -> anyhow::Result<Exit> {
    let (text, notes) = match args.file {
        ModelFile::Sql => (model.sql(), model.notes.as_slice()),
        // They were told with the model.
        ModelFile::Schema => (model.schema(), [].as_slice()),
    };
    console::print(text.as_bytes()).context("cannot write to standard output")?;
    for note in notes {
        console::say(&format!("! {note}\n"));
    }
    Ok(Exit::Done)
}
