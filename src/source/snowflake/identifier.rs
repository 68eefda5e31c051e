//! Names and literals as they stand in Snowflake's SQL: the only place where text becomes part of a statement.

use std::fmt;

/// A name of a database, schema, table or column, with its real spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identifier(String);

/// A name longer than this cannot exist.
/// Source: Snowflake SQL reference, "Identifier requirements".
const MAX_CHARACTERS: usize = 255;

impl Identifier {
    /// Takes a name with the spelling that Snowflake itself gave.
    pub(crate) fn exact(spelling: &str) -> Self {
        Self(spelling.to_owned())
    }

    /// Writes the name as a person would: with quotes only where it needs them.
    pub(crate) fn shortest(&self) -> String {
        let is_plain = self.0.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if is_plain && !self.0.starts_with(|c: char| c.is_ascii_digit()) { self.0.clone() } else { self.to_string() }
    }

    /// Gives the real spelling, without quotes.
    pub(crate) fn spelling(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    /// Writes the name in double quotes, which keeps its case and every character of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// Reads a name of one to `most` parts as a person writes it, such as `ANALYTICS.MARTS."Facebook Events"`.
///
/// A part without quotes is stored in upper case, as Snowflake does.
/// Source: Snowflake SQL reference, "Identifier requirements", "Unquoted identifiers" and "Double-quoted identifiers".
pub(crate) fn parse_path(text: &str, most: usize) -> Result<Vec<Identifier>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = parse_part(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => break,
            None => return Err("holds a character that needs double quotes"),
        }
    }
    if parts.len() > most { Err("has too many parts") } else { Ok(parts) }
}

/// Reads one part and gives what follows it.
fn parse_part(text: &str) -> Result<(Identifier, &str), &'static str> {
    let (name, rest) = if let Some(quoted) = text.strip_prefix('"') {
        parse_quoted(quoted)?
    } else {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.starts_with(|c: char| c.is_ascii_digit() || c == '$') {
            return Err("has a part that begins with a digit or `$`, which needs double quotes");
        }
        (name.to_ascii_uppercase(), rest)
    };
    if name.is_empty() {
        return Err("has an empty part");
    }
    if name.chars().count() > MAX_CHARACTERS || name.contains('\0') {
        return Err("has a part that cannot be a name");
    }
    Ok((Identifier(name), rest))
}

/// Reads what follows an opening quote, up to and with the closing one.
fn parse_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err("has a double quote that is never closed");
        };
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                name.push('"');
                rest = next;
            }
            None => return Ok((name, after)),
        }
    }
}

/// Writes names with dots between them.
pub(crate) fn dotted(parts: &[Identifier]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

/// Writes a text as a string literal.
///
/// A quote is doubled, and so is a backslash, because Snowflake reads escape sequences within single quotes.
/// Source: Snowflake SQL reference, "String & binary data types", "Escape sequences in single-quoted string constants".
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        assert_eq!(parse_path(text, 3).map(|parts| dotted(&parts)), expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn names_are_read_as_snowflake_reads_them() {
        check("facebook_events", Ok(r#""FACEBOOK_EVENTS""#));
        check(" Analytics.marts.facebook_events ", Ok(r#""ANALYTICS"."MARTS"."FACEBOOK_EVENTS""#));
        check(r#"db."My Schema"."a.b""#, Ok(r#""DB"."My Schema"."a.b""#));
        check(r#""say ""hi""""#, Ok(r#""say ""hi""""#));
        check("_x$1", Ok(r#""_X$1""#));
        check(r#""é""#, Ok(r#""é""#));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        check("", Err("has an empty part"));
        check("a..b", Err("has an empty part"));
        check("a.", Err("has an empty part"));
        check(r#""""#, Err("has an empty part"));
        check("a.b.c.d", Err("has too many parts"));
        check("t; DROP TABLE x", Err("holds a character that needs double quotes"));
        check("t--", Err("holds a character that needs double quotes"));
        check("é", Err("has an empty part"));
        check("1a", Err("has a part that begins with a digit or `$`, which needs double quotes"));
        check(r#""a"#, Err("has a double quote that is never closed"));
        check(r#""a"b"#, Err("holds a character that needs double quotes"));
        check(&"a".repeat(256), Err("has a part that cannot be a name"));
    }

    /// Reads a literal back as Snowflake does: a doubled quote is one, and a backslash stands for what follows it.
    fn read_back(literal: &str) -> Option<String> {
        let mut rest = literal.strip_prefix('\'')?.strip_suffix('\'')?.chars();
        let mut text = String::new();
        while let Some(c) = rest.next() {
            match c {
                '\'' => text.push(rest.next().filter(|next| *next == '\'')?),
                '\\' => text.push(rest.next().filter(|next| *next == '\\')?),
                c => text.push(c),
            }
        }
        Some(text)
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives_as_a_literal(text in "[^\u{0}]*") {
            proptest::prop_assert_eq!(read_back(&literal(&text)), Some(text));
        }

        #[test]
        fn any_name_survives_in_quotes(name in "[^\u{0}]{1,200}") {
            let path = parse_path(&Identifier::exact(&name).to_string(), 1).unwrap();
            proptest::prop_assert_eq!(path, vec![Identifier::exact(&name)]);
        }

        #[test]
        fn no_text_breaks_the_reading_of_names(text in ".*") {
            if let Ok(path) = parse_path(&text, 3) {
                proptest::prop_assert_eq!(parse_path(&dotted(&path), 3), Ok(path));
            }
        }
    }

    #[test]
    fn literals_cannot_be_left() {
        for (text, expected) in [
            ("shop", "'shop'"),
            ("it's", "'it''s'"),
            (r"\", r"'\\'"),
            (r"\' OR 1=1 --", r"'\\'' OR 1=1 --'"),
            ("Käufe 購入", "'Käufe 購入'"),
            ("nul\0", "'nul'"),
        ] {
            assert_eq!(literal(text), expected);
        }
    }
}
