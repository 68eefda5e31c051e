//! A file that a run leaves for others: whole, or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file on its way.
#[derive(Debug)]
pub(super) enum OutputFile {
    /// Written beside its place and moved there, so that nobody reads half of it.
    Beside {
        /// Its place.
        path: PathBuf,
        /// The file beside it.
        file: NamedTempFile,
    },
    /// A device or a pipe, which is written to as it is.
    Stream {
        /// Its place.
        path: PathBuf,
        /// It, open.
        file: File,
    },
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner.
    Owner,
    /// Everyone.
    Everyone,
}

impl OutputFile {
    /// Opens a file; an error says why it cannot be written. The state, with what stands beside it, and the files that
    /// are needed are never written.
    pub(super) fn create(path: &Path, state: Option<&Path>, needed: &[PathBuf]) -> Result<Self, String> {
        let cannot = |error: &io::Error| format!("{} cannot be written ({})", path.display(), error.kind());
        // A link is followed, so that the file it names is replaced and not the link.
        let real = path.canonicalize();
        let path = real.as_deref().unwrap_or(path).to_owned();
        // The state's own name, and those that SQLite and the lock put beside it.
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_state = state.and_then(|state| state.canonicalize().ok()).is_some_and(|state| {
            let is_named = name(&path).zip(name(&state)).is_some_and(|(name, state)| name.starts_with(&state));
            path.parent() == state.parent() && is_named
        });
        let is_input = needed.iter().any(|file| file.canonicalize().is_ok_and(|file| file == path));
        if is_state || is_input {
            return Err(format!("{} is the state, the configuration or a source", path.display()));
        }
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Err(format!("{} is a folder", path.display())),
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(&path).map_err(|error| cannot(&error))?;
                return Ok(Self::Stream { path, file });
            }
            Ok(_) | Err(_) => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|error| cannot(&error))?;
        Ok(Self::Beside { path, file })
    }

    /// Writes all of it and puts it in its place; an error says why not.
    pub(super) fn write(self, content: &[u8], readers: Readers) -> Result<(), String> {
        let cannot =
            |path: &Path, error: &io::Error| format!("{} cannot be written ({})", path.display(), error.kind());
        match self {
            Self::Stream { path, mut file } => file.write_all(content).map_err(|error| cannot(&path, &error)),
            Self::Beside { path, mut file } => {
                file.write_all(content).map_err(|error| cannot(&path, &error))?;
                allow(readers, file.as_file()).map_err(|error| cannot(&path, &error))?;
                file.persist(&path).map_err(|error| cannot(&path, &error.error))?;
                Ok(())
            }
        }
    }
}

/// Lets others read a file that is made for its owner only.
fn allow(readers: Readers, file: &File) -> io::Result<()> {
    #[cfg(unix)]
    if readers == Readers::Everyone {
        use std::os::unix::fs::PermissionsExt as _;
        return file.set_permissions(std::fs::Permissions::from_mode(0o644));
    }
    #[cfg(not(unix))]
    let (Readers::Owner | Readers::Everyone, _) = (readers, file);
    Ok(())
}
