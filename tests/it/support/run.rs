//! A stage: a folder with configuration, rows and state, in which the real binary runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fbcapi::config::{self, Config, Machine, Purpose};
use fbcapi::deliver::backoff::Backoff;
use fbcapi::sandbox::{self, Sandbox, SandboxOptions, Stats};
use fbcapi::sync::{self, Options, Outcome, World};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::rows::{Row, ndjson};

/// The access token of every test.
pub(crate) const TOKEN: &str = "EAAB-token-of-the-tests";

/// The dataset of every test.
pub(crate) const DATASET_ID: &str = "1234567890";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder in which the program runs, and the runtime of the peers that it talks to.
pub(crate) struct Stage {
    folder: TempDir,
    sections: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
    pub(crate) runtime: Runtime,
}

/// A stage with a sandbox in Meta's place.
pub(crate) struct Sandboxed {
    pub(crate) stage: Stage,
    sandbox: Sandbox,
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    /// Makes a folder whose configuration sends `rows.ndjson` to `api_base`.
    pub(crate) fn new(api_base: &str) -> Self {
        let runtime = runtime();
        Self::within(runtime, api_base)
    }

    /// Makes a folder with a runtime in which a peer runs already.
    pub(crate) fn within(runtime: Runtime, api_base: &str) -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
            sections: BTreeMap::new(),
            environment: vec![("FBCAPI_ACCESS_TOKEN".into(), TOKEN.into())],
            runtime,
        };
        stage
            .section("source", "kind = \"file\"\npath = \"rows.ndjson\"")
            .section("meta", &format!("dataset_id = \"{DATASET_ID}\"\napi_base = \"{api_base}\""))
            .section("phone", "default_country = \"US\"")
            .section("privacy", "consent = \"not-needed\"")
            .section("state", "path = \"state/ledger.db\"")
    }

    /// Replaces a section of the configuration.
    pub(crate) fn section(mut self, name: &str, lines: &str) -> Self {
        self.sections.insert(name.to_owned(), lines.to_owned());
        self
    }

    /// Adds a line to a section of the configuration.
    pub(crate) fn configure(mut self, section: &str, line: &str) -> Self {
        let lines = self.sections.entry(section.to_owned()).or_default();
        *lines = format!("{lines}\n{line}");
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unsets every variable of the environment.
    pub(crate) fn bare(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// Writes the rows of the table anew.
    pub(crate) fn rows(&self, rows: &[Row]) {
        self.write("rows.ndjson", ndjson(rows));
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The path of a file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of the configuration.
    pub(crate) fn config_text(&self) -> String {
        let sections = self.sections.iter().map(|(name, lines)| format!("[{name}]\n{lines}\n"));
        sections.collect::<Vec<_>>().concat()
    }

    /// The program in this folder, with nothing of the environment of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.write("config.toml", self.config_text());
        let mut command = Command::new(env!("CARGO_BIN_EXE_fbcapi"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().unwrap())
    }

    /// Runs `sync --json` to its end.
    pub(crate) fn sync(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["sync", "--json"], arguments].concat())
    }

    /// Starts `sync --json`, to be killed or waited for.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(&[&["sync", "--json"], arguments].concat()).spawn().unwrap()
    }

    /// The configuration of this folder as the library takes it: every path in full.
    pub(crate) fn config(&self) -> Config {
        let folder = self.folder.path().display();
        let text = self
            .config_text()
            .replace("path = \"rows", &format!("path = \"{folder}/rows"))
            .replace("path = \"state/", &format!("path = \"{folder}/state/"));
        let token = ("FBCAPI_ACCESS_TOKEN".to_owned(), TOKEN.to_owned());
        let variables = std::iter::once(&token).chain(&self.environment);
        let environment =
            |name: &str| variables.clone().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let machine = Machine { environment: &environment, variables: &Vec::new, today: Utc::now().date_naive() };
        config::parse("config.toml", &text, &[], Purpose::Send, machine).unwrap()
    }

    /// Runs a sync within this process, without waits between attempts.
    pub(crate) fn sync_here(&self) -> Outcome {
        self.sync_at(Utc::now)
    }

    /// Runs a sync within this process at another time.
    pub(crate) fn sync_at(&self, now: fn() -> DateTime<Utc>) -> Outcome {
        // Runs tell themselves apart by a random number; no wait depends on it here.
        let world = World { now, random: || f64::from(Utc::now().timestamp_subsec_micros()) / 1e6 };
        self.runtime.block_on(sync::sync(&self.config(), &options(), world))
    }
}

/// What a run within this process is asked for: everything, and no waits.
pub(crate) fn options() -> Options {
    Options { backoff: Backoff { base: Duration::ZERO, cap: Duration::ZERO }, ..Options::default() }
}

/// Makes the runtime of a peer.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Sandboxed {
    /// Makes a stage with an ordinary sandbox.
    pub(crate) fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    /// Makes a stage with a sandbox of some kind.
    pub(crate) fn with(options: SandboxOptions) -> Self {
        let runtime = runtime();
        let sandbox = runtime.block_on(sandbox::start(options)).unwrap();
        let stage = Stage::within(runtime, &sandbox.base_url());
        Self { stage, sandbox }
    }

    /// What the sandbox has counted.
    pub(crate) fn stats(&self) -> Stats {
        self.sandbox.stats()
    }

    /// The stage with a changed configuration.
    pub(crate) fn on(self, change: impl FnOnce(Stage) -> Stage) -> Self {
        Self { stage: change(self.stage), sandbox: self.sandbox }
    }
}

impl Ran {
    /// Takes what a program left, which must never be a panic.
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// The report on the last line of standard output.
    pub(crate) fn report(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_else(|| panic!("no report was printed: {}", self.stderr));
        serde_json::from_str(line).unwrap()
    }

    /// The exit code and the counts that are not zero, in a line; the books must balance.
    #[track_caller]
    pub(crate) fn told(&self) -> String {
        format!("exit {}: {}", self.exit.unwrap_or(-1), tell(&self.report()))
    }
}

/// The counts of a report that are not zero, in a line; the books must balance.
#[track_caller]
pub(crate) fn tell(report: &Value) -> String {
    const ENDS: [&str; 9] =
        ["sent", "already_sent", "rejected", "expired", "skipped", "unknown", "deferred", "pending", "collapsed"];
    let count = |name: &str| report["counts"][name].as_u64().unwrap_or_else(|| panic!("no count of {name}: {report}"));
    assert_eq!(count("selected"), ENDS.iter().map(|end| count(end)).sum::<u64>(), "the books do not balance: {report}");
    for end in ENDS.iter().chain(&["selected"]) {
        let names = report["by_event"].as_object().unwrap().values();
        let sum: u64 = names.map(|counts| counts[*end].as_u64().unwrap()).sum();
        assert_eq!(sum, count(end), "{end} by event does not add up: {report}");
    }
    let counts: Vec<String> =
        ENDS.iter().filter(|end| count(end) > 0).map(|end| format!("{end} {}", count(end))).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

/// Waits until something is so, in small steps and not for ever.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for a program to end by itself.
#[track_caller]
pub(crate) fn wait_for(mut child: Child) -> Ran {
    wait_until("the end of the program", || child.try_wait().unwrap().is_some());
    Ran::new(child.wait_with_output().unwrap())
}

/// Every file below a folder, with its content.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut files_below(&path));
        } else {
            let content = fs::read(&path).unwrap();
            files.insert(path, content);
        }
    }
    files
}
