//! Runs that die at a named point or at any moment, hundreds of times, and what Meta has got then.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::time::Duration;

use fbcapi::ledger::{EventKey, Fate, Ledger as _, SqliteLedger};
use fbcapi::sandbox::SandboxOptions;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::rows::leads;
use crate::support::run::{DATASET_ID, Sandboxed, wait_until};

/// The signal that `abort` ends a process with.
const ABORT: i32 = 6;

/// The signal that cannot be caught.
const KILL: i32 = 9;

/// Events of one batch.
const BATCH: usize = 5;

/// A stage whose sandbox writes down every event that it takes, and whose runs are watched over.
struct Watched {
    it: Sandboxed,
    folder: TempDir,
    events: usize,
    /// How often each event was taken.
    taken: BTreeMap<String, usize>,
    /// How many lines of the record were looked at.
    lines: usize,
    /// Events whose acceptance the state knew before the run.
    accepted: BTreeSet<String>,
    kills: usize,
}

impl Watched {
    fn new(events: usize, latency: Option<Duration>, change: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = Some(folder.path().join("record.ndjson"));
        let it = Sandboxed::with(SandboxOptions { record, latency, ..SandboxOptions::default() });
        let it = it.on(|stage| change.iter().fold(stage, |stage, (section, line)| stage.configure(section, line)));
        it.stage.rows(&leads(events));
        let (taken, accepted) = (BTreeMap::new(), BTreeSet::new());
        Self { it, folder, events, taken, lines: 0, accepted, kills: 0 }
    }

    /// Starts a run that dies at a point when it passes it for the n-th time.
    fn start(&self, point: &str, concurrency: &str) -> Child {
        let batch = BATCH.to_string();
        let mut command = self.it.stage.command(&["sync", "--batch-size", &batch, "--concurrency", concurrency]);
        command.env("CRASH_AT", point).spawn().unwrap()
    }

    /// Runs the program until it dies at a point.
    #[track_caller]
    fn die_at(&mut self, point: &str, concurrency: &str) {
        let output = self.start(point, concurrency).wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(ABORT), "the run did not die at {point}: {told}");
        self.look();
    }

    /// Looks at what Meta got and what the state knows after a run: nothing was sent whose acceptance was on disk.
    #[track_caller]
    fn look(&mut self) {
        self.kills += 1;
        let record = std::fs::read_to_string(self.folder.path().join("record.ndjson")).unwrap_or_default();
        let lines: Vec<&str> = record.lines().collect();
        for line in &lines[self.lines..] {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line["event"]["event_id"].as_str().unwrap().to_owned();
            assert!(!self.accepted.contains(&id), "{id} was sent after its acceptance was on disk");
            *self.taken.entry(id).or_default() += 1;
        }
        self.lines = lines.len();
        // A run that died early has made no state yet.
        let Ok(known) = SqliteLedger::open_read_only(&self.it.stage.path("state/ledger.db"))
            .and_then(|mut ledger| ledger.load(i64::MIN))
        else {
            return;
        };
        let is_sent = |id: &String| matches!(known.fate(&EventKey::new(DATASET_ID, "Lead", id)), Some(Fate::Sent(_)));
        self.accepted = (0..self.events).map(|number| format!("e-{number}")).filter(is_sent).collect();
        let not_taken = self.accepted.iter().find(|id| !self.taken.contains_key(*id));
        assert_eq!(not_taken, None, "an event is on disk as accepted, and Meta has not got it");
    }

    /// Events that Meta took more than once.
    fn twice(&self) -> usize {
        self.taken.values().filter(|times| **times > 1).count()
    }

    /// Runs once more without dying: everything is there then, and a further run sends nothing.
    #[track_caller]
    fn conclude(mut self, expected_twice: usize) {
        let last = self.it.stage.sync(&[]);
        assert_eq!(last.exit, Some(0), "{}", last.stderr);
        self.look();
        assert_eq!(self.taken.len(), self.events, "events are lost");
        assert_eq!(self.twice(), expected_twice, "after {} runs", self.kills);
        assert!(self.taken.values().all(|times| *times <= 2), "an event came more than twice");
        let again = self.it.stage.sync(&[]);
        assert_eq!(again.told(), format!("exit 0: already_sent {}", self.events));
    }
}

/// Dies at a point so many times, one batch further each time; of each batch in flight `twice` events come twice.
#[track_caller]
fn check_point(point: &str, kills: usize, twice: usize) {
    let mut watched = Watched::new(2 * kills * BATCH + 3, None, &[]);
    for _ in 0..kills {
        watched.die_at(&format!("{point}:2"), "1");
    }
    watched.conclude(kills * twice);
}

#[test]
fn fm_31_dying_before_an_intent_is_written_leaves_nothing_behind() {
    check_point("before_intent", 24, 0);
}

#[test]
fn fm_32_dying_between_intent_and_post_leaves_a_doubt_and_nothing_comes_twice() {
    check_point("after_intent", 24, 0);
}

#[test]
fn fm_48_dying_between_answer_and_outcome_sends_that_batch_again_and_no_other() {
    check_point("after_answer", 24, BATCH);
    check_point("before_outcome", 16, BATCH);
}

#[test]
fn dying_after_an_outcome_is_written_sends_nothing_again() {
    check_point("after_outcome", 24, 0);
}

#[test]
fn dying_while_old_events_are_forgotten_loses_and_repeats_nothing() {
    let mut watched = Watched::new(23, None, &[]);
    for _ in 0..12 {
        watched.die_at("in_prune:1", "2");
        assert_eq!(watched.accepted.len(), watched.events);
    }
    watched.conclude(0);
}

#[test]
fn fm_57_dying_while_a_state_is_brought_to_a_new_version_leaves_one_version_whole() {
    let version_1 = include_bytes!("../data/state/version-1.db");
    for (point, is_new) in [("before_migration:1", false), ("in_migration:1", false), ("after_migration:1", true)] {
        let mut watched = Watched::new(7, None, &[]);
        std::fs::create_dir_all(watched.it.stage.path("state")).unwrap();
        watched.it.stage.write("state/ledger.db", version_1);
        watched.die_at(point, "1");
        let version: i32 = rusqlite::Connection::open(watched.it.stage.path("state/ledger.db"))
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, if is_new { 2 } else { 1 }, "{point}");
        let checked = watched.it.stage.run(&["state", "check"]);
        assert_eq!(checked.exit, Some(0), "{point}: {}", checked.stderr);
        watched.conclude(0);
    }
}

#[test]
fn dying_with_several_batches_in_flight_repeats_no_more_than_those() {
    const CONCURRENCY: usize = 4;
    for point in ["after_intent", "after_answer", "before_outcome", "after_outcome"] {
        let mut watched = Watched::new(16 * CONCURRENCY * BATCH, None, &[]);
        for kill in 1..=8 {
            watched.die_at(&format!("{point}:{}", 1 + kill % 5), "4");
        }
        let twice = watched.twice();
        let last = watched.it.stage.sync(&[]);
        assert_eq!(last.exit, Some(0), "{}", last.stderr);
        watched.look();
        assert_eq!(watched.taken.len(), watched.events, "events are lost at {point}");
        assert!(watched.twice() <= twice + CONCURRENCY * BATCH && twice <= 8 * CONCURRENCY * BATCH, "{point}");
    }
}

#[test]
fn dying_anywhere_sends_nothing_twice_when_doubt_is_held() {
    for point in ["after_intent", "after_answer", "before_outcome", "after_outcome"] {
        let mut watched = Watched::new(8 * BATCH + 3, None, &[("meta", "on_unknown = \"hold\"")]);
        for _ in 0..8 {
            watched.die_at(&format!("{point}:1"), "1");
        }
        let held = if point == "after_outcome" { 0 } else { 8 * BATCH };
        let last = watched.it.stage.sync(&[]);
        assert_eq!(last.exit, Some(if held == 0 { 0 } else { 3 }), "{}", last.stderr);
        assert_eq!(last.report()["counts"]["unknown"], held, "{point}");
        watched.look();
        assert_eq!(watched.twice(), 0, "{point}");
        let missing = if point == "after_intent" { held } else { 0 };
        assert_eq!(watched.taken.len() + missing, watched.events, "{point}");
    }
}

#[test]
fn fm_08_killed_at_any_moment_a_run_leaves_no_lock_and_nothing_is_sent_after_its_acceptance_is_on_disk() {
    const KILLS: usize = 40;
    const CONCURRENCY: usize = 3;
    let mut watched = Watched::new(KILLS * 2 * BATCH, Some(Duration::from_millis(5)), &[]);
    let mut killed = 0;
    for round in 0..KILLS {
        let before = watched.it.stats().requests;
        let mut run = watched.start("", "3");
        // Ever other moments: soon after the start, after some requests, and a little later than that.
        let further = (round * 5 % 7) as u64;
        wait_until("progress of a run", || {
            watched.it.stats().requests >= before + further || run.try_wait().unwrap().is_some()
        });
        std::thread::sleep(Duration::from_micros(round as u64 * 997 % 9_000));
        run.kill().unwrap();
        let output = run.wait_with_output().unwrap();
        killed += usize::from(output.status.signal() == Some(KILL));
        assert!(!String::from_utf8_lossy(&output.stderr).contains("another run is using"), "a lock was left");
        watched.look();
    }
    assert!(killed > KILLS / 2, "only {killed} runs were killed");
    let last = watched.it.stage.sync(&[]);
    assert_eq!(last.exit, Some(0), "{}", last.stderr);
    watched.look();
    assert_eq!(watched.taken.len(), watched.events, "events are lost");
    assert!(watched.twice() <= killed * CONCURRENCY * BATCH, "{} events came twice", watched.twice());
}
