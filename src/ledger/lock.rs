//! One run at a time per state file: a lock that the operating system takes back when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{LedgerError, cause};

/// How long and how often a taker waits for someone who only looks: many times longer than a look takes.
const PROBE: Duration = Duration::from_millis(5);
const PROBES: u32 = 4;

/// The lock of a state file, held until dropped.
///
/// The lock file stays: removing it would let two runs hold locks on two files of the same name.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough while another process that was just forked still has the file open.
        drop(self.file.unlock());
    }
}

impl Lock {
    /// Takes the lock of a state file without waiting, and writes down who holds it.
    pub(super) fn take(state: &Path, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        let path = beside(state, ".lock");
        let io = |source: io::Error| LedgerError::Io {
            path: state.display().to_string(),
            verb: "locked",
            source: Box::new(cause::of_system(&path, source)),
        };
        let mut file = private().create(true).truncate(false).open(&path).map_err(io)?;
        match take_past_probes(&file, || thread::sleep(PROBE)) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Locked { path: state.display().to_string(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        let started = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        writeln!(file, "{} {started}", std::process::id()).map_err(io)?;
        Ok(Self { file })
    }
}

/// Who holds the lock of a state file, as far as the lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The number of its process.
    pub process: Option<u32>,
    /// When it took the lock.
    pub started: Option<DateTime<Utc>>,
}

impl LockHolder {
    /// Looks who holds the lock of a state file, without making or changing a file.
    ///
    /// For a moment the lock is shared with whoever else looks; a run that wants it just then tries again.
    pub fn of(state: &Path) -> Option<Self> {
        let state = state.canonicalize().ok()?;
        let mut file = File::open(beside(&state, ".lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let (process, started) = written_holder(&mut file).unzip();
                Some(Self { process, started })
            }
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

/// Takes a lock that someone who only looks may share for a moment.
fn take_past_probes(file: &File, mut pause: impl FnMut()) -> Result<(), TryLockError> {
    for _ in 0..PROBES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => pause(),
            result => return result,
        }
    }
    file.try_lock()
}

/// The path of a file that stands beside the state file.
pub(super) fn beside(state: &Path, ending: &str) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Options that open a file for reading and writing and create it for its owner only.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Says who holds the lock, if the lock file says it in the form in which it is written here.
fn holder(file: &mut File) -> String {
    match written_holder(file) {
        Some((process, started)) => {
            format!("process {process}, started {}", started.to_rfc3339_opts(SecondsFormat::Secs, true))
        }
        None => "a process that did not leave its number".into(),
    }
}

/// Reads who holds the lock and since when.
fn written_holder(file: &mut File) -> Option<(u32, DateTime<Utc>)> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.take(100).read_to_string(&mut text)).ok()?;
    let (process, started) = text.trim_end().split_once(' ')?;
    Some((process.parse().ok()?, DateTime::parse_from_rfc3339(started).ok()?.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_446_541, 0).unwrap()
    }

    fn holder_seen(state: &Path) -> String {
        match Lock::take(state, now()) {
            Err(error @ LedgerError::Locked { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_second_taker_learns_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        let lock = Lock::take(&state, now()).unwrap();
        let expected = format!(
            "another run is using {}: process {}, started 2026-11-23T15:09:01Z",
            state.display(),
            std::process::id()
        );
        assert_eq!(holder_seen(&state), expected);
        drop(lock);
        Lock::take(&state, now()).unwrap();
    }

    #[test]
    fn whoever_looks_learns_who_holds_it_and_hinders_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        std::fs::write(&state, "").unwrap();
        assert_eq!(LockHolder::of(&state), None, "there is no lock file");
        assert!(!beside(&state, ".lock").exists());
        let lock = Lock::take(&state, now()).unwrap();
        let expected = LockHolder { process: Some(std::process::id()), started: Some(now()) };
        assert_eq!(LockHolder::of(&state), Some(expected));
        drop(lock);
        assert_eq!(LockHolder::of(&state), None, "the text of the last holder is left, the lock is not");
        let looking = File::open(beside(&state, ".lock")).unwrap();
        looking.try_lock_shared().unwrap();
        let taker = File::open(beside(&state, ".lock")).unwrap();
        assert!(take_past_probes(&taker, || {}).is_err(), "whoever never looks away is waited for only so long");
        take_past_probes(&taker, || looking.unlock().unwrap()).unwrap();
    }

    #[test]
    fn a_lockfile_with_other_text_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        let _lock = Lock::take(&state, now()).unwrap();
        for text in ["", "\u{1b}[2J", "12 yesterday", "x 2026-11-23T15:09:01Z", &"9".repeat(500)] {
            std::fs::write(beside(&state, ".lock"), text).unwrap();
            assert!(holder_seen(&state).ends_with("a process that did not leave its number"), "{text:?}");
        }
    }
}
