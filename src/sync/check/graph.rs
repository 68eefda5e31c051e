//! Whether Meta knows the token and shows the dataset: asked without sending an event.

use chrono::{DateTime, TimeDelta, Utc};

use super::{OFFLINE, Reach};
use crate::commands::exit::Exit;
use crate::config::Config;
use crate::deliver::http::{Graph, GraphError};
use crate::meta::answer::{Codes, Look, Stop, judge_look, server_time};
use crate::report::checks::Check;
use crate::report::human::{VERSION_REMEDY, VERSION_WARNING, short};
use crate::sync::Failure;

const NAME: &str = "meta";

/// Asks Meta for the dataset; tells, too, how far this machine's clock is ahead of Meta's.
pub(super) async fn look(config: &Config, now: fn() -> DateTime<Utc>, reach: Reach) -> (Check, Option<TimeDelta>) {
    if reach == Reach::Offline {
        return (Check::not_checked(NAME, OFFLINE), None);
    }
    if let Some(lacking) = &config.lacking {
        let remedy = "put it where the configuration takes it from, or correct the configuration";
        return (Check::failed(NAME, lacking.to_string(), remedy, Exit::Configuration), None);
    }
    let token = config.access_token.as_ref().ok_or(GraphError::Token);
    let graph = token.and_then(|token| Graph::new(&config.graph, token, config.app_secret.as_ref(), None));
    let graph = match graph {
        Ok(graph) => graph,
        Err(error) => return (Check::of_failure(NAME, &error.into()), None),
    };
    let before = now();
    let Ok(reply) = graph.look().await else {
        return (judge(config, &Look::Stop(Stop::Unreachable), Codes::default(), Version::Served), None);
    };
    let after = now();
    let clock_ahead = server_time(&reply).map(|server| clock_ahead(before, server, after));
    let (look, codes) = judge_look(&reply, &config.graph.dataset_id);
    let version = if reply.version_warning { Version::Retired } else { Version::Served };
    (judge(config, &look, codes, version), clock_ahead)
}

/// How far a clock is ahead of one that was read in between, to the second, as a header tells it.
fn clock_ahead(before: DateTime<Utc>, server: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    let second = TimeDelta::seconds(1);
    if server + second < before {
        before - server
    } else if server > after + second {
        after - server
    } else {
        TimeDelta::zero()
    }
}

/// Whether Meta still serves the version of the API that is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Served,
    Retired,
}

fn judge(config: &Config, look: &Look, codes: Codes, version: Version) -> Check {
    let dataset_id = &config.graph.dataset_id;
    match look {
        Look::Stop(stop) => Check::of_failure(NAME, &Failure::Stopped { stop: *stop, codes }),
        Look::NotReadable => Check::warning(
            NAME,
            format!(
                "the access token is good but may not read dataset {dataset_id}, as is usual for tokens that Events \
                 Manager makes: whether it may send shows only when events are sent"
            ),
            "fbcapi sync --limit 1 shows it; if that is refused, give the system user \"Manage\" on the dataset",
        ),
        Look::Seen(_) if version == Version::Retired => Check::warning(NAME, VERSION_WARNING, VERSION_REMEDY),
        Look::Seen(name) => {
            let name = name.as_deref().map(short).filter(|name| !name.is_empty());
            let name = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
            Check::ok(NAME, format!("the access token is good and sees dataset {dataset_id}{name}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_the_time_to_the_second() {
        let at = |millis: i64| DateTime::from_timestamp_millis(1_795_446_000_000 + millis).unwrap();
        for (before, server, after, ahead) in [
            (900, 0, 950, 0),
            (900, 2_000, 1_100, 0),
            (900, 60_000, 61_000, 0),
            (90_000, 0, 90_010, 90_000),
            (0, 300_000, 10, -299_990),
        ] {
            let found = clock_ahead(at(before), at(server), at(after));
            assert_eq!(found, TimeDelta::milliseconds(ahead), "{before} {server} {after}");
        }
    }
}
