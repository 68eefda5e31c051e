//! Texts that were typed, read as what they mean.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{IfLocked, Sample, StateKind};
use crate::config::SecretSource;
use crate::report::survey::Ratio;
use crate::sandbox::Language;
use crate::source::Shard;

/// A point in time as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This instant.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(TimeDelta),
}

impl Moment {
    /// The instant that is meant at `now`.
    pub fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now - span,
        }
    }
}

pub(super) fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(at.to_utc()));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(Moment::At(date.and_time(NaiveTime::MIN).and_utc()));
    }
    if let Ok(at) = text.parse::<NaiveDateTime>() {
        return Ok(Moment::At(at.and_utc()));
    }
    span(text).map(Moment::Ago).ok_or_else(|| {
        "expected a time like 2026-11-20T10:00:00Z, a date like 2026-11-20, or a span like 36h or 7d".to_owned()
    })
}

/// A number and a unit.
fn span(text: &str) -> Option<TimeDelta> {
    let (at, unit) = text.char_indices().next_back()?;
    let number = i64::from(text.get(..at)?.parse::<u32>().ok()?);
    let span = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        'w' => TimeDelta::try_weeks(number),
        _ => None,
    };
    // A span beyond the calendar would not leave a date to count from.
    span.filter(|span| *span < TimeDelta::days(36_500))
}

pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    let span = span(text).and_then(|span| span.to_std().ok()).filter(|span| !span.is_zero());
    span.ok_or_else(|| "expected a span like 90s, 50m or 2h".to_owned())
}

pub(super) fn parse_if_locked(text: &str) -> Result<IfLocked, String> {
    match text {
        "fail" => Ok(IfLocked::Fail),
        "skip" => Ok(IfLocked::Skip),
        _ => match text.strip_prefix("wait=").map(parse_span) {
            Some(Ok(most)) => Ok(IfLocked::Wait(most)),
            Some(Err(_)) | None => Err("expected fail, skip, or a wait like wait=10m".to_owned()),
        },
    }
}

pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

pub(super) fn parse_sample(text: &str) -> Result<Sample, String> {
    if text == "all" {
        return Ok(Sample::All);
    }
    parse_count(text).map(Sample::First).map_err(|why| format!("{why}, or all"))
}

pub(super) fn parse_secret(text: &str) -> Result<SecretSource, String> {
    match text.split_once(':') {
        Some(("env", name)) => Ok(SecretSource::Variable(name.to_owned())),
        Some(("file", path)) => Ok(SecretSource::File(path.to_owned())),
        _ => Err("a secret is no flag: expected env:NAME or file:PATH".to_owned()),
    }
}

pub(super) fn parse_locale(text: &str) -> Result<Language, String> {
    Language::parse(text).ok_or_else(|| "expected en, fr or da".to_owned())
}

pub(super) fn parse_percent(text: &str) -> Result<Ratio, String> {
    Ratio::parse_percent(text).ok_or_else(|| "expected a percentage from 0 to 100, like 5% or 0.5%".to_owned())
}

pub(super) fn parse_shard(text: &str) -> Result<Shard, String> {
    let parsed = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = parsed.filter(|(number, of)| (1..=*of).contains(number));
    let shard = shard.map(|(number, of)| Shard { number, of });
    shard.ok_or_else(|| "expected a part and how many there are, like 2/5; the first part is 1".to_owned())
}

pub(super) fn parse_state_kind(text: &str) -> Result<StateKind, String> {
    match (text, text.strip_prefix("file:")) {
        ("snowflake", _) => Ok(StateKind::Snowflake),
        ("file", _) => Ok(StateKind::File(None)),
        (_, Some(path)) if !path.is_empty() => Ok(StateKind::File(Some(path.into()))),
        _ => Err("expected snowflake, file, or file:PATH".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_one() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            let shard = parse_shard(text).ok().map(|Shard { number, of }| (number, of));
            assert_eq!(shard, expected, "{text:?}");
        };
        check("1/1", Some((1, 1)));
        check("2/5", Some((2, 5)));
        for text in ["", "0/5", "6/5", "1/0", "1", "/", "1/5/2", "-1/5", "a/b"] {
            check(text, None);
        }
    }

    #[test]
    fn moments() {
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let check = |text: &str, expected: Option<&str>| {
            let at = parse_moment(text).ok().map(|moment| moment.at(now).to_rfc3339());
            assert_eq!(at.as_deref(), expected, "{text:?}");
        };
        check("2026-11-20T10:00:00+02:00", Some("2026-11-20T08:00:00+00:00"));
        check("2026-11-20", Some("2026-11-20T00:00:00+00:00"));
        check("2026-11-20T10:00:00", Some("2026-11-20T10:00:00+00:00"));
        check("36h", Some("2025-11-23T04:00:00+00:00"));
        check("7d", Some("2025-11-17T16:00:00+00:00"));
        check("90s", Some("2025-11-24T15:58:30+00:00"));
        check("90m", Some("2025-11-24T14:30:00+00:00"));
        check("0d", Some("2025-11-24T16:00:00+00:00"));
        for text in ["", "d", "7", "7 d", "-1d", "1y", "4000000000d", "99999d", "yesterday", "２d", "2026-13-01"] {
            check(text, None);
        }
    }

    #[test]
    fn spans_and_what_to_do_while_another_run_is_under_way() {
        let check = |text: &str, expected: Option<IfLocked>| {
            assert_eq!(parse_if_locked(text).ok(), expected, "{text:?}");
        };
        let wait = |seconds| Some(IfLocked::Wait(Duration::from_secs(seconds)));
        check("fail", Some(IfLocked::Fail));
        check("skip", Some(IfLocked::Skip));
        check("wait=90s", wait(90));
        check("wait=10m", wait(600));
        check("wait=2h", wait(7_200));
        for text in ["", "wait", "wait=", "wait=0s", "wait=10", "wait=-1m", "WAIT=1m", "wait=40000d", "10m"] {
            check(text, None);
        }
    }
}
