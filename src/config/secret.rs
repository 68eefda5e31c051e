//! Where a secret comes from. A secret is never a flag.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::private::Secret;

/// Where a secret comes from, as written.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `{ env = "NAME" }`, read from the environment when the configuration is.
    Variable(String),
    /// The value of a variable that overrides the key.
    Environment(String),
    /// `{ file = "path" }`.
    File(String),
    /// `{ command = ["program", "argument"] }`: what it prints.
    Command(Vec<String>),
    /// The secret itself, in a file that only its owner can read.
    Text(String),
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl SecretSource {
    /// Reads the table form; an error says what is expected.
    pub(super) fn read(table: &DeTable<'_>) -> Result<Self, String> {
        let expected = || "must be { env = \"…\" }, { file = \"…\" } or { command = [\"…\"] }".to_owned();
        let mut entries = table.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else { return Err(expected()) };
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("env", DeValue::String(name)) => Ok(Self::Variable(name.to_string())),
            ("file", DeValue::String(path)) => Ok(Self::File(path.to_string())),
            ("command", DeValue::Array(words)) => {
                let words: Option<Vec<String>> =
                    words.iter().map(|word| word.get_ref().as_str().map(str::to_owned)).collect();
                words.filter(|words| !words.is_empty()).map(Self::Command).ok_or_else(expected)
            }
            _ => Err(expected()),
        }
    }

    /// The source as TOML, without the secret.
    pub fn masked(&self) -> String {
        match self {
            Self::Variable(name) => format!("{{ env = \"{name}\" }}"),
            Self::File(path) => format!("{{ file = \"{path}\" }}"),
            Self::Command(words) => format!("{{ command = [\"{}\", …] }}", words.first().map_or("", String::as_str)),
            Self::Environment(_) | Self::Text(_) => "\"****\"".to_owned(),
        }
    }

    /// Gets the secret; an error says what is missing, for a line that begins with the key.
    pub fn resolve(&self, environment: &dyn Fn(&str) -> Option<String>, config: &Path) -> Result<Secret, String> {
        let text = match self {
            Self::Variable(name) => {
                environment(name).ok_or_else(|| format!("is to come from ${name}, which is not set"))?
            }
            Self::Environment(text) => text.clone(),
            Self::File(path) => {
                let path = expand_home(path, environment);
                check_private(Path::new(&path)).map_err(|what| format!("is to come from {path}, which {what}"))?;
                std::fs::read_to_string(&path)
                    .map_err(|error| format!("is to come from {path}, which cannot be read ({})", plainly(&error)))?
            }
            Self::Command(words) => run(words)?,
            Self::Text(text) => {
                check_private(config)
                    .map_err(|what| format!("is written in this file, which {what}; or use {{ env = \"…\" }}"))?;
                text.clone()
            }
        };
        let text = text.trim();
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        Ok(Secret::new(text.to_owned()))
    }
}

/// A secret that may be another one later, in the same place.
#[derive(Debug, Clone)]
pub struct Renewable {
    source: SecretSource,
    config: PathBuf,
    home: Option<String>,
}

impl Renewable {
    /// Notes where a secret came from, if it can change there while the program runs.
    pub(super) fn new(
        source: SecretSource,
        environment: &dyn Fn(&str) -> Option<String>,
        config: &Path,
    ) -> Option<Self> {
        match source {
            SecretSource::File(_) | SecretSource::Command(_) => {
                Some(Self { source, config: config.to_owned(), home: environment("HOME") })
            }
            SecretSource::Variable(_) | SecretSource::Environment(_) | SecretSource::Text(_) => None,
        }
    }

    /// Reads the secret again; none if it cannot be had.
    pub fn read(&self) -> Option<Secret> {
        let environment = |name: &str| if name == "HOME" { self.home.clone() } else { None };
        self.source.resolve(&environment, &self.config).ok()
    }
}

/// A secret is short; a command that prints more prints something else.
const MOST_SECRET_BYTES: u64 = 64 << 10;

/// A command that asks a vault takes seconds; one that waits for a person has nobody to wait for.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a command and takes what it prints. Its standard error is not passed on: it may hold the secret.
fn run(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else { return Err("names no command".to_owned()) };
    let failed = |why: &str| format!("is to come from the command {program}, which {why}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&format!("cannot be run ({})", plainly(&error))))?;
    let (told, heard) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        // A background process may hold the output open for ever, so nobody waits for this thread.
        thread::spawn(move || {
            let mut bytes = Zeroizing::new(Vec::new());
            let read = output.take(MOST_SECRET_BYTES + 1).read_to_end(&mut bytes);
            drop(told.send(read.map(|_| bytes)));
        });
    }
    let bytes = heard.recv_timeout(COMMAND_TIMEOUT);
    let is_whole = matches!(&bytes, Ok(Ok(bytes)) if u64::try_from(bytes.len()).is_ok_and(|n| n <= MOST_SECRET_BYTES));
    if !is_whole {
        // It may have ended by itself in the meantime.
        drop(child.kill());
    }
    let status = wait(&mut child, COMMAND_TIMEOUT)
        .map_err(|error| failed(&format!("cannot be waited for ({})", plainly(&error))))?;
    let Ok(bytes) = bytes else { return Err(failed("did not end within 30 seconds")) };
    let bytes = bytes.map_err(|error| failed(&format!("cannot be read from ({})", plainly(&error))))?;
    if !is_whole {
        return Err(failed("prints more than a secret"));
    }
    let Some(status) = status else { return Err(failed("did not end within 30 seconds")) };
    if !status.success() {
        return Err(failed(&format!("failed ({status})")));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| failed("printed something other than text"))
}

/// Waits for a process to end, and ends it after `most`; `None` when that was needed.
fn wait(child: &mut Child, most: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= most {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Says in plain words why a file or program cannot be used.
pub(super) fn plainly(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}

/// Replaces a leading `~/` by the home folder.
pub(super) fn expand_home(path: &str, environment: &dyn Fn(&str) -> Option<String>) -> String {
    match (path.strip_prefix("~/"), environment("HOME")) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

/// Refuses a file with a secret in it that others can read or write.
fn check_private(path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
        // Secrets that a container runtime or systemd mounts are readable links or files in a private folder; they are
        // not written by a person, and cannot be changed by one.
        // Source: systemd.exec, "Credentials": `$CREDENTIALS_DIRECTORY` is below /run/credentials, access is by ACL.
        let mounts = ["/run/secrets", "/var/run/secrets", "/run/credentials"];
        let is_mounted = mounts.iter().any(|mount| path.starts_with(mount));
        let mode = metadata.permissions().mode();
        if mode & 0o022 != 0 {
            return Err(format!("others can write (mode {:03o}; chmod 600 makes it private)", mode & 0o777));
        }
        if mode & 0o044 != 0 && !is_mounted {
            return Err(format!("others can read (mode {:03o}; chmod 600 makes it private)", mode & 0o777));
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_not_waited_for_longer_than_allowed() {
        let spawn = |seconds: &str| Command::new("sleep").arg(seconds).spawn().unwrap();
        assert_eq!(wait(&mut spawn("100"), Duration::ZERO).unwrap(), None);
        assert!(wait(&mut spawn("0"), COMMAND_TIMEOUT).unwrap().unwrap().success());
    }

    #[test]
    fn a_secret_is_what_a_command_prints_and_nothing_longer() {
        let sh = |script: &str| run(&["sh".to_owned(), "-c".to_owned(), script.to_owned()]);
        assert_eq!(sh("echo token").as_deref(), Ok("token\n"));
        assert!(sh("yes").unwrap_err().contains("prints more than a secret"));
        assert!(sh("echo token; exit 3").unwrap_err().contains("failed"));
        assert!(sh("printf '\\377'").unwrap_err().contains("other than text"));
    }
}
