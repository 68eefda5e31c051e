//! Timestamps without zone, read in the configured one.

use std::sync::Arc;

use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Makes a timestamp column one of instants in UTC; any other column stays as it is.
///
/// A time that the clocks show twice is the earlier one; a time that they skip is the first instant after the gap.
pub(super) fn settle(array: &ArrayRef, zone: Tz) -> ArrayRef {
    let settled = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => convert::<TimestampSecondType>(array, 1, zone),
        DataType::Timestamp(TimeUnit::Millisecond, _) => convert::<TimestampMillisecondType>(array, 1_000, zone),
        DataType::Timestamp(TimeUnit::Microsecond, _) => convert::<TimestampMicrosecondType>(array, 1_000_000, zone),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => convert::<TimestampNanosecondType>(array, 1_000_000_000, zone),
        _ => None,
    };
    settled.unwrap_or_else(|| Arc::clone(array))
}

/// Converts a column of one unit, of which so many make a second.
fn convert<T: ArrowTimestampType>(array: &ArrayRef, per_second: i64, zone: Tz) -> Option<ArrayRef> {
    let array: &PrimitiveArray<T> = array.as_any().downcast_ref()?;
    let has_zone = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let instants = if has_zone || zone == Tz::UTC {
        array.clone()
    } else {
        array.unary(|local| {
            let (seconds, fraction) = (local.div_euclid(per_second), local.rem_euclid(per_second));
            match instant(seconds, zone) {
                // The first instant after a gap has no fraction.
                Some(Instant { seconds, was_skipped: true }) => seconds.checked_mul(per_second),
                Some(Instant { seconds, was_skipped: false }) => {
                    seconds.checked_mul(per_second).and_then(|whole| whole.checked_add(fraction))
                }
                None => None,
            }
            // A time beyond the calendar stays what it is: no event.
            .unwrap_or(local)
        })
    };
    Some(Arc::new(instants.with_timezone("UTC")))
}

/// An instant in seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
struct Instant {
    seconds: i64,
    was_skipped: bool,
}

/// The instant at which the clocks of a zone show a time, given as if it were UTC.
fn instant(local_seconds: i64, zone: Tz) -> Option<Instant> {
    let local = DateTime::from_timestamp(local_seconds, 0)?.naive_utc();
    let seconds = match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => time.timestamp(),
        MappedLocalTime::None => return Some(Instant { seconds: end_of_gap(local, zone)?, was_skipped: true }),
    };
    Some(Instant { seconds, was_skipped: false })
}

/// The instant at which the clocks were put forward over a time.
fn end_of_gap(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    let offset_at = |seconds: i64| {
        let time = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        Some(zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
    };
    let mut before = local.checked_sub_signed(TimeDelta::days(2))?.and_utc().timestamp();
    let mut after = local.checked_add_signed(TimeDelta::days(2))?.and_utc().timestamp();
    let old_offset = offset_at(before)?;
    while after - before > 1 {
        let middle = before.midpoint(after);
        if offset_at(middle)? == old_offset { before = middle } else { after = middle }
    }
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: Tz, local: &str, expected: &str, was_skipped: bool) {
        let local_seconds: NaiveDateTime = local.parse().unwrap();
        let expected = DateTime::parse_from_rfc3339(expected).unwrap().timestamp();
        let found = instant(local_seconds.and_utc().timestamp(), zone);
        assert_eq!(found, Some(Instant { seconds: expected, was_skipped }), "{zone} {local}");
    }

    #[test]
    fn local_times_become_instants() {
        check(Tz::UTC, "2026-03-29T02:30:00", "2026-03-29T02:30:00Z", false);
        check(Tz::Europe__Berlin, "2026-01-10T12:00:00", "2026-01-10T11:00:00Z", false);
        check(Tz::Europe__Berlin, "2026-07-10T12:00:00", "2026-07-10T10:00:00Z", false);
        check(Tz::America__New_York, "2026-11-20T00:00:00", "2026-11-20T05:00:00Z", false);
        check(Tz::Asia__Kathmandu, "2026-11-20T00:00:00", "2026-11-19T18:15:00Z", false);
    }

    #[test]
    fn a_time_shown_twice_is_the_earlier() {
        check(Tz::Europe__Berlin, "2026-10-25T02:30:00", "2026-10-25T00:30:00Z", false);
        check(Tz::America__New_York, "2026-11-01T01:00:00", "2026-11-01T05:00:00Z", false);
    }

    #[test]
    fn a_skipped_time_is_the_end_of_the_gap() {
        check(Tz::Europe__Berlin, "2026-03-29T02:00:00", "2026-03-29T01:00:00Z", true);
        check(Tz::Europe__Berlin, "2026-03-29T02:59:59", "2026-03-29T01:00:00Z", true);
        check(Tz::Europe__Berlin, "2026-03-29T03:00:00", "2026-03-29T01:00:00Z", false);
        check(Tz::Australia__Lord_Howe, "2026-10-04T02:15:00", "2026-10-03T15:30:00Z", true);
        check(Tz::Pacific__Apia, "2011-12-30T12:00:00", "2011-12-30T10:00:00Z", true);
    }

    #[test]
    fn a_time_beyond_the_calendar_has_no_instant() {
        assert_eq!(instant(i64::MAX, Tz::Europe__Berlin), None);
        assert_eq!(instant(i64::MIN, Tz::Europe__Berlin), None);
    }
}
