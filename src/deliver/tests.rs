//! The machine, told stories in a tiny language.

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
        &[Verdict::Refused(Some(1)), taken, taken, refused],
        resend,
        "intend 0..4, post, Divided 0..4, intend 0..1, post, Accepted 0..1, intend 2..4, post, Accepted 2..4, \
         intend 1..2, post, Rejected 1..2",
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
fn exactly_the_bad_events_are_rejected_at_a_bounded_price() {
    for bad in [vec![0], vec![999], vec![500], vec![3, 4], vec![0, 250, 999]] {
        let mut requests = 0;
        let told = story(1_000, OnUnknown::Resend, |part| {
            requests += 1;
            if bad.iter().any(|bad| part.contains(bad)) { Verdict::Refused(None) } else { Verdict::Accepted }
        });
        let rejected: Vec<String> = bad.iter().map(|bad| format!("Rejected {bad}..{}", bad + 1)).collect();
        assert_eq!(told.matches("Rejected").count(), bad.len());
        assert!(rejected.iter().all(|rejected| told.contains(rejected)), "{bad:?}");
        // Twice the binary logarithm of 1,000 for each culprit, and the first request.
        assert!(requests <= 1 + 20 * bad.len(), "{requests} requests for {bad:?}");
    }
}
