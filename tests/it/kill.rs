//! Runs that end in the middle: killed, asked to end, or met by another run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;
use std::time::{Duration, Instant};

use fbcapi::sandbox::SandboxOptions;

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{leads, write_parquet};
use crate::support::run::{Ran, Sandboxed, Stage, wait_for, wait_until};

/// A stage whose sandbox takes its time with each answer.
fn slow(millis: u64) -> Sandboxed {
    Sandboxed::with(SandboxOptions { latency: Some(Duration::from_millis(millis)), ..SandboxOptions::default() })
}

/// Sends a signal to a process that a test started.
fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Kills runs at ever other moments: when so many more requests have begun, or so many more events have arrived.
fn kill_rounds(stage: &Sandboxed, rounds: u64, batch: u64) {
    for round in 0..rounds {
        let before = stage.stats();
        let further = round * 7 % 11;
        let mut run = stage.stage.start(&["--batch-size", &batch.to_string()]);
        wait_until("progress of a run", || {
            let now = stage.stats();
            let is_there = if round % 2 == 0 {
                now.requests >= before.requests + further
            } else {
                now.received >= before.received + further * batch
            };
            is_there || run.try_wait().unwrap().is_some()
        });
        run.kill().unwrap();
        run.wait().unwrap();
    }
}

#[test]
fn fm_53_killed_at_any_moment_nothing_is_lost_and_only_what_was_in_flight_comes_twice() {
    const ROWS: u64 = 4_000;
    const ROUNDS: u64 = 20;
    const BATCH: u64 = 20;
    let it = slow(10);
    it.stage.rows(&leads(usize::try_from(ROWS).unwrap()));
    kill_rounds(&it, ROUNDS, BATCH);
    let killed = it.stats();
    assert!(0 < killed.unique && killed.unique < ROWS, "the kills did not fall into the middle: {killed:?}");
    let last = it.stage.sync(&["--batch-size", "20"]);
    assert_eq!(last.exit, Some(0), "{}", last.stderr);
    let counts = &last.report()["counts"];
    assert_eq!(counts["sent"].as_u64().unwrap() + counts["already_sent"].as_u64().unwrap(), ROWS);
    let stats = it.stats();
    assert_eq!(stats.unique, ROWS);
    let twice = stats.received - stats.unique;
    assert!(twice <= ROUNDS * 4 * BATCH, "{twice} events came twice");
    assert_eq!(it.stage.sync(&[]).told(), format!("exit 0: already_sent {ROWS}"));
    assert_eq!(it.stats().received, stats.received);
}

#[test]
fn fm_53_killed_at_any_moment_nothing_comes_twice_when_the_unknown_is_held() {
    const ROWS: u64 = 1_000;
    let it = slow(10).on(|stage| stage.configure("meta", "on_unknown = \"hold\""));
    it.stage.rows(&leads(usize::try_from(ROWS).unwrap()));
    kill_rounds(&it, 8, 10);
    let last = it.stage.sync(&["--batch-size", "10"]);
    let stats = it.stats();
    assert_eq!(stats.received, stats.unique, "an event came twice");
    let unknown = last.report()["counts"]["unknown"].as_u64().unwrap();
    assert!(unknown > 0, "no kill fell into a request");
    assert_eq!(last.exit, Some(3));
    assert!((ROWS - unknown..=ROWS).contains(&stats.unique), "{unknown} unknown, {stats:?}");
    assert!(last.stderr.contains("nobody knows whether Meta took"), "{}", last.stderr);
}

#[test]
fn fm_50_asked_to_end_a_run_settles_what_is_in_flight_and_the_next_one_goes_on() {
    for (name, exit) in [("-TERM", 143), ("-INT", 130)] {
        let it = slow(50);
        it.stage.rows(&leads(2_000));
        let run = it.stage.start(&["--batch-size", "10"]);
        wait_until("the first events", || it.stats().received > 0);
        signal(name, run.id());
        let ended = wait_for(run);
        assert_eq!(ended.exit, Some(exit), "{}", ended.stderr);
        let report = ended.report();
        let stats = it.stats();
        assert_eq!(report["counts"]["sent"].as_u64(), Some(stats.received), "{}", ended.told());
        assert_eq!(report["counts"]["unknown"], 0, "{}", ended.told());
        assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
        let left = 2_000 - stats.received;
        let next = it.stage.sync(&["--batch-size", "1000"]);
        assert_eq!(next.told(), format!("exit 0: sent {left}, already_sent {}", stats.received));
        assert_eq!((it.stats().received, it.stats().unique), (2_000, 2_000));
    }
}

#[test]
fn rows_that_were_met_and_rows_that_were_not_are_all_there_are() {
    let it = slow(50).on(|stage| stage.section("source", "kind = \"file\"\npath = \"rows.parquet\""));
    write_parquet(&it.stage.path("rows.parquet"), &leads(2_000));
    let run = it.stage.start(&["--batch-size", "10"]);
    wait_until("the first events", || it.stats().received > 0);
    signal("-TERM", run.id());
    let ended = wait_for(run);
    let met = ended.report()["counts"]["selected"].as_u64().unwrap();
    let unread =
        ended.stderr.lines().find_map(|line| line.trim().strip_suffix(": not read yet, and left to the next run"));
    let unread = unread.and_then(|told| told.split(' ').next()).unwrap_or("0").replace(',', "");
    assert!(met < 2_000, "the run came to its end before the signal");
    assert_eq!(met + unread.parse::<u64>().unwrap(), 2_000, "{}", ended.stderr);
}

#[test]
fn fm_50_a_second_signal_ends_a_run_that_hangs_and_the_next_one_sends_what_was_in_flight() {
    let it = Scripted::new(&[Answer::Hang], Answer::Accept);
    it.stage.rows(&leads(3));
    let mut run = it.stage.start(&["--batch-size", "2", "--concurrency", "1"]);
    wait_until("the first request", || !it.graph.requests().is_empty());
    // The first signal may still be on its way when the second comes, and two of a kind are one.
    wait_until("the end of the program", || {
        signal("-TERM", run.id());
        run.try_wait().unwrap().is_some()
    });
    assert_eq!(run.wait().unwrap().code(), Some(143));
    let next = it.stage.sync(&[]);
    assert_eq!(next.told(), "exit 0: sent 3", "{}", next.stderr);
    assert_eq!(next.report()["possible_duplicates"], 2);
    assert_eq!(it.graph.taken(), ["e-0", "e-1", "e-0", "e-1", "e-2"]);
}

#[test]
fn fm_50_a_run_that_hangs_ends_soon_after_it_was_asked_to() {
    let it = Scripted::new(&[], Answer::Hang);
    it.stage.rows(&leads(6));
    let run = it.stage.start(&["--batch-size", "1", "--concurrency", "4"]);
    wait_until("four requests", || it.graph.requests().len() == 4);
    let began = Instant::now();
    signal("-TERM", run.id());
    let ended = wait_for(run);
    // Twenty seconds are granted to what is in flight; a request alone would have sixty.
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    assert_eq!(ended.exit, Some(143), "{}", ended.stderr);
    ended.told();
    it.graph.then_answer(&vec![Answer::Accept; 6]);
    let next = it.stage.sync(&["--batch-size", "1"]);
    assert_eq!(next.told(), "exit 0: sent 6", "{}", next.stderr);
    assert_eq!(next.report()["possible_duplicates"], 4);
}

/// Runs a sync that may write files of so many blocks only, as if the disk were full then.
fn sync_with_disk(stage: &Stage, blocks: u32) -> Ran {
    let program = stage.command(&[]).get_program().to_owned();
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" sync --json --batch-size 50");
    let plain = stage.command(&[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(program).current_dir(stage.path("")).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::new(command.output().unwrap())
}

#[test]
fn fm_33_fm_49_a_disk_that_fills_up_stops_the_run_and_nothing_is_lost() {
    let it = slow(1);
    it.stage.rows(&leads(2_000));
    let first = sync_with_disk(&it.stage, 8);
    assert_eq!(first.exit, Some(6), "{}", first.stderr);
    assert_eq!(it.stats().requests, 0, "something was posted without a state");
    let mut stopped = 0;
    for blocks in [300, 310, 320, 340, 360, 400] {
        let ran = sync_with_disk(&it.stage, blocks);
        assert!(matches!(ran.exit, Some(0 | 6)), "{}", ran.stderr);
        stopped += u32::from(ran.exit == Some(6));
        let report = ran.report();
        assert!(report["counts"]["sent"].as_u64().unwrap() <= it.stats().received, "{}", ran.told());
    }
    assert!(stopped > 0, "the disk was never full");
    assert_eq!(it.stage.sync(&[]).exit, Some(0));
    let stats = it.stats();
    assert_eq!(stats.unique, 2_000);
    assert!(stats.received - stats.unique <= u64::from(stopped) * 4 * 50, "{stats:?}");
}

#[test]
fn fm_49_what_cannot_be_written_down_is_told_with_its_batch_and_trace() {
    let it = slow(400);
    it.stage.rows(&leads(3));
    let run = it.stage.start(&["--batch-size", "3"]);
    wait_until("the request", || it.stats().requests > 0);
    std::fs::remove_file(it.stage.path("state/ledger.db")).unwrap();
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("could not be written to the state") && told.contains("/1 accepted, trace A"), "{told}");
}

#[test]
fn fm_07_fm_08_a_second_run_at_the_same_time_names_the_first_and_sends_nothing() {
    let it = slow(400);
    it.stage.rows(&leads(100));
    let mut first = it.stage.start(&["--batch-size", "1", "--concurrency", "1"]);
    wait_until("the first request", || it.stats().requests > 0);
    let second = it.stage.run(&["sync"]);
    assert_eq!(second.exit, Some(7), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
    // Looking is allowed.
    let look = it.stage.run(&["sync", "--dry-run"]);
    assert_eq!(look.exit, Some(0), "{}", look.stderr);
    first.kill().unwrap();
    first.wait().unwrap();
    // A run that was killed leaves no lock behind.
    assert_eq!(it.stage.sync(&["--limit", "1"]).exit, Some(8));
}
