//! A fault rule: when something goes wrong, what it is, and whether the events are taken all the same.
//!
//! As text: `[WHEN[,WHEN…]:]WHAT[,taken|,not-taken]`, for example `name=Purchase,percent=10:lost`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When something goes wrong, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    pub(super) when: When,
    pub(super) fault: Fault,
    pub(super) taking: Taking,
    text: String,
}

/// Which requests, or for a refusal which events, a rule is for. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct When {
    /// Those that hold the event of this id.
    pub(super) event: Option<String>,
    /// Those that hold an event of this name.
    pub(super) name: Option<String>,
    /// The first and the last of those, counted from one since the rule was made.
    pub(super) nth: Option<(u64, u64)>,
    /// So many of those in a hundred.
    pub(super) percent: Option<f64>,
    /// At most so many.
    pub(super) times: Option<u64>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The request is refused because of one event, with this subcode of code 100.
    Refuse(u32),
    /// The request is refused with this code and subcode.
    Error(i64, Option<u32>),
    /// The answer has this status and the body that goes with it.
    Status(u16),
    /// There were too many calls; access comes back after so many minutes.
    Throttle(u32),
    /// The token has expired.
    Expired,
    /// The answer comes later.
    Slow(Duration),
    /// The answer never comes; the connection stays.
    Hang,
    /// The answer is lost: the connection is closed in its stead.
    Lost,
    /// The connection is closed in the middle of the answer.
    Half,
    /// The connection is reset when the head of the request was read and before its body is.
    ResetBeforeRead,
    /// The connection is reset when the request was read.
    ResetAfterRead,
    /// A page of HTML with this status.
    Html(u16),
    /// Status 200 with an error in the body.
    ErrorIn200,
    /// Status 200 with a text in the body.
    TextIn200,
    /// A success that tells this number of events, or one too few.
    WrongCount(Option<usize>),
    /// The client is sent elsewhere.
    Redirect,
    /// A small body that gzip makes a large one.
    GzipBomb,
    /// A large body.
    Huge,
}

/// Whether the events of a faulty request are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// They are judged as ever, and taken if they are good.
    Taken,
    /// They are not even judged.
    NotTaken,
}

/// Why a text is no fault rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoFaultRule(String);

/// The subcode of a refusal that names none: the event is too old.
const USUAL_SUBCODE: u32 = 2_804_003;

/// The codes of a refused request whose rule names none. Source: Graph API, error handling (unknown error).
const USUAL_CODE: i64 = 1;

/// What can go wrong, for people who mistyped it.
const KINDS: &str = "refuse[=SUBCODE], error=CODE[/SUBCODE], a status as 503, throttle[=MINUTES], expired, slow=MS, \
                     hang, lost, half, reset-before-read, reset-after-read, html[=STATUS], error-in-200, text-in-200, \
                     wrong-count[=N], redirect, gzip-bomb or huge";

impl Fault {
    /// Reads the name of a fault and its value.
    fn parse(name: &str, value: Option<&str>) -> Option<Self> {
        fn number<T: FromStr>(value: Option<&str>, otherwise: T) -> Option<T> {
            value.map_or(Some(otherwise), |text| text.parse().ok())
        }
        if let (Ok(status), None) = (name.parse::<u16>(), value) {
            return (400..600).contains(&status).then_some(Self::Status(status));
        }
        match (name, value) {
            ("refuse", _) => number(value, USUAL_SUBCODE).map(Self::Refuse),
            ("error", value) => {
                let Some((code, subcode)) = value.unwrap_or_default().split_once('/') else {
                    return number(value, USUAL_CODE).map(|code| Self::Error(code, None));
                };
                Some(Self::Error(code.parse().ok()?, Some(subcode.parse().ok()?)))
            }
            ("throttle", _) => number(value, 1).map(Self::Throttle),
            ("slow", Some(_)) => number(value, 0).map(Duration::from_millis).map(Self::Slow),
            ("html", _) => number(value, 502).filter(|status| (200..600).contains(status)).map(Self::Html),
            ("wrong-count", Some(count)) => count.parse().ok().map(Some).map(Self::WrongCount),
            ("wrong-count", None) => Some(Self::WrongCount(None)),
            ("expired", None) => Some(Self::Expired),
            ("hang", None) => Some(Self::Hang),
            ("lost", None) => Some(Self::Lost),
            ("half", None) => Some(Self::Half),
            ("reset-before-read", None) => Some(Self::ResetBeforeRead),
            ("reset-after-read", None) => Some(Self::ResetAfterRead),
            ("error-in-200", None) => Some(Self::ErrorIn200),
            ("text-in-200", None) => Some(Self::TextIn200),
            ("redirect", None) => Some(Self::Redirect),
            ("gzip-bomb", None) => Some(Self::GzipBomb),
            ("huge", None) => Some(Self::Huge),
            _ => None,
        }
    }

    /// The name by which it is counted.
    pub(super) fn kind(self) -> String {
        let name = match self {
            Self::Refuse(_) => "refuse",
            Self::Error(..) => "error",
            Self::Status(status) => return status.to_string(),
            Self::Throttle(_) => "throttle",
            Self::Expired => "expired",
            Self::Slow(_) => "slow",
            Self::Hang => "hang",
            Self::Lost => "lost",
            Self::Half => "half",
            Self::ResetBeforeRead => "reset-before-read",
            Self::ResetAfterRead => "reset-after-read",
            Self::Html(_) => "html",
            Self::ErrorIn200 => "error-in-200",
            Self::TextIn200 => "text-in-200",
            Self::WrongCount(_) => "wrong-count",
            Self::Redirect => "redirect",
            Self::GzipBomb => "gzip-bomb",
            Self::Huge => "huge",
        };
        name.to_owned()
    }

    /// Whether the events are taken unless the rule says otherwise, and whether it may say otherwise.
    fn taking(self) -> (Taking, MaySay) {
        match self {
            Self::Slow(_) | Self::WrongCount(_) => (Taking::Taken, MaySay::Nothing),
            Self::Hang | Self::Lost | Self::Half => (Taking::Taken, MaySay::Otherwise),
            Self::Refuse(_) | Self::Error(..) | Self::Throttle(_) | Self::Expired | Self::ResetBeforeRead => {
                (Taking::NotTaken, MaySay::Nothing)
            }
            Self::Status(_)
            | Self::ResetAfterRead
            | Self::Html(_)
            | Self::ErrorIn200
            | Self::TextIn200
            | Self::Redirect
            | Self::GzipBomb
            | Self::Huge => (Taking::NotTaken, MaySay::Otherwise),
        }
    }
}

/// Whether a rule may say something about the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MaySay {
    /// That they are taken, or that they are not.
    Otherwise,
    /// Nothing else than what is so by its nature.
    Nothing,
}

impl When {
    /// Reads one condition.
    fn read(&mut self, condition: &str) -> Result<(), NoFaultRule> {
        let wrong = |what: &str| NoFaultRule(format!("{condition:?} {what}"));
        let Some((name, value)) = condition.split_once('=') else {
            return Err(wrong("is no condition; there are event=ID, name=NAME, nth=N, percent=P and times=N"));
        };
        match name {
            "event" => self.event = Some(value.to_owned()),
            "name" => self.name = Some(value.to_owned()),
            "nth" => {
                let range = parse_range(value);
                self.nth = Some(range.ok_or_else(|| wrong("is not like nth=3, nth=3.. or nth=3..5"))?);
            }
            "percent" => {
                let percent = value.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
                self.percent = Some(percent.ok_or_else(|| wrong("is not from 0 to 100"))?);
            }
            "times" => self.times = Some(value.parse().map_err(|_| wrong("is no number"))?),
            _ => return Err(wrong("is no condition; there are event, name, nth, percent and times")),
        }
        Ok(())
    }

    /// Whether it looks into the events.
    pub(super) fn looks_inside(&self) -> bool {
        self.event.is_some() || self.name.is_some()
    }
}

/// Reads `3`, `3..` or `3..5`.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let first: u64 = first.parse().ok()?;
    let last: u64 = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    (first >= 1 && first <= last).then_some((first, last))
}

impl FaultRule {
    /// Whether the events of a request are taken though the rule is carried out.
    pub fn taking(&self) -> Taking {
        self.taking
    }
}

impl FromStr for FaultRule {
    type Err = NoFaultRule;

    fn from_str(text: &str) -> Result<Self, NoFaultRule> {
        let text = text.trim();
        // An event id may hold a colon, the name of a fault does not.
        let (conditions, what) = text.rsplit_once(':').unwrap_or(("", text));
        let mut when = When::default();
        for condition in conditions.split(',').map(str::trim).filter(|condition| !condition.is_empty()) {
            when.read(condition)?;
        }
        let (what, said) = match what.split_once(',') {
            Some((what, "taken")) => (what, Some(Taking::Taken)),
            Some((what, "not-taken")) => (what, Some(Taking::NotTaken)),
            Some((_, other)) => return Err(NoFaultRule(format!("{other:?} is neither taken nor not-taken"))),
            None => (what, None),
        };
        let (name, value) = what.split_once('=').map_or((what, None), |(name, value)| (name, Some(value)));
        let Some(fault) = Fault::parse(name, value) else {
            return Err(NoFaultRule(format!("{what:?} is no fault; there are {KINDS}")));
        };
        let (usual, may_say) = fault.taking();
        if may_say == MaySay::Nothing && said.is_some_and(|said| said != usual) {
            return Err(NoFaultRule(format!("{what:?} cannot have its events {}", text_of(said))));
        }
        if fault == Fault::ResetBeforeRead && when.looks_inside() {
            return Err(NoFaultRule("reset-before-read comes before any event is seen".to_owned()));
        }
        Ok(Self { when, fault, taking: said.unwrap_or(usual), text: text.to_owned() })
    }
}

/// A rule about events, in words.
fn text_of(said: Option<Taking>) -> &'static str {
    match said {
        Some(Taking::Taken) => "taken",
        Some(Taking::NotTaken) | None => "not taken",
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, when: &When, fault: Fault, taking: Taking) {
        let rule: FaultRule = text.parse().unwrap();
        assert_eq!((&rule.when, rule.fault, rule.taking), (when, fault, taking), "{text}");
        assert_eq!(rule.to_string(), text);
    }

    #[test]
    fn rules_are_read() {
        use Fault as F;
        use Taking::{NotTaken, Taken};
        let always = When::default;
        check("lost", &always(), F::Lost, Taken);
        check("lost,not-taken", &always(), F::Lost, NotTaken);
        check("nth=3:reset-after-read", &When { nth: Some((3, 3)), ..always() }, F::ResetAfterRead, NotTaken);
        check("nth=3..5:hang", &When { nth: Some((3, 5)), ..always() }, F::Hang, Taken);
        check("nth=50..:expired", &When { nth: Some((50, u64::MAX)), ..always() }, F::Expired, NotTaken);
        check("percent=5:503", &When { percent: Some(5.0), ..always() }, F::Status(503), NotTaken);
        check("percent=0.5:503,taken", &When { percent: Some(0.5), ..always() }, F::Status(503), Taken);
        let event = |id: &str| When { event: Some(id.to_owned()), ..always() };
        check("event=evt-7:refuse", &event("evt-7"), F::Refuse(2_804_003), NotTaken);
        check("event=a:b=c:refuse=2804016", &event("a:b=c"), F::Refuse(2_804_016), NotTaken);
        let purchases = When { name: Some("Purchase".into()), percent: Some(10.0), times: Some(2), ..always() };
        check("name=Purchase, percent=10,times=2:lost", &purchases, F::Lost, Taken);
        check("error=17/2446079", &always(), F::Error(17, Some(2_446_079)), NotTaken);
        check("error=-3", &always(), F::Error(-3, None), NotTaken);
        check("error", &always(), F::Error(1, None), NotTaken);
        check("throttle", &always(), F::Throttle(1), NotTaken);
        check("throttle=19", &always(), F::Throttle(19), NotTaken);
        check("slow=250", &always(), F::Slow(Duration::from_millis(250)), Taken);
        check("half", &always(), F::Half, Taken);
        check("html", &always(), F::Html(502), NotTaken);
        check("html=200,taken", &always(), F::Html(200), Taken);
        check("wrong-count", &always(), F::WrongCount(None), Taken);
        check("wrong-count=0", &always(), F::WrongCount(Some(0)), Taken);
        check("gzip-bomb", &always(), F::GzipBomb, NotTaken);
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for (text, part) in [
            ("", "no fault"),
            ("lsot", "there are refuse[=SUBCODE]"),
            ("200", "no fault"),
            ("600", "no fault"),
            ("503=1", "no fault"),
            ("slow", "no fault"),
            ("slow=fast", "no fault"),
            ("error=1/x", "no fault"),
            ("hang=1", "no fault"),
            ("lost,perhaps", "neither taken nor not-taken"),
            ("throttle,taken", "cannot have its events taken"),
            ("slow=1,not-taken", "cannot have its events not taken"),
            ("event=a:reset-before-read", "before any event is seen"),
            ("nth=0:lost", "is not like nth=3"),
            ("nth=5..3:lost", "is not like nth=3"),
            ("percent=101:lost", "from 0 to 100"),
            ("percent=NaN:lost", "from 0 to 100"),
            ("times=x:lost", "is no number"),
            ("always:lost", "is no condition"),
            ("colour=red:lost", "is no condition"),
        ] {
            let error = text.parse::<FaultRule>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
