//! Time zones, and what their clocks show.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDateTime, Timelike};
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A zone of the IANA database, which is built in: the smallest containers have none of their own.
#[derive(Clone, Copy)]
pub struct Zone(&'static Rules);

struct Rules {
    name: &'static str,
    zone: TimeZone,
}

static UTC: Rules = Rules { name: "UTC", zone: TimeZone::UTC };

/// A name that the IANA database does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAZone;

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(&UTC);

    /// Its name in the IANA database.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The instant at which its clocks show a time, in microseconds since 1970; `None` beyond the years 1 to 9999.
    ///
    /// A time that a change of clocks repeats is its first occurrence; one that is skipped is read as if the clocks had
    /// not changed yet.
    pub fn instant(self, shown: NaiveDateTime) -> Option<i64> {
        if self == Self::UTC {
            return Some(shown.and_utc().timestamp_micros());
        }
        let small = |number: u32| i8::try_from(number).ok();
        let (date, time) = (shown.date(), shown.time());
        // A leap second is the second before it and more than a second's fraction.
        let shown = civil::DateTime::new(
            i16::try_from(date.year()).ok()?,
            small(date.month())?,
            small(date.day())?,
            small(time.hour())?,
            small(time.minute())?,
            small(time.second())?,
            i32::try_from(time.nanosecond().min(999_999_999)).ok()?,
        );
        let instant = self.0.zone.to_ambiguous_timestamp(shown.ok()?).compatible().ok()?;
        Some(instant.as_microsecond())
    }
}

impl FromStr for Zone {
    type Err = NotAZone;

    /// Finds a zone by its name, without regard to case. What is found is kept for the life of the process.
    fn from_str(name: &str) -> Result<Self, NotAZone> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| NotAZone)?;
        let name = zone.iana_name().ok_or(NotAZone)?.to_owned();
        if name == UTC.name {
            return Ok(Self::UTC);
        }
        Ok(Self(Box::leak(Box::new(Rules { name: name.leak(), zone }))))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A zone by its name.
#[cfg(test)]
pub(crate) fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(name.parse::<Zone>().ok().map(Zone::name), expected, "{name}");
        };
        check("UTC", Some("UTC"));
        check("Europe/Berlin", Some("Europe/Berlin"));
        check("europe/berlin", Some("Europe/Berlin"));
        check("America/Argentina/Buenos_Aires", Some("America/Argentina/Buenos_Aires"));
        check("US/Eastern", Some("US/Eastern"));
        check("Asia/Calcutta", Some("Asia/Calcutta"));
        check("Mars/Olympus", None);
        check("", None);
        check("+02:00", None);
        check("Etc/Unknown", None);
        assert_eq!("utc".parse(), Ok(Zone::UTC));
    }

    #[test]
    fn what_no_calendar_has_is_no_instant() {
        let berlin = zone("Europe/Berlin");
        let far = |year| chrono::NaiveDate::from_ymd_opt(year, 6, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        assert_eq!(berlin.instant(far(200_000)), None);
        assert_eq!(berlin.instant(far(2026)), Some(1_780_264_800_000_000));
    }
}
