//! The signals that ask the program to stop, and the way to run a command that heeds them.

use crate::failure::Failure;
use std::future::Future;
use std::io;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs an asynchronous command; ctrl-c and SIGTERM drop it where it waits, and end in 130 and 143.
///
/// A command that must say what it had done by then listens itself, with [`StopSignals`].
///
/// # Errors
/// Fails as the command does, or with the signal that stopped it.
pub fn run(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::error("The command could not start.").why(format!("{error}."));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    runtime.block_on(async {
        let mut signals = StopSignals::listen().map_err(cannot)?;
        tokio::select! {
            outcome = command => outcome,
            stopped = signals.requested() => Err(stopped),
        }
    })
}

/// Ctrl-c and SIGTERM, from the moment this is made.
///
/// The first one made takes the signals away from the system's default for as long as the process lives:
/// from then on somebody must wait for them, or ctrl-c does nothing. [`run`] always does.
#[derive(Debug)]
pub struct StopSignals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl StopSignals {
    /// Begins to listen; call it inside a runtime.
    ///
    /// # Errors
    /// Fails if the system gives us no signals.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one and returns the failure that the command then ends with.
    #[cfg(unix)]
    pub async fn requested(&mut self) -> Failure {
        tokio::select! {
            _ = self.interrupt.recv() => Failure::interrupted("Interrupted."),
            _ = self.terminate.recv() => Failure::terminated("Terminated."),
        }
    }

    /// Begins to listen; call it inside a runtime.
    ///
    /// # Errors
    /// Never here: there is nothing to ask the system for.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one and returns the failure that the command then ends with.
    #[cfg(not(unix))]
    pub async fn requested(&mut self) -> Failure {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Failure::interrupted("Interrupted.")
    }
}
