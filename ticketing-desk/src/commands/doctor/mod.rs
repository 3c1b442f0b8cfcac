//! `ticketctl doctor`, as far as the stores are concerned. What is to be looked at on the operator's own machine is
//! looked at there, and told together with this.
//!
//! It only reads. Each check is bounded in time, and made whatever came of the others.

mod stores;
pub mod told;

pub use told::tell;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use serde::{Deserialize, Serialize};

/// Look for what is wrong, and say what to do about it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each check is one line: ok, warn or fail, and the command that mends it. It
looks at the settings, this machine, the stores, and the services that are set;
in a context of a server, at the server and its stores instead. It changes
nothing; --timeout bounds each check. Exit 8 if any fails, else 0.

Examples:
  ticketctl doctor
  ticketctl doctor -o json
  ticketctl doctor --context prod --timeout 3s")]
pub struct Args {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

impl State {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A check, made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub state: State,
    /// What was found, as a sentence.
    pub finding: String,
    /// The command that mends it; none where nothing is to be mended.
    pub fix: Option<String>,
}

impl Checked {
    /// All is well.
    pub fn ok(name: &str, finding: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state: State::Ok, finding: finding.into(), fix: None }
    }

    /// Somebody should look.
    pub fn warn(name: &str, finding: impl Into<String>, fix: impl Into<String>) -> Self {
        let (finding, fix) = (finding.into(), Some(fix.into()));
        Self { name: name.to_owned(), state: State::Warn, finding, fix }
    }

    /// It does not work.
    pub fn fail(name: &str, finding: impl Into<String>, fix: impl Into<String>) -> Self {
        let (finding, fix) = (finding.into(), Some(fix.into()));
        Self { name: name.to_owned(), state: State::Fail, finding, fix }
    }

    /// What was looked at could not be.
    #[must_use]
    pub fn failed(name: &str, failure: &Failure) -> Self {
        let finding = match &failure.why {
            Some(why) => format!("{} {why}", failure.message),
            None => failure.message.clone(),
        };
        Self { name: name.to_owned(), state: State::Fail, finding, fix: failure.hint.clone() }
    }
}

/// Makes the checks of the stores.
///
/// # Errors
/// A setting that can't be used; a signal.
pub fn look(desk: &Desk) -> Result<Vec<Checked>, Failure> {
    crate::signals::run_at(desk, async { Ok(stores::check(desk).await) })
}

/// Makes the checks of the stores, and tells of them.
///
/// # Errors
/// Unhealthy, if any failed.
pub fn run(_: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let all = look(desk)?;
    tell(printer, &all)
}
