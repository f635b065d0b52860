//! Waits for the signals that ask a command to end.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, one at a time.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches the signals from the call on.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for the first signal; for ever where signals cannot be caught, which ends the process by them.
pub(crate) async fn interrupted() {
    match Signals::catch() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}
