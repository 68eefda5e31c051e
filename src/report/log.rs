//! What the program logs: which of it is told, and how it comes to standard error.
//!
//! Nothing of a dependency is told, whatever the environment says: what they log holds rows, tokens and addresses.

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::console;
use super::manner::Loudness;

/// The target of everything that this program logs.
const OWN: &str = env!("CARGO_PKG_NAME");

/// Starts to log, once in a process.
pub fn start(loudness: Loudness, rust_log: Option<&str>) {
    tracing_subscriber::registry().with(Lines.with_filter(filter(loudness, rust_log))).init();
}

/// Which targets are told and how much of them. `RUST_LOG` may ask for more of this program's own, and for nothing
/// else; what is no rule of the form `target=level` is passed over.
fn filter(loudness: Loudness, rust_log: Option<&str>) -> Targets {
    let usual = match loudness {
        Loudness::Quiet | Loudness::Usual => LevelFilter::WARN,
        Loudness::Verbose => LevelFilter::INFO,
        Loudness::VeryVerbose => LevelFilter::DEBUG,
    };
    let asked: Targets = rust_log.and_then(|rules| rules.parse().ok()).unwrap_or_default();
    let everywhere = asked.default_level().unwrap_or(LevelFilter::OFF).max(usual);
    let is_own = |target: &str| target == OWN || target.strip_prefix(OWN).is_some_and(|rest| rest.starts_with("::"));
    let own = asked.iter().filter(|(target, _)| is_own(target)).map(|(target, level)| (target.to_owned(), level));
    let own: Vec<_> = own.map(|(target, level)| (target, level.max(usual))).collect();
    Targets::new().with_target(OWN, everywhere).with_targets(own)
}

/// Hands each event on as a line.
struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut facts = Facts::default();
        event.record(&mut facts);
        console::log(*event.metadata().level(), event.metadata().target(), &facts.message, facts.fields);
    }
}

/// What an event says.
#[derive(Default)]
struct Facts {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Facts {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Facts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // What is shown with Display comes in this way, too.
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use Loudness::{Quiet, Usual, Verbose, VeryVerbose};
    use tracing::Level;

    use super::*;

    #[test]
    fn nothing_but_this_program_is_ever_told() {
        let check = |loudness, rust_log: Option<&str>, target: &str, expected: Option<Level>| {
            let filter = filter(loudness, rust_log);
            let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
            let told = levels.into_iter().find(|level| filter.would_enable(target, level));
            assert_eq!(told, expected, "{loudness:?} {rust_log:?} {target}");
        };
        check(Usual, None, "fbcapi::sync", Some(Level::WARN));
        check(Quiet, None, "fbcapi::sync", Some(Level::WARN));
        check(Verbose, None, "fbcapi::sync", Some(Level::INFO));
        check(VeryVerbose, None, "fbcapi", Some(Level::DEBUG));
        check(Usual, Some("trace"), "fbcapi::sync", Some(Level::TRACE));
        check(Usual, Some("fbcapi=debug"), "fbcapi::sync", Some(Level::DEBUG));
        check(Usual, Some("fbcapi::deliver=debug"), "fbcapi::deliver::http", Some(Level::DEBUG));
        check(Usual, Some("fbcapi::deliver=debug"), "fbcapi::sync", Some(Level::WARN));
        check(Verbose, Some("off"), "fbcapi::sync", Some(Level::INFO));
        check(Verbose, Some("fbcapi::sync=off"), "fbcapi::sync", Some(Level::INFO));
        check(Verbose, Some("not a rule, at all=maybe"), "fbcapi::sync", Some(Level::INFO));
        for target in ["hyper::client", "reqwest", "snowflake_api", "rustls::conn", "log", "h2", ""] {
            for rules in ["trace", "hyper=trace,reqwest=trace,snowflake_api=trace,rustls=trace,log=trace,h2=trace"] {
                check(VeryVerbose, Some(rules), target, None);
            }
        }
    }
}
