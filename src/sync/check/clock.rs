//! Whether this machine's clock can be trusted: by it are counted the days for which Meta accepts events.

use chrono::TimeDelta;

use super::{OFFLINE, Reach};
use crate::commands::exit::Exit;
use crate::report::checks::Check;
use crate::report::human::clock_error;

const NAME: &str = "clock";

/// From here on events would be taken for older or younger than they are by more than Meta's advice of an hour.
const FATAL: TimeDelta = TimeDelta::hours(1);

/// Judges how far this machine's clock is ahead of Snowflake's and of Meta's, as far as they told their time.
pub(super) fn judge(reach: Reach, snowflake: Option<TimeDelta>, meta: Option<TimeDelta>) -> Check {
    if reach == Reach::Offline {
        return Check::not_checked(NAME, OFFLINE);
    }
    let told: Vec<(&str, TimeDelta)> = [("Snowflake", snowflake), ("Meta", meta)]
        .into_iter()
        .filter_map(|(name, ahead)| Some((name, ahead?)))
        .collect();
    if told.is_empty() {
        return Check::not_checked(NAME, "no server told its time");
    }
    let errors = told.iter().filter_map(|(name, ahead)| clock_error(*ahead, &format!("{name}'s")));
    let errors = errors.collect::<Vec<_>>().join("; ");
    let remedy = "set it right (NTP): by it are counted the days for which Meta accepts events";
    if errors.is_empty() {
        let names: Vec<String> = told.iter().map(|(name, _)| format!("{name}'s")).collect();
        Check::ok(NAME, format!("agrees with {}", names.join(" and ")))
    } else if told.iter().any(|(_, ahead)| ahead.abs() > FATAL) {
        Check::failed(NAME, errors, remedy, Exit::Configuration)
    } else {
        Check::warning(NAME, errors, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::checks::CheckResult;

    #[test]
    fn fm_52_a_wrong_clock_is_warned_of_and_a_very_wrong_one_fails() {
        use CheckResult::{Failed, NotChecked, Ok, Warning};
        let check = |snowflake: Option<i64>, meta: Option<i64>, result, what: &str| {
            let check = judge(Reach::Online, snowflake.map(TimeDelta::seconds), meta.map(TimeDelta::seconds));
            assert_eq!((check.result, check.what.as_str()), (result, what), "{snowflake:?} {meta:?}");
        };
        check(None, None, NotChecked, "no server told its time");
        check(Some(0), None, Ok, "agrees with Snowflake's");
        check(Some(120), Some(-120), Ok, "agrees with Snowflake's and Meta's");
        check(Some(421), Some(0), Warning, "the clock of this machine is 7 min ahead of Snowflake's");
        check(None, Some(-3_600), Warning, "the clock of this machine is 60 min behind Meta's");
        check(None, Some(-3_601), Failed, "the clock of this machine is 60 min behind Meta's");
        check(
            Some(7_200),
            Some(7_200),
            Failed,
            "the clock of this machine is 120 min ahead of Snowflake's; the clock of this machine is 120 min ahead of \
             Meta's",
        );
        assert_eq!(judge(Reach::Offline, None, None).what, "--offline");
    }
}
