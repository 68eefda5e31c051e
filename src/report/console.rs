//! The two streams of a terminal: standard output is for data, standard error for people.
//!
//! A process has one standard error, so how it speaks there is decided once, by [`begin`].

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use indicatif::ProgressBar;
use serde_json::Value;
use tracing::Level;

use super::Report;
use super::entry::{entries, json, log_line, shown};
use super::manner::{LogFormat, Loudness, Manner, Watched};

/// How this process speaks.
static MANNER: OnceLock<Manner> = OnceLock::new();

/// The bar that stands in the last line of the terminal, which makes way for other lines.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Decides how this process speaks; only the first time counts.
pub fn begin(manner: Manner) {
    MANNER.get_or_init(|| manner);
}

fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

/// How it is shown how far a run is.
pub fn watched() -> Watched {
    manner().watched
}

/// Says something to people; lines that begin with `✗` or `!` need someone, the others are left out with `--quiet`.
pub fn say(text: &str) {
    write(&said(&manner(), text));
}

/// Whether someone sits at a terminal who can be asked.
pub fn is_answered() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; `None` when no more come.
pub fn ask(prompt: &str) -> io::Result<Option<String>> {
    // A question is asked however quiet the program is.
    let Manner { errors, marks, .. } = manner();
    write(&shown(prompt, errors, marks));
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}

/// Says how a run ended: its summary to people, and to programs the facts instead of its tables.
pub fn say_end(summary: &str, report: &Report) {
    let manner = manner();
    if manner.form == LogFormat::Text {
        return say(summary);
    }
    let mut lines = String::new();
    if manner.loudness > Loudness::Quiet {
        let message = format!("the run ended with {}", report.in_a_line());
        lines += &json((manner.now)(), Level::INFO, &message, &report.facts());
    }
    for entry in entries(summary).iter().filter(|entry| entry.level < Level::INFO) {
        lines += &entry.json((manner.now)());
    }
    write(&lines);
}

/// Says how far something is.
pub fn say_progress(message: &str, fields: &[(&str, Value)]) {
    let manner = manner();
    match manner.form {
        LogFormat::Text => write(&format!("{message}\n")),
        LogFormat::Json => write(&json((manner.now)(), Level::INFO, message, fields)),
    }
}

/// Writes what was logged.
pub(super) fn log(level: Level, target: &str, message: &str, mut fields: Vec<(&'static str, Value)>) {
    let manner = manner();
    match manner.form {
        LogFormat::Text => write(&log_line((manner.now)(), level, message, &fields)),
        LogFormat::Json => {
            fields.insert(0, ("target", target.into()));
            write(&json((manner.now)(), level, message, &fields));
        }
    }
}

/// What is said in a manner.
fn said(manner: &Manner, text: &str) -> String {
    let is_heard = |level| manner.loudness > Loudness::Quiet || level < Level::INFO;
    match (manner.form, manner.loudness) {
        (LogFormat::Text, Loudness::Quiet) => {
            let heard = entries(text).into_iter().filter(|entry| is_heard(entry.level));
            shown(&heard.map(|entry| entry.text()).collect::<String>(), manner.errors, manner.marks)
        }
        (LogFormat::Text, Loudness::Usual | Loudness::Verbose | Loudness::VeryVerbose) => {
            shown(text, manner.errors, manner.marks)
        }
        (LogFormat::Json, _) => {
            let heard = entries(text).into_iter().filter(|entry| is_heard(entry.level));
            heard.map(|entry| entry.json((manner.now)())).collect()
        }
    }
}

fn write(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let write = || drop(io::stderr().write_all(text.as_bytes()));
    // The bar is taken out, so that whoever draws or drops it does not wait for this.
    let bar = BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) if !text.is_empty() => bar.suspend(write),
        Some(_) | None => write(),
    }
}

/// Puts a bar into the last line of the terminal, or takes it away.
pub(super) fn set_bar(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// Shows people on standard output what they asked for.
pub fn show(text: &str) -> io::Result<()> {
    let Manner { output, marks, .. } = manner();
    print(shown(text, output, marks).as_bytes())
}

/// Writes data. Whoever reads it may have gone, which is no failure.
pub fn print(data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Standard output for much data, buffered.
pub fn data() -> Box<dyn Write + Send> {
    Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::manner::{Marks, Paint};
    use chrono::DateTime;

    #[test]
    fn who_is_quiet_says_only_what_needs_someone() {
        let check = |loudness, form, text: &str, expected: &str| {
            let manner = Manner { loudness, form, now: || DateTime::UNIX_EPOCH, ..Manner::default() };
            assert_eq!(said(&manner, text), expected, "{loudness:?} {form:?}");
        };
        let text = "done\n  sent 3\n! 2 expired\n  → run more often\n";
        check(Loudness::Usual, LogFormat::Text, text, text);
        check(Loudness::VeryVerbose, LogFormat::Text, text, text);
        check(Loudness::Quiet, LogFormat::Text, text, "! 2 expired\n  → run more often\n");
        check(Loudness::Quiet, LogFormat::Text, "done\n  sent 3\n", "");
        check(
            Loudness::Quiet,
            LogFormat::Json,
            text,
            "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"level\":\"WARN\",\"message\":\"2 expired\",\
             \"remedy\":\"run more often\"}\n",
        );
    }

    #[test]
    fn marks_are_shown_as_the_terminal_wants_them() {
        let manner = Manner { errors: Paint::Colored, marks: Marks::Ascii, ..Manner::default() };
        assert_eq!(said(&manner, "✗ no\n"), "\u{1b}[31mx\u{1b}[0m no\n");
    }
}
