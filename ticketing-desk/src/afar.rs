//! Commands from afar: what a distant `ticketctl` sends a server, what comes back, and the server's side of it.
//!
//! The command runs where the stores are, and prints for the terminal of whoever sent it: what comes back is what it
//! said, piece by piece. Nothing is decided here; in particular, a question that a command asks is answered by
//! sending it again, with a yes to the plan that was shown.

use crate::confirm::ASKED;
use crate::desk::{Actor, Desk, Input, Served, SignToken};
use crate::failure::{Exit, Failure, wanted_colour, wants_json};
use crate::globals::Guard;
use crate::output::{Afar, Printer, Question, Terminal, system_clock};
use crate::program::Program;
use crate::progress::{Teller, Told};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use ticketing_core::app::config::Settings;
use ticketing_core::app::{App, StoreConfig};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Where a server takes commands: `POST`, a [`Request`] as JSON.
pub const PATH: &str = "/api/admin/commands";

/// The type of an answer that comes in [`Frame`]s, one a line.
pub const FRAMES_TYPE: &str = "application/x-ndjson";

/// Frames that wait to be sent; past it, the command waits.
const FRAMES_QUEUED_MAX: usize = 64;

/// A command that says nothing for so long is heard of by a [`Frame::Beat`].
pub const BEAT_EVERY: Duration = Duration::from_secs(3);

/// So many commands run at once in one server: each has a thread, and what it reads in memory.
pub const COMMANDS_MAX: usize = 64;

/// Text is sent in pieces of about so many bytes.
const FRAME_BYTES: usize = 16 << 10;

/// How long a command sleeps between two looks whether its reader has caught up.
const READER_LOOK_EVERY: Duration = Duration::from_millis(1);

/// A command line, and what it is to know of whoever sent it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The command line without the program's name and without what says which server: `["saga", "list"]`.
    pub args: Vec<String>,
    /// What reads the answer; nothing of it is a terminal where this is left out.
    pub terminal: Terminal,
    /// The time zone of `--time local`, by its IANA name; UTC where this is left out.
    pub time_zone: String,
    /// What commands that the answer proposes need to reach the same server: `--server https://… `.
    pub store_flags: String,
    /// What the sender's context demands of changes.
    pub guard: Option<Guard>,
    /// Files that the command line names, and `-` for what is piped into it.
    pub inputs: BTreeMap<String, Sent>,
}

/// A file that is sent along.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sent {
    /// Its bytes, in base64.
    Base64(String),
    /// There is none.
    Missing,
    /// It can't be read; what the system says.
    Unreadable(String),
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Frame {
    /// For stdout.
    Out(String),
    /// For stderr.
    Err(String),
    /// How far long work has come.
    Progress(Told),
    /// A question; the command has ended without doing anything. A yes is the same command with `--yes` and `--expect`.
    Ask(Question),
    /// Files that the command needs; it has ended without doing anything. It can be sent again with them.
    Want(Vec<String>),
    /// The command goes on, and has nothing to say.
    Beat,
    /// The command has ended.
    End(Ended),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The exit code of the process that sent it.
    pub exit: u8,
    /// What went wrong; it was told on stderr, too.
    pub failure: Option<Refused>,
}

/// What went wrong, as programs are told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// A stable word.
    pub code: String,
    /// What failed, and why.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
    /// Whether the same may succeed later.
    pub retryable: bool,
}

impl Ended {
    const DONE: Self = Self { exit: Exit::Ok as u8, failure: None };
}

impl From<&Failure> for Ended {
    fn from(failure: &Failure) -> Self {
        let message = match &failure.why {
            Some(why) => format!("{} {why}", failure.message),
            None => failure.message.clone(),
        };
        let Failure { code, hint, retryable, .. } = failure.clone();
        Self { exit: failure.exit as u8, failure: Some(Refused { code, message, hint, retryable }) }
    }
}

/// What a server lends commands from afar. Cloning is cheap.
#[derive(Clone)]
pub struct Lender {
    /// Everything that a use case needs.
    pub app: App,
    /// What is set where the server runs.
    pub settings: Settings,
    /// Where its stores are.
    pub stores: StoreConfig,
    /// Signs tokens.
    pub sign: SignToken,
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

impl Lender {
    /// Lends what a server has to [`COMMANDS_MAX`] commands at once.
    #[must_use]
    pub fn new(
        app: App,
        settings: Settings,
        stores: StoreConfig,
        sign: SignToken,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(COMMANDS_MAX));
        Self { app, settings, stores, sign, ending, slots, _never_ending: None }
    }

    /// Lends what this process has open, which ends with the process.
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

impl std::fmt::Debug for Lender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lender").field("stores", &self.stores).finish_non_exhaustive()
    }
}

/// A command under way. Dropping it tells the command that nobody waits any more.
#[derive(Debug)]
pub struct Running {
    frames: mpsc::Receiver<Frame>,
    _left: watch::Sender<bool>,
}

impl Running {
    /// Returns what the command says next; `None` after its end.
    pub async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// As [`Running::next`], for streams.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.frames.poll_recv(context)
    }
}

/// Starts a command for somebody on a thread of its own. Call it inside a runtime.
///
/// # Errors
/// What the system says if there can be no thread.
pub fn start(lender: Lender, slot: Slot, actor: Actor, request: Request) -> io::Result<Running> {
    let (frames_in, frames) = mpsc::channel(FRAMES_QUEUED_MAX);
    let (left_in, left) = watch::channel(false);
    let runtime = Handle::current();
    let as_json = wants_json(&request.args.iter().map(Into::into).collect::<Vec<OsString>>());
    let work = move || {
        let _slot = slot;
        let frames = Frames(frames_in);
        let end = match catch_unwind(AssertUnwindSafe(|| run(lender, actor, request, runtime, left, &frames)))
        {
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
    Ok(Running { frames, _left: left_in })
}

/// Runs a command and returns how it ended.
fn run(
    lender: Lender,
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
    let Program { mut globals, command } = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            let named = crate::failure::named_command(&program, &args);
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
    globals.guard.clone_from(&request.guard);
    globals.invocation.clone_from(&request.args);
    let question = Arc::new(Mutex::new(None));
    let wanted = Arc::new(Mutex::new(Vec::new()));
    let told = frames.clone();
    let teller = Teller::new(move |progress| told.offer(Frame::Progress(progress)));
    let zone = TimeZone::get(&request.time_zone).unwrap_or(TimeZone::UTC);
    let out = Box::new(Stream::new(frames.clone(), Frame::Out));
    let err = Box::new(Stream::new(frames.clone(), Frame::Err));
    let mut printer = Printer::with(&globals, request.terminal, out, err, system_clock).for_afar(
        zone,
        request.store_flags,
        Afar { teller, question: Arc::clone(&question) },
    );
    let served = Served {
        app: lender.app,
        settings: lender.settings,
        stores: lender.stores,
        runtime,
        actor,
        inputs: request.inputs.into_iter().map(|(name, sent)| (name, sent.into())).collect(),
        wanted: Arc::clone(&wanted),
        left,
        ending: lender.ending,
    };
    let desk = Desk::served(globals, lender.sign, served);
    let Err(failure) = command.run(&desk, &mut printer) else { return Frame::End(Ended::DONE) };
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
    if failure.exit == Exit::Ok { Frame::End(Ended::DONE) } else { Frame::End((&failure).into()) }
}

fn printed(failure: &Failure, as_json: bool, colour: bool) -> String {
    let mut text = Vec::new();
    failure.print(as_json, colour, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

impl From<Sent> for Input {
    fn from(sent: Sent) -> Self {
        let unreadable = |is_missing, message| Self::Unreadable { is_missing, message };
        match sent {
            Sent::Base64(text) => match BASE64.decode(text) {
                Ok(bytes) => Self::Bytes(bytes.into()),
                Err(error) => unreadable(false, format!("it is no base64: {error}")),
            },
            Sent::Missing => unreadable(true, String::new()),
            Sent::Unreadable(message) => unreadable(false, message),
        }
    }
}

impl Sent {
    /// How many bytes it is on its way.
    #[must_use]
    pub const fn bytes_sent(&self) -> usize {
        match self {
            Self::Base64(text) | Self::Unreadable(text) => text.len(),
            Self::Missing => 0,
        }
    }

    /// Returns a file, or what is in its way, as it is sent along.
    #[must_use]
    pub fn of(read: io::Result<Vec<u8>>) -> Self {
        match read {
            Ok(bytes) => Self::Base64(BASE64.encode(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// Where frames go.
#[derive(Clone, Debug)]
struct Frames(mpsc::Sender<Frame>);

impl Frames {
    /// Sends a frame, and waits while the reader has not caught up; false if there is none any more.
    ///
    /// The thread is the command's own, and waits inside its runtime, where only sleeping may block.
    fn send(&self, frame: Frame) -> bool {
        let mut frame = frame;
        loop {
            match self.0.try_send(frame) {
                Ok(()) => return true,
                Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(back)) => frame = back,
            }
            std::thread::sleep(READER_LOOK_EVERY);
        }
    }

    /// Sends a frame that may be lost if the reader has not caught up.
    fn offer(&self, frame: Frame) {
        // The next one says more.
        let _ = self.0.try_send(frame);
    }
}

/// A stream of text that is sent in frames. What is printed comes in whole texts, never in parts of characters.
struct Stream {
    frames: Frames,
    frame: fn(String) -> Frame,
    buffer: String,
}

impl Stream {
    const fn new(frames: Frames, frame: fn(String) -> Frame) -> Self {
        Self { frames, frame, buffer: String::new() }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.push_str(&String::from_utf8_lossy(bytes));
        if self.buffer.len() >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = std::mem::take(&mut self.buffer);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.floor_char_boundary(FRAME_BYTES));
            if !self.frames.send((self.frame)(piece.to_owned())) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            rest = more;
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Whoever is gone reads no more.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::{FRAME_BYTES, Frame, Frames, Stream};
    use std::io::Write as _;

    #[test]
    fn a_long_text_comes_in_pieces_of_whole_characters_and_whole_in_the_end() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let text = format!("x{}", "東".repeat(FRAME_BYTES));
        let mut stream = Stream::new(Frames(sender), Frame::Out);
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(b"\n").unwrap();
        drop(stream);
        let mut whole = String::new();
        while let Ok(Frame::Out(piece)) = receiver.try_recv() {
            assert!(piece.len() <= FRAME_BYTES);
            whole.push_str(&piece);
        }
        assert_eq!(whole, text + "\n");
    }
}
