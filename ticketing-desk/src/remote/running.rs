//! Running commands for those who sent them, each on a thread of its own, so many at once and no more.

use super::stream::{FRAMES_QUEUED_MAX, Frames, READER_PATIENCE, Stream};
use super::wire::{Ended, Frame, Request};
use crate::confirm::ASKED;
use crate::desk::{Actor, CountRequests, Desk, Served, SignToken};
use crate::failure::{Exit, Failure, wanted_colour, wants_json};
use crate::output::{Printer, Remote, system_clock};
use crate::program::Program;
use crate::progress::Reporter;
use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _};
use jiff::tz::TimeZone;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// So many commands run at once in one server: each has a thread, and what it reads in memory.
pub const COMMANDS_MAX: usize = 64;

/// What remote commands run on: what a server has open. Cloning is cheap.
#[derive(Clone)]
pub struct Backend {
    /// Everything that a use case needs.
    pub app: App,
    /// What is set where the server runs.
    pub settings: Settings,
    /// Where its stores are.
    pub stores: StoreConfig,
    /// Signs tokens.
    pub sign: SignToken,
    /// What its buyers were answered, where it counts that.
    pub requests: Option<CountRequests>,
    /// True once the server is to end.
    pub ending: watch::Receiver<bool>,
    slots: Arc<Semaphore>,
    /// Kept, or its receiver would take it for an end.
    _never_ending: Option<Arc<watch::Sender<bool>>>,
}

/// The right to run a command; it comes back when the command has ended, not when nobody reads its answer any more.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Backend {
    /// Takes what a server has, for [`COMMANDS_MAX`] commands at once.
    #[must_use]
    pub fn new(
        app: App,
        settings: Settings,
        stores: StoreConfig,
        sign: SignToken,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(COMMANDS_MAX));
        Self { app, settings, stores, sign, requests: None, ending, slots, _never_ending: None }
    }

    /// Has `requests` tell what the server's buyers were answered.
    #[must_use]
    pub fn counting(self, requests: CountRequests) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// Takes what this process has open, which ends with the process.
    #[must_use]
    pub fn of_process(app: App, settings: Settings, stores: StoreConfig, sign: SignToken) -> Self {
        let (never, ending) = watch::channel(false);
        Self { _never_ending: Some(Arc::new(never)), ..Self::new(app, settings, stores, sign, ending) }
    }

    /// Returns the right to run a command; `None` while there are [`COMMANDS_MAX`].
    #[must_use]
    pub fn slot(&self) -> Option<Slot> {
        Arc::clone(&self.slots).try_acquire_owned().ok().map(|permit| Slot { _permit: permit })
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("stores", &self.stores).finish_non_exhaustive()
    }
}

/// A command under way. Dropping it tells the command that nobody waits any more.
#[derive(Debug)]
pub struct Running {
    frames: mpsc::Receiver<Frame>,
    /// Whether the command was ended because nobody took what it said.
    given_up: Arc<AtomicBool>,
    /// What whoever then reads on after all is told.
    last_words: VecDeque<Frame>,
    _left: watch::Sender<bool>,
}

impl Running {
    /// Returns what the command says next; `None` after its end.
    pub async fn next(&mut self) -> Option<Frame> {
        match self.frames.recv().await {
            Some(frame) => Some(frame),
            None => self.last_word(),
        }
    }

    /// As [`Running::next`], for streams.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.frames.poll_recv(context).map(|frame| frame.or_else(|| self.last_word()))
    }

    fn last_word(&mut self) -> Option<Frame> {
        if self.given_up.load(Ordering::Relaxed) { self.last_words.pop_front() } else { None }
    }
}

/// What is said in place of the rest of a command whose reader took nothing for [`READER_PATIENCE`].
fn last_words(as_json: bool) -> VecDeque<Frame> {
    let seconds = READER_PATIENCE.as_secs();
    let failure = Failure::unreachable("The command was ended: nobody read its answer.")
        .code("READER_STALLED")
        .why(format!("Nothing of it was taken for {seconds} s, and only so many commands may run at once."))
        .hint("send the answer to a file and look at that, or ask for less with --limit N");
    [Frame::Err(printed(&failure, as_json, false)), Frame::End((&failure).into())].into()
}

/// Starts a command for somebody on a thread of its own. Call it inside a runtime.
///
/// # Errors
/// What the system says if there can be no thread.
pub fn start(backend: Backend, slot: Slot, actor: Actor, request: Request) -> io::Result<Running> {
    let (frames_in, frames) = mpsc::channel(FRAMES_QUEUED_MAX);
    let (left_in, left) = watch::channel(false);
    let given_up = Arc::new(AtomicBool::new(false));
    let frames_in = Frames::new(frames_in, READER_PATIENCE, Arc::clone(&given_up));
    let runtime = Handle::current();
    // What the command logs belongs to the request that brought it.
    let span = tracing::Span::current();
    let as_json = wants_json(&request.args.iter().map(Into::into).collect::<Vec<OsString>>());
    let work = move || {
        let _slot = slot;
        let _in_span = span.enter();
        let frames = frames_in;
        let end =
            match catch_unwind(AssertUnwindSafe(|| run(backend, actor, request, runtime, left, &frames))) {
                Ok(end) => end,
                Err(_) => {
                    // The panic hook has logged it.
                    let failure = Failure::defect("the server's log says more", None);
                    frames.send(Frame::Err(printed(&failure, as_json, false)));
                    Frame::End((&failure).into())
                }
            };
        frames.send(end);
    };
    std::thread::Builder::new().name("command".into()).spawn(work)?;
    Ok(Running { frames, given_up, last_words: last_words(as_json), _left: left_in })
}

/// Runs a command and returns how it ended.
fn run(
    backend: Backend,
    actor: Actor,
    request: Request,
    runtime: Handle,
    left: watch::Receiver<bool>,
    frames: &Frames,
) -> Frame {
    let request = Request { terminal: request.terminal.believed(), ..request };
    let args: Vec<OsString> =
        std::iter::once("ticketctl".into()).chain(request.args.iter().map(Into::into)).collect();
    let refused = |failure: &Failure| {
        let colour = request.terminal.colour_err(wanted_colour(&args));
        frames.send(Frame::Err(printed(failure, wants_json(&args), colour)));
        Frame::End(failure.into())
    };
    // What is set where the server runs says nothing of whoever sent the command.
    let mut program = Program::command().mut_args(|arg| arg.env(Resettable::Reset));
    let parsed = program.try_get_matches_from_mut(&args).and_then(|found| Program::from_arg_matches(&found));
    let named = crate::failure::named_command(&program, &args);
    let Program { mut globals, command } = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            return refused(&Failure::from_clap(&error, &named));
        }
        Err(help) => {
            frames.send(Frame::Out(help.render().to_string()));
            return Frame::End(Ended::DONE);
        }
    };
    if let Err(failure) = globals.check_served() {
        return refused(&failure);
    }
    tracing::info!(actor = actor.name, command = named, "an operator's command runs");
    globals.guard.clone_from(&request.guard);
    globals.invocation.clone_from(&request.args);
    let question = Arc::new(Mutex::new(None));
    let severe = Arc::new(AtomicBool::new(false));
    let wanted = Arc::new(Mutex::new(Vec::new()));
    let told = frames.clone();
    let reporter = Reporter::new(move |progress| told.offer(Frame::Progress(progress)));
    let zone = TimeZone::get(&request.time_zone).unwrap_or(TimeZone::UTC);
    let out = Box::new(Stream::new(frames.clone(), Frame::Out));
    let err = Box::new(Stream::new(frames.clone(), Frame::Err));
    let mut printer = Printer::with(&globals, request.terminal, out, err, system_clock).for_remote(
        zone,
        request.store_flags,
        Remote { reporter, question: Arc::clone(&question), severe: Arc::clone(&severe) },
    );
    let served = Served {
        app: backend.app,
        settings: backend.settings,
        stores: backend.stores,
        requests: backend.requests,
        runtime,
        actor,
        inputs: request.inputs.into_iter().map(|(name, sent)| (name, sent.into())).collect(),
        wanted: Arc::clone(&wanted),
        left,
        ending: backend.ending,
    };
    let desk = Desk::served(globals, backend.sign, served);
    let outcome = command.run(&desk, &mut printer);
    let (is_replay, is_severe) = (printer.is_replay(), severe.load(Ordering::SeqCst));
    let Err(failure) = outcome else { return Frame::End(Ended { is_replay, is_severe, ..Ended::DONE }) };
    let wanted = std::mem::take(&mut *wanted.lock().unwrap_or_else(PoisonError::into_inner));
    if !wanted.is_empty() {
        return Frame::Want(wanted);
    }
    if failure.code == ASKED
        && let Some(question) = question.lock().unwrap_or_else(PoisonError::into_inner).take()
    {
        return Frame::Ask(question);
    }
    printer.failure(&failure);
    let ended = if failure.exit == Exit::Ok { Ended::DONE } else { (&failure).into() };
    Frame::End(Ended { is_severe, ..ended })
}

fn printed(failure: &Failure, as_json: bool, colour: bool) -> String {
    let mut text = Vec::new();
    failure.print(as_json, colour, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Running, last_words};
    use crate::remote::wire::Frame;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use tokio::sync::{mpsc, watch};

    #[tokio::test]
    async fn whoever_reads_on_after_all_is_told_that_the_rest_is_missing() {
        for given_up in [true, false] {
            let (to, frames) = mpsc::channel(1);
            to.send(Frame::Out("begun".into())).await.unwrap();
            drop(to);
            let given_up = Arc::new(AtomicBool::new(given_up));
            let last_words = last_words(false);
            let (left, _) = watch::channel(false);
            let mut running = Running { frames, given_up: Arc::clone(&given_up), last_words, _left: left };
            assert_eq!(running.next().await, Some(Frame::Out("begun".into())));
            if given_up.load(std::sync::atomic::Ordering::Relaxed) {
                let told = running.next().await;
                assert!(
                    matches!(&told, Some(Frame::Err(text)) if text.contains("nobody read its answer")),
                    "{told:?}"
                );
                let end = running.next().await;
                assert!(matches!(&end, Some(Frame::End(ended)) if ended.exit == 7), "{end:?}");
            }
            assert_eq!(running.next().await, None);
        }
    }
}
