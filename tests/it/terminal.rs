//! What is shown in a terminal: a bar, colours, and neither where the terminal does not want them.

#![cfg(unix)]

use crate::support::graph::{Answer, Scripted};
use crate::support::rows::{lead, leads};
use crate::support::run::{Sandboxed, wait_until};
use crate::support::terminal::Terminal;

/// Shows a sync of a good and a bad row in a terminal, with some variables.
fn sync(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let it = Sandboxed::new();
    it.stage.rows(&[lead("a"), lead("b").without("event_id")]);
    let mut command = it.stage.command(&[&["sync"], arguments].concat());
    command.env("TERM", "xterm-256color").envs(variables.iter().copied());
    let (exit, shown) = Terminal::start(command, 80).wait();
    assert_eq!(exit, Some(3), "{shown}");
    assert!(shown.contains("missing_event_id"), "{shown}");
    shown
}

#[test]
fn marks_have_colours_in_a_terminal_that_wants_them() {
    let yellow = "\u{1b}[33m!\u{1b}[0m 1 missing_event_id";
    assert!(sync(&[], &[]).contains(yellow));
    assert!(sync(&[("NO_COLOR", "1")], &["--color", "always"]).contains(yellow));
    for plain in [
        sync(&[("NO_COLOR", "1")], &[]),
        sync(&[("CLICOLOR", "0")], &[]),
        sync(&[("FBCAPI_COLOR", "never")], &[]),
        sync(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]),
    ] {
        assert!(plain.contains("! 1 missing_event_id") && !plain.contains("\u{1b}[3"), "{plain}");
    }
}

#[test]
fn a_plain_terminal_and_json_get_no_escape_at_all() {
    for shown in
        [sync(&[("TERM", "dumb")], &[]), sync(&[], &["--log-format", "json"]), sync(&[("NO_COLOR", "1")], &["-v"])]
    {
        assert!(!shown.contains('\u{1b}') && !shown.replace("\r\n", "").contains('\r'), "{shown:?}");
    }
}

#[test]
fn a_bar_shows_how_far_a_run_is_and_fits_the_terminal() {
    for columns in [80, 120] {
        let it = Scripted::new(&[Answer::Accept, Answer::Hang], Answer::Accept)
            .on(|stage| stage.configure("meta", "concurrency = 1").configure("meta", "batch_size = 10"));
        it.stage.rows(&leads(40));
        let mut command = it.stage.command(&["sync"]);
        command.env("TERM", "xterm-256color");
        let terminal = Terminal::start(command, columns);
        wait_until("the bar", || terminal.shown().contains(" rows read, 10 events sent, "));
        let shown = terminal.kill();
        for line in shown.split(['\r', '\n']) {
            let visible = line.replace("\u{1b}[2K", "").replace("\u{1b}[1A", "");
            assert!(visible.chars().count() <= usize::from(columns), "{columns} columns: {visible:?}");
        }
    }
}
