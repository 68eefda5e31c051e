//! Nothing of a row and nothing of a secret is shown or stored, whatever goes wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use chrono::{TimeDelta, Utc};
use fbcapi::sandbox::SandboxOptions;
use sha2::{Digest, Sha256};

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{Row, lead, ndjson};
use crate::support::run::{Sandboxed, Stage, TOKEN, files_below};

/// The columns of customer data, each with a value that occurs nowhere else and the form in which it is hashed.
const CANARIES: [(&str, &str, &str); 12] = [
    ("email", "Canary.Email@Example.com", "canary.email@example.com"),
    ("phone", "+1 650 555 0199", "16505550199"),
    ("first_name", "Canaryfirst", "canaryfirst"),
    ("last_name", "Canarylast", "canarylast"),
    ("full_name", "Canaryfull Canaryname", "canaryfull"),
    ("external_id", "CANARY-EXT-1", "canary-ext-1"),
    ("person_id", "CANARY-PERSON-1", "canary-person-1"),
    ("date_of_birth", "1977-07-07", "19770707"),
    ("fbclid", "IwARcanaryclick", "iwarcanaryclick"),
    ("event_description", "canary description", "canary description"),
    ("source", "canarysource", "canarysource"),
    ("value_unit", "canaryunit", "canaryunit"),
];

/// Fields and keys beyond the model's, each fed from a column of its own name that holds a canary.
const FURTHER: [&str; 27] = [
    "city",
    "state",
    "zip",
    "gender",
    "country",
    "client_ip_address",
    "client_user_agent",
    "event_source_url",
    "referrer_url",
    "opt_out",
    "data_processing_options",
    "messaging_channel",
    "fbc",
    "fbp",
    "subscription_id",
    "lead_id",
    "madid",
    "f5first",
    "dobd",
    "search_string",
    "order_id",
    "content_ids",
    "contents",
    "delivery_category",
    "original_event_data",
    "app_data",
    "store_data",
];

/// Values that are wrong, each with a canary in it.
const BAD: [(&str, &str); 9] = [
    ("occurred_at", "canary-time"),
    ("value", "canary-value"),
    ("currency", "canary-currency"),
    ("fbclid_occurred_at", "canary-click-time"),
    ("email", "canary-no-email"),
    ("phone", "canary-no-phone"),
    ("date_of_birth", "canary-no-date"),
    ("action", "canary-no-source"),
    ("consent", "canary-no-consent"),
];

/// Good rows and rows with everything wrong.
fn rows() -> Vec<Row> {
    let good = |id: &str| {
        let row = CANARIES.iter().fold(lead(id), |row, (column, value, _)| row.with(column, *value));
        let row = FURTHER.iter().fold(row, |row, column| row.with(column, format!("canary {column}")));
        row.with("consent", "yes").with("note", "canary note")
    };
    let mut rows =
        vec![good("idcard-1"), good("idcard-2").ago(TimeDelta::days(20)), good("idcard-3").ago(TimeDelta::days(-5))];
    for (column, value) in BAD {
        rows.push(good(&format!("idcard-b-{column}")).with(column, value));
        rows.push(good(&format!("idcard-p-{column}")).with("facebook_event_type", "Purchase").with(column, value));
    }
    rows
}

/// What must not be shown: canaries, their hashes, and the token.
fn forbidden() -> Vec<String> {
    let mut texts =
        vec!["canary".to_owned(), "650 555 0199".into(), "5550199".into(), "1977-07-07".into(), TOKEN.into()];
    for (_, value, normal) in CANARIES {
        for text in [value, normal] {
            texts.push(hex::encode(Sha256::digest(text)));
        }
    }
    for normal in FURTHER.iter().flat_map(|name| [format!("canary {name}"), format!("canary{name}")]) {
        texts.push(hex::encode(Sha256::digest(normal)));
    }
    texts.push(hex::encode(Sha256::digest(TOKEN)));
    texts
}

/// Runs a sync with all the logging that can be asked for, and looks for what must not be there.
#[track_caller]
fn check(stage: Stage, form: &str, what: &str) -> i32 {
    let stage = FURTHER.iter().fold(stage, |stage, name| stage.configure("columns", &format!("{name} = \"{name}\"")));
    let stage = stage
        .configure("columns", "action_source = \"action\"")
        .configure("columns.custom_data", "note = { column = \"note\", as = \"number\" }")
        .section("privacy", "consent = { column = \"consent\" }")
        .variable("RUST_LOG", "trace")
        .variable("RUST_BACKTRACE", "full");
    let broken = "{\"event_id\":\"canary broken\n[\"canary list\"]\n";
    stage.write("rows.ndjson", ndjson(&rows()) + broken);
    let files = ["--report", "report.json", "--metrics-file", "fbcapi.prom"];
    let ran = stage.run(&[&["sync", "--json", "-vv", "--log-format", form], files.as_slice()].concat());
    assert!(ran.stderr.contains("a batch came to its end"), "{what}: not everything is logged: {}", ran.stderr);
    assert!(!ran.stdout.is_empty(), "{what}: {}", ran.stderr);
    let mut shown = vec![("standard output", ran.stdout.into_bytes()), ("standard error", ran.stderr.into_bytes())];
    shown.push(("the report", stage.read("report.json")));
    shown.push(("the metrics", stage.read("fbcapi.prom")));
    // The state keeps the ids of refused events, so that they can be looked up.
    for (place, content) in &shown {
        assert!(!String::from_utf8_lossy(content).contains("idcard"), "{what}: an event id stands in {place}");
    }
    for (path, content) in files_below(&stage.path("state")) {
        assert!(!content.is_empty() || path.to_string_lossy().contains("-wal"), "{}", path.display());
        shown.push(("the state", content));
    }
    for text in forbidden() {
        for (place, content) in &shown {
            let content = content.to_ascii_lowercase();
            let is_there = content.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
            assert!(!is_there, "{what}: {text} stands in {place}");
        }
    }
    ran.exit.unwrap()
}

#[test]
fn nothing_of_a_row_is_shown_when_all_goes_well() {
    let it = Sandboxed::with(SandboxOptions::default());
    assert_eq!(check(it.stage, "text", "the sandbox"), 3);
    let it = Sandboxed::with(SandboxOptions::default());
    assert_eq!(check(it.stage, "json", "the sandbox"), 3);
}

#[test]
fn nothing_of_a_row_is_shown_whatever_meta_answers() {
    for fault in [
        Answer::TooFew,
        Answer::Html(200),
        Answer::Html(404),
        Answer::Error(400, 190, 460),
        Answer::Error(400, 100, 33),
        Answer::Error(400, 4242, 0),
        Answer::RefuseIds(vec!["idcard-1".into(), "idcard-p-phone".into()]),
        Answer::Redirect("http://127.0.0.1:9/".into()),
    ] {
        let it = Scripted::new(&[], fault.clone());
        check(it.stage, "text", &format!("{fault:?}"));
        let it = Scripted::new(&[Answer::LostAfterCommit], fault.clone());
        check(it.stage, "json", &format!("an answer that was lost, then {fault:?}"));
    }
}

#[test]
fn nothing_of_a_row_is_shown_when_the_input_is_wrong() {
    let it = Scripted::new(&[], Answer::Accept).on(|stage| stage.section("columns", "email = \"emial\""));
    assert_eq!(check_failing(it.stage), 2);
    // A CSV file without header: the first row stands where names are expected.
    let it =
        Scripted::new(&[], Answer::Accept).on(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.csv\""));
    let today = Utc::now().date_naive();
    it.stage.write("rows.csv", format!("canaryid,{today},canary.email@example.com,16505550199,event_canary\n"));
    assert_eq!(check_failing(it.stage), 2);
}

/// Runs a sync that cannot begin, and looks for what must not be there.
#[track_caller]
fn check_failing(stage: Stage) -> i32 {
    let stage = stage.variable("RUST_LOG", "trace");
    if !stage.path("rows.csv").exists() {
        stage.rows(&rows());
    }
    let ran = stage.run(&["sync", "-vv"]);
    for text in forbidden() {
        let is_there = ran.stderr.to_lowercase().contains(&text.to_lowercase());
        assert!(!is_there, "{text} is shown: {}", ran.stderr);
    }
    ran.exit.unwrap()
}

#[test]
fn the_canaries_would_be_found() {
    let it = Sandboxed::new();
    it.stage.rows(&rows());
    let shown = it.stage.run(&["sync", "--dry-run"]).stdout;
    let found = forbidden().iter().filter(|text| shown.contains(text.as_str())).count();
    assert!(found >= 7, "only {found} of the forbidden texts can be found where hashes are allowed");
}

#[test]
fn nothing_that_is_hashed_stands_in_a_payload_in_the_clear() {
    let hashed = ["city", "state", "zip", "gender", "country", "f5first", "f5last", "fi", "app_user_id"];
    let it = Sandboxed::new().on(|stage| {
        hashed.iter().fold(stage, |stage, name| stage.configure("columns", &format!("{name} = \"{name}\"")))
    });
    let row = CANARIES.iter().fold(lead("a"), |row, (column, value, _)| row.with(column, *value));
    it.stage.rows(&[hashed.iter().fold(row, |row, name| row.with(name, format!("Canary {name}")))]);
    let payload = it.stage.run(&["sync", "--dry-run"]).stdout.to_lowercase();
    for key in ["em", "ph", "fn", "ln", "db", "ct", "st", "zp", "external_id", "f5first", "f5last", "fi", "app_user_id"]
    {
        assert!(payload.contains(&format!("\"{key}\":[\"")), "{key} is not there: {payload}");
    }
    // The click id is the one thing here that Meta wants as it is.
    let payload = payload.replace("iwarcanaryclick", "");
    for text in ["canary", "650 555 0199", "16505550199", "1977-07-07", "19770707"] {
        assert!(!payload.contains(text), "{text} stands in {payload}");
    }
}
