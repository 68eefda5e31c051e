//! Says in the words of its user what stands in the way of a state file.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What stands in the way, with what the system said as its source.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Cause {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Explains an error of the operating system about a file that was to be made, opened or written.
pub(super) fn of_system(path: &Path, error: io::Error) -> Cause {
    let shown = path.display();
    let (there, is_itself) = nearest_there(path);
    let what = match error.kind() {
        io::ErrorKind::IsADirectory => format!("{shown} is a directory, not a file"),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            format!("{} is a file, not a folder", there.display())
        }
        io::ErrorKind::PermissionDenied if is_itself => format!("the file {shown} is not writable for this user"),
        io::ErrorKind::PermissionDenied => format!("the folder {} is not writable for this user", there.display()),
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("the folder {} lies on a read-only file system", folder_of(path).display())
        }
        io::ErrorKind::StorageFull => format!("the disk of {shown} is full"),
        io::ErrorKind::QuotaExceeded => format!("the disk quota of this user is used up at {shown}"),
        kind => format!("the system refused {shown} ({kind})"),
    };
    Cause { what, source: Box::new(error) }
}

/// Explains an error of `SQLite` about a state file.
/// Source: `SQLite`, "Result and Error Codes".
pub(super) fn of_sqlite(path: &Path, error: rusqlite::Error) -> Cause {
    let folder = folder_of(path);
    let folder = folder.display();
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            format!("the file, or the -wal and -shm files beside it, cannot be opened or made in the folder {folder}")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("the file or its folder {folder} is not writable for this user")
        }
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program is using the file".to_owned(),
        Some(ErrorCode::SystemIoFailure) => "the disk failed".to_owned(),
        Some(ErrorCode::OutOfMemory) => "there is not enough memory".to_owned(),
        Some(ErrorCode::FileLockingProtocolFailed) => "the file system does not keep locks".to_owned(),
        Some(_) | None => "the file could not be used as the database that it is".to_owned(),
    };
    Cause { what, source: Box::new(error) }
}

/// Gives the folder of a file.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// Gives the path, or of the folders above it the nearest that is there, and whether it is the path itself.
fn nearest_there(path: &Path) -> (PathBuf, bool) {
    if path.symlink_metadata().is_ok() {
        return (path.to_owned(), true);
    }
    let mut folder = folder_of(path);
    while folder.symlink_metadata().is_err() && folder != Path::new(".") {
        folder = folder_of(&folder);
    }
    (folder, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_named() {
        use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem, TimedOut};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let root = folder.path().display();
        let check = |name: &str, kind: io::ErrorKind, expected: String| {
            assert_eq!(of_system(&at(name), kind.into()).to_string(), expected, "{name} {kind}");
        };
        check("s.db.lock", PermissionDenied, format!("the folder {root} is not writable for this user"));
        check("folder/a/b/s.db", PermissionDenied, format!("the folder {root}/folder is not writable for this user"));
        check("file", PermissionDenied, format!("the file {root}/file is not writable for this user"));
        check("file/s.db", NotADirectory, format!("{root}/file is a file, not a folder"));
        check("folder", io::ErrorKind::IsADirectory, format!("{root}/folder is a directory, not a file"));
        check("s.db", ReadOnlyFilesystem, format!("the folder {root} lies on a read-only file system"));
        check("s.db", TimedOut, format!("the system refused {root}/s.db (timed out)"));
        let relative = of_system(Path::new("nowhere/s.db"), PermissionDenied.into());
        assert_eq!(relative.to_string(), "the folder . is not writable for this user");
    }

    #[test]
    fn the_words_of_sqlite_come_second() {
        let code = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        for (error, expected) in [
            (code(rusqlite::ffi::SQLITE_FULL), "the disk is full"),
            (code(rusqlite::ffi::SQLITE_READONLY), "the file or its folder /x is not writable for this user"),
            (
                code(rusqlite::ffi::SQLITE_CANTOPEN),
                "the file, or the -wal and -shm files beside it, cannot be opened or made in the folder /x",
            ),
        ] {
            let cause = of_sqlite(Path::new("/x/s.db"), error);
            assert_eq!(cause.to_string(), expected);
            assert!(cause.source().is_some_and(|source| source.to_string() != expected));
        }
    }
}
