//! Elements that are always closed, and text that is always escaped.
//!
//! Names of events come from customers' tables: whatever they hold, they stay text.

use crate::report::is_steering;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Markup {
    html: String,
}

/// Attributes of an element: names are ours, values are escaped.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Markup {
    /// Writes an element and what stands within.
    pub(super) fn element(&mut self, tag: &str, attributes: Attributes<'_>, within: impl FnOnce(&mut Self)) {
        self.start(tag, attributes);
        self.html.push('>');
        within(self);
        self.html.push_str("</");
        self.html.push_str(tag);
        self.html.push('>');
    }

    /// Writes an element with nothing but text.
    pub(super) fn leaf(&mut self, tag: &str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |within| within.text(text));
    }

    /// Writes an element that holds nothing.
    pub(super) fn void(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.html.push_str("/>");
    }

    /// Writes text.
    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars().filter_map(shown) {
            self.escaped(c);
        }
    }

    /// Writes a style sheet of this program's.
    pub(super) fn style(&mut self, css: &'static str) {
        self.element("style", &[], |within| within.html.push_str(css));
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        format!("<!doctype html>\n{}\n", self.html)
    }

    fn start(&mut self, tag: &str, attributes: Attributes<'_>) {
        // A line for each element, so that a page can be compared with another.
        self.html.push_str("\n<");
        self.html.push_str(tag);
        for (name, value) in attributes {
            self.html.push(' ');
            self.html.push_str(name);
            self.html.push_str("=\"");
            for c in value.chars().filter_map(shown) {
                self.escaped(c);
            }
            self.html.push('"');
        }
    }

    fn escaped(&mut self, c: char) {
        match c {
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            '\'' => self.html.push_str("&#39;"),
            _ => self.html.push(c),
        }
    }
}

/// A character as it may be shown: what would change the direction or the place of other text becomes a mark, so that
/// it is seen.
fn shown(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => Some(' '),
        '\r' => None,
        _ if is_steering(c) => Some('\u{fffd}'),
        _ => Some(c),
    }
}

/// A name cut to so many characters, with a mark where it was cut.
pub(super) fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A length in a picture, with one digit behind the point.
pub(super) fn length(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A number with as many digits behind the point as it has, three at most.
pub(super) fn decimals(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_whatever_it_holds() {
        let check = |text: &str, expected: &str| {
            let mut markup = Markup::default();
            markup.leaf("p", &[("title", text)], text);
            assert_eq!(markup.finish(), format!("<!doctype html>\n\n<p title=\"{expected}\">{expected}</p>\n"));
        };
        check("Purchase", "Purchase");
        check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
        check("\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;");
        check("a\u{0}b\u{1b}[31m\u{7f}\u{85}\r\nc", "a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd} c");
        check("\u{202e}txt.exe\u{2069}\u{200f}\u{feff}", "\u{fffd}txt.exe\u{fffd}\u{fffd}\u{fffd}");
        check("Käufe 🛒 購入", "Käufe 🛒 購入");
    }

    #[test]
    fn long_names_are_cut_where_it_shows() {
        assert_eq!(shortened("Lead", 4), "Lead");
        assert_eq!(shortened("Leads", 4), "Lea…");
        assert_eq!(shortened("ééééé", 3), "éé…");
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([0.0, 2.0, 2.04, 2.06, 10.25].map(length), ["0", "2", "2", "2.1", "10.2"]);
        assert_eq!([0.0, 100.0, 0.1 + 0.2, 2.5].map(decimals), ["0", "100", "0.3", "2.5"]);
    }
}
