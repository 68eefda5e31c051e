//! The page: well formed, whole in itself, true to the numbers, and deaf to what names try.

use serde_json::Value;

use super::report;
use super::stored::{histories, hostile_names, imported};
use crate::support::run::Stage;

/// The page over a state.
pub(super) fn page(stage: &Stage, arguments: &[&str]) -> String {
    let ran = stage.run(&[&["report", "--html", "page.html"], arguments].concat());
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("page.html: "), "{}", ran.stdout);
    String::from_utf8(stage.read("page.html")).unwrap()
}

/// The tags of a page with their attributes, after a check that all of it is well formed as XML is.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let body = page.strip_prefix("<!doctype html>\n").unwrap();
    let (mut open, mut tags, mut rest): (Vec<String>, Vec<_>, &str) = (Vec::new(), Vec::new(), body.trim());
    while let Some((text, after)) = rest.split_once('<') {
        check_text(text);
        let (inside, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "an element ends that did not begin");
            assert!(!open.is_empty() || rest.is_empty(), "something stands after the page");
            continue;
        }
        let (inside, is_void) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, mut attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "<{inside}>");
        let mut found = Vec::new();
        while !attributes.is_empty() {
            let (key, value) = attributes.split_once("=\"").unwrap();
            let (value, after) = value.split_once('"').unwrap();
            check_text(value);
            found.push((key.trim().to_owned(), value.to_owned()));
            attributes = after;
        }
        tags.push((name.to_owned(), found));
        if !is_void {
            open.push(name.to_owned());
        }
    }
    assert_eq!((open, rest), (Vec::new(), ""));
    tags
}

/// No text breaks out of its place, and none hides or turns other text.
fn check_text(text: &str) {
    assert!(!text.contains(['<', '>']) || text.contains("color-scheme"), "{text}");
    for (at, _) in text.match_indices('&') {
        let entity = text.get(at..).unwrap();
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "{entity}");
    }
    let is_odd = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(is_odd), "{text:?}");
}

#[test]
fn a_page_of_every_history_is_well_formed_and_loads_nothing() {
    for (what, runs) in histories() {
        let it = imported(&runs);
        let page = page(&it.stage, &[]);
        let tags = tags(&page);
        let policy = "content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\"";
        assert!(page.contains(policy), "{what}");
        for (tag, attributes) in &tags {
            assert!(
                !["script", "img", "link", "iframe", "object", "embed", "base", "form", "a", "image", "use"]
                    .contains(&tag.as_str()),
                "{what}: <{tag}>"
            );
            for (key, _) in attributes {
                let is_ours =
                    !key.starts_with("on") && !["src", "href", "style", "xlink:href", "srcset"].contains(&key.as_str());
                assert!(is_ours, "{what}: <{tag} {key}>");
            }
        }
        assert!(!page.contains("url(") && !page.contains("@import"), "{what}");
        let of = |tag: &str| tags.iter().filter(|(name, _)| name == tag).count();
        assert_eq!((of("html"), of("title") >= 1, of("h1")), (1, true, 1), "{what}");
        for (_, attributes) in tags.iter().filter(|(tag, _)| tag == "svg") {
            let has = |key: &str| attributes.iter().any(|(name, _)| name == key);
            assert!(has("viewBox") && (has("aria-label") || has("aria-hidden")), "{what}: {attributes:?}");
        }
        // Each chart is there for wide and for narrow screens, and its numbers stand in a table.
        let charts = page.matches("class=\"chart wide\"").count();
        assert_eq!(charts, page.matches("class=\"chart narrow\"").count(), "{what}");
        assert!(of("table") >= charts, "{what}: {charts} charts, {} tables", of("table"));
        assert!(page.contains("All times are UTC") && page.contains("The state keeps what runs reported"), "{what}");
        if !page.contains("example.com") {
            assert_eq!(page.matches("http").count(), 1, "{what}: http-equiv, and no address");
        }
        assert!(!page.contains("NaN") && !page.contains("inf\""), "{what}");
    }
}

#[test]
fn the_page_says_the_numbers_of_the_report() {
    let histories = histories();
    let (_, month) = histories.into_iter().find(|(what, _)| *what == "a month").unwrap();
    let it = imported(&month);
    let told = report(&it.stage, &[]);
    let page = page(&it.stage, &[]);
    let sent = told["totals"]["sent"].as_u64().unwrap();
    assert!(sent > 100_000, "{sent}");
    let check = |words: &str| assert!(page.contains(words), "{words:?} is not in the page");
    check(&format!(">{}<", grouped(sent)));
    for name in told["names"].as_array().unwrap() {
        check(&format!(">{}</td>", grouped(name[1].as_u64().unwrap())));
    }
    for day in told["days"].as_array().unwrap() {
        let number = |key: &str| day[key].as_u64().map_or_else(|| "–".to_owned(), grouped);
        let cells = [grouped(day["runs"].as_u64().unwrap()), number("sent"), number("unknown")];
        let cells = cells.map(|cell| format!("\n<td class=\"number\">{cell}</td>")).concat();
        check(&format!("<td class=\"when\">{}</td>{cells}", day["day"].as_str().unwrap()));
    }
    let left_out = told["reasons"].as_array().unwrap().iter().find(|reason| reason["code"] == "phone_without_country");
    check(&grouped(left_out.unwrap()["rows"].as_u64().unwrap()));
    check("→ set [phone] default_country, or map a country column");
    check("91 %");
    check("under 1 %");
    check("✕ failed (4): Meta refused the access token");
    check("∅ marks a day on which no run began.");
}

/// A number with its digits in groups of three, by counting from the right.
fn grouped(number: u64) -> String {
    let digits: Vec<char> = number.to_string().chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().collect()).collect();
    groups.join(",").chars().rev().collect()
}

#[test]
fn what_is_not_there_is_said() {
    let check = |what: &str, expected: &[&str], unexpected: &[&str]| {
        let (_, runs) = histories().into_iter().find(|(name, _)| *name == what).unwrap();
        let page = page(&imported(&runs).stage, &[]);
        for words in expected {
            assert!(page.contains(words), "{what}: {words:?} is not there");
        }
        for words in unexpected {
            assert!(!page.contains(words), "{what}: {words:?} is there");
        }
    };
    check("no run", &["No run is recorded in this span.", "fbcapi sync makes one"], &["<svg", "class=\"tiles\""]);
    let failed = ["no run of this span came to its end", "3 runs, all failed", "<strong>–</strong>"];
    check("only failed runs", &failed, &["Events sent per day", "could be sent"]);
    check(
        "nothing sent",
        &["everything was sent before", "no age to tell"],
        &["Events sent per day", "Requests per day"],
    );
    check("one run", &["1 run, done.", "It took 7.0 s."], &["Events sent per day", "∅"]);
    check("one name", &["Events sent per day"], &["class=\"swatch s1\"></span>\n<bdi>"]);
    check("forty names", &["34 other names"], &["35 other names"]);
}

#[test]
fn names_of_events_stay_text() {
    let (_, runs) = histories().into_iter().find(|(what, _)| *what == "forty names").unwrap();
    let it = imported(&runs);
    let page = page(&it.stage, &[]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"), "a script");
    assert!(page.contains("&quot;&gt;&lt;img src=x") && !page.contains("<img"), "an image");
    assert!(page.contains("\u{fffd}gnp.exe\u{fffd} turned"), "a turned name");
    assert!(page.contains("購入完了イベント"), "a name in Japanese");
    assert!(page.contains(&format!("{}…", "A".repeat(199))) && !page.contains(&"A".repeat(200)), "a long name");
    let told: Value = report(&it.stage, &[]);
    assert_eq!(told["names"].as_array().unwrap().len(), hostile_names().len(), "no name is lost");
    let text = it.stage.run(&["report"]).stdout;
    assert!(!text.contains(['\u{1b}', '\u{0}']), "{text:?}");
}

#[test]
fn a_run_has_a_page_of_its_own() {
    let (_, runs) = histories().into_iter().find(|(what, _)| *what == "one name").unwrap();
    let it = imported(&runs);
    let page = page(&it.stage, &["--run", "last"]);
    tags(&page);
    assert!(page.contains("5 events: Purchase 5.") && page.contains("1 run, done."), "{page}");
}

#[test]
fn the_document_names_what_the_page_and_the_report_have_and_its_commands_are_understood() {
    use clap::Parser as _;
    let document = include_str!("../../../docs/report.md");
    let (_, runs) = histories().into_iter().find(|(what, _)| *what == "a month").unwrap();
    let it = imported(&runs);
    let (page, told) = (page(&it.stage, &[]), report(&it.stage, &[]));
    let rows: Vec<&str> =
        document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| on the")).collect();
    let headings: Vec<&str> = rows.iter().filter_map(|row| row.trim_start_matches("| ").split(" | ").next()).collect();
    assert_eq!(headings.len(), page.matches("<h2>").count(), "{headings:?}");
    for heading in headings {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "the page has no {heading:?}");
    }
    for key in ["totals", "days", "names", "match_keys", "runs", "reasons"] {
        assert!(told.get(key).is_some() && document.contains(&format!("`{key}")), "{key}");
    }
    let commands = document.lines().filter(|line| line.starts_with("fbcapi "));
    let mut understood = 0;
    for command in commands {
        let words = command.split("  #").next().unwrap().split(['|', '>']).next().unwrap();
        fbcapi::cli::Cli::try_parse_from(words.split_whitespace()).unwrap();
        understood += 1;
    }
    assert_eq!(understood, 4);
}
