//! Waits for the signals that ask the program to stop.

use crate::failure::Failure;

/// Returns once ctrl-c or SIGTERM arrives, as the failure that the command then ends with.
///
/// The first call takes the signals away from the system's default, for as long as the process lives:
/// from then on somebody must be waiting here, or ctrl-c does nothing.
pub async fn stop_requested() -> Failure {
    tokio::select! {
        () = interrupted() => Failure::interrupted("Interrupted."),
        () = terminated() => Failure::terminated("Terminated."),
    }
}

/// Waits for ctrl-c; for ever where it can't be listened to, since then the system's default ends us.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut signals) = signal(SignalKind::terminate())
        && signals.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending::<()>().await;
}
