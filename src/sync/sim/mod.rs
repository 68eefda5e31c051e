//! Thousands of invented histories, each of many runs, in which everything fails, and an oracle that looks on.
//!
//! What runs is what is shipped: rows are mapped, judged, decided upon, gathered, posted, retried, divided, recorded
//! and reported by the code of production; [`program`] only puts the parts together in an order that a seed repeats.
//! Around it stands an invented [`world`]: a table whose rows come late, change and are sometimes bad; a Meta that
//! takes whole requests or refuses them whole; a disk; a clock. Killed is the program before and after every write
//! and every post.
//!
//! `FBCAPI_SIM_SEED=17 cargo test --lib sync::sim` runs one history again.

mod clock;
mod dice;
mod disk;
mod oracle;
mod program;
mod world;

use std::time::{Duration, Instant};

use chrono::Utc;

use self::dice::Dice;
use self::world::{DATASET_ID, Plan, Row, Shared, World};
use super::{Options, SentEvents};
use crate::config::{self, Config, Machine, Purpose};
use crate::deliver::OnUnknown;
use crate::deliver::http::Graph;
use crate::ledger::{EventKey, Fate, Ledger as _};
use crate::meta::ActionSource;
use crate::meta::window::oldest_accepted;

const HOUR: i64 = 3_600;

/// When every history begins: 2026-11-23.
const BEGINNING: i64 = 1_795_392_000;

/// A program that is broken in a way that the oracle must see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// It is not broken.
    None,
    /// It marks events as sent before it posts them.
    MarksBeforePost,
    /// It writes down what it posted only afterwards.
    WritesNoIntent,
    /// It has a bookmark of the newest event instead of a ledger.
    Watermark,
    /// It does not write down that a post did not arrive.
    ClearsNothing,
    /// It does not write down that Meta took a batch.
    ForgetsAcceptance,
    /// It does not know when 48 hours are over.
    ResendsForEver,
}

/// What a history came to.
#[derive(Debug, Default)]
struct Told {
    events: u64,
    twice: u64,
    runs: u64,
    posts: u64,
    kills: u64,
}

/// What all histories have in common.
struct Stage {
    configs: Vec<Config>,
    graph: Graph,
}

impl Stage {
    fn new() -> Self {
        let configs = [OnUnknown::Resend, OnUnknown::Hold].map(config);
        let settings = &configs[0];
        let graph = Graph::new(&settings.graph, settings.access_token.as_ref().unwrap(), None, None).unwrap();
        Self { configs: configs.into(), graph }
    }
}

fn config(on_unknown: OnUnknown) -> Config {
    let on_unknown = if on_unknown == OnUnknown::Hold { "hold" } else { "resend" };
    let text = format!(
        "[source]\nkind = \"file\"\npath = \"/rows.ndjson\"\n\
         [meta]\ndataset_id = \"{DATASET_ID}\"\napi_base = \"http://127.0.0.1:1\"\non_unknown = \"{on_unknown}\"\n\
         [privacy]\nconsent = \"not-needed\"\n[state]\npath = \"/ledger.db\"\n"
    );
    let environment = |name: &str| (name == "FBCAPI_ACCESS_TOKEN").then(|| "EAAB".to_owned());
    let machine = Machine { environment: &environment, variables: &Vec::new, today: Utc::now().date_naive() };
    config::parse("config.toml", &text, &[], Purpose::Send, machine).unwrap()
}

fn plan(dice: &mut Dice) -> Plan {
    Plan {
        on_unknown: dice.one_of(&[OnUnknown::Resend, OnUnknown::Hold]),
        concurrency: dice.one_of(&[1, 2, 4]),
        batch_size: dice.one_of(&[1, 3, 8, 20]),
        post_faults: dice.one_of(&[0, 50, 200, 500]),
        disk_faults: dice.one_of(&[0, 0, 10, 60]),
        slow_writes: dice.one_of(&[0, 0, 100]),
        clock_faults: dice.one_of(&[0, 0, 300]),
        most_events: dice.one_of(&[5, 1_000, 1_000]),
        blames: dice.happens(300),
    }
}

fn rows(dice: &mut Dice) -> Vec<Row> {
    let bad = dice.one_of(&[0, 20, 150]);
    let mut rows: Vec<Row> = Vec::new();
    for number in 0..dice.between(5, 40) {
        // Events come late: most by minutes, some by days, a few when it is almost too late.
        let late = match dice.below(10) {
            0 => dice.between(1, 6 * 24) * HOUR,
            1 => 7 * 24 * HOUR - dice.between(0, 5_400),
            _ => dice.between(0, HOUR),
        };
        let appears = BEGINNING + dice.between(-24, 72) * HOUR;
        let id = format!("e-{number}");
        let key = EventKey::new(DATASET_ID, "Lead", &id);
        // Twenty refused events would make the program doubt its configuration.
        let is_bad = dice.happens(bad) && rows.iter().filter(|row| row.is_bad).count() < 15;
        let row = Row { id, key, time: appears - late, appears, version: 1, is_bad, is_copy: false };
        let copy = dice.happens(50).then(|| Row { is_copy: dice.happens(500), ..row.clone() });
        rows.extend(std::iter::once(row).chain(copy));
    }
    rows
}

/// Lives through one history; gives what it came to, or the rule that was broken.
fn history(seed: u64, variant: Variant, stage: &Stage) -> Result<Told, String> {
    let mut dice = Dice::new(seed);
    let plan = plan(&mut dice);
    let rows = rows(&mut dice);
    clock::set(BEGINNING);
    let mut config = stage.configs[usize::from(plan.on_unknown == OnUnknown::Hold)].clone();
    config.concurrency = plan.concurrency;
    config.batch_size = plan.batch_size;
    let runs = dice.between(2, 6);
    let shared = Shared::new(World::new(plan, variant, dice, rows));
    for _ in 0..runs {
        let options = between_runs(&shared);
        program::run(&shared, &config, &options, &stage.graph);
    }
    clock::put_wrong(0);
    shared.lock().calm_down();
    let mut last = None;
    for _ in 0..3 {
        clock::pass(HOUR);
        let began = clock::truth();
        last = program::run(&shared, &config, &Options::default(), &stage.graph).map(|report| (report, began));
    }
    let mut world = shared.lock();
    let Some((report, began)) = last else { return Err("a run without any fault did not end".to_owned()) };
    let counts = report.counts;
    world.oracle.hold(counts.pending == 0, || format!("G1: the last run leaves {} events behind", counts.pending));
    judge_rows(&mut world, began);
    if let Some(rule) = world.oracle.broken.take() {
        return Err(rule);
    }
    let (twice, events) = world.oracle.taken_twice();
    Ok(Told {
        events,
        twice,
        runs: u64::try_from(runs + 3).unwrap_or_default(),
        posts: world.posts,
        kills: world.kills,
    })
}

/// Lets time pass, rows change and clocks go wrong; gives what the next run is asked for.
fn between_runs(shared: &Shared) -> Options {
    let mut world = shared.lock();
    let World { dice, rows, plan, .. } = &mut *world;
    let span = match dice.below(4) {
        0 => dice.between(60, 900),
        1 => dice.between(20, 60) * HOUR,
        _ => dice.between(HOUR / 4, 6 * HOUR),
    };
    clock::pass(span);
    let wrong = if dice.happens(plan.clock_faults) { dice.between(-2 * HOUR, 2 * HOUR) } else { 0 };
    clock::put_wrong(wrong);
    for row in rows.iter_mut().filter(|row| row.appears <= clock::truth()) {
        if dice.happens(20) {
            row.version += 1;
            row.is_bad = false;
        }
    }
    // Some rows come when it is almost too late: they expire while the run waits.
    for number in 0..dice.below(4) {
        let (appears, last) = (clock::truth(), dice.between(9 * 60, 40 * 60));
        let id = format!("last-{appears}-{number}");
        let key = EventKey::new(DATASET_ID, "Lead", &id);
        let time = appears - 7 * 24 * HOUR + last;
        rows.push(Row { id, key, time, appears, version: 1, is_bad: false, is_copy: false });
    }
    // All rows of an event change together.
    for index in 1..rows.len() {
        if rows[index].key == rows[index - 1].key {
            (rows[index].version, rows[index].is_bad) = (rows[index - 1].version, rows[index - 1].is_bad);
        }
    }
    let limit = dice.happens(100).then(|| dice.below(10) + 1);
    Options { limit, sent: SentEvents::Leave, ..Options::default() }
}

/// Every event that can be sent was taken, or is known to be refused or in doubt.
fn judge_rows(world: &mut World, now: i64) {
    let known = world.disk.load(i64::MIN).unwrap();
    let is_held = world.plan.on_unknown == OnUnknown::Hold;
    for row in world.rows.clone() {
        let takes = world.oracle.takes(&row.key);
        let fate = known.fate(&row.key);
        let id = &row.id;
        world.oracle.hold(!is_held || takes <= 1, || format!("hold: {id} came {takes} times"));
        let is_refused = world.oracle.is_refused(&row.key);
        let is_too_old = row.time < oldest_accepted(ActionSource::SystemGenerated, now);
        let is_doubted = match fate {
            Some(Fate::Unknown { first_attempt, .. }) if world.oracle.is_in_doubt(&row.key) => {
                is_held || clock::shown() - first_attempt > chrono::TimeDelta::hours(40)
            }
            _ => false,
        };
        let is_there = row.appears <= now;
        let is_right = !is_there || takes > 0 || is_refused || is_too_old || is_doubted;
        world.oracle.hold(is_right, || format!("G1: {id} is lost: the state says {fate:?}"));
    }
}

/// Lives through histories until the time is over or one breaks a rule; gives how many there were.
fn live(seeds: impl Iterator<Item = u64>, most: Duration) -> (u64, Told) {
    let stage = Stage::new();
    let began = Instant::now();
    let (mut count, mut all) = (0, Told::default());
    for seed in seeds {
        if began.elapsed() > most {
            break;
        }
        match history(seed, Variant::None, &stage) {
            Ok(told) => {
                count += 1;
                all.events += told.events;
                all.twice += told.twice;
                all.runs += told.runs;
                all.posts += told.posts;
                all.kills += told.kills;
            }
            Err(rule) => panic!("seed {seed}: {rule}\n  FBCAPI_SIM_SEED={seed} cargo test --lib sync::sim"),
        }
    }
    (count, all)
}

#[test]
fn fm_18_fm_26_fm_28_fm_51_whatever_happens_nothing_is_lost() {
    if let Some(seed) = std::env::var("FBCAPI_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        live(std::iter::once(seed), Duration::MAX);
        return;
    }
    let (count, told) = live(0..10_000, Duration::from_secs(8));
    assert!(count >= 20, "only {count} histories fit into the time");
    assert!(told.kills > 0 && told.twice > 0, "the histories are too quiet: {told:?}");
}

#[test]
#[ignore = "takes a minute or two: cargo test --lib sync::sim -- --ignored --nocapture"]
fn ten_thousand_histories() {
    let threads = std::thread::available_parallelism().unwrap().get();
    let told: Vec<(u64, Told)> = std::thread::scope(|scope| {
        let share = |first| move || live((first..10_000).step_by(threads), Duration::MAX);
        let threads: Vec<_> = (0..threads as u64).map(|first| scope.spawn(share(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(told.iter().map(|(count, _)| count).sum::<u64>(), 10_000);
}

/// How many histories it takes until a broken program is seen, and by which rule.
fn seen(variant: Variant, most: u64) -> Option<(u64, String)> {
    let stage = Stage::new();
    (0..most).find_map(|seed| history(seed, variant, &stage).err().map(|rule| (seed, rule)))
}

#[test]
fn a_broken_program_is_seen() {
    let check = |variant, rules: &[&str]| {
        let (seed, rule) = seen(variant, 500).unwrap_or_else(|| panic!("{variant:?} was not seen"));
        assert!(rules.iter().any(|start| rule.starts_with(start)), "{variant:?} was seen in {seed} by {rule}");
    };
    check(Variant::MarksBeforePost, &["G1"]);
    check(Variant::WritesNoIntent, &["G2", "hold"]);
    check(Variant::Watermark, &["G1"]);
    check(Variant::ClearsNothing, &["G1", "G2"]);
    check(Variant::ForgetsAcceptance, &["G3"]);
    check(Variant::ResendsForEver, &["48 h"]);
}
