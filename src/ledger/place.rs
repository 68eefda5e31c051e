//! Whether a file is still the one that was opened under its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A name and the file that it led to.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    identity: Identity,
}

/// What tells files apart: device and inode, where there are such things.
type Identity = Option<(u64, u64)>;

impl Place {
    /// Notes which file a name leads to.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(&fs::metadata(path)?) })
    }

    /// Whether the name still leads to that file: a run that writes into one that was removed writes for nobody.
    pub(super) fn is_kept(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity)
    }

    /// The name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such numbers")]
fn identity(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    None
}
