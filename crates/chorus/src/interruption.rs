//! Handlers of signals: SIGINT and SIGTERM end a command, SIGXFSZ does not.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code of a command that was interrupted, as shells use it.
pub(crate) const INTERRUPTED: u8 = 130;

/// The number of SIGXFSZ, on Linux and on macOS. The process receives it if a write makes a file
/// larger than the process's limits allow.
const FILE_TOO_LARGE: i32 = 25;

/// Installs a handler of SIGXFSZ, which would otherwise kill the process. With the handler, a write
/// beyond the limit fails like a write to a full disk.
pub(crate) fn survive_file_size_limit() -> std::io::Result<()> {
    // Tokio's handler stays installed after its receiver is dropped.
    signal(SignalKind::from_raw(FILE_TOO_LARGE)).map(drop)
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM.
#[derive(Debug)]
pub(crate) struct Interruption {
    pressed: Signal,
    asked: Signal,
}

impl Interruption {
    /// Starts to listen. A signal that arrives before the call of `received` is not missed.
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
