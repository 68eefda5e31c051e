//! Instants as the cells of a table hold them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::zone::Zone;

/// An instant in microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// Why a text is not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotATime {
    /// It is a number, but too large for seconds since 1970.
    TooManyDigits,
    /// It is no time at all.
    Unreadable,
}

/// Seconds since 1970 beyond the year 5138 have twelve digits: a longer number counts something finer.
const MOST_DIGITS_OF_SECONDS: usize = 11;

/// From here on an instant has more digits: it was made of a number in milliseconds or finer.
pub(super) const TOO_LATE: Micros = 100_000_000_000 * 1_000_000;

/// Reads seconds since 1970 or an ISO 8601 date and time; one without zone is read in `zone`.
///
/// Between date and time stands a `T` or a space; seconds, fraction and zone may be absent; a date alone is its
/// midnight. These are the forms in which Snowflake, `DuckDB`, Python and JSON writers put a timestamp in text.
pub fn parse(text: &str, zone: Zone) -> Result<Micros, NotATime> {
    let text = text.trim();
    if let Some(number) = seconds(text) {
        return number;
    }
    let (date, rest) = date(text).ok_or(NotATime::Unreadable)?;
    let rest = match rest.strip_prefix(['T', 't', ' ']) {
        Some(rest) => rest.trim_start(),
        None if rest.is_empty() => return local(date.and_time(NaiveTime::MIN), zone),
        None => return Err(NotATime::Unreadable),
    };
    let (time, rest) = time_of_day(rest).ok_or(NotATime::Unreadable)?;
    let naive = date.and_time(time);
    match rest.trim() {
        "" => local(naive, zone),
        "Z" | "z" | "UTC" | "GMT" => Ok(naive.and_utc().timestamp_micros()),
        offset => {
            let seconds = offset_seconds(offset).ok_or(NotATime::Unreadable)?;
            Ok(naive.and_utc().timestamp_micros() - seconds * 1_000_000)
        }
    }
}

/// The instant of a wall-clock time in a zone.
///
/// Changes of clocks are read as [`Zone::instant`] reads them.
pub fn local(naive: NaiveDateTime, zone: Zone) -> Result<Micros, NotATime> {
    zone.instant(naive).ok_or(NotATime::Unreadable)
}

/// Reads a number of seconds; `None` when the text is not a plain number.
fn seconds(text: &str) -> Option<Result<Micros, NotATime>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() > MOST_DIGITS_OF_SECONDS {
        return Some(Err(NotATime::TooManyDigits));
    }
    // Eleven digits fit, and so do they times a million.
    Some(whole.parse::<i64>().map(|seconds| seconds * 1_000_000).map_err(|_| NotATime::Unreadable))
}

fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    Some((NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?, rest))
}

fn time_of_day(text: &str) -> Option<(NaiveTime, &str)> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest, 2)?,
        None => (0, rest),
    };
    let (nanos, rest) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?, rest))
}

/// Reads a fraction of a second as nanoseconds; digits beyond the ninth are cut.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(length)?;
    let mut nanos = 0;
    let mut digits = number.bytes();
    for _ in 0..9 {
        nanos = nanos * 10 + u32::from(digits.next().unwrap_or(b'0') - b'0');
    }
    (length > 0).then_some((nanos, rest))
}

fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60)
        .then_some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::zone;

    fn check(text: &str, zone: Zone, expected: Result<&str, NotATime>) {
        let read = parse(text, zone);
        let shown =
            read.map(|micros| chrono::DateTime::from_timestamp_micros(micros).unwrap().format("%FT%T%.f").to_string());
        assert_eq!(shown.as_deref().map_err(|e| *e), expected, "{text:?} in {zone}");
    }

    #[test]
    fn forms_of_a_timestamp() {
        let check = |text, expected| check(text, Zone::UTC, Ok(expected));
        check("2026-11-20T10:00:00Z", "2026-11-20T10:00:00");
        check("2026-11-20 10:00:00.123456", "2026-11-20T10:00:00.123456");
        check("2026-11-20 10:00:00.123 +0000", "2026-11-20T10:00:00.123");
        check("2026-11-20 10:00:00+00", "2026-11-20T10:00:00");
        check("2026-11-20T10:00+02:00", "2026-11-20T08:00:00");
        check("2026-11-20 10:00:00 -0830", "2026-11-20T18:30:00");
        check("2026-11-20 10:00:00.1234567891 UTC", "2026-11-20T10:00:00.123456");
        check("2026-11-20", "2026-11-20T00:00:00");
        check(" 1763632800 ", "2025-11-20T10:00:00");
        check("1763632800.75", "2025-11-20T10:00:00");
        check("-86400", "1969-12-31T00:00:00");
        check("1969-12-31 23:59:59.5", "1969-12-31T23:59:59.500");
    }

    #[test]
    fn what_is_no_timestamp() {
        check("1763632800000", Zone::UTC, Err(NotATime::TooManyDigits));
        for text in [
            "",
            "yesterday",
            "20/11/2026",
            "2026-02-30",
            "2026-11-20T25:00:00",
            "2026-11-20T10",
            "2026-11-20x",
            "2026-11-20 10:00:00 CET",
            "２０２６-11-20",
        ] {
            check(text, Zone::UTC, Err(NotATime::Unreadable));
        }
    }

    #[test]
    fn fm_27_local_times_around_a_change_of_clocks() {
        let berlin = zone("Europe/Berlin");
        check("2026-07-01 12:00:00", berlin, Ok("2026-07-01T10:00:00"));
        check("2026-12-01", berlin, Ok("2026-11-30T23:00:00"));
        // 02:30 comes twice in October, and not at all in March.
        check("2026-10-25 02:30:00", berlin, Ok("2026-10-25T00:30:00"));
        check("2026-03-29 02:30:00", berlin, Ok("2026-03-29T01:30:00"));
        check("2011-12-30 12:00:00", zone("Pacific/Apia"), Ok("2011-12-30T22:00:00"));
        // Laws change: these two put their clocks back no more in the autumn of 2026. Source: IANA database, 2026f.
        check("2026-11-20 12:00:00", zone("America/Vancouver"), Ok("2026-11-20T19:00:00"));
        check("2026-11-20 12:00:00", zone("America/Winnipeg"), Ok("2026-11-20T17:00:00"));
        check("2026-11-20 12:00:00", zone("America/Los_Angeles"), Ok("2026-11-20T20:00:00"));
    }
}
