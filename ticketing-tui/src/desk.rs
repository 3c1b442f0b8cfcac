//! The port through which the dashboard sees and changes everything: `ticketctl` commands, answered as data.
//!
//! Whoever implements it decides what a command works on: the stores themselves, a server over HTTP, or made-up
//! data. The dashboard can't tell them apart and never goes round it.

use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use tokio::sync::mpsc;

/// A command that is being run.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send + 'a>>;

/// Runs `ticketctl` commands and returns their answers as data.
pub trait Desk: Send + Sync + 'static {
    /// Runs a command, given without the program's name and without global flags: `["saga", "show", "01a1…"]`.
    ///
    /// Dropping the future gives up waiting; the dashboard does that to reads only.
    ///
    /// # Errors
    /// As the command fails.
    fn run(&self, command: Vec<String>) -> Running<'_>;

    /// Returns what it works on.
    fn place(&self) -> Place;

    /// Begins to tell when something has changed, so that nobody has to look all the time; `None` where it can't. It is
    /// called once, inside the runtime.
    fn hints(&self) -> Option<mpsc::Receiver<Hint>> {
        None
    }
}

/// What a desk tells unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// From now on changes are told of.
    Hearing,
    /// Something has changed.
    Changed,
    /// Changes may go untold.
    Deaf,
}

/// What a desk works on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What people call it: `embedded ./data`, `https://tickets.example.org`, `demo`. No password is in it.
    pub name: String,
    /// The context it was chosen by, if it was.
    pub context: Option<String>,
    /// The context's colour.
    pub colour: Option<Colour>,
    /// Whether changes need a reason, and severe ones the context's name.
    pub protected: bool,
    /// Whether nothing can be changed through it.
    pub readonly: bool,
    /// The global flags that a command typed in a shell needs to reach it: `["--data-dir", "./data"]`. No secret is
    /// in it.
    pub flags: Vec<String>,
    /// Whether no command that is typed in a shell reaches it.
    pub is_apart: bool,
}

/// The colours that every terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For production, by custom.
    Red,
    /// For what may be broken.
    Green,
    /// For what stands between.
    Yellow,
    /// A colour without a custom.
    Blue,
    /// A colour without a custom.
    Magenta,
    /// A colour without a custom.
    Cyan,
}

/// What a command answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What `-o jsonl` prints: a row each; of an object, one row.
    pub rows: Vec<Value>,
    /// What stderr would say, a line each.
    pub notes: Vec<String>,
    /// What a table would print, where there is one.
    pub text: Option<String>,
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    /// The exit code: 2 usage, 3 not found, 4 not allowed, 5 conflict, 7 unreachable, 9 refused.
    pub exit: u8,
    /// A stable word: `SAGA_STATE`.
    pub code: String,
    /// What failed; the mistake in a filter is pointed at on the lines that follow the first.
    pub message: String,
    /// Why, if the message does not say so.
    pub why: Option<String>,
    /// What to try: a command where there is one.
    pub hint: Option<String>,
    /// Whether the same command may succeed later.
    pub retryable: bool,
    /// The plan as it is now, if it is not any more what was agreed to. Boxed, so that a refusal is not too large to be
    /// handed about.
    pub plan: Option<Box<Value>>,
}

/// The exit code of what does not answer.
pub(crate) const EXIT_UNREACHABLE: u8 = 7;
/// The exit code of what does not exist.
pub(crate) const EXIT_NOT_FOUND: u8 = 3;
/// The exit code of a command line that is wrong.
pub(crate) const EXIT_USAGE: u8 = 2;

impl Refusal {
    /// Says whether the other side could not be reached at all.
    pub(crate) const fn is_unreachable(&self) -> bool {
        self.exit == EXIT_UNREACHABLE
    }
}

/// A command that the palette knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandHelp {
    /// Its words: `saga retry`.
    pub words: String,
    /// What it does, in a line.
    pub about: String,
    /// Its own long flags: `--dry-run`, `--query`. One that has `--dry-run`, `--yes` or `--reason` changes something.
    pub flags: Vec<String>,
}

impl CommandHelp {
    /// Says whether it changes something, as far as its flags tell.
    pub(crate) fn is_change(&self) -> bool {
        ["--dry-run", "--yes", "--reason"].iter().any(|flag| self.has(flag))
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|it| it == flag)
    }
}
