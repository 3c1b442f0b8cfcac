//! How commands fail: every exit code, and the one anatomy of an error (what failed, why, what to try).
//!
//! Nothing here panics, and nothing here writes to stdout.

use crate::errors::sentence;
use crate::globals::ColorChoice;
use crate::output::{json, node::Node, terminal, terminal::Tone, visible};
use clap::ValueEnum as _;
use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

/// Every exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something went wrong that no other code names.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A thing named does not exist.
    NotFound = 3,
    /// Not signed in, or not allowed.
    Auth = 4,
    /// Somebody was first, or the state forbids it.
    Conflict = 5,
    /// Some of it was done, some was not.
    Partial = 6,
    /// Server, database or broker does not answer.
    Unreachable = 7,
    /// A check failed.
    Unhealthy = 8,
    /// Read-only, too many, or not confirmed.
    Refused = 9,
    /// Stopped by ctrl-c.
    Interrupted = 130,
    /// Stopped by SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// Returns the exit code of a command that ran elsewhere.
    #[must_use]
    pub const fn of(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            2 => Self::Usage,
            3 => Self::NotFound,
            4 => Self::Auth,
            5 => Self::Conflict,
            6 => Self::Partial,
            7 => Self::Unreachable,
            8 => Self::Unhealthy,
            9 => Self::Refused,
            130 => Self::Interrupted,
            143 => Self::Terminated,
            _ => Self::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The process's exit code. [`Exit::Ok`] ends quietly: whoever read the output has left.
    pub exit: Exit,
    /// A stable word for programs: `NOT_FOUND`.
    pub code: String,
    /// What failed, as a sentence.
    pub message: String,
    /// Why, if the message does not say so.
    pub why: Option<String>,
    /// What to do next: a command where there is one.
    pub hint: Option<String>,
    /// Whether the same command may succeed later.
    pub retryable: bool,
    /// What was named and is not there, so that what was meant can be looked for.
    pub unknown: Option<Box<Unknown>>,
}

/// Something that was named and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What it would be: `booking`.
    pub what: &'static str,
    /// As it was typed.
    pub id: String,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident $exit:ident $code:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(Exit::$exit, $code, message)
        }
    )*};
}

impl Failure {
    /// Returns a failure with the given exit code, stable word and sentence.
    pub fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        let retryable = matches!(exit, Exit::Unreachable);
        Self {
            exit,
            code: code.into(),
            message: message.into(),
            why: None,
            hint: None,
            retryable,
            unknown: None,
        }
    }

    constructors! {
        /// Something unexpected: exit 1.
        error Error "ERROR";
        /// A wrong command line: exit 2.
        usage Usage "USAGE";
        /// A named thing that does not exist: exit 3.
        not_found NotFound "NOT_FOUND";
        /// The state or another buyer forbids it: exit 5.
        conflict Conflict "CONFLICT";
        /// Some was done, some not: exit 6.
        partial Partial "PARTLY_DONE";
        /// A store, server or broker that does not answer: exit 7, retryable.
        unreachable Unreachable "UNREACHABLE";
        /// A failed check: exit 8.
        unhealthy Unhealthy "UNHEALTHY";
        /// Refused for safety, with nothing done: exit 9.
        refused Refused "REFUSED";
        /// Ctrl-c: exit 130.
        interrupted Interrupted "INTERRUPTED";
        /// SIGTERM: exit 143.
        terminated Terminated "TERMINATED";
    }

    /// Returns it with another stable word.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// Returns it with the cause.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Returns it with what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns it with `id` in its hint where that has the word `placeholder`: the caller knows what it is about.
    #[must_use]
    pub fn about(mut self, placeholder: &str, id: &impl std::fmt::Display) -> Self {
        if let Some(hint) = &self.hint {
            let id = id.to_string();
            let words = hint.split(' ').map(|word| if word == placeholder { id.as_str() } else { word });
            self.hint = Some(words.collect::<Vec<_>>().join(" "));
        }
        self
    }

    /// Returns it marked as worth trying again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Returns the failure of a write to stdout; a reader who left is no failure at all.
    pub fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Ok, "READER_LEFT", "The reader of the output has left.");
        }
        Self::error("The output could not be written.").code("OUTPUT").why(format!("{error}.")).hint(
            "free the disk or send the output elsewhere; what the command changed, if anything, stays changed",
        )
    }

    /// Returns what the parser of the command line had to say about `command`, as far as it was named.
    #[must_use]
    pub fn from_clap(error: &clap::Error, command: &str) -> Self {
        let failure = |message: &str| Self::usage(sentence(message)).hint(format!("{command} --help"));
        if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return failure("a command is missing");
        }
        let text = error.to_string();
        let mut message = Vec::new();
        let mut tips = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with("Usage: ") {
                break;
            } else if let Some(tip) = line.strip_prefix("tip: ") {
                tips.push(tip);
            } else if !line.starts_with("For more information") {
                message.push(line.strip_prefix("error: ").unwrap_or(line));
            }
        }
        let failure = failure(&message.join(" "));
        if tips.is_empty() { failure } else { failure.why(sentence(&tips.join("; "))) }
    }

    /// Returns the failure of a defect in this program.
    #[must_use]
    pub fn defect(what: &str, place: Option<&str>) -> Self {
        let place = place.map_or_else(String::new, |place| format!(" (at {place})"));
        Self::error("An internal error stopped the command.")
            .code("INTERNAL")
            .why(format!("{what}{place}"))
            .hint("run it again with RUST_BACKTRACE=1 and -o table, and report what it prints")
    }

    /// Writes the failure for people, or as JSON for programs; a reader who left is met with silence.
    pub fn print(&self, as_json: bool, colour: bool, err: &mut dyn Write) {
        if self.exit != Exit::Ok {
            let text = if as_json { self.to_json() } else { self.to_text(colour) };
            // Nobody is left to tell that stderr is gone.
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        }
    }

    fn to_json(&self) -> String {
        let text = |text: &str| Node::Text(text.to_owned());
        let message = match &self.why {
            Some(why) => format!("{} {why}", self.message),
            None => self.message.clone(),
        };
        let error = Node::Map(vec![
            ("code".to_owned(), text(&self.code)),
            ("message".to_owned(), Node::Text(message)),
            ("hint".to_owned(), self.hint.as_deref().map_or(Node::Null, text)),
            ("retryable".to_owned(), Node::Bool(self.retryable)),
        ]);
        json::compact(&Node::Map(vec![("error".to_owned(), error)])) + "\n"
    }

    fn to_text(&self, colour: bool) -> String {
        let label = terminal::paint(Tone::Bad, "error:", colour);
        let mut out = format!("{label} {}\n", indented(&self.message));
        for (label, text) in [("why:", &self.why), ("try:", &self.hint)] {
            if let Some(text) = text {
                out.push_str(&format!(
                    "  {} {}\n",
                    terminal::paint(Tone::Faint, label, colour),
                    indented(text)
                ));
            }
        }
        out
    }
}

/// Text without what could drive the terminal, its later lines indented, so that none looks like ours.
fn indented(text: &str) -> String {
    visible::visible_lines(text.trim_end()).replace('\n', "\n       ")
}

/// Returns the command that a command line names, `ticketctl seat map`, as far as its words are commands.
#[must_use]
pub fn named_command(program: &clap::Command, args: &[OsString]) -> String {
    let mut words = program.get_name().to_owned();
    let mut command = program;
    for arg in args.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--") {
        if let Some(found) = command.find_subcommand(&*arg) {
            command = found;
            words = format!("{words} {arg}");
        }
    }
    words
}

/// Says whether a command line asks for errors as JSON, also one that the parser refuses.
#[must_use]
pub fn wants_json(args: &[OsString]) -> bool {
    last_value(args, "output", Some('o')).is_some_and(|value| matches!(&*value, "json" | "jsonl"))
}

/// Says whether a command line names a format.
#[must_use]
pub fn names_format(args: &[String]) -> bool {
    let program = std::iter::once(OsString::new());
    let args: Vec<OsString> = program.chain(args.iter().map(Into::into)).collect();
    last_value(&args, "output", Some('o')).is_some()
}

/// Returns what a command line says about colour, also one that the parser refuses.
#[must_use]
pub fn wanted_colour(args: &[OsString]) -> ColorChoice {
    last_value(args, "color", None)
        .and_then(|value| ColorChoice::from_str(&value, false).ok())
        .unwrap_or_default()
}

/// Returns the last value that a command line gives a flag, without knowing the flags around it.
fn last_value(args: &[OsString], long: &str, short: Option<char>) -> Option<String> {
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    let mut answer = None;
    while let Some(arg) = args.next() {
        // A short flag may stand at the end of a bundle: -o json, -ojson, -o=json, -qo json.
        let rest = match (arg.strip_prefix("--"), arg.strip_prefix('-'), short) {
            (Some(name), _, _) => {
                name.strip_prefix(long).filter(|rest| rest.is_empty() || rest.starts_with('='))
            }
            (None, Some(bundle), Some(short)) => {
                bundle.trim_start_matches(['q', 'v', 'y']).strip_prefix(short)
            }
            (None, _, _) => None,
        };
        match rest {
            Some("") => answer = args.next().map(Cow::into_owned).or(answer),
            Some(value) => answer = Some(value.strip_prefix('=').unwrap_or(value).to_owned()),
            None => {}
        }
    }
    answer
}

/// Makes panics print the anatomy of every other error; the caller turns them into exit 1.
pub fn install_panic_hook(as_json: bool, colour: bool) {
    std::panic::set_hook(Box::new(move |info| {
        let mut err = io::stderr().lock();
        Failure::defect(panic_message(info), info.location().map(ToString::to_string).as_deref())
            .print(as_json, colour, &mut err);
        let backtrace = std::backtrace::Backtrace::capture();
        if !as_json && backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            // As above: nobody is left to tell.
            let _ = writeln!(err, "{backtrace}");
        }
    }));
}

fn panic_message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str().unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::{Exit, Failure, named_command, wants_json};
    use std::io;

    fn printed(failure: &Failure, as_json: bool) -> String {
        let mut out = Vec::new();
        failure.print(as_json, false, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_says_what_why_and_what_to_try() {
        let failure = Failure::conflict("Seat A1 is taken.")
            .code("SEAT_TAKEN")
            .why("Another booking holds it until 09:30.")
            .hint("ticketctl seat map 01928a7c");
        assert_eq!(
            printed(&failure, false),
            "error: Seat A1 is taken.\n  why: Another booking holds it until 09:30.\n  try: ticketctl seat map 01928a7c\n"
        );
        assert_eq!(
            printed(&failure, true),
            "{\"error\":{\"code\":\"SEAT_TAKEN\",\"message\":\"Seat A1 is taken. Another booking holds it until \
             09:30.\",\"hint\":\"ticketctl seat map 01928a7c\",\"retryable\":false}}\n"
        );
        assert!(
            printed(&Failure::unreachable("PostgreSQL does not answer."), true)
                .contains("\"retryable\":true")
        );
    }

    #[test]
    fn a_message_can_neither_drive_the_terminal_nor_forge_a_line() {
        let failure = Failure::error("Bad name \u{1b}[2J\nerror: all is lost\u{202e}");
        assert_eq!(
            printed(&failure, false),
            "error: Bad name \\u{1b}[2J\n       error: all is lost\\u{202e}\n"
        );
    }

    #[test]
    fn a_reader_who_left_is_no_failure_and_a_full_disk_is_one() {
        let left = Failure::output(&io::ErrorKind::BrokenPipe.into());
        assert_eq!((left.exit, printed(&left, true)), (Exit::Ok, String::new()));
        let full = Failure::output(&io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit, Exit::Error);
        assert!(printed(&full, false).starts_with("error: The output could not be written.\n  why: "));
    }

    #[test]
    fn a_wrong_command_line_is_led_to_the_help_of_the_command_that_it_names() {
        let seat = clap::Command::new("seat").subcommand(clap::Command::new("map"));
        let program = clap::Command::new("ticketctl").subcommand(seat);
        for (line, expected) in [
            ("ticketctl", "ticketctl"),
            ("ticketctl --bogus", "ticketctl"),
            ("ticketctl -q seat", "ticketctl seat"),
            ("ticketctl seat map -o bogus", "ticketctl seat map"),
            ("ticketctl seat -- map", "ticketctl seat"),
        ] {
            let args: Vec<_> = line.split(' ').map(Into::into).collect();
            assert_eq!(named_command(&program, &args), expected, "{line}");
        }
    }

    #[test]
    fn json_is_recognised_in_a_command_line_that_cannot_be_parsed() {
        let rows = [
            ("ticketctl --bogus -o json", true),
            ("ticketctl --bogus -ojson", true),
            ("ticketctl -o=jsonl --bogus", true),
            ("ticketctl -qo json --bogus", true),
            ("ticketctl --output=json", true),
            ("ticketctl --output jsonl", true),
            ("ticketctl --bogus", false),
            ("ticketctl -o yaml", false),
            ("ticketctl -- -o json", false),
            ("ticketctl -o json -o table", false),
            ("ticketctl -o", false),
            ("ticketctl --data-dir json", false),
        ];
        for (line, expected) in rows {
            let args: Vec<_> = line.split(' ').map(Into::into).collect();
            assert_eq!(wants_json(&args), expected, "{line}");
        }
    }
}
