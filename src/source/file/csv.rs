//! CSV: a header, then text.

use std::path::Path;

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::columns::{Header, Survey};
use super::lines::{self, Allowance, Bounded};
use super::text::TextBatch;
use super::{Halt, Plan, Shape, Sink, unreachable, unreadable};
use crate::source::{SourceError, Trouble};

/// Reads a file's header.
pub(super) fn survey(path: &Path) -> Result<Survey, SourceError> {
    let (mut reader, _) = open(path)?;
    let header = reader.byte_headers().map_err(|error| explain(path, &error))?;
    let mut names = Vec::new();
    for field in header {
        names.push(String::from_utf8_lossy(field).trim().to_owned());
    }
    if names.is_empty() {
        return Err(SourceError {
            trouble: Trouble::Configuration,
            what: format!("the file {} is empty", path.display()),
            remedy: Some("a CSV file starts with a line that names its columns, even when it has no rows".into()),
        });
    }
    if let [name] = names.as_slice()
        && name.contains([';', '\t', '|'])
    {
        return Err(SourceError {
            trouble: Trouble::Configuration,
            what: format!("the fields of the file {} are not separated by commas", path.display()),
            remedy: Some("write it with commas".into()),
        });
    }
    Ok(Survey { names, header: Header::Listed, rows: None })
}

/// Reads a file's rows.
pub(super) fn read(plan: &Plan, shape: &Shape, sink: Sink<'_>) -> Result<(), Halt> {
    let (mut reader, allowance) = open(&plan.path)?;
    let width = reader.byte_headers().map_err(|error| explain(&plan.path, &error))?.len();
    let mut batch = TextBatch::new(plan, shape, sink);
    let mut record = ByteRecord::new();
    let mut lines = 1;
    loop {
        allowance.renew();
        if !reader.read_byte_record(&mut record).map_err(|error| explain(&plan.path, &error))? {
            // A quote that nobody closed takes every line behind it into one field, and no row may be lost in silence.
            if lines > 1 && allowance.has_open_quote() {
                batch.flush()?;
                let why = format!("the last row takes {lines} lines, because a quote in it is not closed");
                return Err(unreadable(&plan.path, &why).into());
            }
            return batch.flush();
        }
        lines = lines_of(&record);
        if record.len() == width && has_text(&record, &plan.places) {
            batch.push(plan.places.iter().map(|place| cell(&record, *place)))?;
        } else {
            let line = record.position().map_or(0, ::csv::Position::line);
            // Its lines are counted as rows that cannot be read.
            batch.push_unreadable(line, lines)?;
            lines = 1;
        }
    }
}

/// Opens a file.
fn open(path: &Path) -> Result<(Reader<Bounded>, Allowance), SourceError> {
    let (bytes, allowance) = Bounded::new(lines::open(path)?);
    let reader = ReaderBuilder::new().flexible(true).buffer_capacity(128 * 1024).from_reader(bytes);
    Ok((reader, allowance))
}

/// How many lines a record took: one, and one for each line break that quotes have swallowed.
fn lines_of(record: &ByteRecord) -> u64 {
    let breaks = record.as_slice().trim_ascii_end().iter().filter(|byte| **byte == b'\n');
    1 + breaks.count() as u64
}

/// Whether all the cells that are wanted are UTF-8.
fn has_text(record: &ByteRecord, places: &[Option<usize>]) -> bool {
    places.iter().flatten().all(|place| record.get(*place).is_some_and(|field| str::from_utf8(field).is_ok()))
}

/// A wanted cell; null if it is empty or the file has no such column.
///
/// Snowflake writes null as `\N`. Source: Snowflake, `CREATE FILE FORMAT`, `NULL_IF`.
fn cell(record: &ByteRecord, place: Option<usize>) -> Option<&str> {
    let field = str::from_utf8(record.get(place?)?).ok()?;
    (!matches!(field, "" | "\\N")).then_some(field)
}

/// Tells why a file cannot be read on, without the text that the error may hold.
fn explain(path: &Path, error: &::csv::Error) -> SourceError {
    let line = error.position().map_or(0, ::csv::Position::line);
    match error.kind() {
        ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            unreadable(path, &format!("a row takes more than {} bytes; is a quote not closed?", lines::MAX_ROW_BYTES))
        }
        ErrorKind::Io(error) => unreachable(path, error),
        _ => unreadable(path, &format!("line {line} is not CSV")),
    }
}
