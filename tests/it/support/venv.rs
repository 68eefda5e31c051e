//! Python programs that tests compare with or run on: each in a virtual environment below `target/`, made once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that leaves out every test in need of Python, when it is `0`.
const SWITCH: &str = "FBCAPI_TEST_FAKESNOW";

/// Gives the folder of the programs of `target/venv-<name>`, in which exactly `packages` were installed, each with
/// its version as `name==1.2.3`. It is made on first use, and again when the packages change.
///
/// Nothing is given, and that is said, when [`SWITCH`] is `0`; without Python or the packages the test fails.
pub(crate) fn venv(name: &str, packages: &[&str]) -> Option<PathBuf> {
    if std::env::var(SWITCH).is_ok_and(|value| value == "0") {
        // Not by the macro, whose words the test runner keeps to itself when a test passes.
        let said = format!("not run, because {SWITCH} is 0: what needs Python with {}\n", packages.join(" "));
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join(format!("venv-{name}"));
    let programs = folder.join("bin");
    let stamp = folder.join("packages");
    let wanted = packages.join("\n");
    // Tests run at once, in threads and in processes; the lock falls with its holder, however that one ends.
    let lock = File::create(target.join(format!("venv-{name}.lock"))).unwrap();
    lock.lock().unwrap();
    // The Python that it was made with may be gone, as after an upgrade.
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) && programs.join("python").exists() {
        return Some(programs);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder), packages);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    succeed(Command::new(programs.join("python")).args(pip).args(packages), packages);
    fs::write(stamp, wanted).unwrap();
    Some(programs)
}

/// Runs a program, which must end well.
#[track_caller]
fn succeed(command: &mut Command, packages: &[&str]) {
    let remedy = format!(
        "this test needs Python 3.10 or newer as python3, with venv and pip (Debian: apt install python3-venv), and \
         {} from PyPI; {SWITCH}=0 leaves out every test that needs Python",
        packages.join(" ")
    );
    let output = command.output().unwrap_or_else(|error| panic!("python3 cannot be run: {error}\n{remedy}"));
    // Debian says on standard output that its package with pip is missing.
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?} failed: {}\n{remedy}", String::from_utf8_lossy(&said));
}
