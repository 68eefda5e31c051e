//! Rows from local files: Parquet, CSV and NDJSON, with the same columns as the table.
//!
//! A file is read as a stream, so that memory stays flat whatever its size. CSV and NDJSON give text columns only;
//! Parquet gives the types it holds. An empty CSV field, the CSV field `\N` and a missing or `null` JSON member are null.
//!
//! A bad row never stops a run, and is never lost in silence: a line that cannot be read (no JSON object, a wrong
//! number of fields, no UTF-8) is handed over as a row of nulls, which is then rejected for its missing event id and
//! counted. A CSV record that cannot be read and spans several lines gives a row for each of them.

mod columns;
mod csv;
mod lines;
mod ndjson;
mod parquet;
mod paths;
mod text;
mod zone;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{io, thread};

use arrow_array::RecordBatch;
use tokio::sync::mpsc;

use self::columns::Survey;
use super::{ColumnRequest, RowStream, Selection, SourceError, Trouble};

use crate::event::Zone;

/// How many rows a record batch has at most.
const BATCH_ROWS: usize = 1_024;

/// The name of the thread that reads files.
pub const THREAD: &str = "rows";

/// How many record batches wait for the reader of a stream.
const BATCHES_AHEAD: usize = 1;

/// A format, told by the end of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `.parquet`.
    Parquet,
    /// `.csv`, also with `.gz`.
    Csv,
    /// `.ndjson`, `.jsonl` or `.json`, all also with `.gz`; warehouses name their exports in each of these ways.
    Ndjson,
}

/// One file and what is read of it.
struct Plan {
    path: PathBuf,
    format: Format,
    /// For each column handed over, its place among the file's columns.
    places: Vec<Option<usize>>,
}

/// What is handed over, the same for every file.
struct Shape {
    columns: Vec<ColumnRequest>,
    zone: Zone,
}

/// Why reading stops before the end.
enum Halt {
    /// Nobody wants more rows.
    Unwanted,
    /// The file cannot be read on.
    Failed(SourceError),
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Where record batches go.
type Sink<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<(), Halt>;

/// Opens a file, or all files that match a glob pattern, in the order of their names.
///
/// The columns of every file are checked before this returns, which reads a little of each; the rows come from a
/// thread of their own. The window and the names of the selection are not applied here.
pub fn open(pattern: &str, selection: &Selection) -> Result<RowStream, SourceError> {
    let mut files = Vec::new();
    for path in paths::expand(pattern)? {
        let format = format_of(&path)?;
        let survey = survey(&path, format)?;
        files.push((path, format, survey));
    }
    let surveys: Vec<_> = files.iter().map(|(path, _, survey)| (path.as_path(), survey)).collect();
    let (columns, absent) = columns::choose(&selection.columns, &surveys)?;
    let total = surveys.iter().try_fold(0_u64, |total, (_, survey)| total.checked_add(survey.rows?));
    let mut plans = Vec::new();
    for (path, format, survey) in files {
        let places = columns.iter().map(|column| survey.place_of(&column.name)).collect();
        plans.push(Plan { path, format, places });
    }
    let shape = Shape { columns, zone: selection.zone };
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    thread::Builder::new()
        .name(THREAD.into())
        .spawn(move || send_all(&plans, &shape, &sender))
        .map_err(|error| failure(Trouble::Temporary, format!("no thread can be started: {}", error.kind())))?;
    Ok(RowStream::new(total, absent, batches))
}

/// Sends the rows of all files, then the error that ended them, if any.
fn send_all(plans: &[Plan], shape: &Shape, sender: &mpsc::Sender<Result<RecordBatch, SourceError>>) {
    for plan in plans {
        let mut sink = |batch| sender.blocking_send(Ok(batch)).map_err(|_| Halt::Unwanted);
        // A library that panics on a damaged file must not look like the end of the rows.
        let halt = match catch_unwind(AssertUnwindSafe(|| read(plan, shape, &mut sink))) {
            Ok(Ok(())) => continue,
            Ok(Err(halt)) => halt,
            Err(_) => Halt::Failed(unreadable(&plan.path, "it is damaged")),
        };
        if let Halt::Failed(error) = halt {
            // If nobody listens any more, nobody needs the error.
            drop(sender.blocking_send(Err(error)));
        }
        return;
    }
}

/// Reads one file.
fn read(plan: &Plan, shape: &Shape, sink: Sink<'_>) -> Result<(), Halt> {
    match plan.format {
        Format::Parquet => parquet::read(plan, shape, sink),
        Format::Csv => csv::read(plan, shape, sink),
        Format::Ndjson => ndjson::read(plan, shape, sink),
    }
}

/// Learns what columns a file has.
fn survey(path: &Path, format: Format) -> Result<Survey, SourceError> {
    match format {
        Format::Parquet => parquet::survey(path),
        Format::Csv => csv::survey(path),
        Format::Ndjson => ndjson::survey(path),
    }
}

/// Tells a file's format by the end of its name.
fn format_of(path: &Path) -> Result<Format, SourceError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    match plain.rsplit_once('.') {
        Some((_, "csv")) => Ok(Format::Csv),
        Some((_, "ndjson" | "jsonl" | "json")) => Ok(Format::Ndjson),
        Some((_, "parquet")) if plain == name => Ok(Format::Parquet),
        _ => Err(SourceError {
            trouble: Trouble::Configuration,
            what: format!("the format of {} is not known", path.display()),
            remedy: Some("name files .parquet, .csv, .ndjson, .jsonl or .json; all but the first also with .gz".into()),
        }),
    }
}

/// An error without a remedy.
fn failure(trouble: Trouble, what: String) -> SourceError {
    SourceError { trouble, what, remedy: None }
}

/// The content of a file is not what it should be.
fn unreadable(path: &Path, why: &str) -> SourceError {
    failure(Trouble::Protocol, format!("the file {} cannot be read: {why}", path.display()))
}

/// The operating system or the decompression failed. Only the kind of the error is told.
fn unreachable(path: &Path, error: &io::Error) -> SourceError {
    let trouble = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
            Trouble::Configuration
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => Trouble::Protocol,
        _ => Trouble::Temporary,
    };
    failure(trouble, format!("the file {} cannot be read: {}", path.display(), error.kind()))
}

#[cfg(test)]
mod tests;
