//! `fbcapi explain`: what a code means and what to do about it, without any connection.
//!
//! A code is a reason of this program's, a code of Meta's with or without subcode, one of Snowflake's, or an exit code. One
//! number may be several of them; then all are told.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::exit::Exit;
use crate::event::Reason;
use crate::meta::answer::{Delivery, Meaning, Reply, Verdict, judge, known_codes, meaning};
use crate::report::console;
use crate::source::snowflake::{self, Explained};

/// The document that says of each reason what it means; a test holds it to the code.
const REASONS: &str = include_str!("../../docs/reasons.md");

/// What is told about one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The code as it is asked for.
    pub code: String,
    /// Whose code it is.
    pub of: &'static str,
    /// What it means.
    pub meaning: String,
    /// What fbcapi does about it.
    pub course: String,
    /// What to do about it.
    pub remedy: String,
}

/// Tells what a code means, or lists every code.
pub fn run(code: Option<&str>, as_json: bool) -> std::io::Result<Exit> {
    let Some(code) = code else {
        let list = if as_json { json_line(&every()) } else { overview() };
        console::print(list.as_bytes())?;
        return Ok(Exit::Done);
    };
    let pages = pages(code);
    if pages.is_empty() {
        console::say(&format!("✗ no code is called {code:?}\n  → fbcapi explain lists every code\n"));
        return Ok(Exit::Configuration);
    }
    let told = if as_json { json_line(&pages) } else { pages.iter().map(text).collect::<Vec<_>>().join("\n") };
    console::show(&told)?;
    Ok(Exit::Done)
}

/// What is known of a code; several pages where it stands for several things.
pub fn pages(code: &str) -> Vec<Page> {
    let code = code.trim();
    let folded = code.to_ascii_lowercase();
    let reason = Reason::ALL.into_iter().find(|reason| reason.code() == folded).map(of_reason);
    let of_meta = folded.strip_prefix("meta-").or_else(|| folded.strip_prefix("fb-"));
    let of_exit = folded.strip_prefix("exit-");
    let number = of_meta.or(of_exit.is_none().then_some(folded.as_str()));
    let meta = number.and_then(of_answer);
    let exit = of_exit.or(of_meta.is_none().then_some(folded.as_str())).and_then(of_exit_code);
    reason.into_iter().chain(meta).chain(of_snowflake(&folded)).chain(exit).collect()
}

/// Every code, in the order of the data.
pub fn every() -> Vec<Page> {
    let reasons = Reason::ALL.into_iter().map(of_reason);
    let answers = known_codes().filter_map(|(code, subcode)| of_answer(&written(code, subcode)));
    let exits = Exit::TABLE.into_iter().filter_map(|(exit, _)| of_exit_code(&exit.code().to_string()));
    let refusals = snowflake::known_codes().filter_map(of_snowflake);
    reasons.chain(refusals).chain(answers).chain(exits).collect()
}

fn of_reason(reason: Reason) -> Page {
    let row = REASONS.lines().find_map(|line| line.strip_prefix(&format!("| `{}` | ", reason.code())));
    let meaning = row.and_then(|row| row.split(" | ").next()).unwrap_or_default();
    let course = if reason.stops_row() {
        "The row is not sent."
    } else if reason.is_advice() {
        "The event is sent whole, though Meta advises otherwise."
    } else {
        "The field is left out, the event is sent without it."
    };
    Page {
        code: reason.code().to_owned(),
        of: "reason",
        meaning: meaning.to_owned(),
        course: course.to_owned(),
        remedy: reason.remedy().to_owned(),
    }
}

/// Reads `190` or `190/463` and tells what a run does with such an answer, as [`judge`] decides.
fn of_answer(written_code: &str) -> Option<Page> {
    let (code, subcode) = match written_code.split_once('/') {
        Some((code, subcode)) => (code.parse().ok()?, Some(subcode.parse::<i64>().ok()?)),
        None => (written_code.parse::<i64>().ok()?, None),
    };
    let Meaning { is_documented, words } = meaning(code, subcode);
    let body = json!({ "error": { "type": "OAuthException", "code": code, "error_subcode": subcode } });
    let reply = Reply { status: 400, body: body.to_string().into_bytes(), ..Reply::default() };
    let (verdict, _) = judge(&reply, 1);
    // A number that nobody knows is no code.
    if !is_documented && verdict == Verdict::Unfamiliar {
        return None;
    }
    let (course, remedy) = course(verdict);
    Some(Page {
        code: format!("meta-{}", written(code, subcode)),
        of: "Meta's answer",
        meaning: words.to_owned(),
        course: course.to_owned(),
        remedy,
    })
}

/// What a run does with an answer, and what is left for people to do.
fn course(verdict: Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Stop(stop) => ("The run stops; what was not sent is left to the next one.", stop.remedy().to_owned()),
        Verdict::Retry(Delivery::Possible | Delivery::Excluded) => (
            "The same bytes are sent again, up to five times; nobody knows whether Meta took them, so they may be counted \
             as possible duplicates.",
            "nothing, unless it lasts; then look at Meta's status page".to_owned(),
        ),
        Verdict::Throttled(_) => (
            "Everything waits as long as Meta says, then goes on.",
            "nothing, unless it lasts; then send less at once (--concurrency), or ask Meta for a higher limit".to_owned(),
        ),
        Verdict::Refused(_) => (
            "Meta took nothing of the request. It is divided until the bad event is found; that one is rejected, the \
             others are sent.",
            "correct the row: fbcapi rejects lists the events, fbcapi why EVENT_ID tells about one; it is tried again when \
             its row changes"
                .to_owned(),
        ),
        Verdict::Unfamiliar | Verdict::Unclear | Verdict::TooLarge | Verdict::Accepted => (
            "The request is divided, in case an event is to blame; none is rejected for it.",
            "look the code up in Meta's error reference; nothing was lost, the next run tries again".to_owned(),
        ),
    }
}

/// Reads `390144` and tells what a run does when Snowflake answers so.
fn of_snowflake(code: &str) -> Option<Page> {
    let code = code.strip_prefix("snowflake-").unwrap_or(code);
    let Explained { meaning, remedy } = snowflake::explained(code)?;
    Some(Page {
        code: format!("snowflake-{code}"),
        of: "Snowflake's answer",
        meaning: meaning.to_owned(),
        course: "A session that ended is opened anew, once; at anything else the run stops, and nothing is lost."
            .to_owned(),
        remedy,
    })
}

fn of_exit_code(code: &str) -> Option<Page> {
    let code: u8 = code.parse().ok()?;
    let (exit, meaning) = Exit::TABLE.into_iter().find(|(exit, _)| exit.code() == code)?;
    Some(Page {
        code: format!("exit-{code}"),
        of: "exit code",
        meaning: meaning.to_owned(),
        course: exit.course().to_owned(),
        remedy: exit.remedy().to_owned(),
    })
}

fn written(code: i64, subcode: Option<i64>) -> String {
    subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"))
}

fn text(page: &Page) -> String {
    let Page { code, of, meaning, course, remedy } = page;
    format!("{code} ({of})\n  {meaning}\n  {course}\n  → {remedy}\n")
}

fn overview() -> String {
    let pages = every();
    let width = pages.iter().map(|page| page.code.len()).max().unwrap_or_default();
    let mut list = String::new();
    let mut kind = "";
    for page in &pages {
        if page.of != kind {
            kind = page.of;
            writeln!(list, "{}{kind}", if list.is_empty() { "" } else { "\n" }).unwrap_or_default();
        }
        writeln!(list, "  {:<width$}  {}", page.code, page.meaning).unwrap_or_default();
    }
    list
}

fn json_line(pages: &[Page]) -> String {
    let pages: Vec<Value> = pages
        .iter()
        .map(|Page { code, of, meaning, course, remedy }| {
            json!({ "code": code, "of": of, "meaning": meaning, "course": course, "remedy": remedy })
        })
        .collect();
    format!("{}\n", Value::from(pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(asked: &str) -> Vec<String> {
        pages(asked).into_iter().map(|page| page.code).collect()
    }

    #[test]
    fn every_code_has_a_page_with_a_meaning_a_course_and_a_remedy() {
        let every = every();
        assert!(every.len() > Reason::ALL.len() + Exit::TABLE.len() + 30, "{}", every.len());
        for page in every {
            for words in [&page.meaning, &page.course, &page.remedy] {
                assert!(words.len() > 5, "{page:?}");
            }
            assert!(codes(&page.code).contains(&page.code), "{} cannot be asked for", page.code);
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for (asked, expected) in [
            ("invalid_email", &["invalid_email"][..]),
            (" Invalid_Email ", &["invalid_email"]),
            ("190", &["meta-190"]),
            ("FB-190", &["meta-190"]),
            ("190/463", &["meta-190/463"]),
            ("meta-100/2804003", &["meta-100/2804003"]),
            ("4", &["meta-4", "exit-4"]),
            ("exit-4", &["exit-4"]),
            ("fb-4", &["meta-4"]),
            ("70", &["exit-70"]),
            ("-3", &["meta--3"]),
            ("390144", &["snowflake-390144"]),
            ("snowflake-002003", &["snowflake-002003"]),
            ("99999", &[]),
            ("exit-99", &[]),
            ("nonsense", &[]),
            ("", &[]),
        ] {
            assert_eq!(codes(asked), expected, "{asked}");
        }
    }

    #[test]
    fn what_is_told_of_an_answer_is_what_a_run_does_with_it() {
        for (asked, words) in [
            ("190/463", "The run stops"),
            ("100/33", "The run stops"),
            ("100/2804009", "divided until the bad event is found"),
            ("meta-2", "sent again"),
            ("80004", "waits as long as Meta says"),
            ("meta-506", "in case an event is to blame"),
        ] {
            let pages = pages(asked);
            assert!(pages[0].course.contains(words), "{asked}: {pages:?}");
        }
    }
}
