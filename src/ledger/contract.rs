//! What every ledger must do, run against each of them: those that [`visit`] knows.
//!
//! The integration tests run this file too, against the ledger in Snowflake.
#![expect(clippy::unnecessary_wraps, reason = "the tables name fates as they are found, which may be none")]

use chrono::{DateTime, TimeDelta, Utc};

use super::contract_stores::visit;
use super::{
    Answer, BatchId, Disorder, Entry, EventKey, Fate, Fingerprint, Ledger, LedgerError, Outcome, Record, RunId,
};

/// The time of the first record.
pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_446_541, 0).unwrap()
}

/// The time some seconds later.
pub(super) fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// The key of the event with this id.
pub(super) fn key(event_id: &str) -> EventKey {
    EventKey::new("1234567890", "Purchase", event_id)
}

/// An event with this id, payload and time.
pub(super) fn entry(event_id: &str, fingerprint: u32, event_time: i64) -> Entry {
    Entry { key: key(event_id), fingerprint: Fingerprint(fingerprint), event_time }
}

/// The run of this name.
pub(super) fn run(name: &str) -> RunId {
    RunId(name.into())
}

/// The run starts.
pub(super) fn started(name: &str, seconds: i64) -> Record {
    Record::RunStarted { run: run(name), at: after(seconds) }
}

/// The run ends.
pub(super) fn finished(name: &str) -> Record {
    Record::RunFinished { run: run(name), at: after(60), report: "{}".into(), exit_code: 0 }
}

/// A batch of the run `r` is about to be posted.
pub(super) fn intent(number: u32, seconds: i64, entries: &[Entry]) -> Record {
    let batch = BatchId { run: run("r"), number };
    Record::Intent { batch, at: after(seconds), entries: entries.to_vec(), labels: Vec::new() }
}

/// What became of a batch of the run `r`.
pub(super) fn outcome(number: u32, outcome: Outcome) -> Record {
    let answer = Answer { status: Some(200), code: Some(-7), subcode: None, trace: Some("AbC".into()) };
    Record::Outcome { batch: BatchId { run: run("r"), number }, at: after(30), outcome, requests: 1, answer }
}

/// An event was refused.
pub(super) fn rejected(entry: Entry) -> Record {
    Record::Rejected {
        entry,
        event_name: "Purchase".into(),
        event_id: "order-1".into(),
        reason: "refused_by_meta",
        answer: Answer::default(),
        at: after(30),
    }
}

/// The event was sent.
pub(super) fn sent(fingerprint: u32) -> Option<Fate> {
    Some(Fate::Sent(Fingerprint(fingerprint)))
}

/// The event's outcome is unknown.
pub(super) fn unknown(fingerprint: u32, seconds: i64) -> Option<Fate> {
    Some(Fate::Unknown { fingerprint: Fingerprint(fingerprint), first_attempt: after(seconds) })
}

/// The event was refused.
pub(super) fn refused(fingerprint: u32) -> Option<Fate> {
    Some(Fate::Rejected(Fingerprint(fingerprint)))
}

/// Does something with a fresh ledger of each kind, then checks what is known, and once more after opening it again.
fn check(work: impl Fn(&mut dyn Ledger), expected: &[(&str, Option<Fate>)]) {
    check_since(i64::MIN, work, expected);
}

/// As [`check`], reading the fates since an event time only.
fn check_since(since: i64, work: impl Fn(&mut dyn Ledger), expected: &[(&str, Option<Fate>)]) {
    visit(&work, &|ledger: &mut dyn Ledger, place: &str| {
        let known = ledger.load(since).unwrap();
        for (event_id, fate) in expected {
            assert_eq!(known.fate(&key(event_id)), *fate, "{event_id} {place}");
        }
    });
}

/// Appends records that are in order.
fn append(ledger: &mut dyn Ledger, records: &[Record]) {
    ledger.append(records).unwrap();
}

#[test]
fn a_new_ledger_knows_nothing() {
    check(|ledger| assert!(ledger.is_new().unwrap()), &[("a", None)]);
}

#[test]
fn a_ledger_is_new_until_a_run_starts() {
    check(
        |ledger| {
            append(ledger, &[started("r", 0)]);
            assert!(!ledger.is_new().unwrap());
        },
        &[("a", None)],
    );
}

#[test]
fn accepted_events_are_sent() {
    check(
        |ledger| {
            append(ledger, &[started("r", 0), intent(1, 1, &[entry("a", 7, 100), entry("b", u32::MAX, -100)])]);
            append(ledger, &[outcome(1, Outcome::Accepted)]);
            append(ledger, &[finished("r")]);
        },
        &[("a", sent(7)), ("b", sent(u32::MAX)), ("c", None)],
    );
}

#[test]
fn an_intent_without_outcome_is_unknown_since_it_was_written() {
    check(|ledger| append(ledger, &[intent(1, 4, &[entry("a", 7, 100)])]), &[("a", unknown(7, 4))]);
}

#[test]
fn an_unknown_outcome_leaves_the_time_of_the_intent() {
    check(
        |ledger| append(ledger, &[intent(1, 4, &[entry("a", 7, 100)]), outcome(1, Outcome::Unknown)]),
        &[("a", unknown(7, 4))],
    );
}

#[test]
fn a_cleared_event_is_free() {
    check(
        |ledger| append(ledger, &[intent(1, 4, &[entry("a", 7, 100)]), outcome(1, Outcome::Cleared)]),
        &[("a", None)],
    );
}

#[test]
fn a_cleared_attempt_leaves_earlier_fates_as_they_were() {
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[entry("a", 1, 100), entry("b", 1, 100)]), outcome(1, Outcome::Unknown)]);
            append(ledger, &[rejected(entry("c", 1, 100))]);
            append(ledger, &[intent(2, 2, &[entry("a", 2, 100), entry("c", 2, 100)]), outcome(2, Outcome::Cleared)]);
        },
        &[("a", unknown(1, 1)), ("b", unknown(1, 1)), ("c", refused(1))],
    );
}

#[test]
fn sent_wins_over_unknown_and_unknown_over_rejected() {
    let (a, b, c) = (entry("a", 1, 100), entry("b", 1, 100), entry("c", 1, 100));
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[a, b]), outcome(1, Outcome::Accepted)]);
            append(ledger, &[intent(2, 2, &[a, c])]);
            append(ledger, &[rejected(a), rejected(b), rejected(c)]);
        },
        &[("a", sent(1)), ("b", sent(1)), ("c", unknown(1, 2))],
    );
    check(
        |ledger| {
            append(ledger, &[rejected(a), rejected(b), rejected(c)]);
            append(ledger, &[intent(1, 1, &[a, c])]);
            append(ledger, &[intent(2, 2, &[a, b]), outcome(2, Outcome::Accepted)]);
        },
        &[("a", sent(1)), ("b", sent(1)), ("c", unknown(1, 1))],
    );
}

#[test]
fn the_earliest_attempt_and_the_latest_payload_count() {
    check(
        |ledger| {
            append(ledger, &[intent(1, 5, &[entry("a", 1, 100)]), outcome(1, Outcome::Unknown)]);
            append(ledger, &[intent(2, 3, &[entry("a", 2, 100)])]);
            append(ledger, &[intent(3, 9, &[entry("a", 3, 100)])]);
            append(ledger, &[intent(4, 1, &[entry("b", 4, 100), entry("c", 9, 100)]), outcome(4, Outcome::Accepted)]);
            append(ledger, &[intent(5, 2, &[entry("b", 9, 100), entry("c", 4, 100)])]);
            append(ledger, &[outcome(5, Outcome::Accepted)]);
        },
        &[("a", unknown(3, 3)), ("b", sent(9)), ("c", sent(4))],
    );
}

#[test]
fn an_unknown_outcome_can_be_settled_and_a_final_one_cannot() {
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[entry("a", 1, 100)]), outcome(1, Outcome::Unknown)]);
            append(ledger, &[intent(2, 1, &[entry("b", 1, 100)]), outcome(2, Outcome::Unknown)]);
            append(ledger, &[outcome(1, Outcome::Accepted), outcome(2, Outcome::Cleared)]);
            for number in [1, 2] {
                for later in [Outcome::Accepted, Outcome::Cleared, Outcome::Unknown] {
                    refuse(ledger, Disorder::OutcomeRepeated, &[outcome(number, later)]);
                }
            }
        },
        &[("a", sent(1)), ("b", None)],
    );
}

#[test]
fn a_decision_settles_an_unknown_outcome_for_good() {
    let (a, b) = (entry("a", 1, 100), entry("b", 2, 100));
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[a]), outcome(1, Outcome::Unknown), intent(2, 2, &[b])]);
            append(ledger, &[outcome(1, Outcome::Dropped), outcome(2, Outcome::Released)]);
            for number in [1, 2] {
                for later in Outcome::ALL {
                    refuse(ledger, Disorder::OutcomeRepeated, &[outcome(number, later)]);
                }
            }
        },
        &[("a", sent(1)), ("b", None)],
    );
}

#[test]
fn what_was_dropped_counts_as_sent_and_what_was_released_leaves_other_attempts_as_they_were() {
    let (a, b) = (entry("a", 1, 100), entry("b", 1, 100));
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[a, b]), intent(2, 5, &[a, b]), intent(3, 6, &[entry("a", 7, 100)])]);
            append(ledger, &[outcome(2, Outcome::Released), outcome(3, Outcome::Dropped)]);
        },
        &[("a", sent(7)), ("b", unknown(1, 1))],
    );
}

/// Someone wants these events to be tried again.
fn pardoned(ids: &[&str]) -> Record {
    Record::Pardoned { keys: ids.iter().map(|id| key(id)).collect(), at: after(40) }
}

#[test]
fn a_refusal_that_was_taken_back_frees_the_event_until_it_is_refused_again() {
    let [a, b, c] = ["a", "b", "c"].map(|id| entry(id, 1, 100));
    check(
        |ledger| {
            append(ledger, &[rejected(a), rejected(entry("b", 3, 100)), rejected(b), rejected(c), intent(1, 1, &[c])]);
            append(ledger, &[pardoned(&["a", "b", "c", "nobody"])]);
            append(ledger, &[pardoned(&["a"]), rejected(a)]);
        },
        &[("a", refused(1)), ("b", None), ("c", unknown(1, 1)), ("nobody", None)],
    );
    check(
        |ledger| {
            append(ledger, &[rejected(a), pardoned(&["a"])]);
            ledger.prune(101).unwrap();
            append(ledger, &[rejected(entry("b", 2, 200))]);
        },
        &[("a", None), ("b", refused(2))],
    );
}

#[test]
fn a_later_refusal_replaces_the_earlier() {
    check(
        |ledger| {
            append(ledger, &[rejected(entry("a", 1, 100))]);
            append(ledger, &[rejected(entry("a", 2, 100)), rejected(entry("b", 2, 100)), rejected(entry("b", 1, 100))]);
            ledger.prune(100).unwrap();
        },
        &[("a", refused(2)), ("b", refused(1))],
    );
}

/// Appends records that are out of order, which must be refused.
fn refuse(ledger: &mut dyn Ledger, expected: Disorder, records: &[Record]) {
    let Err(LedgerError::Io { verb: "written", source, path: _ }) = ledger.append(records) else {
        panic!("{expected:?} was not refused")
    };
    assert_eq!(source.downcast_ref(), Some(&expected));
}

#[test]
fn records_out_of_order_are_refused_and_nothing_of_them_is_stored() {
    check(
        |ledger| {
            append(ledger, &[started("r", 0), intent(1, 1, &[entry("a", 1, 100)]), outcome(1, Outcome::Accepted)]);
            let rest = [rejected(entry("b", 1, 100)), intent(2, 1, &[entry("c", 1, 100)]), started("s", 1)];
            let cases = [
                (Disorder::RunRepeated, started("r", 5)),
                (Disorder::RunNotUnderWay, finished("t")),
                (Disorder::EmptyIntent, intent(3, 1, &[])),
                (Disorder::IntentRepeated, intent(1, 1, &[entry("d", 1, 100)])),
                (Disorder::OutcomeWithoutIntent, outcome(9, Outcome::Accepted)),
                (Disorder::OutcomeRepeated, outcome(1, Outcome::Unknown)),
            ];
            for (disorder, record) in cases {
                refuse(ledger, disorder, &[rest.as_slice(), &[record]].concat());
            }
            append(ledger, &[finished("r"), started("s", 1)]);
            refuse(ledger, Disorder::RunNotUnderWay, &[finished("r")]);
        },
        &[("a", sent(1)), ("b", None), ("c", None), ("d", None)],
    );
}

#[test]
fn records_of_one_append_may_build_on_each_other() {
    let all = [
        started("r", 0),
        intent(1, 1, &[entry("a", 1, 100)]),
        outcome(1, Outcome::Accepted),
        rejected(entry("b", 1, 100)),
        finished("r"),
    ];
    check(|ledger| append(ledger, &all), &[("a", sent(1)), ("b", refused(1))]);
}

#[test]
fn events_before_the_window_are_not_read() {
    let (a, b) = (entry("a", 1, 99), entry("b", 1, 100));
    check_since(
        100,
        |ledger| {
            append(ledger, &[intent(1, 1, &[a, b]), outcome(1, Outcome::Accepted)]);
            append(ledger, &[intent(2, 1, &[entry("c", 1, 99), entry("d", 1, 100)])]);
            append(ledger, &[rejected(entry("e", 1, 99)), rejected(entry("f", 1, 100))]);
        },
        &[("a", None), ("b", sent(1)), ("c", None), ("d", unknown(1, 1)), ("e", None), ("f", refused(1))],
    );
}

#[test]
fn pruning_forgets_whole_batches_and_keeps_younger_ones() {
    check(
        |ledger| {
            append(ledger, &[started("r", 0), intent(1, 1, &[entry("a", 1, 10), entry("b", 1, 99)])]);
            append(ledger, &[outcome(1, Outcome::Accepted), intent(2, 1, &[entry("c", 1, 10), entry("d", 1, 100)])]);
            append(ledger, &[outcome(2, Outcome::Accepted), intent(3, 1, &[entry("e", 1, 99)])]);
            append(ledger, &[rejected(entry("f", 1, 99)), rejected(entry("g", 1, 100))]);
            ledger.prune(100).unwrap();
            refuse(ledger, Disorder::OutcomeWithoutIntent, &[outcome(3, Outcome::Accepted)]);
            append(ledger, &[intent(4, 1, &[entry("h", 1, 100)])]);
        },
        &[
            ("a", None),
            ("b", None),
            ("c", sent(1)),
            ("d", sent(1)),
            ("e", None),
            ("f", None),
            ("g", refused(1)),
            ("h", unknown(1, 1)),
        ],
    );
}

#[test]
fn pruning_forgets_runs_of_which_nothing_is_left_but_never_the_last() {
    let is_held = |ledger: &mut dyn Ledger, name: &str| ledger.append(&[finished(name)]).is_ok();
    check(
        |ledger| {
            append(ledger, &[started("r", 0), started("s", 1), started("t", 2), started("u", 3)]);
            append(ledger, &[intent(1, 1, &[entry("a", 1, start().timestamp() + 3)])]);
            ledger.prune(start().timestamp() + 2).unwrap();
            assert!(is_held(ledger, "r"), "a batch of it is left");
            assert!(!is_held(ledger, "s"));
            assert!(is_held(ledger, "t"));
            ledger.prune(i64::MAX).unwrap();
            assert!(is_held(ledger, "u"));
            assert!(!ledger.is_new().unwrap());
        },
        &[("a", None)],
    );
}

#[test]
fn pruning_with_the_least_time_forgets_nothing() {
    check(
        |ledger| {
            append(ledger, &[intent(1, 1, &[entry("a", 1, i64::MIN)]), rejected(entry("b", 1, i64::MIN))]);
            ledger.prune(i64::MIN).unwrap();
        },
        &[("a", unknown(1, 1)), ("b", refused(1))],
    );
}
