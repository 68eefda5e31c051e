//! One run at a time per state file: a lock that the operating system takes back when the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use super::{LedgerError, cause};

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
        match file.try_lock() {
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
    let mut text = String::new();
    let is_read = file.rewind().and_then(|()| file.take(100).read_to_string(&mut text)).is_ok();
    let parts = text.trim_end().split_once(' ');
    match parts {
        Some((process, started)) if is_read => match (process.parse::<u32>(), DateTime::parse_from_rfc3339(started)) {
            (Ok(process), Ok(started)) => {
                let started = started.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("process {process}, started {started}")
            }
            _ => "a process that did not leave its number".into(),
        },
        _ => "a process that did not leave its number".into(),
    }
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
