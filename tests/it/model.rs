//! `fbcapi model`: the files that it prints, and what dbt makes of them, from the tables of dbt-nexus to Meta.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use clap::Parser as _;
use fbcapi::cli::Cli;
use fbcapi::sandbox::{self, Clock, SandboxOptions};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::support::run::{Stage, runtime, tell};
use crate::support::venv::venv;

/// What dbt runs on. Newer versions of dbt-core build a parser from the network.
const PACKAGES: [&str; 6] = [
    "dbt-core==1.11.16",
    "dbt-adapters==1.24.5",
    "dbt-common==1.39.0",
    "dbt-duckdb==1.11.1",
    "duckdb==2.0.0",
    "sqlglot==30.30.0",
];

/// What is told of the model.
const DOCUMENT: &str = include_str!("../../docs/model.md");

/// Two hours after the newest event of the seeds: 2026-11-23T12:00:00Z.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap()
}

/// What a minimal configuration says.
fn usual(stage: Stage) -> Stage {
    stage.section("source", "table = \"ANALYTICS.MARTS.FACEBOOK_EVENTS\"")
}

/// Over the older tables of people, with a name that is not mapped and one that holds a quote.
fn persons(stage: Stage) -> Stage {
    stage
        .section("source", "table = \"SHOP.MARTS.DBT_PERSONS\"")
        .configure("meta", "unmapped = \"skip\"")
        .section("columns", "currency = { value = \"EUR\" }")
        .section(
            "events",
            "\"purchase completed\" = \"Purchase\"\n\"lead generated\" = \"Lead\"\n\"it's over\" = \"Cancelled\"\n\
             [events.\"sign up\"]\nrename = \"CompleteRegistration\"",
        )
        .section(
            "model",
            "events = [\"purchase completed\", \"lead generated\", \"sign up\", \"it's over\", \"survey\"]\n\
             sources = [\"shop\", \"crm\"]",
        )
        .section("model.content_types", "\"purchase completed\" = \"product\"")
}

/// Over the newer tables, with columns of other names, a consent, an excluded field and what was sent left out.
fn entities(stage: Stage) -> Stage {
    persons(stage)
        // A project has one exposure of a name, so each of its models has its own dataset.
        .variable("FBCAPI_META_DATASET_ID", "222")
        .section("source", "table = \"SHOP.MARTS.DBT_ENTITIES\"")
        .section("columns", "currency = \"value_unit\"\nemail = \"mail\"\nfull_name = \"Whole Name\"\ncity = \"town\"")
        .section("privacy", "consent = { column = \"marketing_consent\" }\nexclude_fields = [\"date_of_birth\"]")
        .configure("model", "schema = \"entities\"\nsend_log = \"main.nexus_facebook_capi_send_log\"")
}

/// No clicks, no contact data and a table of another name.
fn sparse(stage: Stage) -> Stage {
    usual(stage)
        .section("columns", "content_type = { value = \"product\" }\norder_id = \"order_id\"")
        .section("privacy", "consent = \"not-needed\"\nexclude_fields = [\"email\", \"phone\", \"fbclid\"]")
}

/// The path of a golden file.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name)
}

/// The stage of a case: nothing listens where it would send to, and there is no token.
fn stage(change: impl FnOnce(Stage) -> Stage) -> Stage {
    change(Stage::new("http://127.0.0.1:9").bare())
}

/// Prints both files of a case, compares them with the golden ones and gives what people are told.
#[track_caller]
fn check(case: &str, change: impl FnOnce(Stage) -> Stage) -> String {
    let stage = stage(change);
    let [sql, schema] = ["sql", "schema"].map(|file| stage.run(&["model", file]));
    for (ran, ending) in [(&sql, "sql"), (&schema, "yml")] {
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        assert_eq!(ran.stdout, fs::read_to_string(golden(&format!("{case}.{ending}"))).unwrap(), "{case}.{ending}");
    }
    assert_eq!(stage.run(&["model"]).stdout, sql.stdout, "the model is what is printed when nothing is said");
    assert_eq!(schema.stderr, "");
    sql.stderr
}

#[test]
fn the_model_of_the_customers_design_needs_no_settings() {
    let told = check("dbt_usual", usual);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("[events] maps no event") && told.contains("in USD"), "{told}");
}

#[test]
fn the_model_over_persons_maps_filters_and_quotes() {
    assert_eq!(check("dbt_persons", persons), "! [events] has no name for survey, so it becomes Other\n");
}

#[test]
fn the_model_over_entities_leaves_out_what_was_sent() {
    assert_eq!(check("dbt_entities", entities), "! [events] has no name for survey, so it becomes Other\n");
}

#[test]
fn the_model_does_not_read_what_is_excluded() {
    let told = check("dbt_sparse", sparse);
    assert!(told.contains("[columns] order_id reads the column order_id, which you have to add"), "{told}");
}

#[test]
fn what_cannot_be_a_model_is_refused() {
    let check = |change: fn(Stage) -> Stage, expected: &str| {
        let ran = stage(|stage| change(usual(stage))).run(&["model"]);
        assert_eq!((ran.exit, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    };
    let marks = "holds {{, {% or {#, which dbt would carry out";
    check(|stage| stage.section("model", "role = \"{{ run_query('drop') }}\""), &format!("[model] role {marks}"));
    check(|stage| stage.section("model", "events = [\"a\", \"{% b\"]"), &format!("[model] events {marks}"));
    check(|stage| stage.section("model", "sources = [\"{# a\"]"), &format!("[model] sources {marks}"));
    check(|stage| stage.section("events", "\"{{ a }}\" = \"Lead\""), "[events] has a text that holds {{");
    check(|stage| stage.section("events", "\"a\" = \"{{ Lead }}\""), "[events] has a text that holds {{");
    check(|stage| stage.section("columns", "email = \"{{ a }}\""), "[columns] has a text that holds {{");
    check(|stage| stage.section("columns", "currency = { value = \"{{\" }"), "[columns] has a text that holds {{");
    check(|stage| stage.section("model", "role = \"a\\nb\""), "[model] role holds a control character");
    check(|stage| stage.section("model", "role = \"\""), "[model] role is empty");
    check(|stage| stage.section("model", "schema = \"groups\""), "[model] schema must be \"persons\" or \"entities\"");
    check(|stage| stage.section("model", "rule = \"a\""), "[model] rule is not a key of this section");
    check(|stage| stage.section("model", "send_log = \"a; drop table b\""), "write it as DATABASE.SCHEMA.TABLE");
    check(|stage| stage.section("model", "send_log = '\"{{ a }}\"'"), &format!("[model] send_log {marks}"));
    let unknown = "[model.content_types] names no event of the model: survey";
    check(|stage| stage.section("model.content_types", "survey = \"product\""), unknown);
    let view = "[source] preset is a view that dbt-nexus makes";
    check(|stage| stage.configure("source", "preset = \"marketing_conversions_facebook\""), view);
}

#[test]
fn a_mistake_in_the_model_is_one_for_every_command() {
    let ran = Stage::new("http://127.0.0.1:9").section("model", "rol = \"customer\"").run(&["sync"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("[model] rol is not a key of this section, did you mean role?"), "{}", ran.stderr);
}

/// The blocks of the document that are fenced in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    DOCUMENT.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_document_shows_what_is_printed() {
    let [settings, log] = blocks("toml")[..] else { panic!("two blocks of settings") };
    let [statement] = blocks("sql")[..] else { panic!("one block of SQL") };
    let print = |section: &str, settings: &str| {
        let lines = settings.strip_prefix(&format!("[{section}]\n")).unwrap();
        let ran = stage(|stage| usual(stage).section(section, lines)).run(&["model"]);
        assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
        ran
    };
    let ran = print("events", settings);
    assert!(ran.stdout.contains(statement), "{}", ran.stdout);
    assert_eq!(ran.stderr, "", "these settings leave nothing open");
    assert!(ran.stdout.contains("where role = 'buyer'") && ran.stdout.contains("'EUR' as currency"), "{}", ran.stdout);
    let from = "from \"ANALYTICS\".\"FBCAPI\".\"NEXUS_FACEBOOK_CAPI_SEND_LOG\"\n    where status = 'sent'";
    assert!(print("model", log).stdout.contains(from));
    let commands = blocks("sh")[0].lines().filter(|line| line.starts_with("fbcapi "));
    for command in commands {
        let words = command.split(" > ").next().unwrap().split_whitespace();
        assert!(Cli::try_parse_from(words).is_ok(), "{command}");
    }
}

/// Puts the project, and the printed files of a model, into a folder.
fn project(folder: &Path, models: &[(&str, Stage)]) {
    let copy = |from: &Path, to: PathBuf| {
        fs::copy(from, to).unwrap();
    };
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dbt");
    for name in ["dbt_project.yml", "profiles.yml"] {
        copy(&template.join(name), folder.join(name));
    }
    for name in ["seeds", "models"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for seed in fs::read_dir(template.join("seeds")).unwrap().map(Result::unwrap) {
        copy(&seed.path(), folder.join("seeds").join(seed.file_name()));
    }
    for (model, stage) in models {
        for (file, ending) in [("sql", "sql"), ("schema", "yml")] {
            fs::write(folder.join(format!("models/{model}.{ending}")), stage.run(&["model", file]).stdout).unwrap();
        }
    }
}

/// A line of the sandbox's record.
#[derive(Deserialize)]
struct Recorded {
    event: Box<RawValue>,
}

/// Sends the rows that dbt made to a sandbox and gives the counts, and the events that it took, by their ids.
fn send(rows: &Path, change: impl Fn(Stage) -> Stage) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("events.jsonl");
    let runtime = runtime();
    let options = SandboxOptions { clock: Clock::new(now), record: Some(record.clone()), ..SandboxOptions::default() };
    let sandbox = runtime.block_on(sandbox::start(options)).unwrap();
    let stage = change(Stage::within(runtime, &sandbox.base_url()))
        .section("source", "kind = \"file\"\npath = \"rows.parquet\"");
    stage.write("rows.parquet", fs::read(rows).unwrap());
    let outcome = stage.sync_at(now);
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    drop(sandbox);
    let recorded = fs::read_to_string(record).unwrap();
    let mut events: Vec<String> =
        recorded.lines().map(|line| serde_json::from_str::<Recorded>(line).unwrap().event.get().to_owned()).collect();
    events.sort_by_key(|event| serde_json::from_str::<Value>(event).unwrap()["event_id"].to_string());
    (tell(&serde_json::to_value(&outcome.report).unwrap()), events)
}

#[test]
fn dbt_builds_the_models_from_nexus_and_their_rows_reach_meta() {
    let Some(programs) = venv("dbt", &PACKAGES) else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases: [Case; 2] =
        [("dbt_persons", persons, "sent 11, skipped 1"), ("dbt_entities", entities, "sent 8, skipped 3")];
    project(folder.path(), &cases.map(|(model, change, _)| (model, stage(change))));
    let (passed, others): (Vec<_>, Vec<_>) =
        build(&programs, &folder).into_iter().partition(|outcome| outcome.ends_with(" pass 0"));
    let expected = [
        "dbt_entities success 0",
        "dbt_persons success 0",
        "fbcapi_1234567890 no-op 0",
        "fbcapi_222 no-op 0",
        // The customer of whom only the id is known.
        "not_null_dbt_entities_mail warn 1",
        "not_null_dbt_persons_email warn 1",
    ];
    assert_eq!((passed.len(), others), (18, expected.map(str::to_owned).to_vec()), "{passed:#?}");
    for (model, change, expected) in cases {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let made = fs::read_to_string(folder.path().join(format!("{model}.ndjson"))).unwrap();
        let rows = fs::read_to_string(golden(&format!("{model}.rows.ndjson"))).unwrap();
        assert_eq!(lines(&made), lines(&rows), "{model}");
        let (told, sent) = send(&folder.path().join(format!("{model}.parquet")), change);
        assert_eq!(told, expected, "{model}");
        let events = fs::read_to_string(golden(&format!("{model}.events.ndjson"))).unwrap();
        assert_eq!(sent, lines(&events), "{model}");
    }
}

/// A model, its configuration, and the counts of the run that sends its rows.
type Case = (&'static str, fn(Stage) -> Stage, &'static str);

/// Builds the project and gives the outcomes in the order of their names.
fn build(programs: &Path, folder: &TempDir) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dbt/build.py");
    let mut python = Command::new(programs.join("python"));
    python.arg(script).arg(folder.path()).args(["dbt_persons", "dbt_entities"]).env("DO_NOT_TRACK", "1");
    let output = python.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut outcomes: Vec<String> = said.lines().map(str::to_owned).collect();
    outcomes.sort();
    outcomes
}
