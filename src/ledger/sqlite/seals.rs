//! The seals of the tables' rows: which cells each covers.

use super::format::Seal;
use crate::ledger::{Answer, Entry};

/// The seal of a batch; `extent` is how many events it has, its first and its last event time.
pub(super) fn seal_batch(id: i64, run: &str, number: u32, at: i64, extent: (i64, i64, i64), bytes: &[u8]) -> u32 {
    let (events, first, last) = extent;
    let seal = Seal::default().number(id).text(run).number(number).number(at);
    seal.number(events).number(first).number(last).bytes(bytes).sum()
}

/// The seal of an outcome.
pub(super) fn seal_outcome(batch: i64, at: i64, word: &str, requests: u32, answer: &Answer) -> u32 {
    seal_answer(Seal::default().number(batch).number(at).text(word).number(requests), answer)
}

/// The seal of a refused event.
pub(super) fn seal_reject(entry: &Entry, words: [&str; 3], answer: &Answer, at: i64) -> u32 {
    let Entry { key, fingerprint, event_time } = entry;
    let mut seal = Seal::default().bytes(&key.0).number(fingerprint.0).number(*event_time).number(at);
    for word in words {
        seal = seal.text(word);
    }
    seal_answer(seal, answer)
}

/// The seal of a refusal that was taken back.
pub(super) fn seal_pardon(reject: i64, at: i64) -> u32 {
    Seal::default().number(reject).number(at).sum()
}

/// Adds an answer to a seal and closes it.
fn seal_answer(seal: Seal, answer: &Answer) -> u32 {
    let Answer { status, code, subcode, trace } = answer;
    seal.option(*status).option(*code).option(*subcode).text(trace.as_deref().unwrap_or_default()).sum()
}
