//! One column of a record batch, read as text or as instants whatever Arrow type it came in.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate};

use super::time::{self, Micros, NotATime};
use super::zone::Zone;

/// A column read as text. Numbers, dates and booleans are written out once, when the column is bound.
#[derive(Debug)]
pub(super) enum Texts<'a> {
    /// The table has no such column.
    Absent,
    /// The same text in every row.
    Constant(&'a str),
    /// Strings as they are.
    Utf8(&'a StringArray),
    /// Strings with long offsets.
    LargeUtf8(&'a LargeStringArray),
    /// Strings in view layout.
    View(&'a StringViewArray),
    /// Texts written out from another type.
    Written(Vec<Option<Box<str>>>),
}

impl<'a> Texts<'a> {
    /// Binds a column; `None` when its Arrow type cannot be read as text.
    pub(super) fn bind(column: &'a ArrayRef) -> Option<Self> {
        Some(match column.data_type() {
            DataType::Utf8 => Self::Utf8(column.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(column.as_string()),
            DataType::Utf8View => Self::View(column.as_string_view()),
            _ => Self::Written(write_out(column)?),
        })
    }

    /// The text in a row; `None` where it is null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Constant(text) => Some(text),
            Self::Utf8(column) => column.is_valid(row).then(|| column.value(row)),
            Self::LargeUtf8(column) => column.is_valid(row).then(|| column.value(row)),
            Self::View(column) => column.is_valid(row).then(|| column.value(row)),
            Self::Written(texts) => texts.get(row)?.as_deref(),
        }
    }

    /// The text in a row unless it is null or blank.
    pub(super) fn filled(&self, row: usize) -> Option<&str> {
        self.get(row).filter(|text| !text.trim_start().is_empty())
    }
}

/// A column read as instants.
#[derive(Debug)]
pub(super) enum Times<'a> {
    /// Instants in microseconds.
    Instants(Vec<Option<Micros>>),
    /// Texts that are read as they are needed, with the zone of those without one.
    Texts(Texts<'a>, Zone),
}

impl<'a> Times<'a> {
    /// Binds a column; `None` when its Arrow type cannot be read as a time.
    pub(super) fn bind(column: &'a ArrayRef, zone: Zone) -> Option<Self> {
        // A timestamp without zone that a source did not convert holds wall-clock time. One that no calendar has is not
        // missing; it is judged as it is.
        let local = |micros: Micros| {
            let wall = DateTime::from_timestamp_micros(micros);
            wall.and_then(|wall| time::local(wall.naive_utc(), zone).ok()).unwrap_or(micros)
        };
        Some(match column.data_type() {
            DataType::Timestamp(unit, stated) => {
                let micros = micros(column, *unit);
                Self::Instants(match stated {
                    Some(_) => micros,
                    None => micros.into_iter().map(|cell| cell.map(local)).collect(),
                })
            }
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>();
                let midnight = |day: i32| local(i64::from(day).saturating_mul(86_400_000_000));
                Self::Instants(days.iter().map(|cell| cell.map(midnight)).collect())
            }
            _ => Self::Texts(Texts::bind(column)?, zone),
        })
    }

    /// The instant in a row; `None` where the cell is null or blank.
    pub(super) fn get(&self, row: usize) -> Option<Result<Micros, NotATime>> {
        match self {
            Self::Instants(instants) => instants.get(row).copied().flatten().map(Ok),
            Self::Texts(texts, zone) => texts.filled(row).map(|text| time::parse(text, *zone)),
        }
    }
}

fn micros(column: &ArrayRef, unit: TimeUnit) -> Vec<Option<Micros>> {
    match unit {
        TimeUnit::Second => column
            .as_primitive::<TimestampSecondType>()
            .iter()
            .map(|c| c.map(|v| v.saturating_mul(1_000_000)))
            .collect(),
        TimeUnit::Millisecond => column
            .as_primitive::<TimestampMillisecondType>()
            .iter()
            .map(|c| c.map(|v| v.saturating_mul(1_000)))
            .collect(),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        TimeUnit::Nanosecond => {
            column.as_primitive::<TimestampNanosecondType>().iter().map(|c| c.map(|v| v.div_euclid(1_000))).collect()
        }
    }
}

/// Writes every cell of a column that is not a string column.
fn write_out(column: &ArrayRef) -> Option<Vec<Option<Box<str>>>> {
    Some(match column.data_type() {
        DataType::Null => vec![None; column.len()],
        DataType::Boolean => column.as_boolean().iter().map(|cell| cell.map(|v| v.to_string().into())).collect(),
        DataType::Int8 => numbers::<Int8Type>(column),
        DataType::Int16 => numbers::<Int16Type>(column),
        DataType::Int32 => numbers::<Int32Type>(column),
        DataType::Int64 => numbers::<Int64Type>(column),
        DataType::UInt8 => numbers::<UInt8Type>(column),
        DataType::UInt16 => numbers::<UInt16Type>(column),
        DataType::UInt32 => numbers::<UInt32Type>(column),
        DataType::UInt64 => numbers::<UInt64Type>(column),
        DataType::Float32 => numbers::<Float32Type>(column),
        DataType::Float64 => numbers::<Float64Type>(column),
        DataType::Decimal128(..) => {
            let decimals = column.as_primitive::<Decimal128Type>();
            (0..decimals.len())
                .map(|row| decimals.is_valid(row).then(|| decimals.value_as_string(row).into()))
                .collect()
        }
        DataType::Decimal256(..) => {
            let decimals = column.as_primitive::<Decimal256Type>();
            (0..decimals.len())
                .map(|row| decimals.is_valid(row).then(|| decimals.value_as_string(row).into()))
                .collect()
        }
        DataType::Date32 => {
            let epoch = NaiveDate::default();
            let day =
                |days: i32| epoch.checked_add_signed(chrono::Duration::days(days.into())).map(|d| d.to_string().into());
            column.as_primitive::<Date32Type>().iter().map(|cell| cell.and_then(day)).collect()
        }
        DataType::Timestamp(unit, zone) => {
            // A wall clock has no zone to tell.
            let form = if zone.is_some() { "%FT%T%.fZ" } else { "%FT%T%.f" };
            let text = |at: Micros| DateTime::from_timestamp_micros(at).map(|at| at.format(form).to_string().into());
            micros(column, *unit).into_iter().map(|cell| cell.and_then(text)).collect()
        }
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = Texts::bind(dictionary.values())?;
            let keys = dictionary.normalized_keys();
            let text = |row: usize| dictionary.is_valid(row).then(|| keys.get(row)).flatten();
            (0..column.len()).map(|row| text(row).and_then(|key| values.get(*key)).map(Into::into)).collect()
        }
        DataType::List(_) => lists(column.len(), |row| {
            let list = column.as_list::<i32>();
            list.is_valid(row).then(|| list.value(row))
        })?,
        DataType::LargeList(_) => lists(column.len(), |row| {
            let list = column.as_list::<i64>();
            list.is_valid(row).then(|| list.value(row))
        })?,
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(column: &ArrayRef) -> Vec<Option<Box<str>>>
where
    T::Native: std::fmt::Display,
{
    column.as_primitive::<T>().iter().map(|cell| cell.map(|value| value.to_string().into())).collect()
}

/// Writes lists as JSON arrays of strings, numbers or flags; nulls in a list are left out.
fn lists(length: usize, cell: impl Fn(usize) -> Option<ArrayRef>) -> Option<Vec<Option<Box<str>>>> {
    let mut texts = Vec::with_capacity(length);
    for row in 0..length {
        let Some(items) = cell(row) else {
            texts.push(None);
            continue;
        };
        let bound = Texts::bind(&items)?;
        let list = (0..items.len()).filter_map(|item| bound.get(item));
        let json = if items.data_type().is_numeric() || *items.data_type() == DataType::Boolean {
            // Not every float is a number in JSON.
            let numbers = list.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
            Some(format!("[{}]", numbers.collect::<Vec<_>>().join(",")))
        } else {
            serde_json::to_string(&list.collect::<Vec<_>>()).ok()
        };
        texts.push(json.map(Into::into));
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{
        BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, ListArray,
        TimestampMillisecondArray, TimestampSecondArray,
    };

    use super::*;
    use crate::event::zone;

    fn check(column: impl Array + 'static, expected: &[Option<&str>]) {
        let column: ArrayRef = Arc::new(column);
        let texts = Texts::bind(&column).unwrap();
        let read: Vec<Option<&str>> = (0..column.len()).map(|row| texts.get(row)).collect();
        assert_eq!(read, expected, "{}", column.data_type());
    }

    #[test]
    fn every_type_as_text() {
        check(StringArray::from(vec![Some("é"), None]), &[Some("é"), None]);
        check(LargeStringArray::from(vec![Some("a"), None]), &[Some("a"), None]);
        check(
            StringViewArray::from(vec![Some("a longer text than twelve bytes"), None]),
            &[Some("a longer text than twelve bytes"), None],
        );
        check(Int64Array::from(vec![Some(-5), None]), &[Some("-5"), None]);
        check(
            Float64Array::from(vec![Some(0.1), Some(1e21), None]),
            &[Some("0.1"), Some("1000000000000000000000"), None],
        );
        check(BooleanArray::from(vec![Some(false), None]), &[Some("false"), None]);
        check(Date32Array::from(vec![Some(-1), Some(9_908), None]), &[Some("1969-12-31"), Some("1997-02-16"), None]);
        let decimals =
            Decimal128Array::from(vec![Some(12_990), Some(-5), None]).with_precision_and_scale(18, 2).unwrap();
        check(decimals, &[Some("129.90"), Some("-0.05"), None]);
        let words: DictionaryArray<Int32Type> = vec![Some("Lead"), None, Some("Lead")].into_iter().collect();
        check(words, &[Some("Lead"), None, Some("Lead")]);
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None, Some(2)]), None]);
        check(lists, &[Some("[1,2]"), None]);
    }

    #[test]
    fn instants_of_every_unit() {
        let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(-1), None]).with_timezone("UTC"));
        let times = Times::bind(&seconds, Zone::UTC).unwrap();
        assert_eq!((times.get(0), times.get(1)), (Some(Ok(-1_000_000)), None));
        // Noon on the wall in Berlin is eleven in UTC.
        let wall: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(1_763_640_000_000)]));
        let times = Times::bind(&wall, zone("Europe/Berlin")).unwrap();
        assert_eq!(times.get(0), Some(Ok(1_763_636_400_000_000)));
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("2026-11-20T10:00:00Z"), Some(" "), Some("soon")]));
        let times = Times::bind(&text, Zone::UTC).unwrap();
        assert_eq!(times.get(0), Some(Ok(1_795_168_800_000_000)));
        assert_eq!((times.get(1), times.get(2)), (None, Some(Err(NotATime::Unreadable))));
    }
}
