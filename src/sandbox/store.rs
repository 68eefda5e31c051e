//! What the sandbox received: counters, the keys of events, and the record file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::call::Purpose;
use super::event::{Event, Glance, Text};
use super::refusal::Refusal;

/// How long Meta remembers an event. Source: deduplicate pixel and server events (48 hours from the first receipt).
const MEMORY_SECONDS: i64 = 48 * 3600;

/// What the sandbox has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests to the events edge, accepted or not.
    pub requests: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// Refused requests by code and subcode, as `100/2804003`.
    pub refused_by_code: BTreeMap<String, u64>,
    /// Requests whose token stood in the URL, where logs keep it.
    pub token_in_url: u64,
    /// Events accepted, copies included.
    pub received: u64,
    /// Events accepted that were new by dataset, name and id within 48 hours.
    pub unique: u64,
    /// Events accepted without an id; each counts as new.
    pub without_id: u64,
    /// Events accepted that were not new: what Meta might count twice.
    pub duplicates: u64,
    /// Events accepted with a test event code.
    pub test_events: u64,
    /// What went wrong on request, by kind.
    pub faults: BTreeMap<String, u64>,
}

/// An event that was accepted more than once, whenever that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// The dataset that it was for.
    pub dataset_id: String,
    /// Its name.
    pub event_name: String,
    /// Its id.
    pub event_id: String,
    /// How often it was accepted.
    pub times: u64,
}

/// A key by which copies of an event are found, as a digest.
pub(crate) type Key = [u8; 16];

/// A batch that passed every rule.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// The dataset it is for.
    pub(crate) dataset_id: &'a str,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// When it arrived, in seconds.
    pub(crate) received_at: i64,
    /// The JSON of each event.
    pub(crate) events: Vec<Cow<'a, str>>,
    /// The key of each event that has an id.
    pub(crate) keys: Vec<Option<Key>>,
}

/// Everything that is remembered.
#[derive(Debug)]
pub(crate) struct Store {
    kept: Mutex<Kept>,
}

/// What stands behind the lock.
#[derive(Debug)]
struct Kept {
    stats: Stats,
    remembered: HashMap<Key, Remembered, BuildHasherDefault<FirstBytes>>,
    /// How often those were accepted that were accepted more than once, by dataset, name and id.
    repeated: BTreeMap<(String, String, String), u64>,
    record: Option<File>,
    lines: Vec<u8>,
}

/// What is known of an event.
#[derive(Debug)]
struct Remembered {
    /// When the 48 hours began.
    since: i64,
    /// How often it was accepted.
    times: u64,
}

/// What remembering an event found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    is_new: bool,
    times: u64,
}

/// Hashes a key, which is a digest already, by its first eight bytes.
#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Store {
    /// Opens the record file, if one is wanted. What it holds stays.
    pub(crate) fn open(record: Option<&Path>) -> io::Result<Self> {
        let record = record.map(|path| record_options().open(path)).transpose()?;
        let kept = Kept {
            stats: Stats::default(),
            remembered: HashMap::default(),
            repeated: BTreeMap::new(),
            record,
            lines: Vec::new(),
        };
        Ok(Self { kept: Mutex::new(kept) })
    }

    /// Keeps a batch, whole: once this returns, a crash of the client loses nothing of it.
    pub(crate) fn commit(&self, batch: &Batch<'_>) -> io::Result<()> {
        let mut kept = self.lock();
        kept.record(batch)?;
        let count = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
        kept.stats.received += count;
        if batch.purpose == Purpose::Test {
            kept.stats.test_events += count;
        }
        for (key, json) in batch.keys.iter().zip(&batch.events) {
            let Some(key) = key else {
                kept.stats.without_id += 1;
                kept.stats.unique += 1;
                continue;
            };
            let found = kept.remember(*key, batch.received_at);
            kept.stats.unique += u64::from(found.is_new);
            kept.stats.duplicates += u64::from(!found.is_new);
            if found.times > 1 {
                kept.name_repeated(batch.dataset_id, json, found.times);
            }
        }
        Ok(())
    }

    /// Counts something that went wrong on request.
    pub(crate) fn count_fault(&self, kind: &str) {
        *self.lock().stats.faults.entry(kind.to_owned()).or_default() += 1;
    }

    /// The events that were accepted more than once.
    pub(crate) fn repeated(&self) -> Vec<Repeated> {
        let kept = self.lock();
        let repeated = kept.repeated.iter().map(|((dataset_id, event_name, event_id), times)| Repeated {
            dataset_id: dataset_id.clone(),
            event_name: event_name.clone(),
            event_id: event_id.clone(),
            times: *times,
        });
        repeated.collect()
    }

    /// How often an event was accepted.
    pub(crate) fn times(&self, dataset_id: &str, event_name: &str, event_id: &str) -> u64 {
        let key = key_of(dataset_id, event_name, event_id);
        self.lock().remembered.get(&key).map_or(0, |remembered| remembered.times)
    }

    /// Counts a request.
    pub(crate) fn count_request(&self) {
        self.lock().stats.requests += 1;
    }

    /// Counts a token in a URL.
    pub(crate) fn count_token_in_url(&self) {
        self.lock().stats.token_in_url += 1;
    }

    /// Counts a refusal.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        let mut kept = self.lock();
        kept.stats.refused += 1;
        *kept.stats.refused_by_code.entry(refusal.codes()).or_default() += 1;
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> Stats {
        self.lock().stats.clone()
    }

    /// Forgets counters and keys; the record file stays.
    pub(crate) fn reset(&self) {
        let mut kept = self.lock();
        kept.stats = Stats::default();
        kept.remembered.clear();
        kept.repeated.clear();
    }

    /// Takes the lock. A thread that died holding it left whole numbers behind.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Appends a batch to the record file in one write.
    fn record(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        let Some(file) = &mut self.record else { return Ok(()) };
        self.lines.clear();
        for event in &batch.events {
            // A dataset id is digits only. Between the tokens of an event there may be line breaks.
            write!(
                self.lines,
                r#"{{"dataset_id":"{}","received_at":{},"event":"#,
                batch.dataset_id, batch.received_at
            )?;
            self.lines.extend(event.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
            self.lines.extend_from_slice(b"}\n");
        }
        file.write_all(&self.lines)
    }

    /// Remembers a key and says what was known of it.
    fn remember(&mut self, key: Key, now: i64) -> Found {
        let remembered = self.remembered.entry(key).or_insert(Remembered { since: i64::MIN, times: 0 });
        remembered.times += 1;
        let is_new = now.saturating_sub(remembered.since) >= MEMORY_SECONDS;
        if is_new {
            remembered.since = now;
        }
        Found { is_new, times: remembered.times }
    }

    /// Writes down by name how often an event was accepted.
    fn name_repeated(&mut self, dataset_id: &str, json: &str, times: u64) {
        let Ok(glance) = serde_json::from_str::<Glance<'_>>(json) else { return };
        let name = glance.event_name.map(|name| name.0.into_owned()).unwrap_or_default();
        let id = glance.event_id.map(|id| id.0.into_owned()).unwrap_or_default();
        self.repeated.insert((dataset_id.to_owned(), name, id), times);
    }
}

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// Makes the key of an event, if it has an id.
///
/// Source: deduplicate pixel and server events: same dataset, event name and event id.
pub(crate) fn key(dataset_id: &str, event: &Event<'_>) -> Option<Key> {
    let id = event.id.as_ref().filter(|id| !id.is_blank())?;
    let name = event.name.as_ref().map_or("", Text::as_str);
    Some(key_of(dataset_id, name, id.as_str()))
}

/// Makes a key of its parts.
fn key_of(dataset_id: &str, name: &str, id: &str) -> Key {
    let mut hash = Sha256::new();
    for part in [dataset_id, name, id] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    *hash.finalize().first_chunk().expect("a SHA-256 digest has 32 bytes")
}

/// How the record file is opened: for its owner only, since hashed personal data is personal data.
fn record_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(store: &Store, dataset_id: &str, received_at: i64, events: &[&str]) {
        let keys = events.iter().map(|json| key(dataset_id, &serde_json::from_str(json).unwrap())).collect();
        let events = events.iter().map(|json| Cow::Borrowed(*json)).collect();
        store.commit(&Batch { dataset_id, purpose: Purpose::Live, received_at, events, keys }).unwrap();
    }

    #[test]
    fn copies_are_told_from_new_events() {
        let store = Store::open(None).unwrap();
        let check = |dataset: &str, at: i64, json: &str, unique: u64| {
            commit(&store, dataset, at, &[json]);
            assert_eq!(store.stats().unique, unique, "{dataset} {at} {json}");
        };
        let event = r#"{"event_name":"Lead","event_id":"e-1"}"#;
        check("1", 1_000, event, 1);
        check("1", 1_001, event, 1);
        check("2", 1_001, event, 2);
        check("1", 1_001, r#"{"event_name":"Purchase","event_id":"e-1"}"#, 3);
        check("1", 1_001, r#"{"event_name":"Lead","event_id":"e-2"}"#, 4);
        check("1", 1_001, r#"{"event_name":"Leade","event_id":"-1"}"#, 5);
        check("1", 1_001, r#"{"event_name":"Lead"}"#, 6);
        check("1", 1_001, r#"{"event_name":"Lead","event_id":""}"#, 7);
        check("1", 1_000 + MEMORY_SECONDS - 1, event, 7);
        check("1", 1_000 + MEMORY_SECONDS, event, 8);
        let stats = store.stats();
        assert_eq!((stats.received, stats.without_id, stats.duplicates), (10, 2, 2));
        let repeated = Repeated { dataset_id: "1".into(), event_name: "Lead".into(), event_id: "e-1".into(), times: 4 };
        assert_eq!(store.repeated(), [repeated]);
        assert_eq!([store.times("1", "Lead", "e-1"), store.times("2", "Lead", "e-1")], [4, 1]);
        assert_eq!(store.times("2", "Lead", "e-2"), 0);
        store.reset();
        assert_eq!(store.stats(), Stats::default());
        check("1", 1_001, event, 1);
    }

    #[test]
    fn the_record_has_a_line_for_each_event() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.ndjson");
        let store = Store::open(Some(&path)).unwrap();
        commit(&store, "12", 7, &["{\"event_name\":\r\n\"Lead\"}", r#"{"event_name":"a\nb"}"#]);
        drop(store);
        commit(&Store::open(Some(&path)).unwrap(), "13", 8, &["{}"]);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            concat!(
                r#"{"dataset_id":"12","received_at":7,"event":{"event_name":  "Lead"}}"#,
                "\n",
                r#"{"dataset_id":"12","received_at":7,"event":{"event_name":"a\nb"}}"#,
                "\n",
                r#"{"dataset_id":"13","received_at":8,"event":{}}"#,
                "\n",
            )
        );
    }
}
