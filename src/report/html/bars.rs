//! A list of things with a bar each, that can be read without looking at the bars.

use super::markup::{Markup, length};

/// One line of the list.
#[derive(Debug)]
pub(super) struct Bar {
    /// What it is.
    pub(super) name: String,
    /// Its code, where it has one beside its name.
    pub(super) code: String,
    /// How much it is, in words.
    pub(super) amount: String,
    /// How much of the bar is filled, from 0 to 1.
    pub(super) share: f64,
    /// What it means, or what to do about it.
    pub(super) note: String,
    /// The class of its colour.
    pub(super) class: &'static str,
}

/// Writes the list.
pub(super) fn write(markup: &mut Markup, bars: &[Bar]) {
    markup.element("ul", &[("class", "bars")], |markup| {
        for bar in bars {
            markup.element("li", &[], |markup| line(markup, bar));
        }
    });
}

fn line(markup: &mut Markup, bar: &Bar) {
    markup.element("div", &[("class", "head")], |markup| {
        markup.element("span", &[("class", "name")], |markup| {
            markup.leaf("bdi", &[], &bar.name);
            if !bar.code.is_empty() {
                markup.text(" ");
                markup.leaf("code", &[], &bar.code);
            }
        });
        markup.leaf("strong", &[], &bar.amount);
    });
    let attributes =
        [("class", "level"), ("viewBox", "0 0 100 4"), ("preserveAspectRatio", "none"), ("aria-hidden", "true")];
    markup.element("svg", &attributes, |markup| {
        markup.void("rect", &[("class", "track"), ("width", "100"), ("height", "4")]);
        // What is there must be seen, however little it is.
        let least = if bar.share > 0.0 { 0.6 } else { 0.0 };
        let width = length((bar.share * 100.0).clamp(least, 100.0));
        markup.void("rect", &[("class", bar.class), ("width", &width), ("height", "4")]);
    });
    if !bar.note.is_empty() {
        markup.leaf("p", &[("class", "note")], &bar.note);
    }
}
