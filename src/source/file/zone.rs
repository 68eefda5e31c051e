//! Timestamps without zone, read in the configured one.

use std::sync::Arc;

use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;

use crate::event::Zone;
use crate::event::time;

/// Makes a timestamp column one of instants in UTC; any other column stays as it is.
///
/// Changes of clocks are read as [`time::local`] reads them.
pub(super) fn settle(array: &ArrayRef, zone: Zone) -> ArrayRef {
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
fn convert<T: ArrowTimestampType>(array: &ArrayRef, per_second: i64, zone: Zone) -> Option<ArrayRef> {
    let array: &PrimitiveArray<T> = array.as_any().downcast_ref()?;
    let has_zone = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let instants = if has_zone || zone == Zone::UTC {
        array.clone()
    } else {
        // A time beyond the calendar stays what it is: no event.
        array.unary(|local| instant(local, per_second, zone).unwrap_or(local))
    };
    Some(Arc::new(instants.with_timezone("UTC")))
}

/// The instant at which the clocks of a zone show a time, given as if it were UTC.
///
/// The fraction of a second is carried past the clocks, because nanoseconds are finer than what they are read in.
fn instant(local: i64, per_second: i64, zone: Zone) -> Option<i64> {
    let (seconds, fraction) = (local.div_euclid(per_second), local.rem_euclid(per_second));
    let clock = DateTime::from_timestamp(seconds, 0)?.naive_utc();
    let seconds = time::local(clock, zone).ok()?.div_euclid(1_000_000);
    seconds.checked_mul(per_second)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;
    use crate::event::zone;

    fn check(zone: Zone, local: &str, expected: &str) {
        let local: NaiveDateTime = local.parse().unwrap();
        let expected = DateTime::parse_from_rfc3339(expected).unwrap();
        let nanos = |time: DateTime<_>| time.timestamp_nanos_opt().unwrap();
        assert_eq!(
            instant(nanos(local.and_utc()), 1_000_000_000, zone),
            Some(nanos(expected.to_utc())),
            "{zone} {local}"
        );
    }

    #[test]
    fn local_times_become_instants() {
        check(Zone::UTC, "2026-03-29T02:30:00", "2026-03-29T02:30:00Z");
        check(zone("Europe/Berlin"), "2026-01-10T12:00:00.000000001", "2026-01-10T11:00:00.000000001Z");
        check(zone("Europe/Berlin"), "2026-07-10T12:00:00", "2026-07-10T10:00:00Z");
        check(zone("Europe/Berlin"), "1969-12-31T23:59:59.25", "1969-12-31T22:59:59.25Z");
        check(zone("America/New_York"), "2026-11-20T00:00:00", "2026-11-20T05:00:00Z");
        check(zone("Asia/Kathmandu"), "2026-11-20T00:00:00", "2026-11-19T18:15:00Z");
    }

    #[test]
    fn a_change_of_clocks_is_read_as_everywhere_else() {
        check(zone("Europe/Berlin"), "2026-10-25T02:30:00", "2026-10-25T00:30:00Z");
        check(zone("Europe/Berlin"), "2026-03-29T02:30:00.5", "2026-03-29T01:30:00.5Z");
        check(zone("Europe/Berlin"), "2026-03-29T03:00:00", "2026-03-29T01:00:00Z");
    }

    #[test]
    fn a_time_beyond_the_calendar_has_no_instant() {
        for local in [i64::MAX, i64::MIN] {
            assert_eq!(instant(local, 1, zone("Europe/Berlin")), None);
        }
    }
}
