//! How many calls there may be, and the headers in which Meta tells how many there were.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::refusal::Limit;

/// How many calls there may be in a time, and which limit that is.
///
/// As text: `100/5m` or `100/5m/17`, with a code of Meta's behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    calls: u32,
    seconds: u32,
    limit: Limit,
}

/// Why a text is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected calls and a time, like 100/5m or 100/5m/17; the codes are 4, 17, 613 and 80004")]
pub struct NoQuota;

/// The calls that were made in a time.
#[derive(Debug)]
pub(super) struct Gauge {
    quota: Quota,
    used: Mutex<Used>,
}

/// What was used, and since when.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    since: i64,
    calls: u32,
}

/// What a call finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// How much was used, in percent; it goes on rising while calls are refused.
    percent: u32,
    /// How long until calls are free again, in seconds.
    seconds_left: u32,
    /// The limit that was reached, if it was.
    pub(super) reached: Option<Limit>,
}

impl FromStr for Quota {
    type Err = NoQuota;

    fn from_str(text: &str) -> Result<Self, NoQuota> {
        let mut parts = text.split('/');
        let calls = parts.next().and_then(|calls| calls.parse().ok()).filter(|calls| *calls > 0).ok_or(NoQuota)?;
        let seconds = parts.next().and_then(parse_seconds).filter(|seconds| *seconds > 0).ok_or(NoQuota)?;
        let limit = parts.next().map_or(Some(Limit::default()), Limit::parse).ok_or(NoQuota)?;
        if parts.next().is_some() { Err(NoQuota) } else { Ok(Self { calls, seconds, limit }) }
    }
}

/// Reads `30s`, `5m` or `1h`.
fn parse_seconds(text: &str) -> Option<u32> {
    let (number, unit) =
        [("s", 1), ("m", 60), ("h", 3_600)].into_iter().find_map(|(unit, of)| Some((text.strip_suffix(unit)?, of)))?;
    number.parse::<u32>().ok()?.checked_mul(unit)
}

impl Gauge {
    /// Makes a gauge that nothing was used of.
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, used: Mutex::default() }
    }

    /// Counts a call, refused ones too. Source: Graph API, rate limiting.
    pub(super) fn count(&self, now: i64) -> Reading {
        let Quota { calls, seconds, limit } = self.quota;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_sub(used.since);
        if used.calls == 0 || !(0..i64::from(seconds)).contains(&age) {
            *used = Used { since: now, calls: 0 };
        }
        used.calls = used.calls.saturating_add(1);
        let percent = u64::from(used.calls) * 100 / u64::from(calls);
        Reading {
            percent: u32::try_from(percent).unwrap_or(u32::MAX),
            seconds_left: seconds.saturating_sub(u32::try_from(now.saturating_sub(used.since)).unwrap_or(seconds)),
            reached: (used.calls > calls).then_some(limit),
        }
    }
}

impl Reading {
    /// A gauge that is full for so many minutes, whatever was used.
    pub(super) fn full(minutes: u32) -> Self {
        Self { percent: 100, seconds_left: minutes.saturating_mul(60), reached: Some(Limit::AdAccount) }
    }

    /// Writes what was used into the headers.
    ///
    /// Source: Graph API, rate limiting, headers: percents, seconds in `reset_time_duration`, minutes in
    /// `estimated_time_to_regain_access`. That the events edge sends them is not known.
    pub(super) fn write(self, dataset_id: &str, headers: &mut HeaderMap) {
        let Self { percent, seconds_left, reached } = self;
        let minutes = if reached.is_some() { seconds_left.div_ceil(60) } else { 0 };
        let part = percent / 4;
        let app = json!({"call_count": percent, "total_time": part, "total_cputime": part});
        let account = json!({
            "acc_id_util_pct": percent, "reset_time_duration": seconds_left,
            "ads_api_access_tier": "standard_access",
        });
        let case = json!({dataset_id: [{
            "type": "ads_management", "call_count": percent, "total_cputime": part, "total_time": part,
            "estimated_time_to_regain_access": minutes, "ads_api_access_tier": "standard_access",
        }]});
        for (name, value) in
            [("x-app-usage", app), ("x-ad-account-usage", account), ("x-business-use-case-usage", case)]
        {
            if let Ok(value) = HeaderValue::try_from(value.to_string()) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        let check = |text: &str, expected: Option<(u32, u32, Limit)>| {
            let expected = expected.map(|(calls, seconds, limit)| Quota { calls, seconds, limit });
            assert_eq!(text.parse().ok(), expected, "{text}");
        };
        check("100/5m", Some((100, 300, Limit::AdAccount)));
        check("1/30s/17", Some((1, 30, Limit::User)));
        check("9/1h/4", Some((9, 3_600, Limit::App)));
        check("9/1h/613", Some((9, 3_600, Limit::Custom)));
        check("9/1h/80004", Some((9, 3_600, Limit::AdAccount)));
        for text in ["", "100", "100/", "0/5m", "100/0m", "100/5", "100/5d", "a/5m", "100/5m/18", "100/5m/17/1"] {
            check(text, None);
        }
        check("1/4294967295h", None);
    }

    #[test]
    fn use_rises_until_the_time_is_over() {
        let gauge = Gauge::new("4/60s".parse().unwrap());
        let check = |now: i64, percent: u32, seconds_left: u32, reached: Option<Limit>| {
            assert_eq!(gauge.count(now), Reading { percent, seconds_left, reached }, "{now}");
        };
        check(1_000, 25, 60, None);
        check(1_010, 50, 50, None);
        check(1_020, 75, 40, None);
        check(1_030, 100, 30, None);
        check(1_030, 125, 30, Some(Limit::AdAccount));
        check(1_059, 150, 1, Some(Limit::AdAccount));
        check(1_060, 25, 60, None);
        check(900, 25, 60, None);
    }
}
