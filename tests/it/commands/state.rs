//! `fbcapi state`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{object, one_in_doubt};
use crate::support::rows::{leads, purchase};
use crate::support::run::{Sandboxed, Stage, files_below};

/// A state of version 1, as a release before left it.
const VERSION_1: &[u8] = include_bytes!("../../data/state/version-1.db");

/// The files beside the state whose names hold a word.
fn beside(stage: &Stage, word: &str) -> Vec<PathBuf> {
    let names = files_below(&stage.path("state")).into_keys();
    names.filter(|path| path.file_name().unwrap().to_string_lossy().contains(word)).collect()
}

#[test]
fn the_state_says_where_it_is_and_that_it_is_whole() {
    let it = one_in_doubt();
    assert_eq!(it.stage.run(&["state", "path"]).stdout, "state/ledger.db\n");
    assert_eq!(object(&it.stage.run(&["state", "path", "--json"]))["exists"], true);
    let told = object(&it.stage.run(&["state", "check", "--json"]));
    let holds = json!({ "version": 2, "runs": 1, "batches": 2, "sent": 2, "in_doubt": 2, "refused": 0 });
    assert_eq!(told["holds"], holds);
    assert!(it.stage.run(&["state", "check"]).stdout.contains("is whole"));
}

#[test]
fn a_state_moves_to_another_machine() {
    let here = Sandboxed::new();
    here.stage.rows(&[leads(3), vec![purchase("bad").without("value")]].concat());
    assert_eq!(here.stage.sync(&[]).told(), "exit 3: sent 3, rejected 1");
    let export = here.stage.run(&["state", "export"]);
    assert_eq!(export.exit, Some(0), "{}", export.stderr);
    assert!(!export.stdout.contains("e-0") && !export.stdout.contains("ada@example.com"), "{}", export.stdout);
    let there = Sandboxed::new();
    there.stage.rows(&[leads(4), vec![purchase("bad").without("value")]].concat());
    there.stage.write("export.jsonl", &export.stdout);
    let told = object(&there.stage.run(&["state", "import", "export.jsonl", "--json"]));
    assert_eq!(told["added"], json!({ "runs": 1, "batches": 1, "rejects": 1 }));
    assert_eq!(told["backup"], json!(null), "there was nothing to keep");
    assert_eq!(there.stage.sync(&[]).told(), "exit 0: sent 1, already_sent 3, rejected 1");
    assert_eq!(there.stats().received, 1);
    let told = object(&there.stage.run(&["state", "import", "export.jsonl", "--json"]));
    assert_eq!(told["added"], json!({ "runs": 0, "batches": 0, "rejects": 0 }));
    assert_eq!(beside(&there.stage, ".backup-").len(), 1);
}

#[test]
fn half_an_export_is_refused() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    it.stage.sync(&[]);
    let export = it.stage.run(&["state", "export"]).stdout;
    let half: String = export.split_inclusive('\n').take(2).collect();
    it.stage.write("half.jsonl", half);
    let ran = it.stage.run(&["state", "import", "half.jsonl"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("line 3 is missing: the export was cut short"), "{}", ran.stderr);
    assert_eq!(it.stage.run(&["state", "import", "none.jsonl"]).exit, Some(2));
}

#[test]
fn what_is_still_in_the_window_is_not_forgotten() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(3));
    it.stage.sync(&[]);
    let ran = it.stage.run(&["state", "prune", "--before", "6d"]);
    assert_eq!(ran.exit, Some(2));
    assert!(ran.stderr.contains("a run that has forgotten them sends them again"), "{}", ran.stderr);
    assert!(beside(&it.stage, ".backup-").is_empty());
    let told = object(&it.stage.run(&["state", "prune", "--before", "9d", "--json"]));
    assert_eq!(told["forgotten"], json!({ "sent": 0, "in_doubt": 0, "refused": 0, "runs": 0 }));
    assert_eq!(beside(&it.stage, ".backup-").len(), 1);
    let it = it.on(|stage| stage.configure("meta", "action_source = \"physical_store\""));
    assert_eq!(it.stage.run(&["state", "prune", "--before", "9d"]).exit, Some(2), "stores have a longer window");
}

#[test]
fn fm_57_a_run_migrates_a_state_of_version_1_and_a_restore_brings_it_back() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(1));
    fs::create_dir(it.stage.path("state")).unwrap();
    it.stage.write("state/ledger.db", VERSION_1);
    let told = object(&it.stage.run(&["state", "check", "--json"]));
    let holds = json!({ "version": 1, "runs": 2, "batches": 5, "sent": 80, "in_doubt": 42, "refused": 1 });
    assert_eq!(told["holds"], holds);
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: sent 1");
    assert_eq!(object(&it.stage.run(&["state", "check", "--json"]))["holds"]["version"], 2);
    let ran = it.stage.run(&["state", "restore"]);
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("THE NEXT RUN SENDS IT AGAIN"), "{}", ran.stdout);
    assert_eq!(object(&it.stage.run(&["state", "check", "--json"]))["holds"], holds);
    assert_eq!(beside(&it.stage, ".replaced-").len(), 1);
}

#[test]
fn a_damaged_state_is_replaced_by_a_copy_that_someone_names() {
    let it = Sandboxed::new();
    it.stage.rows(&leads(2));
    it.stage.sync(&[]);
    let copy = fs::read(it.stage.path("state/ledger.db")).unwrap();
    it.stage.write("copy.db", &copy);
    it.stage.write("state/ledger.db", "damaged");
    assert_eq!(it.stage.run(&["sync"]).exit, Some(6));
    assert_eq!(it.stage.run(&["state", "restore"]).exit, Some(2), "no copy is kept");
    let told = object(&it.stage.run(&["state", "restore", "copy.db", "--json"]));
    assert_eq!(told["restored_from"], "copy.db");
    assert_eq!(fs::read_to_string(told["replaced"].as_str().map(PathBuf::from).unwrap()).unwrap(), "damaged");
    assert_eq!(it.stage.sync(&[]).told(), "exit 0: already_sent 2");
    assert_eq!(it.stats().received, 2);
}
