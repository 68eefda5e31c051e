//! How much of a quota is used up, and how long a server asks to wait.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Reply;

/// How much of the fullest quota is used up, as the headers of an answer say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quota {
    /// In percent; at 100 Meta throttles.
    pub percent: f64,
    /// How long until there is more, when it is used up.
    wait: Option<Duration>,
}

impl Quota {
    /// From here on a sender had better slow down: the next calls may be one too many, and calls that are throttled
    /// count, too. Source: Graph API, rate limiting, best practices.
    const TIGHT: f64 = 95.0;

    /// Whether little is left.
    pub fn is_tight(self) -> bool {
        self.percent >= Self::TIGHT
    }

    fn take_in(&mut self, other: Self) {
        self.percent = self.percent.max(other.percent);
        self.wait = self.wait.max(other.wait);
    }
}

/// Reads the quota headers of an answer; without them nothing is used up.
/// Source: Graph API, rate limiting; Marketing API, rate limiting.
pub fn quota(reply: &Reply) -> Quota {
    let parse = |header: &Option<String>| -> Value {
        header.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let mut quota = shares(&parse(&reply.app_usage));
    quota.take_in(account(&parse(&reply.account_usage)));
    let by_business = parse(&reply.usage);
    let lists = by_business.as_object().into_iter().flat_map(serde_json::Map::values);
    for usage in lists.filter_map(Value::as_array).flatten() {
        let minutes = usage.get("estimated_time_to_regain_access").and_then(Value::as_u64).filter(|n| *n > 0);
        let wait = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
        quota.take_in(Quota { wait, ..shares(usage) });
    }
    quota
}

/// How long the server asks to wait: the longest of what it says.
pub(super) fn hint(reply: &Reply) -> Option<Duration> {
    retry_after(reply).max(quota(reply).wait)
}

/// Three shares of a quota, each in percent.
fn shares(usage: &Value) -> Quota {
    let share = |key: &str| usage.get(key).and_then(Value::as_f64).unwrap_or_default();
    let percent = ["call_count", "total_time", "total_cputime"].map(share).into_iter().fold(0.0, f64::max);
    Quota { percent, wait: None }
}

/// The quota of an ad account: `reset_time_duration` is in seconds, and tells when it begins anew.
fn account(usage: &Value) -> Quota {
    let percent = usage.get("acc_id_util_pct").and_then(Value::as_f64).unwrap_or_default().max(0.0);
    let seconds = usage.get("reset_time_duration").and_then(Value::as_u64);
    Quota { percent, wait: seconds.filter(|_| percent >= 100.0).map(Duration::from_secs) }
}

/// `Retry-After` in seconds, or as a date by the server's own clock. Source: RFC 9110, 10.2.3.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.retry_after.as_deref()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - server_time(reply)?).to_std().unwrap_or_default())
}

/// The time by the server's own clock, to the second. Source: RFC 9110, 6.6.1, `Date`.
pub fn server_time(reply: &Reply) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(reply.date.as_deref()?.trim()).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(headers: [Option<&str>; 5]) -> Reply {
        let [retry_after, date, usage, app_usage, account_usage] = headers.map(|header| header.map(str::to_owned));
        Reply { date, retry_after, usage, app_usage, account_usage, ..Reply::default() }
    }

    #[test]
    fn the_longest_wait_that_is_asked_for_counts() {
        let check = |headers, expected: Option<u64>| {
            assert_eq!(hint(&reply(headers)), expected.map(Duration::from_secs), "{headers:?}");
        };
        let date = Some("Mon, 23 Nov 2026 12:00:00 GMT");
        let business = r#"{"66":[{"type":"ads_management","call_count":100,"estimated_time_to_regain_access":3}]}"#;
        let account = r#"{"acc_id_util_pct":100,"reset_time_duration":300,"ads_api_access_tier":"standard_access"}"#;
        check([Some("7"), None, None, None, None], Some(7));
        check([Some(" 7 "), None, None, None, None], Some(7));
        check([Some("Mon, 23 Nov 2026 12:01:30 GMT"), date, None, None, None], Some(90));
        check([Some("Mon, 23 Nov 2026 11:59:00 GMT"), date, None, None, None], Some(0));
        check([Some("Mon, 23 Nov 2026 12:01:30 GMT"), None, None, None, None], None);
        check([Some("soon"), date, Some("{}"), None, None], None);
        check([Some("-1"), date, None, None, None], None);
        check([None, None, Some(business), None, None], Some(180));
        check([Some("7"), None, Some(business), None, None], Some(180));
        check([Some("700"), None, Some(business), None, None], Some(700));
        check([None, None, None, None, Some(account)], Some(300));
        check([None, None, None, None, Some(r#"{"acc_id_util_pct":99.5,"reset_time_duration":300}"#)], None);
        check([None, None, None, Some(r#"{"call_count":100}"#), None], None);
        let ever = r#"{"66":[{"estimated_time_to_regain_access":18446744073709551615}]}"#;
        check([None, None, Some(ever), None, None], Some(u64::MAX));
        for nothing in ["", "[]", "7", r#"{"66":7}"#, r#"{"66":[7,null,{"estimated_time_to_regain_access":-1}]}"#] {
            check([None, None, Some(nothing), Some(nothing), Some(nothing)], None);
        }
    }

    #[test]
    fn the_fullest_quota_counts() {
        let check = |usage, app, account, percent: f64| {
            let quota = quota(&reply([None, None, usage, app, account]));
            assert!((quota.percent - percent).abs() < 1e-9, "{usage:?} {app:?} {account:?}: {quota:?}");
            assert_eq!(quota.is_tight(), percent >= 95.0);
        };
        check(None, None, None, 0.0);
        check(None, Some(r#"{"call_count":28,"total_time":25,"total_cputime":30}"#), None, 30.0);
        check(None, None, Some(r#"{"acc_id_util_pct":9.67}"#), 9.67);
        let two = r#"{"1":[{"call_count":10,"total_cputime":95,"total_time":20}],"2":[{"call_count":94}]}"#;
        check(Some(two), Some(r#"{"call_count":50}"#), Some(r#"{"acc_id_util_pct":94.9}"#), 95.0);
        check(Some(r#"{"1":[{"call_count":-5}]}"#), Some("broken"), Some(r#"{"acc_id_util_pct":"99"}"#), 0.0);
    }
}
