//! Parquet files, written here.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::{batches, next, selection};
use crate::event::{Zone, zone};
use crate::source::file::{BATCH_ROWS, open};
use crate::source::{SourceError, Trouble};

/// Writes a file of these columns.
fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, a)| (name, a, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Writes a column beside an event id and reads it as a time or not.
fn read_back(column: ArrayRef, wanted: &str, zone: Zone) -> ArrayRef {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..column.len()).map(|n| n.to_string())));
    write(&path, vec![("X", column), ("Event_ID", ids)]);
    let batches = batches(&path, &["event_id", wanted], zone).unwrap();
    let schema = batches[0].schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["event_id", "x"]);
    Arc::clone(batches[0].column(1))
}

#[test]
fn types_pass_as_they_are() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns: [ArrayRef; 9] = [
        Arc::new(StringArray::from(vec![Some("José"), None])),
        Arc::new(StringViewArray::from(vec![Some("a long enough text for a view"), None])),
        Arc::new([Some("a"), None].into_iter().collect::<DictionaryArray<Int32Type>>()),
        Arc::new(Int64Array::from(vec![Some(i64::MAX), None])),
        Arc::new(Decimal128Array::from(vec![Some(12_990), None]).with_precision_and_scale(38, 2).unwrap()),
        Arc::new(Float64Array::from(vec![Some(0.1), None])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(Date32Array::from(vec![Some(20_000), None])),
        Arc::new(list),
    ];
    for column in columns {
        for wanted in ["x", "@x"] {
            assert_eq!(
                &read_back(Arc::clone(&column), wanted, zone("Europe/Berlin")),
                &column,
                "{:?}",
                column.data_type()
            );
        }
    }
}

/// The local time 2026-07-10T12:00:00.25 in milliseconds, as if it were UTC.
const LOCAL: i64 = 1_783_684_800_250;

/// Two hours, which Berlin is ahead of UTC in summer, in milliseconds.
const AHEAD: i64 = 7_200_000;

#[test]
fn times_without_zone_are_read_in_the_configured_one() {
    let check = |make: &dyn Fn(i64) -> ArrayRef, unit: TimeUnit| {
        let expected_type = DataType::Timestamp(unit, Some("UTC".into()));
        for (zone, instant) in [(Zone::UTC, LOCAL), (zone("Europe/Berlin"), LOCAL - AHEAD)] {
            let found = read_back(make(LOCAL), "@x", zone);
            assert_eq!(found.data_type(), &expected_type);
            let first = |array: &ArrayRef| array.slice(0, 1).to_data().buffers().to_vec();
            assert_eq!(first(&found), first(&make(instant)), "{zone} {unit:?}");
            assert!(found.is_null(1));
        }
        let untouched = read_back(make(LOCAL), "x", zone("Europe/Berlin"));
        assert_eq!(&untouched, &make(LOCAL), "only a time is converted");
    };
    // Parquet has no seconds: the writer makes milliseconds of them and the reader seconds again.
    check(&|t| Arc::new(TimestampSecondArray::from(vec![Some(t.div_euclid(1_000)), None])), TimeUnit::Second);
    check(&|t| Arc::new(TimestampMillisecondArray::from(vec![Some(t), None])), TimeUnit::Millisecond);
    check(&|t| Arc::new(TimestampMicrosecondArray::from(vec![Some(t * 1_000), None])), TimeUnit::Microsecond);
    check(&|t| Arc::new(TimestampNanosecondArray::from(vec![Some(t * 1_000_000), None])), TimeUnit::Nanosecond);
}

#[test]
fn times_with_zone_are_instants_already() {
    for stated in ["UTC", "+00:00", "America/New_York"] {
        let column = TimestampMicrosecondArray::from(vec![Some(LOCAL), None]).with_timezone(stated);
        let found = read_back(Arc::new(column), "@x", zone("Europe/Berlin"));
        assert_eq!(found.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        assert_eq!(found.as_primitive::<TimestampMicrosecondType>().value(0), LOCAL);
    }
}

#[test]
fn a_time_beyond_the_calendar_stays_what_it_is() {
    let extremes = vec![i64::MIN, i64::MAX, -1, 0];
    let found = read_back(Arc::new(TimestampSecondArray::from(vec![-1, 0, 1])), "@x", zone("America/New_York"));
    assert_eq!(found.len(), 3);
    let found = read_back(Arc::new(TimestampMicrosecondArray::from(extremes)), "@x", zone("America/New_York"));
    let found: Vec<_> = found.as_primitive::<TimestampMicrosecondType>().values().to_vec();
    assert_eq!(found, [i64::MIN, i64::MAX, 18_000_000_000 - 1, 18_000_000_000]);
}

#[test]
fn only_wanted_columns_are_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["the bytes to spoil, the bytes to spoil", "b"]));
    let nested = StructArray::from(vec![(Arc::new(Field::new("event_id", DataType::Utf8, true)), inner)]);
    write(&path, vec![("nested", Arc::new(nested)), ("event_id", ids)]);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(8).position(|window| window == b"to spoil").unwrap();
    bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
    fs::write(&path, bytes).unwrap();
    let batches = batches(&path, &["event_id"], Zone::UTC).unwrap();
    assert_eq!(batches[0].num_columns(), 1);
    assert_eq!(batches[0].column(0).as_string::<i32>().value(1), "2");
    let result = super::batches(&path, &["event_id", "nested"], Zone::UTC);
    assert!(matches!(&result, Err(SourceError { trouble: Trouble::Protocol, .. })), "{result:?}");
}

#[test]
fn the_number_of_rows_of_all_files_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let count = BATCH_ROWS + 7;
    for name in ["a.parquet", "b.parquet"] {
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..count).map(|n| n.to_string())));
        write(&folder.path().join(name), vec![("event_id", ids)]);
    }
    let pattern = folder.path().join("*.parquet");
    let mut stream = open(pattern.to_str().unwrap(), &selection(&["event_id", "email?"], Zone::UTC)).unwrap();
    assert_eq!((stream.total, stream.absent.as_slice()), (Some(2 * count as u64), &["email".to_owned()][..]));
    let mut sizes = Vec::new();
    while let Some(batch) = next(&mut stream) {
        sizes.push(batch.unwrap().num_rows());
    }
    assert_eq!(sizes, [BATCH_ROWS, 7, BATCH_ROWS, 7]);
}

#[test]
fn a_file_that_lacks_an_optional_column_gives_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let column = || -> ArrayRef { Arc::new(StringArray::from(vec!["1"])) };
    write(&folder.path().join("a.parquet"), vec![("event_id", column()), ("email", column())]);
    write(&folder.path().join("b.parquet"), vec![("event_id", column())]);
    let batches = batches(&folder.path().join("*.parquet"), &["event_id", "email?"], Zone::UTC).unwrap();
    assert_eq!([batches[0].column(1).null_count(), batches[1].column(1).null_count()], [0, 1]);
}

#[test]
fn a_file_that_is_no_parquet_or_cut_short_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, vec![("event_id", Arc::new(StringArray::from(vec!["ada@example.com"; 100])))]);
    let whole = fs::read(&path).unwrap();
    for content in [&b""[..], b"event_id\n1\n", &whole[..whole.len() / 2], &whole[1..]] {
        fs::write(&path, content).unwrap();
        let error = batches(&path, &["event_id"], Zone::UTC).unwrap_err();
        assert_eq!(error.trouble, Trouble::Protocol);
        assert!(!error.what.contains("ada"), "{}", error.what);
    }
}

#[test]
fn no_damage_makes_rows_vanish_in_silence_or_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let ids = StringArray::from_iter_values((0..300).map(|n| n.to_string()));
    write(&path, vec![("event_id", Arc::new(ids))]);
    let whole = fs::read(&path).unwrap();
    // The end of the file says where everything is and how many rows there are.
    let length = u32::from_le_bytes(*whole[..whole.len() - 4].last_chunk().unwrap());
    let footer = whole.len() - 8 - usize::try_from(length).unwrap();
    let places = (0..footer).step_by(5).chain(footer..whole.len());
    for (at, flip) in places.flat_map(|at| [(at, 0x02), (at, [0x01, 0xff, 0x80][at % 3])]) {
        let mut damaged = whole.clone();
        damaged[at] ^= flip;
        fs::write(&path, damaged).unwrap();
        if let Ok(stream) = open(path.to_str().unwrap(), &selection(&["event_id"], Zone::UTC)) {
            let total = stream.total;
            let mut stream = stream;
            let mut rows = 0;
            let mut is_whole = true;
            while let Some(batch) = next(&mut stream) {
                match batch {
                    Ok(batch) => rows += batch.num_rows() as u64,
                    Err(_) => is_whole = false,
                }
            }
            assert!(!is_whole || total == Some(rows), "byte {at}: {rows} of {total:?}");
        }
    }
}
