//! NDJSON: a JSON object per line.
//!
//! A string gives its text; a number its digits as they are written, never through a float; `true` and `false` these
//! words; a list or an object its JSON. A blank line is no row. Of a member that occurs twice, the last counts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, Read};
use std::path::Path;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{Header, Survey, is_same};
use super::lines::{self, MAX_ROW_BYTES};
use super::text::TextBatch;
use super::{BATCH_ROWS, Halt, Plan, Shape, Sink, unreachable, unreadable};
use crate::source::{ColumnRequest, SourceError, Trouble};

/// How many members' columns are remembered by their position in a row.
const REMEMBERED: usize = 256;

/// Reads which members the first rows have.
pub(super) fn survey(path: &Path) -> Result<Survey, SourceError> {
    let mut lines = Lines::open(path)?;
    let mut names = BTreeSet::new();
    let mut header = Header::FirstRows;
    let (mut rows, mut objects) = (0, 0);
    while rows < BATCH_ROWS {
        if !lines.advance()? {
            header = Header::AllRows;
            break;
        }
        rows += 1;
        if let Some(text) = lines.text() {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            // One line that is no object is counted when the rows are read.
            let result = deserializer.deserialize_map(Names(&mut names)).and_then(|()| deserializer.end());
            objects += usize::from(result.is_ok());
        }
    }
    if rows > 0 && objects == 0 {
        return Err(SourceError {
            trouble: Trouble::Configuration,
            what: format!("the file {} holds no JSON object that takes one line", path.display()),
            remedy: Some("write one object per line, not a list and not spread over several lines".into()),
        });
    }
    Ok(Survey { names: names.into_iter().collect(), header, rows: None })
}

/// Reads a file's rows.
pub(super) fn read(plan: &Plan, shape: &Shape, sink: Sink<'_>) -> Result<(), Halt> {
    let mut lines = Lines::open(&plan.path)?;
    let mut batch = TextBatch::new(plan, shape, sink);
    let mut members = Members { columns: &shape.columns, expected: Vec::new() };
    while lines.advance()? {
        match lines.text().and_then(|text| members.read(text)) {
            Some(cells) => batch.push(cells.iter().map(Option::as_deref))?,
            None => batch.push_unreadable(lines.number, 1)?,
        }
    }
    batch.flush()
}

/// The lines of a file that are not blank.
struct Lines<'a> {
    path: &'a Path,
    bytes: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Opens a file.
    fn open(path: &'a Path) -> Result<Self, SourceError> {
        Ok(Self { path, bytes: lines::open(path)?, line: Vec::new(), number: 0 })
    }

    /// Goes to the next line; false at the end.
    fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut bounded = (&mut self.bytes).take(MAX_ROW_BYTES);
            let count = bounded.read_until(b'\n', &mut self.line).map_err(|error| unreachable(self.path, &error))?;
            if count == 0 {
                return Ok(false);
            }
            if count as u64 == MAX_ROW_BYTES && !self.line.ends_with(b"\n") {
                let why = format!("line {} takes more than {MAX_ROW_BYTES} bytes", self.number);
                return Err(unreadable(self.path, &why));
            }
            if self.number == 1 && self.line.starts_with("\u{feff}".as_bytes()) {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The line, if it is UTF-8.
    fn text(&self) -> Option<&str> {
        str::from_utf8(&self.line).ok()
    }
}

/// Reads the members of rows into the columns that they belong to.
struct Members<'a> {
    columns: &'a [ColumnRequest],
    /// The name and column of the member that was last seen at each position: rows mostly look alike.
    expected: Vec<(String, Option<usize>)>,
}

impl Members<'_> {
    /// Reads a row; `None` if it is no JSON object.
    fn read<'l>(&mut self, line: &'l str) -> Option<Vec<Option<Cow<'l, str>>>> {
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let cells = deserializer.deserialize_map(Row(self)).ok()?;
        deserializer.end().ok()?;
        cells.into_iter().map(|value| value.map_or(Ok(None), text_of)).collect::<Result<_, _>>().ok()
    }

    /// The column of the member that stands at this position of a row.
    fn column_of(&mut self, position: usize, name: &str) -> Option<usize> {
        if let Some((_, column)) = self.expected.get(position).filter(|(expected, _)| expected == name) {
            return *column;
        }
        let exact = self.columns.iter().position(|column| column.name == name);
        let column = exact.or_else(|| self.columns.iter().position(|column| is_same(&column.name, name)));
        if position < REMEMBERED {
            self.expected.resize_with(self.expected.len().max(position + 1), Default::default);
            if let Some(expected) = self.expected.get_mut(position) {
                *expected = (name.to_owned(), column);
            }
        }
        column
    }
}

/// The text of a value, none for null. A string may hold half a surrogate pair, which is no text.
fn text_of(value: &RawValue) -> Result<Option<Cow<'_, str>>, serde_json::Error> {
    let json = value.get();
    if json == "null" {
        return Ok(None);
    }
    let Some(inside) = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) else {
        return Ok(Some(Cow::Borrowed(json)));
    };
    if !inside.contains('\\') {
        return Ok(Some(Cow::Borrowed(inside)));
    }
    Ok(Some(Cow::Owned(serde_json::from_str(json)?)))
}

/// Visits an object and keeps the values of the columns.
struct Row<'a, 'b>(&'a mut Members<'b>);

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(members) = self;
        let mut cells = vec![None; members.columns.len()];
        let mut position = 0;
        while let Some(column) = map.next_key_seed(Name { members, position })? {
            position += 1;
            match column.and_then(|column| cells.get_mut(column)) {
                Some(cell) => *cell = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(cells)
    }
}

/// Reads a member's name and gives its column.
struct Name<'a, 'b> {
    members: &'a mut Members<'b>,
    position: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.members.column_of(self.position, name))
    }
}

/// Visits an object and keeps its members' names.
struct Names<'a>(&'a mut BTreeSet<String>);

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            self.0.insert(name);
        }
        Ok(())
    }
}
