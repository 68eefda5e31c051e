//! The bytes of a text file: decompressed, and with a bound on how long one row may be.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::unreachable;
use crate::source::SourceError;

/// How many bytes one row may take. What is longer is no row, but a quote or a line that does not end.
pub(super) const MAX_ROW_BYTES: u64 = 16 * 1024 * 1024;

/// How many bytes are read from a file at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Opens a text file, decompressing it if its name ends in `.gz`.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, SourceError> {
    let file = File::open(path).map_err(|error| unreachable(path, &error))?;
    let is_compressed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    if is_compressed {
        let decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, file));
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// Bytes of which only so many may be read until the bound is renewed.
pub(super) struct Bounded {
    inner: Box<dyn BufRead>,
    left: Allowance,
}

/// How many bytes may still be read for the present row, and how many quotes were read so far.
#[derive(Clone)]
pub(super) struct Allowance(Rc<Cell<u64>>, Rc<Cell<u64>>);

impl Allowance {
    /// Starts a new row.
    pub(super) fn renew(&self) {
        self.0.set(MAX_ROW_BYTES);
    }

    /// Whether the bytes read so far hold an odd number of double quotes, so that one of them is not closed.
    pub(super) fn has_open_quote(&self) -> bool {
        !self.1.get().is_multiple_of(2)
    }
}

impl Bounded {
    /// Bounds the rows of a file.
    pub(super) fn new(inner: Box<dyn BufRead>) -> (Self, Allowance) {
        let left = Allowance(Rc::new(Cell::new(MAX_ROW_BYTES)), Rc::default());
        (Self { inner, left: left.clone() }, left)
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.0.get();
        if left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.left.0.set(left.saturating_sub(count as u64));
        let quotes =
            buffer.get(..count).unwrap_or_default().iter().fold(0, |quotes, byte| quotes + u64::from(*byte == b'"'));
        self.left.1.set(self.left.1.get() + quotes);
        Ok(count)
    }
}
