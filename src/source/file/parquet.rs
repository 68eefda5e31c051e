//! Parquet: columns in the types that they have.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use ::parquet::errors::ParquetError;
use arrow_array::{ArrayRef, RecordBatch, StringArray};

use super::columns::{Header, Survey};
use super::text::assemble;
use super::{BATCH_ROWS, Halt, Plan, Shape, Sink, unreachable, unreadable, zone};
use crate::source::{Reading, SourceError, Trouble};

/// Reads a file's footer.
pub(super) fn survey(path: &Path) -> Result<Survey, SourceError> {
    let builder = open(path)?;
    let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    Ok(Survey { names, header: Header::Listed, rows })
}

/// Reads a file's rows; only the wanted columns are decoded.
pub(super) fn read(plan: &Plan, shape: &Shape, sink: Sink<'_>) -> Result<(), Halt> {
    let builder = open(&plan.path)?;
    let expected = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let mut roots: Vec<usize> = plan.places.iter().flatten().copied().collect();
    roots.sort_unstable();
    roots.dedup();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| explain(&plan.path, &error))?;
    let mut rows = 0;
    for batch in reader {
        // The text of the error may hold a value.
        let batch = batch.map_err(|_| unreadable(&plan.path, "a column of it cannot be decoded"))?;
        rows += batch.num_rows() as u64;
        sink(hand_over(&batch, plan, shape, &roots)?)?;
    }
    if expected.is_some_and(|expected| rows != expected) {
        return Err(unreadable(&plan.path, "it has fewer rows than it says").into());
    }
    Ok(())
}

/// Gives a batch's columns their wanted order and names, and its times their zone.
fn hand_over(batch: &RecordBatch, plan: &Plan, shape: &Shape, roots: &[usize]) -> Result<RecordBatch, Halt> {
    let mut arrays = Vec::new();
    for (column, place) in shape.columns.iter().zip(&plan.places) {
        let held = place.and_then(|place| roots.binary_search(&place).ok()).and_then(|at| batch.columns().get(at));
        arrays.push(match (held, column.reading) {
            (Some(array), Reading::Time) => zone::settle(array, shape.zone),
            (Some(array), Reading::Text | Reading::Date) => Arc::clone(array),
            // A file hashes nothing, and what is to be hashed is not handed over in the clear.
            (Some(_), Reading::Hashed(_)) | (None, _) => Arc::new(StringArray::new_null(batch.num_rows())) as ArrayRef,
        });
    }
    assemble(shape, arrays, batch.num_rows())
}

/// Opens a file. The Arrow types that a writer has noted are used if they can be understood.
fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, SourceError> {
    try_open(path, &ArrowReaderOptions::new())
        .or_else(|_| try_open(path, &ArrowReaderOptions::new().with_skip_arrow_metadata(true)))
}

/// Opens a file. The library panics on some damaged footers.
fn try_open(path: &Path, options: &ArrowReaderOptions) -> Result<ParquetRecordBatchReaderBuilder<File>, SourceError> {
    let file = File::open(path).map_err(|error| unreachable(path, &error))?;
    let open = || ParquetRecordBatchReaderBuilder::try_new_with_options(file, options.clone());
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(result) => result.map_err(|error| explain(path, &error)),
        Err(_) => Err(unreadable(path, "it is damaged")),
    }
}

/// Tells why a file cannot be read, without the text that the error may hold.
fn explain(path: &Path, error: &ParquetError) -> SourceError {
    match error {
        ParquetError::NYI(_) => SourceError {
            trouble: Trouble::Configuration,
            what: format!("the file {} uses a part of Parquet that this program cannot read", path.display()),
            remedy: Some("write it with Snappy, Zstandard, LZ4, Gzip or no compression, and without encryption".into()),
        },
        ParquetError::EOF(_) => unreadable(path, "it is cut short"),
        _ => unreadable(path, "it is damaged or no Parquet file"),
    }
}
