//! The two streams of a terminal: standard output is for data, standard error for people.

use std::io::{self, IsTerminal, Write};

/// Says something to people.
pub fn say(text: &str) {
    // Nobody is left to be told when standard error is closed.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Writes data. Whoever reads it may have gone, which is no failure.
pub fn print(data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Standard output for much data, buffered.
pub fn data() -> Box<dyn Write + Send> {
    Box::new(io::BufWriter::with_capacity(1 << 16, io::stdout()))
}

/// Whether people watch standard error in a terminal.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}
