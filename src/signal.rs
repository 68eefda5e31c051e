//! Signals that ask the program to end.

/// Number of SIGHUP.
pub(crate) const HANG_UP: u8 = 1;

/// Number of SIGINT, as exit codes count it.
pub(crate) const INTERRUPT: u8 = 2;

/// Number of SIGTERM.
pub(crate) const TERMINATE: u8 = 15;

/// Waits for SIGHUP, SIGINT or SIGTERM and gives its number; from then on a second one ends the process at once.
pub(crate) async fn wait() -> u8 {
    let number = first().await;
    tokio::spawn(async move {
        let number = first().await;
        // Whatever is under way has its intent in the ledger: ending here is as safe as a crash.
        #[expect(clippy::exit, reason = "a second signal asks to end at once")]
        std::process::exit(i32::from(number) + 128);
    });
    number
}

#[cfg(unix)]
async fn first() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut hang_up), Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::hangup()), signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the system's own take effect, which end the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = hang_up.recv() => HANG_UP,
        _ = interrupt.recv() => INTERRUPT,
        _ = terminate.recv() => TERMINATE,
    }
}

#[cfg(not(unix))]
async fn first() -> u8 {
    match tokio::signal::ctrl_c().await {
        Ok(()) => INTERRUPT,
        Err(_) => std::future::pending().await,
    }
}
