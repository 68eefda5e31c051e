//! `fbcapi init`: from connections.toml to a configuration with which everything works.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use super::table;
use crate::docs::write_private;
use crate::support::fakesnow::Database;
use crate::support::rows::Row;
use crate::support::run::{DATASET_ID, Ran, Sandboxed};

/// Types answers at a terminal of its own and gives what stood there.
const TERMINAL: &str = "
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
os.write(fd, sys.argv[1].encode())
shown = b''
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

/// A stage with a sandbox, and a database that connections.toml leads to.
fn set_up() -> Option<(Database, Sandboxed)> {
    let database = Database::new()?;
    let rows: Vec<Row> = (0..20).map(table::event).collect();
    table::create(&database, "facebook_events");
    table::insert(&database, "facebook_events", &rows);
    database.sql("CREATE TABLE customers (id VARCHAR, event_id VARCHAR)");
    let it = Sandboxed::new();
    let connection = format!(
        "account = \"acme\"\nuser = \"ADA\"\npassword = \"snow\"\nhost = \"127.0.0.1\"\nport = {}\nprotocol = \"http\"\n\
         role = \"FBCAPI\"\nwarehouse = \"REPORTING\"\n",
        database.port
    );
    let connections = format!(
        "[test]\n{connection}database = \"{}\"\nschema = \"MARTS\"\n[other]\n{connection}database = \"NOWHERE\"\n",
        database.name
    );
    write_private(&it.stage.path(".snowflake/connections.toml"), &connections);
    Some((database, it))
}

/// Runs init at a terminal, with what is typed there.
fn at_a_terminal(it: &Sandboxed, file: &str, typed: &str) -> Ran {
    let program = env!("CARGO_BIN_EXE_fbcapi");
    let plain = it.stage.command(&[]);
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, typed, program, "init", "--config", file]);
    command.current_dir(it.stage.path("")).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::new(command.output().unwrap())
}

#[test]
fn four_answers_make_a_configuration_with_which_everything_works() {
    let Some((database, it)) = set_up() else { return };
    let ran = at_a_terminal(&it, "mine.toml", &format!("test\n\nmy pixel\n{DATASET_ID}\n\n"));
    assert_eq!(ran.exit, Some(0), "{}", ran.stdout);
    let table = format!("{}.MARTS.FACEBOOK_EVENTS", database.name);
    assert!(ran.stdout.contains(&format!("  1  {table}\r\n? table")), "{}", ran.stdout);
    assert!(!ran.stdout.contains("CUSTOMERS"), "{}", ran.stdout);
    for line in [
        "it is a number: Events Manager shows it beside the dataset's name",
        &format!("GRANT SELECT ON TABLE {table} TO ROLE FBCAPI;"),
        "GRANT USAGE ON WAREHOUSE REPORTING TO ROLE FBCAPI;",
        "fbcapi check --config mine.toml",
        "--if-locked skip",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in {}", ran.stdout);
    }
    let text = String::from_utf8(it.stage.read("mine.toml")).unwrap();
    assert!(text.contains(&format!("table = \"{table}\"")) && text.contains("connection = \"test\""), "{text}");
    let base = it.stage.config_text();
    let base = base.lines().find_map(|line| line.strip_prefix("api_base = ")).unwrap().trim_matches('"');
    let run = |arguments: &[&str]| {
        let mut command = it.stage.command(&[&["--config", "mine.toml"], arguments].concat());
        Ran::new(command.env("FBCAPI_META_API_BASE", base).output().unwrap())
    };
    let checked = run(&["check"]);
    assert_eq!(checked.exit, Some(0), "{}{}", checked.stdout, checked.stderr);
    assert_eq!(run(&["sync", "--dry-run"]).stdout.lines().count(), 20);
    assert_eq!(run(&["sync"]).exit, Some(0));
    assert_eq!(it.stats().unique, 20);
    // Where no table is found, the name is typed.
    let ran = at_a_terminal(&it, "other.toml", &format!("1\n{table}\n{DATASET_ID}\nAGREED\n"));
    assert_eq!(ran.exit, Some(0), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(" no table of NOWHERE that the role may see has an event id and a time"),
        "{}",
        ran.stdout
    );
    let text = String::from_utf8(it.stage.read("other.toml")).unwrap();
    assert!(text.contains("connection = \"other\"") && text.contains("consent = { column = \"AGREED\" }"), "{text}");
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_overwritten() {
    let Some((database, it)) = set_up() else { return };
    let init = |arguments: &[&str]| it.stage.run(&[&["init", "--config", "mine.toml"], arguments].concat());
    let ran = init(&[]);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("these are missing: --connection, --table, --dataset-id, --consent"), "{}", ran.stderr);
    for (flag, value, why) in [
        ("--dataset-id", "my pixel", "--dataset-id is a number"),
        ("--table", "", "--table is empty"),
        ("--consent", " ", "--consent is empty"),
        ("--country", "Atlantis", "--country is no ISO 3166-1 country"),
        ("--connection", "nope", "--connection is none of these"),
    ] {
        let ran = init(&["--yes", flag, value]);
        assert!(ran.exit == Some(2) && ran.stderr.contains(why), "{flag}: {}", ran.stderr);
    }
    let table = format!("{}.MARTS.FACEBOOK_EVENTS", database.name);
    let wanted =
        ["--yes", "--connection", "test", "--table", &table, "--dataset-id", DATASET_ID, "--consent", "AGREED"];
    let ran = init(&[&wanted[..], &["--country", "DE", "--token-file", "token"]].concat());
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    let text = String::from_utf8(it.stage.read("mine.toml")).unwrap();
    for line in ["default_country = \"DE\"", "access_token = { file = \"token\" }", "consent = { column = \"AGREED\" }"]
    {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(it.stage.path("mine.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let ran = init(&wanted);
    assert_eq!(ran.exit, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("mine.toml is there already\n  → edit it, or write over it with --force"),
        "{}",
        ran.stderr
    );
    assert_eq!(init(&[&wanted[..], &["--force"]].concat()).exit, Some(0));
    let text = String::from_utf8(it.stage.read("mine.toml")).unwrap();
    assert!(text.contains("# default_country"), "{text}");
}
