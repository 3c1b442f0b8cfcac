//! What a shell is told at a tab: which ids and names the word under the cursor could be.
//!
//! They are asked for as any list is, on the stores or the server that the line names, on a thread of its own. Whoever
//! presses tab never waits: after [`PATIENCE`] there are none. Nothing is said of errors, and nothing is changed.

use crate::Cli;
use crate::contexts;
use crate::place::{SERVER_FLAGS, STORE_FLAGS};
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::{CONSUMED, PUBLISHED};
use ticketing_core::ops::filter::FieldSpec;
use ticketing_core::ops::{dlq, jobs, mails, payments, sagas, ticket_fields};
use ticketing_desk::Printer;
use ticketing_desk::output::{Terminal, system_clock};

/// The variable by which a shell asks.
pub const VARIABLE: &str = "TICKETCTL_COMPLETE";

/// So long after its start the program has answered, whether the stores have or not.
const PATIENCE: Duration = Duration::from_millis(85);

/// The newest so many are looked through.
const LISTED_MAX: &str = "500";

/// When the program began.
static STARTED: OnceLock<Instant> = OnceLock::new();

/// Answers a shell that asks, and returns true; false if none does.
///
/// # Errors
/// A shell that is not known; fails if the answer can't be written.
pub fn answered(started: Instant) -> Result<bool, clap::Error> {
    let _ = STARTED.set(started);
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| taught(Cli::command(), &mut Vec::new()))
        .var(VARIABLE)
        .bin("ticketctl")
        .try_complete(std::env::args_os(), folder.as_deref())
}

/// Where the values of an argument come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A list command, the column that is the value, and those that say what it is.
    List(&'static [&'static str], &'static str, &'static [&'static str]),
    /// The names of layouts.
    Layouts,
    /// The topics that there are.
    Topics,
    /// The columns of the list that the line is about; the last word of several with commas between.
    Columns,
    /// The fields that its query may name.
    Fields,
    /// The contexts that were set up.
    Contexts,
}

const BOOKINGS: Source = Source::List(&["booking", "list"], "id", &["status", "seatNumber", "routeName"]);
const HOLDS: Source = Source::List(&["hold", "list"], "id", &["status", "seatNumber"]);
const SAGAS: Source = Source::List(&["saga", "list"], "id", &["state", "step"]);
const SCHEDULES: Source = Source::List(&["schedule", "list"], "id", &["departureTime", "routeName"]);
const VENUES: Source = Source::List(&["venue", "list"], "id", &["name", "city"]);
const EVENTS: Source = Source::List(&["event", "list"], "id", &["startTime", "title"]);
const LISTINGS: Source = Source::List(&["listing", "list"], "id", &["status", "title", "price"]);
const ORDERS: Source = Source::List(&["order", "list"], "id", &["status", "userId"]);
const ROUTES: Source = Source::List(&["route", "list"], "id", &["shortName", "name"]);
const JOBS: Source = Source::List(&["job", "list"], "id", &["kind", "state"]);
const LETTERS: Source = Source::List(&["dlq", "list"], "id", &["state", "code"]);
const MAILS: Source = Source::List(&["mail", "list"], "id", &["state", "kind"]);
const PAYMENTS: Source = Source::List(&["payment", "list"], "id", &["status", "amount", "currency"]);
const USERS: Source = Source::List(&["user", "list"], "id", &["status", "email", "username"]);
const PROJECTIONS: Source = Source::List(&["projection", "list"], "name", &["lag"]);
const GROUPS: Source = Source::List(&["group", "list"], "name", &["topics"]);

/// Returns where the values of an argument come from, by the command and the argument's name.
fn source(path: &[&str], arg: &str) -> Option<Source> {
    Some(match (path, arg) {
        (["booking", ..], "id" | "ids") | (["why"], _) => BOOKINGS,
        (["hold", ..], "id" | "ids") => HOLDS,
        (["listing", ..], "id") | (["order", ..], "listing") => LISTINGS,
        (["order", ..], "id" | "ids") => ORDERS,
        (["saga", ..], "id" | "ids") => SAGAS,
        (["schedule", ..], "id" | "ids") | (["seat", ..], "offering") | (["booking", ..], "schedule") => {
            SCHEDULES
        }
        (["venue", ..], "id") | (["event", ..], "venue") => VENUES,
        (["event", ..], "id") => EVENTS,
        (["route", ..], "id" | "ids") | (["schedule", ..], "route") => ROUTES,
        (["user", ..], "id" | "ids") => USERS,
        (["job", ..], "id" | "ids") => JOBS,
        (["dlq", ..], "id" | "ids") => LETTERS,
        (["mail", ..], "id" | "ids") => MAILS,
        (["payment", ..], "id" | "ids") | (["booking", ..], "payment") => PAYMENTS,
        (["projection", ..], "name") | (_, "to_projection") => PROJECTIONS,
        (["group", ..], "group") => GROUPS,
        (_, "layout") => Source::Layouts,
        (_, "topic") => Source::Topics,
        (_, "sort" | "columns") => Source::Columns,
        (_, "query") => Source::Fields,
        (_, "context") => Source::Contexts,
        _ => return None,
    })
}

/// Returns the program with every argument that has names or ids taught what they are.
fn taught(command: Command, path: &mut Vec<String>) -> Command {
    let command = command.mut_args(|arg| {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        match source(&words, arg.get_id().as_str()) {
            Some(source) if takes_value(&arg) => {
                let path = path.clone();
                let complete = move |current: &OsStr| candidates(source, &path, current);
                arg.add(ArgValueCompleter::new(complete))
            }
            Some(_) | None => arg,
        }
    });
    command.mut_subcommands(|sub| {
        path.push(sub.get_name().to_owned());
        let sub = taught(sub, path);
        path.pop();
        sub
    })
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn candidates(source: Source, path: &[String], current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy().into_owned();
    // Of several with commas between, the last is the one under the cursor; a minus before it turns the order around.
    let (before, word) = match source {
        Source::Columns => {
            let at = current.rfind(',').map_or(0, |at| at + 1);
            let at = at + usize::from(current[at..].starts_with('-'));
            current.split_at(at)
        }
        Source::Fields => current.split_at(current.rfind([' ', '(']).map_or(0, |at| at + 1)),
        Source::List(..) | Source::Layouts | Source::Topics | Source::Contexts => ("", current.as_str()),
    };
    let found = match source {
        Source::List(list, value, about) => in_time(move || listed(list, value, about)),
        Source::Layouts => match in_time(layouts) {
            none if none.is_empty() => plain(ticketing_desk::commands::seed::builtin_layout_names()),
            found => found,
        },
        Source::Topics => plain(CONSUMED.iter().chain(PUBLISHED).map(ToString::to_string)),
        Source::Columns => columns(path),
        Source::Fields => fields(path),
        Source::Contexts => plain(contexts()),
    };
    let fitting = found.into_iter().filter(|(value, _)| value.starts_with(word));
    let candidate = |(value, help): (String, String)| {
        let help = (!help.is_empty()).then(|| help.into());
        CompletionCandidate::new(format!("{before}{value}")).help(help)
    };
    fitting.map(candidate).collect()
}

/// Values, and what is said of each.
type Found = Vec<(String, String)>;

fn plain(values: impl IntoIterator<Item = String>) -> Found {
    values.into_iter().map(|value| (value, String::new())).collect()
}

/// The contexts by name.
fn contexts() -> Vec<String> {
    let book = contexts::folder().and_then(|folder| contexts::read(&folder).ok());
    book.map_or_else(Vec::new, |book| book.contexts.into_keys().collect())
}

/// How long completions may take: [`PATIENCE`], or the milliseconds of `TICKETCTL_COMPLETE_MS`, for who would rather wait.
fn patience() -> Duration {
    let set = std::env::var("TICKETCTL_COMPLETE_MS").ok().and_then(|text| text.parse().ok());
    set.map_or(PATIENCE, Duration::from_millis)
}

/// Does what may take long, and gives it up when the patience is over.
fn in_time(work: impl FnOnce() -> Option<Found> + Send + 'static) -> Found {
    let left = patience().saturating_sub(STARTED.get().map_or(Duration::ZERO, Instant::elapsed));
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("completing".into());
    let spawned = thread.spawn(move || {
        // Whoever waited may be gone; the process ends with whoever asked, and with it this.
        let _ = sender.send(work());
    });
    match spawned {
        Ok(_) => receiver.recv_timeout(left).ok().flatten().unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// Lists through the same code as the command itself.
fn listed(list: &[&str], value: &str, about: &[&str]) -> Option<Found> {
    let columns = [&[value], about].concat().join(",");
    let flags = ["-o", "jsonl", "--limit", LISTED_MAX, "--columns", &columns];
    let text = printed(&[list, &flags].concat())?;
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        let word = |name: &str| match row.get(name)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Null => None,
            other => Some(other.to_string()),
        };
        let about: Vec<String> = about.iter().filter_map(|name| word(name)).collect();
        Some((word(value)?, about.join(" ")))
    };
    Some(text.lines().filter_map(row).collect())
}

fn layouts() -> Option<Found> {
    let cli = parsed(&["status"])?;
    let desk = ticketing_desk::Desk::here(cli.globals.clone(), ticketing_server::failures::sign_token);
    let (mut printer, _) = quiet(&cli);
    ticketing_desk::commands::seed::layout_names(&desk, &mut printer).ok().map(plain)
}

/// The columns of the list that the line is about.
fn columns(path: &[String]) -> Found {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    words.extend(["--columns", "help", "-o", "name"]);
    // It opens no store, so that it can be done here; `--server` would be asked, and is left out.
    let text = parse(std::iter::once("ticketctl".into()).chain(words.iter().map(Into::into)).collect())
        .and_then(|cli| {
            let (mut printer, out) = quiet(&cli);
            crate::here_only(&cli, &mut printer).ok()?;
            drop(printer);
            Some(out.text())
        });
    plain(text.unwrap_or_default().lines().map(str::to_owned))
}

/// The fields that a query on this command may name.
fn fields(path: &[String]) -> Found {
    let of: &[FieldSpec] = match path.first().map_or("", String::as_str) {
        "booking" | "hold" => ticket_fields::TICKET_FIELDS,
        "saga" => sagas::SAGA_FIELDS,
        "job" => jobs::JOB_FIELDS,
        "dlq" => dlq::DLQ_FIELDS,
        "mail" => mails::MAIL_FIELDS,
        "payment" => payments::PAYMENT_FIELDS,
        _ => return columns(path).into_iter().filter(|(name, _)| !name.contains('.')).collect(),
    };
    plain(of.iter().map(|field| field.name.to_owned()))
}

/// Runs a command where the line says, and returns what it prints.
fn printed(words: &[&str]) -> Option<String> {
    let cli = parsed(words)?;
    let (mut printer, out) = quiet(&cli);
    // No completion reads a file.
    crate::dispatch(&cli, &BTreeSet::new(), &mut printer).ok()?;
    drop(printer);
    Some(out.text())
}

/// Parses a command with the place that the line under the cursor names.
fn parsed(words: &[&str]) -> Option<Cli> {
    let line: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut args: Vec<OsString> = vec!["ticketctl".into()];
    args.extend(words.iter().map(Into::into));
    args.extend(place_of(&line)?.into_iter().map(Into::into));
    parse(args)
}

fn parse(args: Vec<OsString>) -> Option<Cli> {
    let mut cli = Cli::from_arg_matches(&Cli::command().try_get_matches_from(&args).ok()?).ok()?;
    cli.globals.invocation = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    Some(cli)
}

/// Returns the flags of a line that say where it works; `None` if that would take a token from stdin.
fn place_of(line: &[String]) -> Option<Vec<String>> {
    let says_where = |flag: &str| SERVER_FLAGS.contains(&flag) || STORE_FLAGS.contains(&flag);
    let mut found = Vec::new();
    let mut words = line.iter();
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if says_where(flag) => (flag, value.to_owned()),
            _ if says_where(word) => (word.as_str(), words.next()?.clone()),
            _ => continue,
        };
        if flag == "--token" && value == "-" {
            return None;
        }
        found.push(format!("{flag}={value}"));
    }
    Some(found)
}

/// Takes what is printed.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn quiet(cli: &Cli) -> (Printer, Sink) {
    let out = Sink::default();
    let nobody = Terminal { width: 80, ..Terminal::default() };
    let printer =
        Printer::with(&cli.globals, nobody, Box::new(out.clone()), Box::new(io::sink()), system_clock);
    (printer, out)
}

#[cfg(test)]
mod tests {
    use super::{place_of, source};
    use crate::Cli;
    use clap::CommandFactory as _;

    #[test]
    fn every_id_of_the_command_line_can_be_completed() {
        fn walk(command: &clap::Command, path: &mut Vec<String>, missing: &mut Vec<String>) {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            for arg in command.get_arguments() {
                let name = arg.get_id().as_str();
                let is_one =
                    ["id", "ids", "offering", "query", "sort", "columns", "layout", "topic", "group"];
                if is_one.contains(&name) && source(&words, name).is_none() {
                    missing.push(format!("{} {name}", path.join(" ")));
                }
            }
            for sub in command.get_subcommands() {
                path.push(sub.get_name().to_owned());
                walk(sub, path, missing);
                path.pop();
            }
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), &mut Vec::new(), &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_line_s_own_stores_are_asked_and_no_token_is_read_from_stdin() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rows = [
            ("ticketctl booking get 01", Some("")),
            ("ticketctl --data-dir d booking get", Some("--data-dir=d")),
            ("ticketctl --server=http://x saga show", Some("--server=http://x")),
            ("ticketctl --token - saga show", None),
            ("ticketctl booking get --data-dir", None),
        ];
        for (line, expected) in rows {
            assert_eq!(place_of(&words(line)).map(|flags| flags.join(" ")).as_deref(), expected, "{line}");
        }
    }
}
