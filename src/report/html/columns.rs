//! A chart of columns: for each day or run a stack of counts, one colour each.

use super::canvas::{Frame, Scale, Size, Steps};
use super::markup::{Markup, length};

/// A chart of columns.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    /// What it shows.
    pub(super) name: &'a str,
    /// The same in words.
    pub(super) description: &'a str,
    /// The layers of each stack from below, by the class of their colour and what they are.
    pub(super) layers: Vec<(&'a str, String)>,
    /// What stands under each column, what it is, and how high each layer is; unknown where nobody knows.
    pub(super) stacks: Vec<Column>,
    /// Whether parts of a whole make sense.
    pub(super) steps: Steps,
    /// How a number is written.
    pub(super) write: fn(f64) -> String,
}

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    /// What stands under it.
    pub(super) label: String,
    /// What is said of it when someone points at it.
    pub(super) told: String,
    /// How high each layer is.
    pub(super) heights: Vec<Option<f64>>,
    /// What stands above it.
    pub(super) mark: &'static str,
}

impl Column {
    fn height(&self) -> f64 {
        self.heights.iter().flatten().sum()
    }
}

/// What is there must be seen, however little it is.
const LEAST_HEIGHT: f64 = 2.0;

impl Columns<'_> {
    /// Writes the chart in both sizes, and what its colours mean.
    pub(super) fn write(&self, markup: &mut Markup) {
        for size in [Size::Wide, Size::Narrow] {
            self.draw(markup, size);
        }
        if self.layers.len() > 1 {
            markup.element("ul", &[("class", "legend")], |markup| {
                for (class, name) in &self.layers {
                    markup.element("li", &[], |markup| {
                        markup.leaf("span", &[("class", &format!("swatch {class}")), ("aria-hidden", "true")], "");
                        markup.leaf("bdi", &[], name);
                    });
                }
            });
        }
    }

    fn draw(&self, markup: &mut Markup, size: Size) {
        let most = self.stacks.iter().map(Column::height).fold(0.0, f64::max);
        let scale = Scale::new(most, self.steps);
        let words: Vec<String> = scale.ticks.iter().map(|tick| (self.write)(*tick)).collect();
        let frame = Frame::new(size, self.stacks.len(), words.iter().map(String::as_str));
        frame.picture(markup, size, (self.name, self.description), |markup| {
            for (tick, words) in scale.ticks.iter().zip(&words) {
                frame.tick(markup, tick / scale.most(), words);
            }
            for (at, column) in self.stacks.iter().enumerate() {
                self.column(markup, &frame, at, column, scale.most());
            }
            let labels: Vec<String> = self.stacks.iter().map(|column| column.label.clone()).collect();
            frame.labels(markup, &labels);
        });
    }

    fn column(&self, markup: &mut Markup, frame: &Frame, at: usize, column: &Column, most: f64) {
        let width = (frame.slot() * 0.74).clamp(1.0, 44.0);
        let x = frame.middle(at) - width / 2.0;
        markup.element("g", &[], |markup| {
            markup.leaf("title", &[], &column.told);
            let mut foot = frame.bottom;
            for ((class, _), height) in self.layers.iter().zip(&column.heights) {
                let Some(height) = height.filter(|height| *height > 0.0) else { continue };
                let tall = (height / most * (frame.bottom - frame.top)).max(LEAST_HEIGHT);
                foot -= tall;
                let class = format!("bar {class}");
                let [x, y, width, tall] = [x, foot, width, tall].map(length);
                markup.void("rect", &[("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &tall)]);
            }
            if !column.mark.is_empty() {
                let place = [length(frame.middle(at)), length(foot - 5.0)];
                markup.leaf("text", &[("class", "mark middle"), ("x", &place[0]), ("y", &place[1])], column.mark);
            }
        });
    }
}
