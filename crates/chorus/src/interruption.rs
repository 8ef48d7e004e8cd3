//! Waits for SIGINT and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code of a command that was interrupted, as shells use it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Waits for SIGINT (Ctrl-C) or SIGTERM.
#[derive(Debug)]
pub(crate) struct Interruption {
    pressed: Signal,
    asked: Signal,
}

impl Interruption {
    /// Starts to listen: a signal that arrives before the wait is not missed.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (pressed, asked) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { pressed: signal(pressed)?, asked: signal(asked)? })
    }

    pub(crate) async fn received(mut self) {
        tokio::select! {
            _ = self.pressed.recv() => {}
            _ = self.asked.recv() => {}
        }
    }
}
