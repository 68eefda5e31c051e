//! How the program speaks: how much, in which form, with which colours and marks. Decided once, from what was typed
//! and what the environment says.

use chrono::{DateTime, Utc};
use clap::ValueEnum;

/// How much is told on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Only what needs someone.
    Quiet,
    /// What was done, and how far it is.
    Usual,
    /// Each step.
    Verbose,
    /// Every detail.
    VeryVerbose,
}

/// The form of what stands on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object a line
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal that wants them
    Auto,
    /// On standard error wherever it goes
    Always,
    /// Never
    Never,
}

/// What a stream is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A terminal.
    Terminal,
    /// A file, a pipe or nothing.
    Elsewhere,
}

/// Whether a stream is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Marks have colours.
    Colored,
    /// Everything is plain.
    Plain,
}

/// What the marks of lines are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// `✓`, `✗` and `→`.
    Unicode,
    /// `ok`, `x` and `->`.
    Ascii,
}

/// How it is shown how far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// A bar is drawn on standard error.
    Bar,
    /// A line is written on standard error now and then.
    Lines,
    /// Nothing is shown.
    No,
}

/// How the program speaks.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How much is told.
    pub loudness: Loudness,
    /// In which form.
    pub form: LogFormat,
    /// Whether standard error is painted.
    pub errors: Paint,
    /// Whether text for people on standard output is painted.
    pub output: Paint,
    /// What marks are made of.
    pub marks: Marks,
    /// How it is shown how far a run is.
    pub watched: Watched,
    /// Tells the time of what is logged.
    pub now: fn() -> DateTime<Utc>,
}

impl Default for Manner {
    /// Plain text with nobody watching, as a library speaks.
    fn default() -> Self {
        Self {
            loudness: Loudness::Usual,
            form: LogFormat::Text,
            errors: Paint::Plain,
            output: Paint::Plain,
            marks: Marks::Unicode,
            watched: Watched::No,
            now: Utc::now,
        }
    }
}

/// What was asked for, by flags and their variables.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How much to tell.
    pub loudness: Loudness,
    /// In which form.
    pub form: LogFormat,
    /// When to use colours.
    pub color: Color,
}

impl Manner {
    /// Decides by what was asked for, by the environment (unset and empty are the same) and by the two streams.
    pub fn decide(
        asked: Asked,
        environment: &dyn Fn(&str) -> Option<String>,
        errors: Stream,
        output: Stream,
        now: fn() -> DateTime<Utc>,
    ) -> Self {
        let Asked { loudness, form, color } = asked;
        let marks = marks(environment);
        let is_dumb = environment("TERM").is_some_and(|term| term == "dumb");
        // A bar is drawn over itself, which log lines, a plain terminal and other characters do not allow.
        let has_bar = errors == Stream::Terminal && !is_dumb && marks == Marks::Unicode && form == LogFormat::Text;
        let watched = match loudness {
            Loudness::Quiet => Watched::No,
            Loudness::Usual if has_bar => Watched::Bar,
            Loudness::Usual | Loudness::Verbose | Loudness::VeryVerbose => Watched::Lines,
        };
        let wish = wish(color, environment);
        // What is piped from standard output is for programs, whatever was asked for.
        let output = match (wish, output) {
            (Paint::Colored, Stream::Terminal) => Paint::Colored,
            (Paint::Colored, Stream::Elsewhere) | (Paint::Plain, _) => Paint::Plain,
        };
        let is_forced = color == Color::Always || (color == Color::Auto && is_forced(environment));
        let errors = match (form, wish, errors) {
            (LogFormat::Text, Paint::Colored, Stream::Terminal) => Paint::Colored,
            (LogFormat::Text, Paint::Colored, Stream::Elsewhere) if is_forced => Paint::Colored,
            (LogFormat::Text | LogFormat::Json, _, _) => Paint::Plain,
        };
        Self { loudness, form, errors, output, marks, watched, now }
    }
}

/// Whether a terminal is painted: the flag counts most, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR` and `TERM`.
/// Source: no-color.org and bixense.com/clicolors.
fn wish(color: Color, environment: &dyn Fn(&str) -> Option<String>) -> Paint {
    let says = |name: &str, value: &str| environment(name).is_some_and(|found| found == value);
    match color {
        Color::Never => Paint::Plain,
        Color::Auto if environment("NO_COLOR").is_some() => Paint::Plain,
        Color::Auto if is_forced(environment) => Paint::Colored,
        Color::Auto if says("CLICOLOR", "0") || says("TERM", "dumb") => Paint::Plain,
        Color::Always | Color::Auto => Paint::Colored,
    }
}

/// Whether the environment asks for colours without a terminal.
fn is_forced(environment: &dyn Fn(&str) -> Option<String>) -> bool {
    environment("NO_COLOR").is_none() && environment("CLICOLOR_FORCE").is_some_and(|value| value != "0")
}

/// Other marks only where the locale names another encoding: cron names none, and its mail is UTF-8.
fn marks(environment: &dyn Fn(&str) -> Option<String>) -> Marks {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(environment);
    let locale = locale.map(|locale| locale.to_ascii_lowercase().replace('-', ""));
    if locale.is_none_or(|locale| locale.contains("utf8")) { Marks::Unicode } else { Marks::Ascii }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decides in a terminal or elsewhere, with variables as `NAME=value NAME=value`.
    fn decide(asked: Asked, variables: &str, stream: Stream) -> Manner {
        let environment = |name: &str| {
            let mut pairs = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        Manner::decide(asked, &environment, stream, stream, || DateTime::UNIX_EPOCH)
    }

    const ASKED: Asked = Asked { loudness: Loudness::Usual, form: LogFormat::Text, color: Color::Auto };

    #[test]
    fn colours_are_decided_by_flag_then_variables_then_terminal() {
        use Color::{Always, Auto, Never};
        let check = |color, variables, in_terminal: [Paint; 2], piped: [Paint; 2]| {
            let paints = |stream| {
                let manner = decide(Asked { color, ..ASKED }, variables, stream);
                [manner.errors, manner.output]
            };
            assert_eq!(paints(Stream::Terminal), in_terminal, "{color:?} {variables:?} in a terminal");
            assert_eq!(paints(Stream::Elsewhere), piped, "{color:?} {variables:?} in a pipe");
        };
        let (both, errors) = ([Paint::Colored; 2], [Paint::Colored, Paint::Plain]);
        let neither = [Paint::Plain; 2];
        check(Auto, "", both, neither);
        check(Auto, "TERM=xterm-256color CLICOLOR=1", both, neither);
        check(Auto, "NO_COLOR=1", neither, neither);
        check(Auto, "CLICOLOR=0", neither, neither);
        check(Auto, "TERM=dumb", neither, neither);
        check(Auto, "CLICOLOR_FORCE=1", both, errors);
        check(Auto, "CLICOLOR_FORCE=1 TERM=dumb CLICOLOR=0", both, errors);
        check(Auto, "CLICOLOR_FORCE=0", both, neither);
        check(Auto, "NO_COLOR=1 CLICOLOR_FORCE=1", neither, neither);
        check(Always, "NO_COLOR=1 TERM=dumb", both, errors);
        check(Never, "CLICOLOR_FORCE=1", neither, neither);
    }

    #[test]
    fn json_has_no_colours() {
        let asked = Asked { form: LogFormat::Json, color: Color::Always, ..ASKED };
        assert_eq!(decide(asked, "", Stream::Terminal).errors, Paint::Plain);
    }

    #[test]
    fn a_bar_needs_a_terminal_that_can_draw_it() {
        use Loudness::{Quiet, Usual, Verbose, VeryVerbose};
        let check = |loudness, form, variables, stream, expected| {
            let watched = decide(Asked { loudness, form, color: Color::Auto }, variables, stream).watched;
            assert_eq!(watched, expected, "{loudness:?} {form:?} {variables:?} {stream:?}");
        };
        let (terminal, pipe) = (Stream::Terminal, Stream::Elsewhere);
        check(Usual, LogFormat::Text, "TERM=xterm", terminal, Watched::Bar);
        check(Usual, LogFormat::Text, "", pipe, Watched::Lines);
        check(Usual, LogFormat::Text, "TERM=dumb", terminal, Watched::Lines);
        check(Usual, LogFormat::Text, "LANG=C", terminal, Watched::Lines);
        check(Usual, LogFormat::Json, "", terminal, Watched::Lines);
        check(Verbose, LogFormat::Text, "", terminal, Watched::Lines);
        check(VeryVerbose, LogFormat::Text, "", pipe, Watched::Lines);
        check(Quiet, LogFormat::Text, "", terminal, Watched::No);
        check(Quiet, LogFormat::Json, "", pipe, Watched::No);
    }

    #[test]
    fn marks_are_ascii_where_the_locale_is_not_utf_8() {
        let check = |variables, expected| assert_eq!(decide(ASKED, variables, Stream::Terminal).marks, expected);
        check("", Marks::Unicode);
        check("LANG=en_US.UTF-8", Marks::Unicode);
        check("LANG=C.utf8", Marks::Unicode);
        check("LANG=C", Marks::Ascii);
        check("LANG=de_DE.ISO-8859-1", Marks::Ascii);
        check("LANG=de_DE.ISO-8859-1 LC_CTYPE=de_DE.UTF-8", Marks::Unicode);
        check("LANG=en_US.UTF-8 LC_ALL=POSIX", Marks::Ascii);
    }
}
