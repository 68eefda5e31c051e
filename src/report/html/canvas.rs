//! What every chart with axes has: two sizes, one for wide and one for narrow screens, and its frame.
//!
//! A picture that shrinks takes its words with it, so each chart is drawn twice and the style sheet shows one.

use super::markup::{Attributes, Markup, length};

/// The size of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// For screens and paper.
    Wide,
    /// For phones.
    Narrow,
}

/// How high a line of words is.
const LINE: f64 = 16.0;

/// How wide a character of a chart's words is at most.
const CHARACTER: f64 = 7.0;

/// The frame of a chart: where its plot lies in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    width: f64,
    height: f64,
    /// The left side of the plot.
    pub(super) left: f64,
    /// The right side of the plot.
    pub(super) right: f64,
    /// The upper side of the plot.
    pub(super) top: f64,
    /// The lower side of the plot.
    pub(super) bottom: f64,
    columns: usize,
}

impl Frame {
    /// The frame of a chart with so many columns and such words at its ticks.
    pub(super) fn new<'w>(size: Size, columns: usize, ticks: impl Iterator<Item = &'w str>) -> Self {
        let (width, height) = match size {
            Size::Wide => (880.0, 280.0),
            Size::Narrow => (340.0, 240.0),
        };
        let longest = ticks.map(|tick| tick.chars().count()).max().unwrap_or(0);
        let left = 10.0 + as_float(longest) * CHARACTER;
        Self { width, height, left, right: width - 8.0, top: 2.0 * LINE, bottom: height - 1.5 * LINE, columns }
    }

    /// How wide the place of a column is.
    pub(super) fn slot(&self) -> f64 {
        (self.right - self.left) / as_float(self.columns.max(1))
    }

    /// The middle of a column.
    pub(super) fn middle(&self, column: usize) -> f64 {
        self.left + (as_float(column) + 0.5) * self.slot()
    }

    /// How far down a share of the plot lies, counted from below.
    pub(super) fn up(&self, share: f64) -> f64 {
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Writes the picture with what is told of it to those who cannot see it.
    pub(super) fn picture(
        &self,
        markup: &mut Markup,
        size: Size,
        told: (&str, &str),
        within: impl FnOnce(&mut Markup),
    ) {
        let (name, description) = told;
        let class = match size {
            Size::Wide => "chart wide",
            Size::Narrow => "chart narrow",
        };
        let view = format!("0 0 {} {}", length(self.width), length(self.height));
        let attributes: Attributes<'_> = &[("class", class), ("viewBox", &view), ("role", "img"), ("aria-label", name)];
        markup.element("svg", attributes, |markup| {
            markup.leaf("title", &[], name);
            markup.leaf("desc", &[], description);
            within(markup);
        });
    }

    /// Writes a line across the plot with its words to the left.
    pub(super) fn tick(&self, markup: &mut Markup, share: f64, words: &str) {
        let y = self.up(share);
        self.across(markup, "grid", y);
        let place = [length(self.left - 6.0), length(y + 4.0)];
        markup.leaf("text", &[("class", "tick end"), ("x", &place[0]), ("y", &place[1])], words);
    }

    /// Writes a line across the plot.
    pub(super) fn across(&self, markup: &mut Markup, class: &str, y: f64) {
        let [left, right, y] = [self.left, self.right, y].map(length);
        markup.void("line", &[("class", class), ("x1", &left), ("x2", &right), ("y1", &y), ("y2", &y)]);
    }

    /// Writes the words under the columns, as many as have room: at even steps, where each column has words.
    pub(super) fn labels(&self, markup: &mut Markup, labels: &[String]) {
        let widest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let room = as_float(widest + 1) * CHARACTER;
        let step = (1..=labels.len()).find(|step| as_float(*step) * self.slot() >= room).unwrap_or(labels.len().max(1));
        let is_even = labels.iter().all(|label| !label.is_empty());
        let mut free_from = f64::NEG_INFINITY;
        for (column, label) in labels.iter().enumerate().filter(|(_, label)| !label.is_empty()) {
            let half = as_float(label.chars().count()) * CHARACTER / 2.0;
            let x = self.middle(column).clamp(half, self.width - half);
            if x - half < free_from || (is_even && !column.is_multiple_of(step)) {
                continue;
            }
            free_from = x + half + CHARACTER;
            let place = [length(x), length(self.bottom + 1.1 * LINE)];
            markup.leaf("text", &[("class", "tick middle"), ("x", &place[0]), ("y", &place[1])], label);
        }
    }
}

/// A scale from zero whose ticks are round numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// The ticks, from zero on.
    pub(super) ticks: Vec<f64>,
}

/// Whether parts of a whole make sense on a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// Things are counted.
    Whole,
    /// Something is measured.
    Any,
}

impl Scale {
    /// A scale on which a number fits, with three to six ticks.
    pub(super) fn new(most: f64, steps: Steps) -> Self {
        let smallest = match steps {
            Steps::Whole => 1.0,
            Steps::Any => 1e-3,
        };
        let raw = (most / 4.0).max(smallest);
        let power = 10_f64.powf(raw.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
        let step = round * power;
        let mut ticks = vec![0.0];
        while ticks.last().is_some_and(|last| *last < most) || ticks.len() < 3 {
            ticks.push(step * as_float(ticks.len()));
        }
        Self { ticks }
    }

    /// The largest number on it.
    pub(super) fn most(&self) -> f64 {
        self.ticks.last().copied().unwrap_or(1.0)
    }
}

/// A count as a length.
#[expect(clippy::cast_precision_loss, reason = "no picture shows the sixteenth digit")]
pub(super) fn as_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_largest_number() {
        let check = |most, steps, expected: &[f64]| assert_eq!(Scale::new(most, steps).ticks, expected, "{most}");
        check(0.0, Steps::Whole, &[0.0, 1.0, 2.0]);
        check(1.0, Steps::Whole, &[0.0, 1.0, 2.0]);
        check(3.0, Steps::Whole, &[0.0, 1.0, 2.0, 3.0]);
        check(413.0, Steps::Whole, &[0.0, 200.0, 400.0, 600.0]);
        check(1_000.0, Steps::Whole, &[0.0, 500.0, 1_000.0]);
        check(0.4, Steps::Any, &[0.0, 0.1, 0.2, 0.1 * 3.0, 0.4]);
        check(12_345_678.0, Steps::Whole, &[0.0, 5e6, 1e7, 1.5e7]);
        for most in 1..3_000_u32 {
            let scale = Scale::new(f64::from(most), Steps::Whole);
            assert!(scale.most() >= f64::from(most) && (3..=6).contains(&scale.ticks.len()), "{most}: {scale:?}");
        }
    }
}
