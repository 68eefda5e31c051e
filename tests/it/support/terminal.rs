//! A terminal in which the program runs, and what it shows there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A program in a terminal.
pub(crate) struct Terminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts a program with both of its streams in a terminal of so many columns.
    pub(crate) fn start(mut command: Command, columns: u16) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let path = ptsname(&keyboard, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(path.to_bytes());
        let screen = File::options().read(true).write(true).open(path).unwrap();
        tcsetwinsize(&screen, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let child = command.stdout(screen.try_clone().unwrap()).stderr(screen).spawn().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&shown);
        let reader = thread::spawn(move || {
            let mut keyboard = File::from(keyboard);
            let mut bytes = [0; 4_096];
            // Reading fails once the program has closed its side.
            while let Ok(count) = keyboard.read(&mut bytes) {
                read.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { child, shown, reader }
    }

    /// What was shown so far.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Ends the program, and gives what it showed.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.wait().1
    }

    /// Waits for the program to end, and gives its exit code and what it showed.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let exit = self.child.wait().unwrap().code();
        self.reader.join().unwrap();
        (exit, String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned())
    }
}
