//! The schemas that are published are those of what the program writes and reads.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::graph::{Answer, Scripted};
use crate::support::json_schema::mistakes;
use crate::support::rows::{lead, leads, purchase};
use crate::support::run::{Sandboxed, Stage};

/// What `fbcapi config schema` prints, which needs no configuration.
fn schema(arguments: &[&str]) -> Value {
    let ran = Stage::new("http://127.0.0.1:9").bare().run(&[&["config", "schema"], arguments].concat());
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn reports_of_every_kind_are_what_their_schema_says() {
    let schema = schema(&["--report"]);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut checked = 0;
    let mut check = |what: &str, report: &Value| {
        assert_eq!(mistakes(&schema, report), [""; 0], "{what}: {report}");
        checked += 1;
    };
    let it = Sandboxed::new();
    it.stage.rows(&[]);
    check("nothing there", &it.stage.sync(&[]).report());
    let bad = [purchase("bad").without("value"), lead("old").ago(TimeDelta::days(20)), lead("x").with("phone", "12")];
    it.stage.rows(&[&leads(3)[..], &leads(2), &bad].concat());
    let ran = it.stage.run(&["sync", "--dry-run", "--report", "report.json"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    check("a dry run", &serde_json::from_slice(&it.stage.read("report.json")).unwrap());
    check("good rows and bad", &it.stage.sync(&["--until", "2099-01-01"]).report());
    check("everything was sent", &it.stage.sync(&[]).report());
    for answer in [Answer::LostAfterCommit, Answer::Error(400, 190, 463)] {
        let it = Scripted::new(&[answer], Answer::Accept);
        it.stage.rows(&leads(2));
        check("trouble with Meta", &it.stage.sync(&[]).report());
        check("the run after", &it.stage.sync(&[]).report());
    }
    let refused = Sandboxed::new().on(|stage| stage.configure("state", "first_run = \"refuse\""));
    check("a run that did not begin", &refused.stage.sync(&[]).report());
    assert_eq!(checked, 9);
}

#[test]
fn a_report_that_says_more_or_less_is_not_what_the_schema_says() {
    let schema = schema(&["--report"]);
    let it = Sandboxed::new();
    it.stage.rows(&leads(1));
    let report = it.stage.sync(&[]).report();
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut report = report.clone();
        change(&mut report);
        let found = mistakes(&schema, &report);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    };
    check(&|report| report["extra"] = json!(1), "$.extra: is not a key");
    check(&|report| drop(report.as_object_mut().unwrap().remove("hints")), "\"hints\" is missing");
    check(&|report| report["counts"]["sent"] = json!(-1), "-1 is under 0");
    check(&|report| report["by_event"]["Lead"]["sent"] = Value::Null, "not of type \"integer\"");
    check(&|report| report["match_keys"]["shoe_size"] = json!(0.5), "is none of");
    check(&|report| report["exit_code"] = json!(9), "9 is none of");
    check(&|report| report["batches"][0]["outcome"] = json!("lost"), "is none of");
    check(&|report| report["started_at"] = json!("yesterday"), "is no time");
}

#[test]
fn the_example_configuration_is_what_its_schema_says_and_a_mistyped_key_is_not() {
    let schema = schema(&[]);
    let example = include_str!("../../../config.example.toml");
    // Every key in force: what is commented out and is a key or a section.
    let is_setting = |line: &&str| {
        let name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        let section = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        section.is_some_and(|(section, _)| name(section)) || line.split_once(" = ").is_some_and(|(key, _)| name(key))
    };
    let lines = example.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).filter(is_setting);
    let lines: Vec<&str> = lines.collect();
    let read = |text: &str| {
        let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        serde_json::to_value(table).unwrap()
    };
    let every_key = read(&lines.join("\n"));
    assert!(lines.len() > 150, "{} lines", lines.len());
    assert_eq!(mistakes(&schema, &every_key), [""; 0]);
    assert_eq!(mistakes(&schema, &read(example)), [""; 0]);
    let check = |text: &str, expected: &[&str]| assert_eq!(mistakes(&schema, &read(text)), expected, "{text}");
    check("[meta]\ndataset = \"1\"", &["$.meta.dataset: is not a key"]);
    check("[metta]", &["$.metta: is not a key"]);
    check("[meta]\nconcurrency = 17", &["$.meta.concurrency: 17 is over 16"]);
    check("[meta]\non_unknown = \"drop\"", &["$.meta.on_unknown: \"drop\" is none of [\"resend\",\"hold\"]"]);
    check("[columns]\nemial = \"e\"", &["$.columns.emial: is not a key"]);
    check("[columns]\ncontents = \"items\"\nemail = { column = \"e\" }\ncurrency = { value = \"EUR\" }", &[]);
    check("[columns]\nemail = { colum = \"e\" }", &["$.columns.email: {\"colum\":\"e\"} fits no alternative"]);
    check("[columns.contents]\nsize = \"s\"", &["$.columns.contents: {\"size\":\"s\"} fits no alternative"]);
    check("[columns.custom_data]\nanything = { column = \"c\", as = \"number\", personal = false }", &[]);
    check("[events]\n\"purchase completed\" = \"Purchase\"\n[events.Lead]\non_unknown = \"hold\"", &[]);
    check("[meta]\naccess_token = { command = [] }", &["$.meta.access_token: {\"command\":[]} fits no alternative"]);
    check("[model.content_types]\n\"purchase completed\" = \"product\"", &[]);
    check("[privacy]\nconsent = { column = \"c\" }\nexclude_fields = [\"zip\"]", &[]);
}
