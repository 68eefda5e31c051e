//! Reads rows in JSON, which Snowflake sends where it does not send Arrow: lists of texts, a few thousand at a time.
//!
//! Source: Go driver, `chunk_downloader.go`: a part holds rows with commas between them and no brackets around them;
//! every cell is a text or null.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};

/// So many rows make a batch.
const ROWS_IN_BATCH: usize = 4_096;

/// Why reading stopped.
pub(super) enum Stop<E> {
    /// The text is not rows of that many cells.
    Malformed,
    /// The reader of the batches wants no more.
    Refused(E),
}

/// Reads rows of so many cells and hands them on in batches of text columns.
pub(super) fn read<E>(
    rows: impl Read,
    columns: usize,
    mut hand_on: impl FnMut(RecordBatch) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let bracketed = b"[".chain(rows).chain(&b"]"[..]);
    let mut refused = None;
    let visitor = Rows {
        batch: Batch::new(columns),
        hand_on: |batch| hand_on(batch).map_err(|error| refused = Some(error)).is_ok(),
    };
    let mut deserializer = serde_json::Deserializer::from_reader(std::io::BufReader::new(bracketed));
    let result = deserializer.deserialize_seq(visitor).and_then(|()| deserializer.end());
    match (refused, result) {
        (Some(error), _) => Err(Stop::Refused(error)),
        (None, Err(_)) => Err(Stop::Malformed),
        (None, Ok(())) => Ok(()),
    }
}

/// Takes the rows as they are parsed, so that they never stand in memory all at once.
struct Rows<F> {
    batch: Batch,
    hand_on: F,
}

impl<'de, F: FnMut(RecordBatch) -> bool> Visitor<'de> for Rows<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        // The texts of these errors are never shown: only that there was one matters.
        let stop = || A::Error::custom("stopped");
        while let Some(row) = rows.next_element::<Vec<Option<String>>>()? {
            self.batch.push(&row).ok_or_else(stop)?;
            if self.batch.rows == ROWS_IN_BATCH && !(self.hand_on)(self.batch.finish().ok_or_else(stop)?) {
                return Err(stop());
            }
        }
        if self.batch.rows > 0 && !(self.hand_on)(self.batch.finish().ok_or_else(stop)?) {
            return Err(stop());
        }
        Ok(())
    }
}

/// A batch being filled.
struct Batch {
    schema: Arc<Schema>,
    columns: Vec<StringBuilder>,
    rows: usize,
}

impl Batch {
    fn new(columns: usize) -> Self {
        let fields: Vec<_> = (0..columns).map(|_| Field::new("", DataType::Utf8, true)).collect();
        let columns = (0..columns).map(|_| StringBuilder::new()).collect();
        Self { schema: Arc::new(Schema::new(fields)), columns, rows: 0 }
    }

    /// Adds a row; `None` if it has another number of cells.
    fn push(&mut self, row: &[Option<String>]) -> Option<()> {
        if row.len() != self.columns.len() {
            return None;
        }
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.append_option(cell.as_deref());
        }
        self.rows += 1;
        Some(())
    }

    /// Gives what was filled and begins anew.
    fn finish(&mut self) -> Option<RecordBatch> {
        self.rows = 0;
        let columns = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).ok()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;

    use super::*;

    /// Reads rows of two cells and says what came, with the sizes of the batches.
    fn read_all(text: &str) -> Result<(Vec<usize>, Vec<String>), &'static str> {
        let (mut sizes, mut cells) = (Vec::new(), Vec::new());
        let outcome = read(text.as_bytes(), 2, |batch| {
            sizes.push(batch.num_rows());
            for row in 0..batch.num_rows() {
                let cell = |column: &ArrayRef| {
                    let text = column.as_string::<i32>().value(row).to_owned();
                    if column.is_null(row) { "NULL".to_owned() } else { text }
                };
                cells.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
            }
            Ok::<_, ()>(())
        });
        match outcome {
            Ok(()) => Ok((sizes, cells)),
            Err(Stop::Malformed) => Err("malformed"),
            Err(Stop::Refused(())) => Err("refused"),
        }
    }

    #[test]
    fn rows_are_lists_of_texts() {
        for (text, expected) in [
            ("", Ok(vec![])),
            (r#"["a","b"]"#, Ok(vec!["a|b"])),
            ("[\"a\",null],\n[\"é\\n\",\"\\ud83d\\ude00\"]", Ok(vec!["a|NULL", "é\n|😀"])),
            (r#"["a"]"#, Err("malformed")),
            (r#"["a","b","c"]"#, Err("malformed")),
            (r#"["a",1]"#, Err("malformed")),
            (r#"["a","b"],["c""#, Err("malformed")),
            (r#"["a","b"]]"#, Err("malformed")),
            ("<html>", Err("malformed")),
        ] {
            let expected = expected.map(|cells: Vec<&str>| cells.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(read_all(text).map(|(_, cells)| cells), expected, "{text}");
        }
    }

    #[test]
    fn batches_are_bounded() {
        let text = vec![r#"["a","b"]"#; ROWS_IN_BATCH + 1].join(",");
        assert_eq!(read_all(&text).unwrap().0, [ROWS_IN_BATCH, 1]);
    }

    #[test]
    fn a_reader_that_wants_no_more_is_heard() {
        let outcome = read(&br#"["a","b"]"#[..], 2, |_| Err("enough"));
        assert!(matches!(outcome, Err(Stop::Refused("enough"))));
    }
}
