//! The shapes of values that our own statements cast away in SQL, written as text all the same: dates, times of day,
//! timestamps, binary values and decimal floats.
//!
//! Source: Go driver, `converter.go`, `arrowToValues`, and Snowflake's universal driver, `arrow_utils.rs`: the logical
//! type and the scale stand in the metadata of a field; the epoch of a timestamp is in UTC, the fraction is never
//! negative, and a zone is given as minutes and 1,440 more.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};

use super::decode::{decimal, widened};

/// A cell as text; `None` where it is null.
type Cell = Option<String>;

/// Gives the timestamp in a row.
type Moments = Box<dyn Fn(usize) -> Option<DateTime<FixedOffset>>>;

/// Writes the cells of an array that Snowflake calls by a logical type; `None` where that is none of these shapes.
pub(super) fn text(array: &ArrayRef, logical: &str, scale: u8) -> Option<Vec<Cell>> {
    let write: Box<dyn Fn(usize) -> Option<String>> = match (logical, array.data_type()) {
        (_, DataType::Date32) => {
            let days = array.as_primitive::<Date32Type>().clone();
            Box::new(move |row| Some(NaiveDate::from_epoch_days(days.value(row))?.format("%Y-%m-%d").to_string()))
        }
        ("TIME", _) => {
            let counts = widened(array)?;
            Box::new(move |row| {
                let (seconds, nanos) = split(counts.value(row), scale)?;
                let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, nanos)?;
                Some(time.format("%H:%M:%S%.f").to_string())
            })
        }
        ("TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ", _) => {
            let moments = moments(array, scale)?;
            let has_zone = logical != "TIMESTAMP_NTZ";
            Box::new(move |row| {
                let moment = moments(row)?;
                let written = moment.format("%Y-%m-%dT%H:%M:%S%.f");
                Some(if has_zone { format!("{written}{}", moment.offset()) } else { written.to_string() })
            })
        }
        (_, DataType::Binary) => {
            let bytes = array.as_binary::<i32>().clone();
            Box::new(move |row| Some(hex::encode_upper(bytes.value(row))))
        }
        ("DECFLOAT", DataType::Struct(_)) => {
            let fields = array.as_struct();
            let exponents = fields.column_by_name("exponent")?.as_primitive_opt::<Int16Type>()?.clone();
            let significands = fields.column_by_name("significand")?.as_binary_opt::<i32>()?.clone();
            Box::new(move |row| decimal_float(significands.value(row), exponents.value(row)))
        }
        _ => return None,
    };
    // A cell that is there and cannot be written makes the whole column one that is not understood.
    (0..array.len()).map(|row| if array.is_null(row) { Some(None) } else { write(row).map(Some) }).collect()
}

/// Gives the microseconds since 1970 of an array of timestamps; `None` where it is none.
pub(super) fn microseconds(array: &ArrayRef, logical: &str, scale: u8) -> Option<Vec<Option<i64>>> {
    if !logical.starts_with("TIMESTAMP_") {
        return None;
    }
    let moments = moments(array, scale)?;
    let micros = |row| moments(row).map(|moment| moment.timestamp_micros());
    (0..array.len()).map(|row| if array.is_null(row) { Some(None) } else { micros(row).map(Some) }).collect()
}

/// Gives what reads a timestamp of an array by its row.
fn moments(array: &ArrayRef, scale: u8) -> Option<Moments> {
    if !matches!(array.data_type(), DataType::Struct(_)) {
        let counts = widened(array)?;
        return Some(Box::new(move |row| {
            let (seconds, nanos) = split(counts.value(row), scale)?;
            moment(seconds, nanos, 0)
        }));
    }
    let fields = array.as_struct();
    let epochs = fields.column_by_name("epoch")?.as_primitive_opt::<Int64Type>()?.clone();
    let integers = |name: &str| match fields.column_by_name(name) {
        None => Some(None),
        Some(column) => column.as_primitive_opt::<Int32Type>().cloned().map(Some),
    };
    let (fractions, zones) = (integers("fraction")?, integers("timezone")?);
    Some(Box::new(move |row| {
        let (seconds, nanos) = match &fractions {
            Some(fractions) => (epochs.value(row), u32::try_from(fractions.value(row)).ok()?),
            None => split(epochs.value(row), scale)?,
        };
        let minutes = zones.as_ref().map_or(0, |zones| zones.value(row) - ZONE_ZERO);
        moment(seconds, nanos, minutes)
    }))
}

/// What stands for a zone without offset.
const ZONE_ZERO: i32 = 1_440;

fn moment(seconds: i64, nanos: u32, minutes: i32) -> Option<DateTime<FixedOffset>> {
    let zone = FixedOffset::east_opt(minutes.checked_mul(60)?)?;
    Some(DateTime::from_timestamp(seconds, nanos)?.with_timezone(&zone))
}

/// Splits a count of parts of a second into seconds and nanoseconds, the latter never negative.
fn split(count: i64, scale: u8) -> Option<(i64, u32)> {
    let parts = 10_i64.checked_pow(u32::from(scale))?;
    let nanos_of_part = 1_000_000_000_i64.checked_div(parts).filter(|nanos| *nanos > 0)?;
    Some((count.div_euclid(parts), u32::try_from(count.rem_euclid(parts) * nanos_of_part).ok()?))
}

/// Longer numbers are written with an exponent.
const MOST_ZEROS: u16 = 76;

/// Writes a decimal float: a whole number in two's complement, times ten to a power.
fn decimal_float(significand: &[u8], exponent: i16) -> Option<String> {
    let first = significand.first().copied().unwrap_or_default();
    let mut wide = [if first >= 0x80 { 0xff } else { 0 }; 16];
    let start = wide.len().checked_sub(significand.len())?;
    wide.get_mut(start..)?.copy_from_slice(significand);
    let number = i128::from_be_bytes(wide);
    Some(match exponent {
        _ if exponent.unsigned_abs() > MOST_ZEROS => format!("{number}E{exponent}"),
        0.. if number != 0 => format!("{number}{}", "0".repeat(usize::from(exponent.unsigned_abs()))),
        0.. => "0".to_owned(),
        _ => decimal(number, u8::try_from(exponent.unsigned_abs()).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{
        BinaryArray, Date32Array, Int8Array, Int16Array, Int32Array, Int64Array, StringArray, StructArray,
    };
    use arrow_schema::{Field, Fields};

    use super::*;

    #[track_caller]
    fn check(array: impl Array + 'static, logical: &str, scale: u8, expected: &[&str]) {
        let cells = text(&(Arc::new(array) as ArrayRef), logical, scale).expect("the shape is understood");
        let cells: Vec<_> = cells.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        assert_eq!(cells, expected, "{logical} {scale}");
    }

    fn structure(columns: &[(&str, ArrayRef)], nulls: &[bool]) -> StructArray {
        let fields: Fields =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
        StructArray::new(fields, arrays, Some(nulls.to_vec().into()))
    }

    fn longs(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn ints(values: &[i32]) -> ArrayRef {
        Arc::new(Int32Array::from(values.to_vec()))
    }

    #[test]
    fn dates_and_times_of_day() {
        check(
            Date32Array::from(vec![Some(0), Some(-1), Some(20_780), Some(-719_162), None]),
            "DATE",
            0,
            &["1970-01-01", "1969-12-31", "2026-11-23", "0001-01-01", "NULL"],
        );
        check(Int32Array::from(vec![Some(0), Some(86_399), None]), "TIME", 0, &["00:00:00", "23:59:59", "NULL"]);
        check(Int32Array::from(vec![123]), "TIME", 3, &["00:00:00.123"]);
        check(Int64Array::from(vec![86_399_999_999_999]), "TIME", 9, &["23:59:59.999999999"]);
    }

    #[test]
    fn timestamps_as_integers_of_every_scale_and_width() {
        for (scale, count, expected) in [
            (0, -1, "1969-12-31T23:59:59"),
            (1, -1, "1969-12-31T23:59:59.900"),
            (2, 1, "1970-01-01T00:00:00.010"),
            (3, 1_795_446_000_123, "2026-11-23T15:00:00.123"),
            (4, 1, "1970-01-01T00:00:00.000100"),
            (5, -1, "1969-12-31T23:59:59.999990"),
            (6, 1_795_446_000_123_456, "2026-11-23T15:00:00.123456"),
            (7, -1, "1969-12-31T23:59:59.999999900"),
            (8, 1, "1970-01-01T00:00:00.000000010"),
            (9, -1, "1969-12-31T23:59:59.999999999"),
        ] {
            let array = || Int64Array::from(vec![Some(count), None]);
            check(array(), "TIMESTAMP_NTZ", scale, &[expected, "NULL"]);
            check(array(), "TIMESTAMP_LTZ", scale, &[&format!("{expected}+00:00"), "NULL"]);
        }
        check(Int8Array::from(vec![60]), "TIMESTAMP_NTZ", 0, &["1970-01-01T00:01:00"]);
        check(Int16Array::from(vec![-60]), "TIMESTAMP_NTZ", 0, &["1969-12-31T23:59:00"]);
        check(Int32Array::from(vec![86_400]), "TIMESTAMP_NTZ", 0, &["1970-01-02T00:00:00"]);
    }

    #[test]
    fn timestamps_as_structures_with_and_without_zone() {
        let epochs = longs(&[1_795_446_000, -1, 0]);
        let fractions = ints(&[5, 999_999_999, 0]);
        let zones = ints(&[1_440 + 60, 1_440 - 570, 0]);
        let there = [true, true, false];
        check(
            structure(&[("epoch", Arc::clone(&epochs)), ("fraction", Arc::clone(&fractions))], &there),
            "TIMESTAMP_NTZ",
            9,
            &["2026-11-23T15:00:00.000000005", "1969-12-31T23:59:59.999999999", "NULL"],
        );
        check(
            structure(&[("epoch", epochs), ("fraction", fractions), ("timezone", Arc::clone(&zones))], &there),
            "TIMESTAMP_TZ",
            9,
            &["2026-11-23T16:00:00.000000005+01:00", "1969-12-31T14:29:59.999999999-09:30", "NULL"],
        );
        let epochs = longs(&[1_795_446_000_123, -1, 0]);
        let array = structure(&[("epoch", epochs), ("timezone", zones)], &there);
        let expected = ["2026-11-23T16:00:00.123+01:00", "1969-12-31T14:29:59.999-09:30", "NULL"];
        check(array.clone(), "TIMESTAMP_TZ", 3, &expected);
        let micros = microseconds(&(Arc::new(array) as ArrayRef), "TIMESTAMP_TZ", 3).unwrap();
        assert_eq!(micros, [Some(1_795_446_000_123_000), Some(-1_000), None]);
    }

    #[test]
    fn binary_values_and_decimal_floats() {
        check(BinaryArray::from(vec![Some(&[0, 0xab][..]), Some(&[]), None]), "BINARY", 0, &["00AB", "", "NULL"]);
        let significands: [&[u8]; 6] = [&[0x30, 0x39], &[0xff], &[0], &[1], &[1], &[0x80]];
        let exponents = [-2, 3, 5, 77, -77, 0];
        let columns: [(&str, ArrayRef); 2] = [
            ("exponent", Arc::new(Int16Array::from(exponents.to_vec()))),
            ("significand", Arc::new(BinaryArray::from(significands.to_vec()))),
        ];
        let array = structure(&columns, &[true; 6]);
        check(array, "DECFLOAT", 0, &["123.45", "-1000", "0", "1E77", "1E-77", "-128"]);
        check(structure(&columns, &[false; 6]), "DECFLOAT", 0, &["NULL"; 6]);
    }

    #[test]
    fn what_is_out_of_range_or_of_another_shape_is_not_understood() {
        let arrays: [(ArrayRef, &str, u8); 7] = [
            (longs(&[i64::MAX]), "TIMESTAMP_NTZ", 0),
            (longs(&[1]), "TIMESTAMP_NTZ", 10),
            (ints(&[86_400]), "TIME", 0),
            (Arc::new(StringArray::from(vec!["x"])), "TIMESTAMP_NTZ", 0),
            (Arc::new(structure(&[("epoch", ints(&[1]))], &[true])), "TIMESTAMP_TZ", 0),
            (
                Arc::new(structure(&[("epoch", longs(&[1])), ("timezone", ints(&[i32::MAX]))], &[true])),
                "TIMESTAMP_TZ",
                0,
            ),
            (longs(&[1]), "FIXED", 0),
        ];
        for (array, logical, scale) in arrays {
            assert_eq!(text(&array, logical, scale), None, "{logical} {:?}", array.data_type());
        }
    }
}
