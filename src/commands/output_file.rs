//! A report on its way into a file, which never takes the place of something that a run needs.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

/// A report on its way.
pub(super) enum OutputFile {
    /// Written beside its place and moved there, so that nobody reads half of it.
    Beside { path: PathBuf, file: NamedTempFile },
    /// A device or a pipe, which is written to as it is.
    Stream(File),
}

impl OutputFile {
    /// Opens the file before anything is done; an error says why it cannot be written. Neither the state nor one of
    /// the files that a run reads is replaced.
    pub(super) fn create(path: &Path, state: Option<&Path>, needed: &[PathBuf]) -> Result<Self, String> {
        let cannot = |error: &std::io::Error| format!("{} cannot be written ({})", path.display(), error.kind());
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
                let stream = File::options().write(true).open(&path).map_err(|error| cannot(&error))?;
                return Ok(Self::Stream(stream));
            }
            Ok(_) | Err(_) => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|error| cannot(&error))?;
        Ok(Self::Beside { path, file })
    }

    /// Writes all of it.
    pub(super) fn write(self, content: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stream(mut stream) => stream.write_all(content).context("the report cannot be written"),
            Self::Beside { path, mut file } => {
                let cannot = || format!("cannot write the report {}", path.display());
                file.write_all(content).with_context(cannot)?;
                file.persist(&path).map_err(|error| error.error).with_context(cannot)?;
                Ok(())
            }
        }
    }
}
