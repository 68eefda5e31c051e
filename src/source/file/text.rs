//! Text cells on their way into a record batch.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};

use super::{BATCH_ROWS, Halt, Plan, Shape, Sink};
use crate::source::Trouble;

/// How many bytes of text a record batch holds before it is handed over, so that long cells cost no memory.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// How many unreadable rows of a file are told of.
const TOLD: u32 = 5;

/// Builds record batches of text columns and hands over those that are full.
pub(super) struct TextBatch<'a> {
    plan: &'a Plan,
    shape: &'a Shape,
    builders: Vec<StringBuilder>,
    rows: usize,
    bytes: usize,
    told: u32,
    sink: Sink<'a>,
}

impl<'a> TextBatch<'a> {
    /// Starts with no row.
    pub(super) fn new(plan: &'a Plan, shape: &'a Shape, sink: Sink<'a>) -> Self {
        let builders = shape.columns.iter().map(|_| StringBuilder::new()).collect();
        Self { plan, shape, builders, rows: 0, bytes: 0, told: 0, sink }
    }

    /// Adds a row that has these cells, one for each column.
    pub(super) fn push<'c>(&mut self, cells: impl Iterator<Item = Option<&'c str>>) -> Result<(), Halt> {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            self.bytes += cell.map_or(0, str::len);
            builder.append_option(cell);
        }
        self.rows += 1;
        if self.rows < BATCH_ROWS && self.bytes < BATCH_BYTES { Ok(()) } else { self.flush() }
    }

    /// Adds rows of nulls, which stand for as many lines that cannot be read, from this line on.
    pub(super) fn push_unreadable(&mut self, line: u64, lines: u64) -> Result<(), Halt> {
        if self.told < TOLD {
            self.told += 1;
            let file = self.plan.path.display();
            tracing::warn!(%file, line, lines, "lines cannot be read; each counts as a row without event id");
        }
        let columns = self.builders.len();
        for _ in 0..lines {
            self.push(std::iter::repeat_n(None, columns))?;
        }
        Ok(())
    }

    /// Hands over the rows that wait.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        if self.rows == 0 {
            return Ok(());
        }
        let arrays = self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let batch = assemble(self.shape, arrays, self.rows)?;
        (self.rows, self.bytes) = (0, 0);
        (self.sink)(batch)
    }
}

/// Makes a record batch of a column for each of the shape's.
pub(super) fn assemble(shape: &Shape, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Halt> {
    let fields: Vec<_> = shape
        .columns
        .iter()
        .zip(&arrays)
        .map(|(column, array)| Field::new(&column.name, array.data_type().clone(), true))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(|_| {
        Halt::Failed(super::failure(Trouble::Protocol, "the columns of a file do not have the same length".into()))
    })
}
