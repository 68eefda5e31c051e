//! `fbcapi config`: every key with its value in force, and the shapes of the configuration and of the report.

use std::fmt::Write as _;

use serde_json::Value;

use crate::config::{self, Shown};
use crate::report;

/// Whether the origin of each value is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// It is.
    Told,
    /// It is not.
    Untold,
}

/// Writes the configuration as TOML.
pub fn show(shown: &[Shown], origins: Origins) -> String {
    let mut text = String::new();
    let mut section = None;
    let width = shown.iter().map(|shown| shown.key.len() + shown.value.len() + 3).max().unwrap_or_default();
    for Shown { section: of, key, value, origin } in shown {
        if section != Some(of) {
            let gap = if section.is_some() { "\n" } else { "" };
            writeln!(text, "{gap}[{of}]").unwrap_or_default();
            section = Some(of);
        }
        let line = format!("{key} = {value}");
        match origins {
            Origins::Told => writeln!(text, "{line:<width$}   # {origin}").unwrap_or_default(),
            Origins::Untold => writeln!(text, "{line}").unwrap_or_default(),
        }
    }
    text
}

/// The dialect of the schemas. Source: JSON Schema, draft 2020-12.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// The configuration.
    Configuration,
    /// The report of a run.
    Report,
}

/// Writes a JSON Schema.
pub fn schema(of: SchemaOf) -> String {
    let mut schema = match of {
        SchemaOf::Configuration => config::schema::schema(),
        SchemaOf::Report => report::schema::schema(),
    };
    schema["$schema"] = Value::from(DIALECT);
    format!("{schema:#}\n")
}
