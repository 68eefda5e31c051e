//! Types that keep customer data and secrets from being shown.
//!
//! A value in one of these types has no `Display` and no `Serialize`, and its `Debug` shows nothing. Whoever needs
//! the text says so by calling `expose`, which makes every use easy to find.

use std::fmt;

use zeroize::Zeroizing;

/// A token, password or key, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret's text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Gives the text to the one place that must put it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A piece of customer data in the clear, borrowed from the row it came in.
#[derive(Clone, Copy)]
pub struct Pii<'a>(&'a str);

impl<'a> Pii<'a> {
    /// Marks a text as customer data.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Gives the text to the code that normalises and hashes it.
    pub fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Pii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal data]")
    }
}

/// A buffer in which customer data is normalised before it is hashed, wiped when dropped.
#[derive(Clone, Default)]
pub struct Scratch(Zeroizing<String>);

impl Scratch {
    /// Gives the buffer, emptied, to write into.
    pub fn clear(&mut self) -> &mut String {
        self.0.clear();
        &mut self.0
    }

    /// Gives what was written.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal data]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown() {
        let mut scratch = Scratch::default();
        scratch.clear().push_str("ada@example.com");
        let shown = format!("{:?} {:?} {scratch:?}", Secret::new("token-1".into()), Pii::new("ada@example.com"));
        assert_eq!(shown, "[secret] [personal data] [personal data]");
    }
}
