//! What the documents say of Meta's answers is how they are judged.

use fbcapi::commands::exit::Exit;
use fbcapi::meta::answer::{Reply, Stop, Verdict, judge};

const ANSWERS: &str = include_str!("../../../docs/answers.md");

/// The rows of the tables, in order, each without its heading.
fn tables() -> Vec<Vec<Vec<&'static str>>> {
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect();
    let tables = ANSWERS.split("\n\n").filter(|part| part.starts_with("| "));
    tables.map(|table| table.lines().filter(|line| line.starts_with("| ")).skip(1).map(cells).collect()).collect()
}

/// Judges an answer to three events, and compares the verdict with the first word of what is documented.
#[track_caller]
fn check(status: u16, body: &str, documented: &str) {
    let (verdict, _) = judge(&Reply { status, body: body.into(), ..Reply::default() }, 3);
    let word = match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Retry(_) => "again",
        Verdict::Throttled(_) => "wait",
        Verdict::Refused(_) | Verdict::Unfamiliar | Verdict::TooLarge => "divide",
        Verdict::Unclear => "unknown",
        Verdict::Stop(_) => "stop",
    };
    assert_eq!(Some(word), documented.split(':').next(), "HTTP {status}: {body}");
}

/// The fields of the errors that a cell stands for.
fn errors(cell: &str) -> Vec<String> {
    match cell {
        "any, with `is_transient`" => vec!["4242,\"is_transient\":true".to_owned()],
        "100 of a `GraphMethodException`" => vec!["100,\"type\":\"GraphMethodException\"".to_owned()],
        "any other with HTTP 400–499" => vec!["4242".to_owned(), "506".to_owned()],
        codes => {
            let codes = codes.split(", ").map(|code| if code == "any below 0" { "-1" } else { code });
            codes.flat_map(|code| code.split('–')).map(|code| code.replace('/', ",\"error_subcode\":")).collect()
        }
    }
}

#[test]
fn codes_and_statuses_are_judged_as_documented() {
    let tables = tables();
    let mut checked = 0;
    for row in &tables[0] {
        for error in errors(row[0]) {
            check(400, &format!("{{\"error\":{{\"code\":{error}}}}}"), row[1]);
            checked += 1;
        }
    }
    for row in &tables[1] {
        let (statuses, body) = match row[0].split_once(" and ") {
            Some((status, _)) => (status, "{\"events_received\":3}"),
            None => (row[0].split(" with ").next().unwrap(), "<html>"),
        };
        for status in statuses.split(", ").flat_map(|status| status.split('–')) {
            check(status.parse().unwrap(), body, row[1]);
            checked += 1;
        }
    }
    assert_eq!(checked, 38);
}

#[test]
fn every_reason_to_stop_is_documented_with_its_remedy_and_exit_code() {
    let stops = Stop::ALL.map(|stop| [stop.what(), stop.remedy()].map(str::to_owned).to_vec());
    let codes = Stop::ALL.map(|stop| Exit::of_stop(stop).code().to_string());
    let stated = tables().pop().unwrap();
    assert_eq!(stated.len(), stops.len());
    for ((row, stop), code) in stated.iter().zip(stops).zip(codes) {
        assert_eq!((&row[..2], row[2]), ([stop[0].as_str(), stop[1].as_str()].as_slice(), code.as_str()));
    }
}
