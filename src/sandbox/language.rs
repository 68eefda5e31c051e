//! The languages in which Meta explains a refusal to people.

/// The language of titles and texts, which Meta takes from the owner of the token.
///
/// Codes are the same in every language; a client that reads texts notices here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
    /// Danish.
    Danish,
}

/// A title and a text in one language; `{}` stands for the name of a field or event.
type Pair = (&'static str, &'static str);

/// What Meta says to people, in each language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    /// In English.
    pub(super) english: Pair,
    /// In French.
    pub(super) french: Pair,
    /// In Danish.
    pub(super) danish: Pair,
}

impl Language {
    /// Reads the name of a locale, as `fr` or `fr_FR`.
    pub fn parse(text: &str) -> Option<Self> {
        let language = text.split(['_', '-']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "fr" => Some(Self::French),
            "da" => Some(Self::Danish),
            _ => None,
        }
    }
}

impl Words {
    /// The title and the text in a language, about a field or event of some name.
    pub(super) fn of(self, language: Language, name: &str) -> (String, String) {
        let (title, text) = match language {
            Language::English => self.english,
            Language::French => self.french,
            Language::Danish => self.danish,
        };
        (title.to_owned(), text.replace("{}", name))
    }
}
