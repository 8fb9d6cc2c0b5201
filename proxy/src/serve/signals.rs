//! The signals that end a process: heard from its first moment, since until then each of them ends it without a word.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Hears them from now on; one that comes before somebody waits is kept. SIGHUP ends nothing from now on either. Needs a runtime
    /// around it.
    ///
    /// # Errors
    /// The operating system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        // What has read no file yet has none to read again: it is enough that somebody hears it.
        drop(signal(SignalKind::hangup())?);
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the first of them. Cancel safe.
    pub async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => info!("SIGTERM: draining"),
            _ = self.interrupt.recv() => info!("SIGINT: draining"),
        }
    }
}
