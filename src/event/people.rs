//! Who it was: the hashed match keys of a row.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::field::Field;
use super::note::Note;
use super::personal::looks_personal;
use super::reason::Reason;
use super::rules::Rules;
use super::table::Table;
use super::value::scalar;
use crate::meta::hash::Digest;
use crate::meta::normalize::{Country, Form, normalize};
use crate::meta::{KeySet, MatchKey};
use crate::private::{Pii, Scratch};

/// Hashes the match keys of one row after another, in buffers that are used again.
#[derive(Debug, Default)]
pub struct People {
    scratch: Scratch,
    digests: Vec<(MatchKey, Digest)>,
    raw_ids: Vec<Scratch>,
}

impl People {
    /// Hashes the match keys of a row and says which it has.
    pub fn hash(&mut self, table: &Table<'_>, row: usize, rules: &Rules, notes: &mut Vec<Note>) -> KeySet {
        self.digests.clear();
        self.raw_ids.clear();
        let mut hasher = Hasher { people: self, rules, country: None, notes };
        let countries = table.matches.iter().find(|(key, _)| *key == MatchKey::Country);
        let countries = countries.filter(|_| !table.hashed.keys.contains(MatchKey::Country));
        if let Some(text) = countries.and_then(|(_, texts)| texts.filled(row)) {
            hasher.country = Country::parse(text);
        }
        let mut has_name = false;
        for (key, texts) in &table.matches {
            if !key.is_hashed() {
                continue;
            }
            if let Some(text) = texts.filled(row) {
                has_name |= matches!(key, MatchKey::Fn | MatchKey::Ln);
                if table.hashed.keys.contains(*key) {
                    hasher.add_digest(Field::Match(*key), *key, text);
                } else {
                    hasher.add_all(Field::Match(*key), *key, text);
                }
            }
        }
        match table.full_name.filled(row).filter(|_| !has_name) {
            Some(first) if table.hashed.full_name => {
                hasher.add_names([(MatchKey::Fn, Some(first)), (MatchKey::Ln, table.full_name_last.filled(row))]);
            }
            Some(full) => hasher.add_full_name(full),
            None => {}
        }
        match table.person_id.filled(row) {
            Some(id) if table.hashed.person_id => hasher.add_digest(Field::PersonId, MatchKey::ExternalId, id),
            Some(id) => hasher.add_all(Field::PersonId, MatchKey::ExternalId, id),
            None => {}
        }
        // Names from a full name and a person's id come last; the values of a key are to stand together.
        if !self.digests.is_sorted_by_key(|(key, _)| *key) {
            self.digests.sort_by_key(|(key, _)| *key);
        }
        let mut keys = KeySet::default();
        for (key, _) in &self.digests {
            keys.insert(*key);
        }
        if !self.raw_ids.is_empty() {
            keys.insert(MatchKey::ExternalId);
        }
        keys
    }

    /// The digests of the row that was hashed last; the values of one key stand together.
    pub fn digests(&self) -> &[(MatchKey, Digest)] {
        &self.digests
    }

    /// The external ids of that row that are sent as they are.
    pub fn raw_ids(&self) -> &[Scratch] {
        &self.raw_ids
    }
}

struct Hasher<'a> {
    people: &'a mut People,
    rules: &'a Rules,
    country: Option<Country>,
    notes: &'a mut Vec<Note>,
}

impl Hasher<'_> {
    /// Adds first and last name out of a full one.
    fn add_full_name(&mut self, full: &str) {
        if !matches!(shape(full), Shape::Plain) {
            self.note(Field::FullName, Reason::InvalidJson);
            return;
        }
        let Some((first, last)) = split_name(full) else { return };
        for (key, name) in [(MatchKey::Fn, Some(first)), (MatchKey::Ln, last)] {
            if let Some(name) = name.filter(|_| !self.rules.columns.is_excluded(key)) {
                self.add(Field::FullName, key, name);
            }
        }
    }

    /// Adds first and last name that the warehouse has hashed out of a full one.
    fn add_names(&mut self, names: [(MatchKey, Option<&str>); 2]) {
        for (key, digest) in names {
            if let Some(digest) = digest.filter(|_| !self.rules.columns.is_excluded(key)) {
                self.add_digest(Field::FullName, key, digest);
            }
        }
    }

    /// Adds a digest that the warehouse has made, or notes why there is none.
    fn add_digest(&mut self, field: Field, key: MatchKey, text: &str) {
        let digest = match text.strip_prefix('!') {
            // The value stands for nobody.
            Some("") => return,
            Some(code) => Err(Reason::of_field(code).unwrap_or(Reason::InvalidHash)),
            None => Digest::from_hex(text).filter(|digest| digest.as_str() == text).ok_or(Reason::InvalidHash),
        };
        match digest {
            Ok(digest) => self.push(key, digest),
            Err(reason) => self.note(field, reason),
        }
    }

    /// Adds a digest unless the key has it already.
    fn push(&mut self, key: MatchKey, digest: Digest) {
        if !self.people.digests.contains(&(key, digest)) {
            self.people.digests.push((key, digest));
        }
    }

    fn note(&mut self, field: Field, reason: Reason) {
        self.notes.push(Note { slot: self.rules.columns.slot(field), reason });
    }

    /// Adds a value, or each value of a list.
    fn add_all(&mut self, field: Field, key: MatchKey, text: &str) {
        match shape(text) {
            Shape::Plain => self.add(field, key, text),
            Shape::Object => self.note(field, Reason::InvalidJson),
            Shape::List(items) => {
                for text in items.into_iter().filter_map(item_text) {
                    self.add(field, key, &text);
                }
            }
        }
    }

    fn add(&mut self, field: Field, key: MatchKey, text: &str) {
        let form = normalize(key, Pii::new(text), self.country, &self.rules.normalize, self.people.scratch.clear());
        let digest = match form {
            Ok(Form::Clear) => Digest::of(self.people.scratch.expose()),
            Ok(Form::Hashed) => Digest::from_hex(self.people.scratch.expose()),
            Ok(Form::Raw) if looks_personal(self.people.scratch.expose()) => {
                self.note(field, Reason::PersonalData);
                None
            }
            Ok(Form::Raw) => {
                let ids = &mut self.people.raw_ids;
                if !ids.iter().any(|id| id.expose() == self.people.scratch.expose()) {
                    ids.push(self.people.scratch.clone());
                }
                None
            }
            Ok(Form::Empty) => None,
            Err(reason) => {
                self.note(field, reason);
                None
            }
        };
        if let Some(digest) = digest {
            self.push(key, digest);
        }
    }
}

/// What a cell holds.
pub(crate) enum Shape<'a> {
    /// A text, or something that only looks like JSON.
    Plain,
    /// A JSON list.
    List(Vec<&'a RawValue>),
    /// A JSON object.
    Object,
}

/// Tells a text from a list or an object that stands in a text column.
pub(crate) fn shape(text: &str) -> Shape<'_> {
    // Most texts start with a letter, and then there is no white space to look for.
    if text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Shape::Plain;
    }
    let trimmed = text.trim();
    if trimmed.starts_with('[')
        && let Ok(items) = serde_json::from_str(trimmed)
    {
        return Shape::List(items);
    }
    let is_object = trimmed.starts_with('{') && serde_json::from_str::<&RawValue>(trimmed).is_ok();
    if is_object { Shape::Object } else { Shape::Plain }
}

/// The text of an item of a list; null, true, false and what is nested identify nobody.
pub(crate) fn item_text(item: &RawValue) -> Option<Cow<'_, str>> {
    let is_flag = matches!(item.get(), "true" | "false");
    scalar(item).filter(|_| !is_flag)
}

/// Splits a full name into first and last name: the first and the last word, or what stands around a comma.
///
/// Chinese, Japanese and Korean names are written family name first.
fn split_name(full: &str) -> Option<(&str, Option<&str>)> {
    if let Some((last, first)) = full.split_once(',') {
        return Some((first.trim(), Some(last.trim())));
    }
    let mut words = full.split_whitespace();
    let first = words.next()?;
    let Some(last) = words.next_back() else { return Some((first, None)) };
    let is_family_first = first.chars().all(is_east_asian);
    Some(if is_family_first { (last, Some(first)) } else { (first, Some(last)) })
}

/// Whether a letter is Chinese, Japanese or Korean: the blocks Hiragana, Katakana, CJK Ideographs and Hangul.
fn is_east_asian(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names() {
        let check = |full, expected| assert_eq!(split_name(full), expected, "{full:?}");
        check("Ada Lovelace", Some(("Ada", Some("Lovelace"))));
        check(" Ada  King Lovelace ", Some(("Ada", Some("Lovelace"))));
        check("Lovelace, Ada", Some(("Ada", Some("Lovelace"))));
        check("Madonna", Some(("Madonna", None)));
        check("山田 太郎", Some(("太郎", Some("山田"))));
        check("김 민준", Some(("민준", Some("김"))));
        check("José Ñandú", Some(("José", Some("Ñandú"))));
        check("  ", None);
    }
}
