//! The chart of how old events were when they were sent, against what Meta advises.

use super::canvas::{Frame, Size};
use super::markup::{Markup, length};
use crate::report::hints::{ADVISED_AGE_SECONDS, LATE_AGE_SECONDS};

/// How old the events of a run were.
#[derive(Debug)]
pub(super) struct Age {
    /// What stands under it.
    pub(super) label: String,
    /// What is said of it when someone points at it.
    pub(super) told: String,
    /// Half were younger, and 95 of 100; unknown if none was sent.
    pub(super) seconds: Option<(u64, u64)>,
}

/// Round ages, in seconds and words: each is several times the one before, so steps are even on the scale.
const TICKS: [(u64, &str); 7] = [
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (6 * 3_600, "6 h"),
    (86_400, "1 day"),
    (7 * 86_400, "7 days"),
    (62 * 86_400, "62 days"),
];

/// Where an age lies between others, by its logarithm: minutes and days are told apart on one scale.
#[derive(Debug, Clone, Copy)]
struct Span {
    least: f64,
    most: f64,
}

impl Span {
    /// Holds all ages, and those that Meta names.
    fn of(ages: &[Age]) -> Self {
        let seconds = || ages.iter().filter_map(|age| age.seconds);
        let youngest = seconds().map(|(half, _)| half).min().unwrap_or(600).clamp(1, 600);
        let oldest = seconds().map(|(_, most)| most).max().unwrap_or(0).max(LATE_AGE_SECONDS);
        let least = TICKS.iter().rev().find(|(tick, _)| *tick <= youngest).map_or(60, |(tick, _)| *tick);
        let most = TICKS.iter().find(|(tick, _)| *tick >= oldest).map_or(oldest, |(tick, _)| *tick);
        // Above a day there is room for its words.
        let most = most.max(LATE_AGE_SECONDS * 2);
        Self { least: logarithm(least), most: logarithm(most) }
    }

    fn share(self, seconds: u64) -> f64 {
        ((logarithm(seconds) - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    fn holds(self, seconds: u64) -> bool {
        (self.least..=self.most).contains(&logarithm(seconds))
    }
}

#[expect(clippy::cast_precision_loss, reason = "no picture shows the sixteenth digit")]
fn logarithm(seconds: u64) -> f64 {
    (seconds.max(1) as f64).ln()
}

/// Writes the chart in both sizes.
pub(super) fn write(markup: &mut Markup, told: (&str, &str), ages: &[Age]) {
    let span = Span::of(ages);
    let ticks = || TICKS.into_iter().filter(|(tick, _)| span.holds(*tick));
    for size in [Size::Wide, Size::Narrow] {
        let frame = Frame::new(size, ages.len(), ticks().map(|(_, words)| words));
        frame.picture(markup, size, told, |markup| {
            for (tick, words) in ticks() {
                frame.tick(markup, span.share(tick), words);
            }
            for (at, age) in ages.iter().enumerate() {
                column(markup, &frame, span, at, age);
            }
            frame.across(markup, "advised", frame.up(span.share(ADVISED_AGE_SECONDS)));
            frame.across(markup, "late", frame.up(span.share(LATE_AGE_SECONDS)));
            let labels: Vec<String> = ages.iter().map(|age| age.label.clone()).collect();
            frame.labels(markup, &labels);
        });
    }
    markup.element("ul", &[("class", "legend")], |markup| {
        let signs = [
            ("dot half", "half of the events were younger"),
            ("dot most", "95 of 100 were younger"),
            ("dash advised", "Meta’s advice: within 1 hour"),
            ("dash late", "older than 1 day: worth less"),
        ];
        for (class, words) in signs {
            markup.element("li", &[], |markup| {
                markup.leaf("span", &[("class", class), ("aria-hidden", "true")], "");
                markup.leaf("span", &[], words);
            });
        }
    });
}

fn column(markup: &mut Markup, frame: &Frame, span: Span, at: usize, age: &Age) {
    let Some((half, most)) = age.seconds else { return };
    let x = frame.middle(at);
    let (half, most) = (frame.up(span.share(half)), frame.up(span.share(most)));
    let size = (frame.slot() * 0.3).clamp(1.5, 5.0);
    markup.element("g", &[], |markup| {
        markup.leaf("title", &[], &age.told);
        let [left, upper] = [x - size, most - size].map(length);
        let [x, half, most, size, width] = [x, half, most, size, size * 2.0].map(length);
        markup.void("line", &[("class", "reach"), ("x1", &x), ("x2", &x), ("y1", &half), ("y2", &most)]);
        markup.void("rect", &[("class", "most"), ("x", &left), ("y", &upper), ("width", &width), ("height", &width)]);
        markup.void("circle", &[("class", "half"), ("cx", &x), ("cy", &half), ("r", &size)]);
    });
}
