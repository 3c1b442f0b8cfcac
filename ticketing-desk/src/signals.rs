//! The signals that ask the program to stop, and the way to run a command that heeds them.

use crate::desk::{Desk, Served};
use crate::failure::Failure;
use crate::output::stdout;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long the batch at hand may take after a signal.
const BATCH_MAX: Duration = Duration::from_secs(30);

/// How long a command inside a server may go on by itself once the server is to end. Those that would go on for ever
/// end at once.
const SERVER_GRACE: Duration = Duration::from_secs(10);

/// A program that is told to stop while it waits so long for the reader of its stdout ends without it.
const READER_MAX: Duration = Duration::from_secs(1);

/// How often it is looked whether the reader of stdout reads on.
const READER_LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long what is undone after a signal may take.
const UNDO_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a server that ends looks whether a command has begun to go on for ever.
const GRACE_LOOK_EVERY: Duration = Duration::from_millis(50);

type Undo = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a command has done so far, for the sentence that a signal ends it with, and how it then ends.
#[derive(Clone, Default)]
pub struct Doing {
    done: Arc<Mutex<Option<String>>>,
    stop: Arc<Mutex<Option<watch::Sender<bool>>>>,
    undo: Arc<Mutex<Option<Undo>>>,
    is_endless: Arc<AtomicBool>,
}

impl fmt::Debug for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doing").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Doing {
    /// Says what is done by now, as a sentence.
    pub fn say(&self, done: impl Into<String>) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.into());
    }

    /// Says what takes back what is under way, should a signal stop it.
    pub fn undo_with(&self, undo: impl Future<Output = ()> + Send + 'static) {
        *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(undo));
    }

    /// Says that there is nothing to take back any more.
    pub fn keep(&self) {
        drop(self.undo.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// From now on a signal lets the command go on until it ends by itself, which it is told to by what this returns.
    /// A second signal ends it at once.
    pub fn stops_gently(&self) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(false);
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Says that from now on the command goes on until it is stopped, and changes nothing: a server that ends need not
    /// wait for it.
    pub fn goes_on(&self) {
        self.is_endless.store(true, Ordering::Relaxed);
    }

    /// Tells the command to end; false if it does not heed that.
    fn ask_to_stop(&self) -> bool {
        let sender = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().is_some_and(|sender| sender.send(true).is_ok())
    }

    fn said(&self) -> Option<String> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn to_undo(&self) -> Option<Undo> {
        self.undo.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Runs an asynchronous command; ctrl-c and SIGTERM drop it where it waits, and end in 130 and 143.
///
/// # Errors
/// Fails as the command does, or with the signal that stopped it, and what was done by then.
pub fn run<T>(doing: &Doing, command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let cannot = |error: io::Error| Failure::error("The command could not start.").why(format!("{error}."));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    end_though_nobody_reads().map_err(cannot)?;
    let outcome = runtime.block_on(async {
        let mut signals = StopSignals::listen().map_err(cannot)?;
        heeding(doing, command, async || signals.requested().await).await
    });
    // A file that is being read holds nobody up: what it would have come to is not wanted any more.
    runtime.shutdown_background();
    outcome
}

/// From now on a signal ends the program also while it waits for a reader of its stdout who does not read: the command
/// itself can't heed a signal then, neither where it writes nor where it flushes what is left at its end.
fn end_though_nobody_reads() -> io::Result<()> {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let watch = async {
        let Ok(mut signals) = StopSignals::listen() else { return };
        let failure = signals.requested().await;
        let mut stuck_since = (None, Instant::now());
        loop {
            let write = stdout::write_under_way();
            if write.is_none() || write != stuck_since.0 {
                stuck_since = (write, Instant::now());
            }
            if write.is_some() && stuck_since.1.elapsed() >= READER_MAX {
                // Not printed: who does not read the one stream may not read the other.
                std::process::exit(failure.exit as i32);
            }
            tokio::time::sleep(READER_LOOK_EVERY).await;
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(watch))?;
    Ok(())
}

/// Runs what needs no opened stores, where the desk is.
///
/// # Errors
/// As [`run`].
pub fn run_at<T>(desk: &Desk, command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match desk.server() {
        Some(served) => run_served(served, &Doing::default(), command),
        None => run(&Doing::default(), command),
    }
}

/// Runs a command inside a server, on the thread that is the command's own. Its signals are that whoever asked has left,
/// and that the server is to end.
///
/// # Errors
/// As [`run`].
pub fn run_served<T>(
    served: &Served,
    doing: &Doing,
    command: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (mut left, mut ending) = (served.left.clone(), served.ending.clone());
    let mut is_told = false;
    let stopped = async || {
        if is_told {
            // There is nobody who could ask for more haste.
            std::future::pending::<()>().await;
        }
        let ends = async {
            // As below.
            let _ = ending.wait_for(|ending| *ending).await;
            let deadline = tokio::time::Instant::now() + SERVER_GRACE;
            while !doing.is_endless.load(Ordering::Relaxed) && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(GRACE_LOOK_EVERY).await;
            }
        };
        let failure = tokio::select! {
            // A sender that is gone has left, too.
            _ = left.wait_for(|left| *left) => Failure::interrupted("Interrupted."),
            () = ends => Failure::unreachable("The server ended before the command did.")
                .code("SHUTTING_DOWN")
                .hint("try again in a moment"),
        };
        is_told = true;
        failure
    };
    served.runtime.block_on(heeding(doing, command, stopped))
}

/// Runs a command until it ends, or until it is stopped.
async fn heeding<T>(
    doing: &Doing,
    command: impl Future<Output = Result<T, Failure>>,
    mut stopped: impl AsyncFnMut() -> Failure,
) -> Result<T, Failure> {
    let mut command = Box::pin(command);
    let failure = tokio::select! {
        outcome = &mut command => return outcome,
        failure = stopped() => failure,
    };
    if doing.ask_to_stop() {
        // However it ends: what it came to is in what it said.
        tokio::select! {
            _ = &mut command => {}
            _ = stopped() => {}
            () = tokio::time::sleep(BATCH_MAX) => {}
        }
    }
    // Dropped where it stands, if it has not ended.
    drop(command);
    if let Some(undo) = doing.to_undo() {
        // What it can't undo in time, the next run of the command does.
        let _ = tokio::time::timeout(UNDO_TIMEOUT, undo).await;
    }
    Err(match doing.said() {
        Some(done) => failure.why(done),
        None => failure,
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
