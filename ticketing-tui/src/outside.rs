//! The world around the terminal: signals, the pager, files, the shell that waits for ctrl-z.

use crate::Ended;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use ticketing_core::domain::time::Timestamp;
use tokio::sync::mpsc;

/// What comes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The dashboard is to end.
    End(Ended),
    /// It was stopped, and goes on: others have written on the terminal.
    Continued,
}

/// Signals that wait to be heeded.
const SIGNALS_QUEUED_MAX: usize = 4;

/// Begins to listen to signals.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub(crate) fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut go_on = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    let (out, signals) = mpsc::channel(SIGNALS_QUEUED_MAX);
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::End(Ended::Interrupted),
                _ = terminate.recv() => Signal::End(Ended::Terminated),
                _ = hang_up.recv() => Signal::End(Ended::HungUp),
                _ = go_on.recv() => Signal::Continued,
                () = out.closed() => return,
            };
            if out.send(signal).await.is_err() {
                return;
            }
        }
    });
    Ok(signals)
}

/// Begins to listen to ctrl-c from outside.
#[cfg(not(unix))]
pub(crate) fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    let (out, signals) = mpsc::channel(SIGNALS_QUEUED_MAX);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if out.send(Signal::End(Ended::Interrupted)).await.is_err() {
                return;
            }
        }
        out.closed().await;
    });
    Ok(signals)
}

/// Stops the program as ctrl-z does, with all of its group, until the shell lets it go on.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub(crate) fn stop() -> io::Result<()> {
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP).map_err(io::Error::from)
}

/// Says that there is no such thing here.
#[cfg(not(unix))]
pub(crate) fn stop() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Shows a text in `$PAGER`, or in `less`, until the person leaves it.
///
/// # Errors
/// If there is no such pager.
pub(crate) fn page(text: &str) -> io::Result<()> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less".to_owned());
    // PAGER is a command with its flags, for the shell to read.
    let mut child = Command::new("sh").args(["-c", &pager]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves the pager early has seen enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait()?;
    match status.code() {
        // As the shell tells that there is no such command.
        Some(126 | 127) => Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no {pager}"))),
        Some(_) | None => Ok(()),
    }
}

/// Writes lines to a new file in the working folder, for its owner only: they hold what customers wrote. Returns its
/// path.
///
/// # Errors
/// What the system says.
pub(crate) fn save(name: &str, lines: &[String], now: Timestamp) -> io::Result<String> {
    let stamp: String = now.to_string().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let path = std::env::current_dir()?.join(format!("ticketctl-{name}-{stamp}.jsonl"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = io::BufWriter::new(options.open(&path)?);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(path.display().to_string())
}
