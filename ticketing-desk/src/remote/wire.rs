//! What goes over the wire between a distant `ticketctl` and a server: a command line one way, pieces of an answer the
//! other. Nothing is run here.

use crate::desk::Input;
use crate::failure::{Exit, Failure};
use crate::globals::Guard;
use crate::output::{Question, Terminal};
use crate::progress::ProgressReport;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// Where a server takes commands: `POST`, a [`Request`] as JSON.
pub const PATH: &str = "/api/admin/commands";

/// The type of an answer that comes in [`Frame`]s, one a line.
pub const FRAMES_TYPE: &str = "application/x-ndjson";
/// A command that says nothing for so long is heard of by a [`Frame::Beat`].
pub const BEAT_EVERY: Duration = Duration::from_secs(3);

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
    Progress(ProgressReport),
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
    /// Whether it had been done before with its idempotency key, and only its first answer was given again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_replay: bool,
    /// Whether what was planned takes away on a large scale, so that a person is to say twice that it is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_severe: bool,
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
    pub(super) const DONE: Self =
        Self { exit: Exit::Ok as u8, failure: None, is_replay: false, is_severe: false };
}

impl From<&Failure> for Ended {
    fn from(failure: &Failure) -> Self {
        let message = match &failure.why {
            Some(why) => format!("{} {why}", failure.message),
            None => failure.message.clone(),
        };
        let Failure { code, hint, retryable, .. } = failure.clone();
        let refused = Refused { code, message, hint, retryable };
        Self { exit: failure.exit as u8, failure: Some(refused), is_replay: false, is_severe: false }
    }
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
