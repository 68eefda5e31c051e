//! What is said, told apart by the marks of its lines, and shown with colours or in JSON.
//!
//! A line that begins with `✗` is an error, one that begins with `!` a warning. Indented lines behind it that begin with
//! `because` or `→` belong to it: they say why, and what to do. Everything else is said for information.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use tracing::Level;

use super::manner::{Marks, Paint};

/// Something that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) level: Level,
    lines: Vec<&'a str>,
}

/// The marks with which lines begin: as they are written, in ASCII, and the colour, as a terminal knows it.
const MARKS: [(&str, &str, &str); 4] =
    [("✓", "ok", "\u{1b}[32m"), ("!", "!", "\u{1b}[33m"), ("✗", "x", "\u{1b}[31m"), ("→", "->", "\u{1b}[2m")];

/// How lines begin that belong to the error or warning before them.
const FURTHER: [&str; 2] = ["  because ", "  → "];

/// What ends a colour.
const RESET: &str = "\u{1b}[0m";

/// Tells apart what is said in a text.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let level = if line.starts_with("✗ ") {
            Level::ERROR
        } else if line.starts_with("! ") {
            Level::WARN
        } else {
            Level::INFO
        };
        let is_further = FURTHER.iter().any(|beginning| line.starts_with(beginning));
        match entries.last_mut() {
            Some(last) if level == Level::INFO && (last.level == Level::INFO || is_further) => last.lines.push(line),
            Some(_) | None => entries.push(Entry { level, lines: vec![line] }),
        }
    }
    entries.retain(|entry| entry.lines.iter().any(|line| !line.is_empty()));
    entries
}

impl Entry<'_> {
    /// The lines as they were written.
    pub(super) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// The entry as a line of JSON: what to do stands apart from what is said.
    pub(super) fn json(&self, at: DateTime<Utc>) -> String {
        let (mut message, mut remedies) = (Vec::new(), Vec::new());
        for (number, line) in self.lines.iter().enumerate() {
            match line.trim_start().strip_prefix("→ ") {
                Some(remedy) => remedies.push(remedy),
                // What is only for information may be a table.
                None if self.level == Level::INFO => message.push(*line),
                None if number == 0 => message.push(line.trim_start_matches(['✗', '!', ' '])),
                None => message.push(line.trim_start()),
            }
        }
        let message = message.join("\n");
        let remedy = (!remedies.is_empty()).then(|| ("remedy", Value::from(remedies.join("\n"))));
        json(at, self.level, message.trim_matches('\n'), &remedy.into_iter().collect::<Vec<_>>())
    }
}

/// Something that is said as a line of JSON.
pub(super) fn json(at: DateTime<Utc>, level: Level, message: &str, fields: &[(&str, Value)]) -> String {
    let mut line = format!(
        "{{\"timestamp\":\"{}\",\"level\":\"{level}\",\"message\":{}",
        at.to_rfc3339_opts(SecondsFormat::Millis, true),
        Value::from(message)
    );
    for (name, value) in fields {
        // Writing to a string cannot fail.
        write!(line, ",{}:{value}", Value::from(*name)).unwrap_or_default();
    }
    line + "}\n"
}

/// Something that is logged as a line of text, without what a terminal would obey.
pub(super) fn log_line(at: DateTime<Utc>, level: Level, message: &str, fields: &[(&str, Value)]) -> String {
    let mut line = format!("{} {level:<5} {message}", at.to_rfc3339_opts(SecondsFormat::Millis, true));
    for (name, value) in fields {
        let is_word = |text: &&str| !text.is_empty() && !text.contains([' ', '"', '=']);
        let written = match value.as_str().filter(is_word) {
            Some(word) => write!(line, " {name}={word}"),
            None => write!(line, " {name}={value}"),
        };
        written.unwrap_or_default();
    }
    line.retain(|c| !is_steering(c));
    line + "\n"
}

/// Whether a character would be obeyed by a terminal or a browser instead of shown, or turn or hide what stands
/// beside it.
///
/// Source: Unicode, categories Cc and Zl, Zp; annex 9 (directions and isolates); what has no width or is not to be
/// interchanged.
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// A text from elsewhere in one line of at most 200 characters, without what would steer.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !is_steering(*c)).take(200).collect()
}

/// The text with its marks as this terminal shows them, and without what would steer it.
pub(super) fn shown(text: &str, paint: Paint, marks: Marks) -> String {
    let text: String = text.chars().filter(|c| *c == '\n' || !is_steering(*c)).collect();
    text.split_inclusive('\n').map(|line| shown_line(line, paint, marks)).collect()
}

fn shown_line(line: &str, paint: Paint, marks: Marks) -> String {
    let inside = line.trim_start_matches(' ');
    let found = MARKS.iter().find_map(|(mark, ascii, color)| {
        let rest = inside.strip_prefix(mark).filter(|rest| rest.starts_with(' '))?;
        Some((if marks == Marks::Ascii { ascii } else { mark }, color, rest))
    });
    let Some((mark, color, rest)) = found else { return line.to_owned() };
    let indent = " ".repeat(line.len() - inside.len());
    match paint {
        Paint::Colored => format!("{indent}{color}{mark}{RESET}{rest}"),
        Paint::Plain => format!("{indent}{mark}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use Marks::{Ascii, Unicode};
    use Paint::{Colored, Plain};

    use super::*;

    const TEXT: &str = "a table\n  sent   3\n! 2 expired\n  → run more often\n\n✗ Meta refused\n  because of the token\n  \
                        → make a new one\n  plain again\n";

    #[test]
    fn lines_belong_to_the_mark_before_them() {
        let told: Vec<(Level, String)> = entries(TEXT).iter().map(|entry| (entry.level, entry.text())).collect();
        let expected = [
            (Level::INFO, "a table\n  sent   3\n"),
            (Level::WARN, "! 2 expired\n  → run more often\n"),
            (Level::ERROR, "✗ Meta refused\n  because of the token\n  → make a new one\n"),
            (Level::INFO, "  plain again\n"),
        ];
        assert_eq!(told, expected.map(|(level, text)| (level, text.to_owned())));
        assert_eq!(entries("\n\n"), []);
    }

    #[test]
    fn each_entry_is_an_object_with_its_remedy() {
        let told: Vec<String> = entries(TEXT).iter().map(|entry| entry.json(DateTime::UNIX_EPOCH)).collect();
        let head = "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"level\"";
        let expected = [
            format!("{head}:\"INFO\",\"message\":\"a table\\n  sent   3\"}}\n"),
            format!("{head}:\"WARN\",\"message\":\"2 expired\",\"remedy\":\"run more often\"}}\n"),
            format!(
                "{head}:\"ERROR\",\"message\":\"Meta refused\\nbecause of the token\",\"remedy\":\"make a new one\"}}\n"
            ),
            format!("{head}:\"INFO\",\"message\":\"  plain again\"}}\n"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn only_the_first_mark_of_a_line_is_shown_in_another_way() {
        let check = |text: &str, paint, marks, expected: &str| assert_eq!(shown(text, paint, marks), expected);
        check("✗ a → b\n  → c\n", Colored, Unicode, "\u{1b}[31m✗\u{1b}[0m a → b\n  \u{1b}[2m→\u{1b}[0m c\n");
        check("✓ a\n! b !\n", Colored, Unicode, "\u{1b}[32m✓\u{1b}[0m a\n\u{1b}[33m!\u{1b}[0m b !\n");
        check("✗ a\n  → c\n✓ d", Plain, Ascii, "x a\n  -> c\nok d");
        check("! a\n", Colored, Ascii, "\u{1b}[33m!\u{1b}[0m a\n");
        check("a ✗ b\n!c\n", Colored, Ascii, "a ✗ b\n!c\n");
        check("✗ a", Plain, Unicode, "✗ a");
        for marks in [Unicode, Ascii] {
            check("a\u{1b}[31m\u{202e}b\r\u{200b}\nc", Plain, marks, "a[31mb\nc");
        }
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(printable("Pur\u{1b}[31mchase\n\u{2066}\u{feff}Käufe 購入"), "Pur[31mchaseKäufe 購入");
    }

    #[test]
    fn a_logged_line_is_one_line_whatever_it_holds() {
        let fields = [("trace", Value::from("A\u{1b}[31m\nb")), ("n", 3.into()), ("of", "x y".into())];
        let line = log_line(DateTime::UNIX_EPOCH, Level::INFO, "sent", &fields);
        assert_eq!(line, "1970-01-01T00:00:00.000Z INFO  sent trace=A[31mb n=3 of=\"x y\"\n");
    }
}
