//! The configuration as written: a TOML file, overridden by the environment and by flags.
//!
//! Whoever reads a key says by that what is known; what nobody read is a mistake. Mistakes are gathered, never
//! returned at the first.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::secret::SecretSource;

/// Something wrong in the configuration: where, which key, and what is expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file and line, the variable or the flag.
    pub place: String,
    /// The key with its section, as `[meta] dataset_id`.
    pub key: String,
    /// What is wrong and what is expected, never the value of a secret.
    pub what: String,
}

impl Mistake {
    /// By which mistakes are sorted: file and line, then the rest as they were found.
    pub(super) fn order(&self) -> (String, usize) {
        let numbered = self.place.rsplit_once(':').and_then(|(file, line)| Some((file.to_owned(), line.parse().ok()?)));
        numbered.unwrap_or_else(|| (self.place.clone(), usize::MAX))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.what),
            key => write!(f, "{}: {key} {}", self.place, self.what),
        }
    }
}

/// A key with its value in force, for `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The section.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value as TOML; secrets are masked.
    pub value: String,
    /// Where it came from.
    pub origin: String,
}

/// What overrides the file: the environment and flags.
#[derive(Clone, Copy)]
pub struct Overrides<'a> {
    /// Looks up an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Section, key, flag and value of flags that were given.
    pub flags: &'a [(&'static str, &'static str, &'static str, String)],
}

impl fmt::Debug for Overrides<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}

/// Reads keys and gathers mistakes.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    root: DeTable<'a>,
    pub(super) overrides: Overrides<'a>,
    sections: Vec<String>,
    /// Every key that was asked for so far; one that was asked for twice holds what it was asked for last.
    pub(super) asked: Vec<Asked>,
    /// The mistakes found so far.
    pub mistakes: Vec<Mistake>,
    /// The values in force so far.
    pub shown: Vec<Shown>,
}

/// A key that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The parts of its section's path.
    pub(super) section: Vec<String>,
    /// The key.
    pub(super) key: String,
    /// What it may hold.
    pub(super) form: Form,
}

/// What a key may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// A text.
    Text,
    /// A text, or a whole number in its place.
    Word,
    /// One of these words.
    Choice(Vec<String>),
    /// A whole number within bounds.
    Whole(RangeInclusive<usize>),
    /// True or false.
    Flag,
    /// Where a secret is taken from.
    Secret,
    /// Several texts.
    Texts,
    /// A column or a constant.
    Origin,
    /// The same for a key of `custom_data`.
    Feed,
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub place: String,
}

/// A value as it was given.
#[derive(Debug, Clone)]
pub(super) enum Raw<'a> {
    /// From the environment or a flag: always text.
    Text(String),
    /// From the file.
    Toml(DeValue<'a>),
}

impl<'a> Reader<'a> {
    /// Parses a file's text; syntax errors become mistakes.
    pub(super) fn new(file: &'a str, text: &'a str, overrides: Overrides<'a>) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self {
            file,
            text,
            root: root.into_inner(),
            overrides,
            sections: Vec::new(),
            asked: Vec::new(),
            mistakes: Vec::new(),
            shown: Vec::new(),
        };
        for error in errors {
            let place = reader.place(error.span().map_or(0, |span| span.start));
            // The parser's message tells the rule that was broken, not the text around it.
            reader.mistakes.push(Mistake { place, key: String::new(), what: error.message().to_owned() });
        }
        reader
    }

    /// Opens a section by its path, as `meta` or `columns.custom_data`.
    pub(super) fn section<'r>(&'r mut self, path: &str) -> Section<'r, 'a> {
        self.section_of(&path.split('.').collect::<Vec<_>>())
    }

    /// A text, looked at before its section is read.
    pub(super) fn peek(&self, section: &str, key: &str) -> Option<String> {
        let variable = format!("FBCAPI_{section}_{key}").to_ascii_uppercase();
        (self.overrides.environment)(&variable).or_else(|| {
            let table = find(&self.root, section)?.get_ref().as_table()?;
            find(table, key)?.get_ref().as_str().map(str::to_owned)
        })
    }

    /// Leaves a section unread: it is of no use here, or its tables are read one by one.
    pub(super) fn ignore(&mut self, path: &str) {
        self.sections.push(path.to_owned());
    }

    /// Opens a section by the parts of its path, which may hold any character.
    pub(super) fn section_of<'r>(&'r mut self, parts: &[&str]) -> Section<'r, 'a> {
        let path = parts.join(".");
        self.sections.push(path.clone());
        let mut table = Some(&self.root);
        let mut is_table = true;
        for part in parts {
            let value = table.and_then(|table| find(table, part));
            table = value.and_then(|value| value.get_ref().as_table());
            is_table &= value.is_none() || table.is_some();
        }
        let table = table.cloned().unwrap_or_default();
        if !is_table {
            self.mistakes.push(Mistake {
                place: self.file.to_owned(),
                key: format!("[{path}]"),
                what: "must be a section".to_owned(),
            });
        }
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        Section { reader: self, path, parts, table, known: Vec::new() }
    }

    /// Adds what was not read as a section to the mistakes.
    pub(super) fn end(&mut self) {
        let known: Vec<&str> = self.sections.iter().filter_map(|path| path.split('.').next()).collect();
        let mut mistakes = Vec::new();
        for key in self.root.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let what = format!("is not a section{}", did_you_mean(name, known.iter().copied(), "[", "]"));
                mistakes.push(Mistake { place: self.place(key.span().start), key: format!("[{name}]"), what });
            }
        }
        self.mistakes.append(&mut mistakes);
    }

    fn place(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }
}

/// One section of the file.
#[derive(Debug)]
pub(super) struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    path: String,
    parts: Vec<String>,
    table: DeTable<'a>,
    known: Vec<String>,
}

impl<'a> Section<'_, 'a> {
    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Option<Found<String>> {
        self.ask(key, Form::Text);
        let found = self.find(key)?;
        let text = match found.value {
            Raw::Text(text) => text,
            Raw::Toml(DeValue::String(text)) => text.into_owned(),
            Raw::Toml(other) => {
                self.mistake(&found.place, key, &format!("must be a text in quotes, not of type {}", other.type_str()));
                return None;
            }
        };
        self.show(key, &toml_text(&text), &found.place);
        Some(Found { value: text, place: found.place })
    }

    /// A text, or a number as text.
    pub(super) fn word(&mut self, key: &str) -> Option<Found<String>> {
        let found = self.word_or_text(key);
        self.ask(key, Form::Word);
        found
    }

    fn word_or_text(&mut self, key: &str) -> Option<Found<String>> {
        match find(&self.table, key).map(|value| (value.span().start, value.get_ref().clone())) {
            Some((at, DeValue::Integer(number))) if self.overridden(key).is_none() => {
                self.know(key);
                let found = Found { value: number.as_str().to_owned(), place: self.reader.place(at) };
                self.show(key, &found.value, &found.place);
                Some(found)
            }
            Some(_) | None => self.text(key),
        }
    }

    /// A text, or a default.
    pub(super) fn text_or(&mut self, key: &str, default: &str) -> Found<String> {
        self.text(key).unwrap_or_else(|| {
            self.show(key, &toml_text(default), "default");
            Found { value: default.to_owned(), place: "default".to_owned() }
        })
    }

    /// Shows a default that was made of other values.
    pub(super) fn show_default(&mut self, key: &str, value: &str) {
        self.show(key, &toml_text(value), "default");
    }

    /// One of several words, or the first.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)], default: &str) -> Option<T> {
        let found = self.text_or(key, default);
        self.ask(key, Form::Choice(choices.iter().map(|(word, _)| (*word).to_owned()).collect()));
        let choice = choices.iter().find(|(word, _)| *word == found.value).map(|(_, choice)| *choice);
        if choice.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.mistake(&found.place, key, &format!("must be {}", words.join(" or ")));
        }
        choice
    }

    /// A whole number within bounds, or a default.
    pub(super) fn whole_or(&mut self, key: &str, bounds: RangeInclusive<usize>, default: usize) -> usize {
        self.ask(key, Form::Whole(bounds.clone()));
        let Some(found) = self.find(key) else {
            self.show(key, &default.to_string(), "default");
            return default;
        };
        let number = match &found.value {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Toml(DeValue::Integer(number)) => usize::from_str_radix(number.as_str(), number.radix()).ok(),
            Raw::Toml(_) => None,
        };
        let Some(number) = number.filter(|number| bounds.contains(number)) else {
            self.mistake(&found.place, key, &format!("must be a number from {} to {}", bounds.start(), bounds.end()));
            return default;
        };
        self.show(key, &number.to_string(), &found.place);
        number
    }

    /// `true` or `false`, the latter by default.
    pub(super) fn flag(&mut self, key: &str) -> bool {
        self.ask(key, Form::Flag);
        let Some(found) = self.find(key) else {
            self.show(key, "false", "default");
            return false;
        };
        let flag = match &found.value {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Toml(DeValue::Boolean(flag)) => Some(*flag),
            Raw::Toml(_) => None,
        };
        let Some(flag) = flag else {
            self.mistake(&found.place, key, "must be true or false");
            return false;
        };
        self.show(key, &flag.to_string(), &found.place);
        flag
    }

    /// Where a secret is to be taken from.
    pub(super) fn secret(&mut self, key: &str) -> Option<Found<SecretSource>> {
        self.ask(key, Form::Secret);
        let found = self.find(key)?;
        let source = match &found.value {
            Raw::Text(text) => Ok(SecretSource::Environment(text.clone())),
            Raw::Toml(DeValue::String(text)) => Ok(SecretSource::Text(text.to_string())),
            Raw::Toml(DeValue::Table(table)) => SecretSource::read(table),
            Raw::Toml(_) => Err("must be { env = \"…\" }, { file = \"…\" } or { command = [\"…\"] }".to_owned()),
        };
        match source {
            Ok(source) => {
                self.show(key, &source.masked(), &found.place);
                Some(Found { value: source, place: found.place })
            }
            Err(what) => {
                self.mistake(&found.place, key, &what);
                None
            }
        }
    }

    /// Several texts: a list, or in a variable with commas between.
    pub(super) fn texts(&mut self, key: &str) -> Found<Vec<String>> {
        self.ask(key, Form::Texts);
        let Some(found) = self.find(key) else {
            self.show(key, "[]", "default");
            return Found { value: Vec::new(), place: "default".to_owned() };
        };
        let texts: Option<Vec<String>> = match &found.value {
            Raw::Text(text) => Some(text.split(',').map(|text| text.trim().to_owned()).collect()),
            Raw::Toml(DeValue::Array(items)) => {
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
            }
            Raw::Toml(_) => None,
        };
        let Some(mut texts) = texts else {
            self.mistake(&found.place, key, "must be a list of texts, as [\"gender\", \"zip\"]");
            return Found { value: Vec::new(), place: found.place };
        };
        texts.retain(|text| !text.is_empty());
        let shown: Vec<String> = texts.iter().map(|text| toml_text(text)).collect();
        self.show(key, &format!("[{}]", shown.join(", ")), &found.place);
        Found { value: texts, place: found.place }
    }

    /// Whether a key holds a section of its own, not a column or a value.
    pub(super) fn is_section(&self, key: &str) -> bool {
        let table = find(&self.table, key).and_then(|value| value.get_ref().as_table());
        table.is_some_and(|table| find(table, "column").is_none() && find(table, "value").is_none())
    }

    /// Every key that the file has in this section, except tables.
    pub(super) fn keys(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().to_string()).collect()
    }

    /// Whether anything gives a value to a key.
    pub(super) fn has(&self, key: &str) -> bool {
        find(&self.table, key).is_some() || self.overridden(key).is_some()
    }

    /// Marks a key as known without reading it.
    pub(super) fn know(&mut self, key: &str) {
        self.known.push(key.to_owned());
    }

    /// Notes a mistake at a place.
    pub(super) fn mistake(&mut self, place: &str, key: &str, what: &str) {
        let mistake = self.told(place, key, what);
        self.reader.mistakes.push(mistake);
    }

    /// Makes a mistake at a place, without noting it.
    pub(super) fn told(&self, place: &str, key: &str, what: &str) -> Mistake {
        let place = if place == "default" { self.reader.file } else { place };
        Mistake { place: place.to_owned(), key: format!("[{}] {key}", self.path), what: what.to_owned() }
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&mut self, key: &str, what: &str) {
        let file = self.reader.file;
        self.mistake(file, key, &format!("is missing: {what}"));
    }

    /// Adds the keys that nobody read to the mistakes, each with the nearest that is known.
    pub(super) fn end(self) {
        let mut mistakes = Vec::new();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.iter().any(|known| known == name) {
                let nearest = did_you_mean(name, self.known.iter().map(String::as_str), "", "");
                mistakes.push(Mistake {
                    place: self.reader.place(key.span().start),
                    key: format!("[{}] {name}", self.path),
                    what: format!("is not a key of this section{nearest}"),
                });
            }
        }
        self.reader.mistakes.append(&mut mistakes);
    }

    /// Notes that a key is asked for, and what it may hold.
    pub(super) fn ask(&mut self, key: &str, form: Form) {
        let asked = &mut self.reader.asked;
        match asked.iter_mut().find(|asked| asked.key == key && asked.section == self.parts) {
            Some(asked) => asked.form = form,
            None => asked.push(Asked { section: self.parts.clone(), key: key.to_owned(), form }),
        }
    }

    pub(super) fn find(&mut self, key: &str) -> Option<Found<Raw<'a>>> {
        self.known.push(key.to_owned());
        if let Some(found) = self.overridden(key) {
            return Some(Found { value: Raw::Text(found.value), place: found.place });
        }
        let value = find(&self.table, key)?;
        Some(Found { place: self.reader.place(value.span().start), value: Raw::Toml(value.get_ref().clone()) })
    }

    fn overridden(&self, key: &str) -> Option<Found<String>> {
        let flags = self.reader.overrides.flags;
        if let Some((_, _, flag, value)) =
            flags.iter().find(|(section, name, ..)| *section == self.path && *name == key)
        {
            return Some(Found { value: value.clone(), place: (*flag).to_owned() });
        }
        let variable = format!("FBCAPI_{}_{key}", self.path.replace('.', "_")).to_ascii_uppercase();
        let value = (self.reader.overrides.environment)(&variable)?;
        Some(Found { value, place: format!("${variable}") })
    }

    pub(super) fn show(&mut self, key: &str, value: &str, origin: &str) {
        self.reader.shown.push(Shown {
            section: self.path.clone(),
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.to_owned(),
        });
    }
}

fn find<'t, 'a>(table: &'t DeTable<'a>, name: &str) -> Option<&'t Spanned<DeValue<'a>>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
}

pub(super) fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// `, did you mean …?` with the nearest of the known words, or nothing.
pub(super) fn did_you_mean<'w>(word: &str, known: impl Iterator<Item = &'w str>, open: &str, close: &str) -> String {
    let nearest = known.map(|known| (strsim::jaro_winkler(word, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, known)) if likeness > 0.8 => format!(", did you mean {open}{known}{close}?"),
        Some(_) | None => String::new(),
    }
}
