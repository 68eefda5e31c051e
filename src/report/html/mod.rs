//! The report of a span as one page: no network, no script, nothing but this file.
//!
//! Every chart has its numbers in a table behind it, and no colour says what words do not.

mod ages;
mod bars;
mod canvas;
mod columns;
mod keys;
mod markup;
mod runs;
mod tables;

use self::bars::Bar;
use self::canvas::Steps;
use self::columns::{Column, Columns};
use self::markup::{Markup, shortened};
use super::digest::text::runs as count_runs;
use super::digest::{Course, DayDigest, Digest, Effect, ReasonDigest, Scope};
use super::hints::ADVISED_AGE_SECONDS;
use super::human::{counted, grouped, percent, span};

/// The style sheet.
const STYLE: &str = include_str!("style.css");

/// Nothing is loaded, whatever stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// How many names have a colour of their own.
const COLOURS: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];

/// How much of a name stands in a legend.
const NAME: usize = 40;

/// What stands where a number is not known.
const UNKNOWN: &str = "–";

/// Writes the page.
pub fn page(digest: &Digest) -> String {
    let mut markup = Markup::default();
    markup.element("html", &[("lang", "en")], |markup| {
        markup.element("head", &[], |markup| {
            markup.void("meta", &[("charset", "utf-8")]);
            markup.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
            markup.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            markup.void("meta", &[("name", "robots"), ("content", "noindex")]);
            markup.leaf("title", &[], &format!("Conversions sent to Meta: dataset {}", digest.dataset_id));
            markup.style(STYLE);
        });
        markup.element("body", &[], |markup| {
            markup.element("header", &[], |markup| header(markup, digest));
            if !digest.runs.is_empty() {
                markup.element("main", &[], |markup| sections(markup, digest));
            }
            markup.element("footer", &[], |markup| footer(markup, digest));
        });
    });
    markup.finish()
}

fn header(markup: &mut Markup, digest: &Digest) {
    markup.leaf("h1", &[], "Conversions sent to Meta");
    let source = digest.source.as_ref().map(|source| format!(", from {}", shortened(source, 200))).unwrap_or_default();
    markup.leaf("p", &[("class", "facts")], &format!("Dataset {}{source}", digest.dataset_id));
    let span = match (&digest.scope, digest.span()) {
        (Scope::Run(run), _) => format!("Run {run}"),
        (Scope::Days(_), Some((first, last))) => {
            format!("{} to {}, by the start of the runs", first.format("%-d %B %Y"), last.format("%-d %B %Y"))
        }
        (Scope::Days(days), None) => format!("The last {}", counted(u64::from(*days), "day")),
    };
    markup.leaf("p", &[("class", "facts")], &format!("{span}. All times are UTC."));
    if digest.runs.is_empty() {
        markup.element("div", &[("class", "call")], |markup| {
            markup.leaf("p", &[], "No run is recorded in this span.");
            markup.leaf("p", &[("class", "note")], "fbcapi sync makes one; fbcapi status tells where the state is.");
        });
        return;
    }
    tiles(markup, digest);
    if !digest.hints.is_empty() {
        markup.element("div", &[("class", "call")], |markup| {
            markup.leaf("p", &[], "What would help, as the last run saw it:");
            for hint in &digest.hints {
                markup.leaf("p", &[("class", "note")], &sentence(hint));
            }
        });
    }
}

fn tiles(markup: &mut Markup, digest: &Digest) {
    let totals = &digest.totals;
    let not_sent = digest.reasons.iter().filter(|reason| reason.effect == Effect::NotSent);
    let refused: u64 = not_sent.map(|reason| reason.rows).sum();
    let last = digest.runs.iter().rev().find_map(|run| run.age_p50);
    let bad = digest.went(Course::Failed) + digest.went(Course::Killed);
    let tiles = [
        (known(totals.sent), "events sent".to_owned()),
        (
            grouped(digest.runs.len() as u64),
            if bad == 0 { "runs, none failed".to_owned() } else { format!("runs, {} failed or killed", grouped(bad)) },
        ),
        (
            known(Some(refused).filter(|rows| *rows > 0 || digest.has_ended())),
            "rows not sent, each with a reason".to_owned(),
        ),
        (known(totals.unknown), "events in doubt after the last run".to_owned()),
        (last.map_or_else(|| UNKNOWN.to_owned(), span), "median age of the events last sent".to_owned()),
    ];
    markup.element("ul", &[("class", "tiles")], |markup| {
        for (number, words) in &tiles {
            markup.element("li", &[], |markup| {
                markup.leaf("strong", &[], number);
                markup.leaf("span", &[], words);
            });
        }
    });
}

fn sections(markup: &mut Markup, digest: &Digest) {
    section(markup, "Events sent", |markup| events(markup, digest));
    section(markup, "By what Meta can find the person", |markup| match_keys(markup, digest));
    section(markup, "How old events were when they were sent", |markup| runs::ages(markup, digest));
    let of = |effect| digest.reasons.iter().filter(|reason| reason.effect == effect).collect::<Vec<_>>();
    section(markup, "Rows that were not sent", |markup| {
        let lead = match digest.scope {
            Scope::Days(_) => "Each row counts once, and no longer once it was sent after all.",
            Scope::Run(_) => "As this run met them.",
        };
        let none = if digest.has_ended() {
            "Every row that was met could be sent."
        } else {
            "No run of this span came to its end, so nobody knows."
        };
        reasons(markup, &of(Effect::NotSent), lead, none, "bad");
    });
    let left_out = of(Effect::LeftOut);
    let advice = of(Effect::Advice);
    if !left_out.is_empty() || !advice.is_empty() {
        section(markup, "Sent, but not all of it", |markup| {
            let lead = "These fields were left out and the events were sent without them, so Meta finds fewer people.";
            reasons(markup, &left_out, lead, "No field was left out.", "warn");
            if !advice.is_empty() {
                reasons(markup, &advice, "These events were sent whole, though Meta asks for more.", "", "calm");
            }
        });
    }
    section(markup, "In doubt and sent again", |markup| runs::doubts(markup, digest));
    section(markup, "Runs", |markup| runs::runs(markup, digest));
}

fn section(markup: &mut Markup, heading: &str, within: impl FnOnce(&mut Markup)) {
    markup.element("section", &[], |markup| {
        markup.leaf("h2", &[], heading);
        within(markup);
    });
}

fn lead(markup: &mut Markup, words: &str) {
    markup.leaf("p", &[("class", "lead")], words);
}

fn empty(markup: &mut Markup, words: &str) {
    markup.leaf("p", &[("class", "empty")], words);
}

/// The layers of the chart of events: the names with most events, and the others together.
fn layers(names: &[(String, u64)]) -> Vec<(&'static str, String, Vec<&str>)> {
    let (own, rest) = names.split_at(names.len().min(COLOURS.len()));
    let mut layers: Vec<_> =
        own.iter().zip(COLOURS).map(|((name, _), class)| (class, shortened(name, NAME), vec![name.as_str()])).collect();
    match rest {
        [] => {}
        [(name, _)] => layers.push(("rest", shortened(name, NAME), vec![name])),
        _ => {
            let words = format!("{} other names", rest.len());
            layers.push(("rest", words, rest.iter().map(|(name, _)| name.as_str()).collect()));
        }
    }
    layers
}

fn events(markup: &mut Markup, digest: &Digest) {
    if digest.names.is_empty() {
        let words = match digest.totals.sent {
            _ if !digest.has_ended() => "No event was sent: no run of this span came to its end.",
            Some(_) => "No event was sent in this span: everything was sent before, or nothing could be.",
            None => "No run of this span tells how many events it sent.",
        };
        empty(markup, words);
        return;
    }
    let total = digest.totals.sent.unwrap_or_default();
    let names: Vec<String> = digest
        .names
        .iter()
        .take(3)
        .map(|(name, sent)| format!("{} {}", shortened(name, NAME), grouped(*sent)))
        .collect();
    let more = if digest.names.len() > 3 { format!(" and {} more", digest.names.len() - 3) } else { String::new() };
    let description = format!("{}: {}{more}.", counted(total, "event"), names.join(", "));
    lead(markup, &description);
    if let [_] = digest.days.as_slice() {
        bars::write(markup, &shares(&digest.names, total));
        tables::names(markup, digest);
        return;
    }
    let layers = layers(&digest.names);
    let columns = digest.days.iter().map(|day| {
        let height = |names: &[&str]| {
            let sent: Option<u64> =
                names.iter().filter_map(|name| day.by_event.get(*name)).copied().reduce(|a, b| a + b);
            sent.map(as_float)
        };
        Column {
            label: day.day.format("%-d %b").to_string(),
            told: told_of(day),
            heights: layers.iter().map(|(_, _, names)| height(names)).collect(),
            mark: if day.runs == 0 { "∅" } else { "" },
        }
    });
    let chart = Columns {
        name: "Events sent per day, by name",
        description: &description,
        stacks: columns.collect(),
        layers: layers.iter().map(|(class, words, _)| (*class, words.clone())).collect(),
        steps: Steps::Whole,
        write: compact,
    };
    chart.write(markup);
    if digest.days.iter().any(|day| day.runs == 0) {
        markup.leaf("p", &[("class", "note")], "∅ marks a day on which no run began.");
    }
    tables::days(markup, digest);
    tables::names(markup, digest);
}

/// The names as bars, where there are no days to compare.
fn shares(names: &[(String, u64)], total: u64) -> Vec<Bar> {
    let layers = layers(names);
    let bars = layers.into_iter().map(|(class, name, of)| {
        let sent: u64 = names.iter().filter(|(name, _)| of.contains(&name.as_str())).map(|(_, sent)| sent).sum();
        let share = as_float(sent) / as_float(total.max(1));
        Bar { name, code: String::new(), amount: grouped(sent), share, note: String::new(), class }
    });
    bars.collect()
}

/// A day in words.
fn told_of(day: &DayDigest) -> String {
    match (day.runs, day.sent) {
        (0, _) => format!("{}: no run", day.day),
        (_, None) => format!("{}: not known", day.day),
        (_, Some(sent)) => {
            let mut names: Vec<_> = day.by_event.iter().collect();
            names.sort_by_key(|(_, sent)| std::cmp::Reverse(**sent));
            let names: Vec<String> = names
                .iter()
                .take(6)
                .map(|(name, sent)| format!("{} {}", shortened(name, NAME), grouped(**sent)))
                .collect();
            format!("{}: {} {}", day.day, counted(sent, "event"), names.join(", "))
        }
    }
}

fn match_keys(markup: &mut Markup, digest: &Digest) {
    if digest.match_keys.is_empty() {
        empty(markup, "No event was sent, so there is nothing to measure.");
        return;
    }
    lead(markup, "The share of sent events that carry a key. The more keys an event has, the more people Meta finds.");
    let bars: Vec<Bar> = digest
        .match_keys
        .iter()
        .map(|key| {
            let (name, note) = keys::words(&key.key);
            let name = if name.is_empty() { key.key.clone() } else { name.to_owned() };
            let code = if name == key.key { String::new() } else { key.key.clone() };
            Bar { name, code, amount: percent(key.share), share: key.share, note: note.to_owned(), class: "s0" }
        })
        .collect();
    bars::write(markup, &bars);
}

fn reasons(markup: &mut Markup, reasons: &[&ReasonDigest], words: &str, none: &str, class: &'static str) {
    let Some(most) = reasons.iter().map(|reason| reason.rows).max() else {
        if !none.is_empty() {
            empty(markup, none);
        }
        return;
    };
    lead(markup, words);
    let bars: Vec<Bar> = reasons
        .iter()
        .map(|reason| Bar {
            name: plainly(&reason.code),
            code: reason.code.clone(),
            amount: grouped(reason.rows),
            share: as_float(reason.rows) / as_float(most),
            note: reason.remedy.map(|remedy| format!("→ {remedy}")).unwrap_or_default(),
            class,
        })
        .collect();
    bars::write(markup, &bars);
}

/// A code as words.
fn plainly(code: &str) -> String {
    let words = code.replace("_by_meta", " by Meta").replace('_', " ");
    sentence(&words)
}

/// Words with a capital at the beginning.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn footer(markup: &mut Markup, digest: &Digest) {
    let made = digest.at.format("%-d %B %Y %H:%M");
    let version = env!("CARGO_PKG_VERSION");
    markup.leaf("p", &[], &format!("Made by fbcapi {version} on {made} UTC. {}", count_of(digest)));
    markup.leaf(
        "p",
        &[],
        "The state keeps what runs reported for 35 days at least, so a longer span may hold no older runs. Of people \
         this page holds nothing.",
    );
}

fn count_of(digest: &Digest) -> String {
    if digest.runs.is_empty() { String::new() } else { format!("{}.", count_runs(digest)) }
}

/// A number, or a mark that nobody knows it.
fn known(number: Option<u64>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), grouped)
}

/// A number at a tick.
fn compact(number: f64) -> String {
    let short = |number: f64, unit: &str| {
        let text = format!("{number:.1}");
        format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match number {
        _ if number >= 1e9 => short(number / 1e9, "G"),
        _ if number >= 1e6 => short(number / 1e6, "M"),
        _ if number >= 1e4 => short(number / 1e3, "k"),
        _ => grouped(whole(number)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tick is neither negative nor large here"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// A count as a length.
#[expect(clippy::cast_precision_loss, reason = "no picture shows the sixteenth digit")]
fn as_float(count: u64) -> f64 {
    count as f64
}

/// What is said of ages that keep to Meta's advice, or do not.
fn verdict(ages: &[(u64, u64)]) -> String {
    if let [(half, most)] = ages {
        return format!(
            "Half of the events were under {} old, 95 of 100 under {}. Meta advises to send events within an hour, and \
             counts those older than a day less.",
            span(*half),
            span(*most)
        );
    }
    let fresh = ages.iter().filter(|(half, _)| *half <= ADVISED_AGE_SECONDS).count() as u64;
    let all = ages.len() as u64;
    format!(
        "Meta advises to send events within an hour, and counts those older than a day less. In {} of {} half of the \
         events or more were sent within the hour.",
        grouped(fresh),
        counted(all, "run")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_ticks_are_short() {
        let check = |number, expected: &str| assert_eq!(compact(number), expected);
        check(0.0, "0");
        check(5_000.0, "5,000");
        check(20_000.0, "20k");
        check(2_500_000.0, "2.5M");
        check(3e9, "3G");
    }

    #[test]
    fn many_names_share_a_colour_and_no_name_is_left_out() {
        let names = |count: u64| (0..count).map(|n| (format!("name {n}"), 100 - n)).collect::<Vec<_>>();
        let check = |count, expected_layers: usize, last: &str| {
            let names = names(count);
            let layers = layers(&names);
            assert_eq!(layers.len(), expected_layers);
            assert_eq!(layers.last().map(|(_, words, _)| words.as_str()), Some(last));
            assert_eq!(layers.iter().map(|(_, _, names)| names.len() as u64).sum::<u64>(), count);
        };
        check(1, 1, "name 0");
        check(6, 6, "name 5");
        check(7, 7, "name 6");
        check(40, 7, "34 other names");
    }
}
