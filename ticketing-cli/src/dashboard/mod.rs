//! What the dashboard works on: the stores, opened once for all its commands, or a server elsewhere.
//!
//! Both answer with frames, which become rows here: the dashboard can't tell them apart.

mod changes;
mod demo;
mod here;
mod near;
mod there;

use crate::place::{self, Place};
use crate::remote::Server;
use here::Here;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use there::There;
use ticketing_desk::guard::Colour;
use ticketing_desk::output::{Node, Plan, Terminal};
use ticketing_desk::remote::{Backend, Ended, Frame, Request};
use ticketing_desk::{Desk, Failure, Globals};
use ticketing_tui::{Answer, Refusal};

/// No answer is longer, in bytes: the dashboard asks for pages.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Closing the stores takes no longer than this.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What the dashboard works on.
pub enum Work {
    /// The stores.
    Here(Arc<Here>),
    /// A server.
    There(Arc<There>),
}

impl Work {
    /// Finds what the flags, the context and the environment name. Nothing is opened or asked yet.
    ///
    /// # Errors
    /// A flag or setting that can't be used.
    pub fn of(desk: &Desk) -> Result<Self, Failure> {
        let found = place::find(&desk.globals)?;
        Ok(match &found.place {
            Place::Here => {
                Self::Here(Arc::new(Here::new(&Desk::here(found.globals.clone(), desk.signer()))?))
            }
            Place::There(distant) => {
                let server = distant.server(&desk.globals)?;
                Self::There(Arc::new(There::new(server, &found.globals)?))
            }
        })
    }

    /// Works on made-up data.
    pub fn demo(desk: &Desk) -> Self {
        Self::Here(Arc::new(Here::demo(desk)))
    }

    /// Works on what a server in this process has open.
    pub fn on_backend(desk: &Desk, backend: Backend) -> Self {
        Self::Here(Arc::new(Here::on_backend(desk, backend)))
    }

    /// Returns what runs the dashboard's commands.
    pub fn desk(&self) -> Arc<dyn ticketing_tui::Desk> {
        match self {
            Self::Here(here) => Arc::clone(here) as _,
            Self::There(there) => Arc::clone(there) as _,
        }
    }

    /// Closes what is open.
    pub async fn close(self) {
        if let Self::Here(here) = self {
            // What does not close in time is closed by the system.
            let _ = tokio::time::timeout(CLOSE_WAIT, here.close()).await;
        }
    }
}

/// Returns what the dashboard says of where it works. `flags` reach it where no context does.
fn place_of(globals: &Globals, name: String, flags: Vec<String>) -> ticketing_tui::Place {
    let guard = globals.guard.as_ref();
    let flags = match guard {
        // Also of a context that is in use without being named: the next shell may have another one.
        Some(guard) => vec!["--context".to_owned(), guard.context.clone()],
        None => flags,
    };
    ticketing_tui::Place {
        name,
        context: guard.map(|guard| guard.context.clone()),
        colour: guard.and_then(|guard| guard.colour).map(colour_of),
        protected: guard.is_some_and(|guard| guard.protected),
        readonly: guard.is_some_and(|guard| guard.readonly),
        flags,
        is_apart: false,
    }
}

const fn colour_of(colour: Colour) -> ticketing_tui::Colour {
    match colour {
        Colour::Red => ticketing_tui::Colour::Red,
        Colour::Yellow => ticketing_tui::Colour::Yellow,
        Colour::Green => ticketing_tui::Colour::Green,
        Colour::Blue => ticketing_tui::Colour::Blue,
        Colour::Magenta => ticketing_tui::Colour::Magenta,
        Colour::Cyan => ticketing_tui::Colour::Cyan,
    }
}

/// Returns what is sent for a command: its answer as rows, unless it names a format itself; then as people read it on
/// this terminal. Commands that the answer proposes have the flags that reach `place`.
fn request(command: &[String], globals: &Globals, place: &ticketing_tui::Place) -> Request {
    let mut args = command.to_vec();
    let is_text = ticketing_desk::failure::names_format(command);
    if !is_text {
        let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
        args.splice(end..end, ["-o".to_owned(), "jsonl".to_owned()]);
    }
    let width = if is_text { crossterm::terminal::size().ok() } else { None };
    let mut terminal = Terminal::default();
    if let Some((columns, _)) = width {
        terminal.width = usize::from(columns).saturating_sub(MARGIN);
    }
    let flags = place.flags.iter().map(|flag| ticketing_desk::typed::quoted(flag) + " ");
    Request {
        args,
        terminal,
        time_zone: jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned(),
        store_flags: flags.collect(),
        guard: globals.guard.clone(),
        ..Request::default()
    }
}

/// The dashboard leaves so many columns free beside a text.
const MARGIN: usize = 2;

/// The name of the server, for the dashboard's head.
fn name_of(server: &Server) -> String {
    server.url.clone()
}

/// What has come of an answer so far.
#[derive(Default)]
struct Gathered {
    out: String,
    err: String,
}

impl Gathered {
    /// Takes a frame; the answer, if it was the last one.
    fn take(&mut self, frame: Frame, command: &[String]) -> Option<Result<Answer, Refusal>> {
        match frame {
            Frame::Out(text) if self.out.len() + text.len() > ANSWER_BYTES_MAX => {
                return Some(Err(refusal(
                    &Failure::error("The answer is too long for the dashboard.")
                        .hint("narrow it down by a filter"),
                )));
            }
            Frame::Out(text) => self.out.push_str(&text),
            Frame::Err(text) => self.err.push_str(&text),
            Frame::Progress(_) | Frame::Beat => {}
            Frame::Ask(question) => {
                return Some(Err(refusal(&ticketing_desk::confirm::said_no(question.declined))));
            }
            Frame::Want(names) => {
                let names = names.join(", ");
                return Some(Err(refusal(
                    &Failure::usage(format!("The command reads {names}, which the dashboard can't hand it."))
                        .hint("run it at a shell"),
                )));
            }
            Frame::End(ended) => return Some(self.end(ended, command)),
        }
        None
    }

    fn end(&mut self, ended: Ended, command: &[String]) -> Result<Answer, Refusal> {
        let out = std::mem::take(&mut self.out);
        let is_text = ticketing_desk::failure::names_format(command);
        let is_plan = command.iter().any(|arg| arg == "--dry-run");
        let rows: Vec<Value> = match is_text {
            true => Vec::new(),
            false => out.lines().filter_map(|line| row(line, is_plan, ended.is_severe)).collect(),
        };
        match ended.failure {
            None => {
                let notes = self.err.lines().map(str::to_owned).collect();
                Ok(Answer { rows, notes, text: is_text.then_some(out) })
            }
            Some(failure) => Err(Refusal {
                exit: ended.exit,
                code: failure.code,
                message: failure.message,
                why: None,
                hint: failure.hint,
                retryable: failure.retryable,
                plan: rows.into_iter().find(|row| row.get("changes").is_some()).map(Box::new),
            }),
        }
    }
}

/// Reads a line of the answer. A plan also gets the digest that it is agreed to by, and whether it is severe.
fn row(line: &str, is_plan: bool, is_severe: bool) -> Option<Value> {
    let mut row: Value = serde_json::from_str(line).ok()?;
    if is_plan
        && let (Some(fields), Ok(node)) = (row.as_object_mut(), Node::parse(line))
        && let (true, Ok(plan)) = (fields.contains_key("changes"), Plan::of(&node))
    {
        fields.insert("digest".into(), plan.digest().into());
        fields.insert("severe".into(), is_severe.into());
    }
    Some(row)
}

fn refusal(failure: &Failure) -> Refusal {
    Refusal {
        exit: failure.exit as u8,
        code: failure.code.clone(),
        message: failure.message.clone(),
        why: failure.why.clone(),
        hint: failure.hint.clone(),
        retryable: failure.retryable,
        plan: None,
    }
}
