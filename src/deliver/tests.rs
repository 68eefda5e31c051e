//! The machine, told stories in a tiny language.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::meta::answer::Delivery as Arrival;

const LOST: Verdict = Verdict::Retry(Arrival::Possible);
const UNREACHED: Verdict = Verdict::Retry(Arrival::Excluded);

/// Drives a batch of `events` events with an answer for each post, and tells what was done in a line.
fn story(events: usize, on_unknown: OnUnknown, mut answer: impl FnMut(Range<usize>) -> Verdict) -> String {
    let mut delivery = Delivery::new(events, on_unknown);
    let mut told = Vec::new();
    let mut effect = delivery.step(Happening::Begun);
    loop {
        assert!(told.len() < 10_000, "the delivery never ends");
        let happening = match effect {
            Effect::Intend(part) => {
                told.push(format!("intend {part:?}"));
                Happening::Recorded
            }
            Effect::Post(part) => {
                told.push("post".to_owned());
                Happening::Answered(answer(part))
            }
            Effect::Wait { failed, scope, .. } => {
                told.push(format!("wait {failed}{}", if scope == Scope::All { " all" } else { "" }));
                Happening::Waited
            }
            Effect::Settle(settlement) => {
                let doubt = if settlement.is_possible_duplicate { " twice?" } else { "" };
                told.push(format!("{:?} {:?}{doubt}", settlement.fate, settlement.part));
                Happening::Recorded
            }
            Effect::End => return told.join(", "),
        };
        effect = delivery.step(happening);
    }
}

fn check(answers: &[Verdict], on_unknown: OnUnknown, expected: &str) {
    let mut answers = answers.iter().copied();
    assert_eq!(story(4, on_unknown, |_| answers.next().expect("the story has an answer for each post")), expected);
}

#[test]
fn stories_of_one_batch() {
    let resend = OnUnknown::Resend;
    let taken = Verdict::Accepted;
    check(&[taken], resend, "intend 0..4, post, Accepted 0..4");
    check(&[UNREACHED, taken], resend, "intend 0..4, post, wait 1, post, Accepted 0..4");
    check(&[LOST, taken], resend, "intend 0..4, post, wait 1, post, Accepted 0..4 twice?");
    check(&[LOST], OnUnknown::Hold, "intend 0..4, post, Unknown 0..4");
    check(&[UNREACHED, LOST], OnUnknown::Hold, "intend 0..4, post, wait 1, post, Unknown 0..4");
    check(
        &[UNREACHED; 5],
        resend,
        "intend 0..4, post, wait 1, post, wait 2, post, wait 3, post, wait 4, post, Pending 0..4",
    );
    check(&[Verdict::Throttled(None), taken], resend, "intend 0..4, post, wait 1 all, post, Accepted 0..4");
    let long = Verdict::Throttled(Some(Duration::from_secs(601)));
    check(&[long], resend, "intend 0..4, post, Pending 0..4");
    check(&[LOST, long], resend, "intend 0..4, post, wait 1, post, Unknown 0..4 twice?");
    check(&[Verdict::Unclear], resend, "intend 0..4, post, Unknown 0..4");
    check(&[Verdict::Stop(Stop::Token)], resend, "intend 0..4, post, Pending 0..4");
    check(&[LOST, Verdict::Stop(Stop::Token)], resend, "intend 0..4, post, wait 1, post, Unknown 0..4 twice?");
    let refused = Verdict::Refused(None);
    check(
        &[refused, taken, refused, refused, taken],
        resend,
        "intend 0..4, post, Divided 0..4, intend 0..2, post, Accepted 0..2, intend 2..4, post, Divided 2..4, \
         intend 2..3, post, Rejected 2..3, intend 3..4, post, Accepted 3..4",
    );
    check(
        &[Verdict::Refused(Some(1)), refused, taken, taken],
        resend,
        "intend 0..4, post, Divided 0..4, intend 1..2, post, Rejected 1..2, intend 0..1, post, Accepted 0..1, \
         intend 2..4, post, Accepted 2..4",
    );
    check(
        &[refused, taken, Verdict::Stop(Stop::Token)],
        resend,
        "intend 0..4, post, Divided 0..4, intend 0..2, post, Accepted 0..2, intend 2..4, post, Pending 2..4",
    );
}

#[test]
fn bad_events_that_stand_together_do_not_hide_the_good_ones() {
    let (mut accepted, mut rejected) = (0, 0);
    story(1_000, OnUnknown::Resend, |part| {
        if part.start < 40 {
            rejected += usize::from(part.len() == 1);
            assert!(rejected <= 20 || accepted > rejected, "most seem bad after {rejected} of 40");
            return Verdict::Refused(None);
        }
        accepted += part.len();
        Verdict::Accepted
    });
    assert_eq!((accepted, rejected), (960, 40));
}

#[test]
fn a_halt_ends_a_wait_without_losing_what_is_known() {
    let mut delivery = Delivery::new(2, OnUnknown::Resend);
    delivery.step(Happening::Begun);
    delivery.step(Happening::Recorded);
    let wait = delivery.step(Happening::Answered(LOST));
    assert!(matches!(wait, Effect::Wait { .. }));
    let Effect::Settle(settlement) = delivery.step(Happening::Halted) else { panic!("a halt settles") };
    assert_eq!((settlement.fate, settlement.part), (PartFate::Unknown, 0..2));
    assert_eq!(delivery.step(Happening::Recorded), Effect::End);
}

#[test]
fn an_error_that_nobody_knows_rejects_no_event() {
    let (unknown, taken) = (Verdict::Unfamiliar, Verdict::Accepted);
    let bad = "intend 2..4, post, Divided 2..4, intend 2..3, post, Pending 2..3, intend 3..4, post, Accepted 3..4";
    check(
        &[unknown, taken, unknown, unknown, taken],
        OnUnknown::Resend,
        &format!("intend 0..4, post, Divided 0..4, intend 0..2, post, Accepted 0..2, {bad}"),
    );
    // Parts of what may have been taken are not told from the rest any more.
    check(&[LOST, unknown], OnUnknown::Resend, "intend 0..4, post, wait 1, post, Unknown 0..4 twice?");
}

#[test]
fn without_budget_a_part_is_left_and_the_rest_goes_on() {
    let check = |answer, expected| {
        let mut delivery = Delivery::new(2, OnUnknown::Resend);
        for happening in [Happening::Begun, Happening::Recorded, Happening::Answered(Verdict::Refused(None))] {
            delivery.step(happening);
        }
        assert_eq!(delivery.step(Happening::Recorded), Effect::Intend(0..1));
        delivery.step(Happening::Recorded);
        assert!(matches!(delivery.step(Happening::Answered(answer)), Effect::Wait { .. }));
        let Effect::Settle(settlement) = delivery.step(Happening::GivenUp) else { panic!("what is left is settled") };
        assert_eq!((settlement.fate, settlement.part), (expected, 0..1));
        assert_eq!(delivery.step(Happening::Recorded), Effect::Intend(1..2));
    };
    check(UNREACHED, PartFate::Pending);
    check(Verdict::Throttled(None), PartFate::Pending);
    check(LOST, PartFate::Unknown);
}

#[test]
fn a_name_that_is_to_be_held_is_held_whatever_else_is_said() {
    let (resend, hold) = (OnUnknown::Resend, OnUnknown::Hold);
    let check = |usual, stated: &[OnUnknown], expected| {
        let by_name = stated.iter().map(|policy| ("Purchase".to_owned(), *policy)).collect();
        let policy = UnknownPolicy { usual, by_name };
        assert_eq!((policy.of("Purchase"), policy.of("Lead")), (expected, usual), "{stated:?}");
    };
    check(resend, &[], resend);
    check(hold, &[], hold);
    check(resend, &[hold], hold);
    check(hold, &[resend], resend);
    check(resend, &[resend, hold], hold);
    check(resend, &[hold, resend], hold);
}

/// How Meta blames an event of a request that it refuses.
#[derive(Debug, Clone, Copy)]
enum Blames {
    /// Not at all.
    Nobody,
    /// The first that is bad.
    TheFirstBad,
    /// One that stands at a fixed place, whether it is bad or not.
    Whoever(usize),
}

/// Delivers a batch of which some events are bad; gives the events that were accepted and rejected, and the requests.
fn isolate(events: usize, bad: &BTreeSet<usize>, blames: Blames) -> (BTreeSet<usize>, BTreeSet<usize>, usize) {
    let mut delivery = Delivery::new(events, OnUnknown::Resend);
    let (mut accepted, mut rejected, mut requests) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut happening = Happening::Begun;
    loop {
        happening = match delivery.step(happening) {
            Effect::Intend(_) => Happening::Recorded,
            Effect::Post(part) => {
                requests += 1;
                let named = bad.range(part.clone()).next().map(|first| match blames {
                    Blames::Nobody => None,
                    Blames::TheFirstBad => Some(first - part.start),
                    Blames::Whoever(place) => Some(place % part.len()),
                });
                Happening::Answered(named.map_or(Verdict::Accepted, Verdict::Refused))
            }
            Effect::Settle(Settlement { part, fate, .. }) => {
                match fate {
                    PartFate::Accepted => part.for_each(|event| assert!(accepted.insert(event), "accepted twice")),
                    PartFate::Rejected => part.for_each(|event| assert!(rejected.insert(event), "rejected twice")),
                    PartFate::Divided => {}
                    PartFate::Pending | PartFate::Unknown => panic!("{fate:?}"),
                }
                Happening::Recorded
            }
            Effect::Wait { .. } => panic!("nothing to wait for"),
            Effect::End => return (accepted, rejected, requests),
        };
    }
}

/// Twice the binary logarithm of a batch's size, rounded up, and one: what a bad event may cost.
fn price(events: usize) -> usize {
    2 * usize::try_from(events.next_power_of_two().ilog2()).unwrap() + 1
}

proptest! {
    #[test]
    fn fm_40_exactly_the_bad_events_are_rejected_at_a_bounded_price(
        events in 1usize..=1_000,
        bad in proptest::collection::btree_set(0usize..1_000, 0..12),
        place in 0usize..1_000,
    ) {
        let bad: BTreeSet<usize> = bad.into_iter().filter(|event| *event < events).collect();
        let good: BTreeSet<usize> = (0..events).filter(|event| !bad.contains(event)).collect();
        for (blames, extra) in [
            (Blames::Nobody, 0),
            (Blames::TheFirstBad, 0),
            // The innocent event, and the part that it cut in two instead of in the middle.
            (Blames::Whoever(place), 2),
            (Blames::Whoever(0), 2),
        ] {
            let (accepted, rejected, requests) = isolate(events, &bad, blames);
            prop_assert_eq!(&accepted, &good);
            prop_assert_eq!(&rejected, &bad);
            let most = 1 + bad.len() * price(events) + extra;
            prop_assert!(requests <= most, "{} requests of at most {} for {:?}, {:?}", requests, most, bad, blames);
        }
    }
}

#[test]
fn fm_40_a_blame_that_is_right_costs_three_requests() {
    assert_eq!(isolate(1_000, &BTreeSet::from([500]), Blames::TheFirstBad).2, 4);
    assert_eq!(isolate(1_000, &BTreeSet::from([0]), Blames::TheFirstBad).2, 3);
    assert_eq!(isolate(1_000, &BTreeSet::from([0, 999]), Blames::TheFirstBad).2, 5);
}
