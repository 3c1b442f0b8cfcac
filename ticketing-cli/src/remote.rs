//! A server elsewhere: the command is sent there, and what it says is printed here.
//!
//! Nothing of the stores is touched from here, and nothing is decided but the answer to a question. Only files that the
//! command line itself names as files are sent along, whatever the server asks for. What the server says is printed as
//! it is; at a terminal it may choose colours and draw anew, and nothing else ([`crate::harmless`]). The token goes to
//! the address that was given and nowhere else: no redirect is followed.

use crate::harmless::Harmless;
use crate::place::SERVER_FLAGS;
use crate::{trust, whole};
use clap::{ArgMatches, ValueHint};
use reqwest::header::LOCATION;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use ticketing_desk::confirm::said_no;
use ticketing_desk::desk::STDIN;
use ticketing_desk::globals::{Globals, Secret};
use ticketing_desk::progress::Progress;
use ticketing_desk::prompt::{Answer, ask, is_yes};
use ticketing_desk::remote::{self, BEAT_EVERY, FRAMES_TYPE, Frame, Request, Sent};
use ticketing_desk::signals::{self, Doing};
use ticketing_desk::typed::with_flags;
use ticketing_desk::{Exit, Failure, Printer};

/// A server is given up that is silent for so many beats.
const BEATS_MISSED_MAX: u32 = 5;
/// No larger file is sent along, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// No line of an answer is longer, in bytes: a server sends smaller pieces.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Files are sent at least so fast, or the server is given up.
const UPLOAD_BYTES_PER_SECOND_MIN: usize = 256 << 10;
/// So much is read of an answer that is no stream, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// Which server, and who asks.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end: `https://tickets.example.org`.
    pub url: String,
    /// The token.
    pub token: Secret,
    /// Whether stdin was read for it, so that nothing is left there.
    pub token_is_piped: bool,
    /// The file of the certificates that are believed beside those of this machine.
    pub ca_file: Option<PathBuf>,
}

/// Runs the command that was typed on a server and prints what it says. `files` are those that it names.
///
/// # Errors
/// As the command fails, which has then been printed: only its exit code is left. Else what stands between here and
/// the server.
pub fn run(
    server: &Server,
    globals: &Globals,
    files: &BTreeSet<String>,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    let request = Request {
        args: without_place(globals.invocation.clone()),
        terminal: printer.terminal(),
        time_zone: jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned(),
        store_flags: globals.store_flags(),
        guard: globals.guard.clone(),
        inputs: BTreeMap::new(),
    };
    let doing = Doing::default();
    signals::run(&doing, async {
        let client = trust::client(globals.timeout, &server.url, server.ca_file.as_deref())?;
        talk(&client, server, globals.timeout, request, files, &doing, printer).await
    })
}

/// Sends the command as often as it takes: again with the files that it wants, and with the yes that it asks for.
async fn talk(
    client: &Client,
    server: &Server,
    timeout: Duration,
    mut request: Request,
    files: &BTreeSet<String>,
    doing: &Doing,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    loop {
        doing.say("The server was told to stop; ticketctl audit list tells what it had done.");
        let mut answer = Conversation::begin(client, server, timeout, &request).await?;
        match answer.print(printer).await? {
            // A server knows from the request that nobody is here to be asked.
            Frame::Ask(question) if !printer.can_ask() => return Err(said_no(question.declined)),
            Frame::Ask(question) => match ask(printer, &question.text) {
                Answer::Line(line) if is_yes(&line) => {
                    request.args = agreed(request.args, &question.plan);
                }
                Answer::Line(_) => return Err(said_no(question.declined)),
                Answer::Stopped(failure) => return Err(failure.why("Nothing was done.")),
            },
            Frame::Want(names) => add_inputs(&mut request, server, files, &names)?,
            Frame::End(ended) => return Ok(Exit::of(ended.exit)),
            Frame::Out(_) | Frame::Err(_) | Frame::Progress(_) | Frame::Beat => {
                return Err(broke_off(server));
            }
        }
    }
}

/// An answer that comes piece by piece.
pub struct Conversation<'s> {
    server: &'s Server,
    response: Response,
    patience: Duration,
    buffer: Vec<u8>,
}

impl<'s> Conversation<'s> {
    /// Sends a command.
    ///
    /// # Errors
    /// What stands between here and the server, or its refusal.
    pub async fn begin(
        client: &Client,
        server: &'s Server,
        timeout: Duration,
        request: &Request,
    ) -> Result<Self, Failure> {
        let url = format!("{}{}", server.url, remote::PATH);
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", server.token.expose()))
            .map_err(|_| Failure::usage("The token has characters that no token has.").hint(TOKEN_HINT))?;
        bearer.set_sensitive(true);
        let sending =
            client.post(url).header(AUTHORIZATION, bearer).header(ACCEPT, FRAMES_TYPE).json(request).send();
        let patience = timeout + upload_time(request);
        let response = match tokio::time::timeout(patience, sending).await {
            Err(_) => return Err(silent(server, patience)),
            Ok(Err(error)) => return Err(not_reached(server, &error)),
            Ok(Ok(response)) => response,
        };
        if response.status() != StatusCode::OK {
            let refusal = tokio::time::timeout(timeout, refused(server, response)).await;
            return Err(refusal.unwrap_or_else(|_| silent(server, timeout)));
        }
        let patience = timeout.max(BEAT_EVERY * BEATS_MISSED_MAX);
        Ok(Self { server, response, patience, buffer: Vec::new() })
    }

    /// Prints what comes until the command has ended, and returns how.
    async fn print(&mut self, printer: &mut Printer) -> Result<Frame, Failure> {
        let mut progress: Option<Progress> = None;
        let terminal = printer.terminal();
        let (mut out, mut err) = (Harmless::of(terminal.stdout), Harmless::of(terminal.stderr));
        loop {
            match self.next().await? {
                Frame::Out(text) => {
                    drop(progress.take());
                    printer.drawing(&out.pass(&text))?;
                }
                Frame::Err(text) => {
                    drop(progress.take());
                    printer.relay(&err.pass(&text));
                }
                Frame::Progress(told) => {
                    let label = ticketing_desk::output::visible::visible(&told.label);
                    progress
                        .get_or_insert_with(|| Progress::start(printer.progress_style(), &label, told.total))
                        .report(&label, told.done, told.total);
                }
                Frame::Beat => {}
                end @ (Frame::Ask(_) | Frame::Want(_) | Frame::End(_)) => return Ok(end),
            }
        }
    }

    /// Waits for the next piece.
    ///
    /// # Errors
    /// A server that falls silent, breaks off or says what can't be read.
    pub async fn next(&mut self) -> Result<Frame, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return serde_json::from_slice(&line).map_err(|error| {
                    Failure::error(format!("What the server at {} says can't be read.", self.server.url))
                        .why(format!("{error}."))
                        .hint("ticketctl version here and there: both should be the same")
                });
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(broke_off(self.server));
            }
            match tokio::time::timeout(self.patience, self.response.chunk()).await {
                Err(_) => return Err(silent(self.server, self.patience)),
                Ok(Ok(Some(chunk))) => self.buffer.extend_from_slice(&chunk),
                Ok(Ok(None) | Err(_)) => return Err(broke_off(self.server)),
            }
        }
    }
}

/// Returns the command line with a yes to the plan that was shown.
fn agreed(args: Vec<String>, plan: &str) -> Vec<String> {
    with_flags(args, ["--yes".to_owned(), "--expect".to_owned(), plan.to_owned()])
}

/// Returns the command line without what only this side needs.
fn without_place(args: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            break;
        }
        let is_with_value = |flag: &str| arg.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='));
        if SERVER_FLAGS.contains(&arg.as_str()) {
            drop(args.next());
        } else if !SERVER_FLAGS.iter().any(|flag| is_with_value(flag)) {
            out.push(arg);
        }
    }
    out.extend(args);
    out
}

/// Returns what a command line names for a command to read: the values of arguments that are paths, and `-` where it is
/// a value.
pub fn files_named(command: &clap::Command, found: &ArgMatches) -> BTreeSet<String> {
    let (mut command, mut found) = (command, found);
    let mut files = BTreeSet::new();
    loop {
        // What is global is read on this side, if it is read at all.
        for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
            let is_path = matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath);
            let values = found.try_get_raw(arg.get_id().as_str()).ok().flatten().into_iter().flatten();
            let values = values.map(|value| value.to_string_lossy().into_owned());
            files.extend(values.filter(|value| is_path || value == STDIN));
        }
        let Some((name, below)) = found.subcommand() else { return files };
        let Some(next) = command.find_subcommand(name) else { return files };
        (command, found) = (next, below);
    }
}

fn add_inputs(
    request: &mut Request,
    server: &Server,
    files: &BTreeSet<String>,
    names: &[String],
) -> Result<(), Failure> {
    for name in names {
        if name == STDIN && server.token_is_piped {
            return Err(Failure::usage("Stdin can't be the token and what the command reads.")
                .hint("give the token by TICKETCTL_TOKEN or --token-file FILE"));
        }
        if !files.contains(name) || request.inputs.contains_key(name) {
            return Err(Failure::refused(format!(
                "The server asks for {}, which the command does not name.",
                ticketing_core::text::quoted(name)
            ))
            .why("It was not sent."));
        }
        request.inputs.insert(name.clone(), Sent::of(read(name)));
    }
    Ok(())
}

fn read(name: &str) -> io::Result<Vec<u8>> {
    match name {
        STDIN => whole::bytes(io::stdin(), FILE_BYTES_MAX),
        _ if std::fs::metadata(name)?.is_dir() => {
            Err(io::Error::other("it is a folder, and only files are sent to a server"))
        }
        _ => whole::bytes(std::fs::File::open(name)?, FILE_BYTES_MAX),
    }
}

/// How long what is sent may be on its way, beside what the server needs for its answer.
fn upload_time(request: &Request) -> Duration {
    let bytes: usize = request.inputs.values().map(Sent::bytes_sent).sum();
    Duration::from_secs((bytes / UPLOAD_BYTES_PER_SECOND_MIN) as u64)
}

const TOKEN_HINT: &str = "export TICKETCTL_TOKEN=$(ticketctl user token NAME --role operator --data-dir DIR), run where the stores are";

/// What a refusal's envelope says.
#[derive(Deserialize)]
struct Envelope {
    error: EnvelopeError,
}

#[derive(Deserialize)]
struct EnvelopeError {
    code: String,
    message: String,
}

async fn refused(server: &Server, mut response: Response) -> Failure {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > REFUSAL_BYTES_MAX {
            break;
        }
    }
    let url = &server.url;
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()));
        let to = to.map_or_else(|| "elsewhere".to_owned(), |to| ticketing_core::text::quoted(&to));
        return Failure::error(format!("{url} sends its callers to {to}."))
            .code("REDIRECTED")
            .why("The token goes only to the address that was given. Nothing was done.")
            .hint("give --server the address that it names, if you trust it");
    }
    let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(&body) else {
        return Failure::error(format!("{url} answered {status}, and not as a ticketing server does."))
            .code("NOT_A_SERVER")
            .hint(format!("curl {url}/api/health/live"));
    };
    let failure = |exit| Failure::new(exit, error.code.clone(), error.message.clone());
    match status {
        StatusCode::UNAUTHORIZED => failure(Exit::Auth).hint(TOKEN_HINT),
        StatusCode::FORBIDDEN => failure(Exit::Auth).hint(TOKEN_HINT),
        StatusCode::NOT_FOUND => failure(Exit::Error)
            .why(format!("The server at {url} takes no commands: it has not the role api, or is older."))
            .hint("ticketctl serve --roles api, …"),
        StatusCode::TOO_MANY_REQUESTS => failure(Exit::Unreachable).hint("wait as long as it says"),
        status if status.is_server_error() => failure(Exit::Unreachable).hint("try again in a moment"),
        _ => failure(Exit::Error),
    }
}

fn not_reached(server: &Server, error: &reqwest::Error) -> Failure {
    let url = &server.url;
    if let Some(failure) = trust::not_believed(url, error) {
        return failure;
    }
    let failure = Failure::unreachable(format!("The server at {url} does not answer."))
        .why(format!("{}.", trust::root_of(error)))
        .hint(format!("curl {url}/api/health/live; or work on the stores directly, without --server"));
    if !error.is_connect() && !error.is_builder() {
        // It was sent, or a part of it.
        return broke_off(server);
    }
    if error.is_builder() {
        return Failure::usage(format!("{url} is no address of a server."))
            .why(format!("{}.", trust::root_of(error)))
            .hint("--server https://tickets.example.org");
    }
    failure
}

fn silent(server: &Server, patience: Duration) -> Failure {
    let seconds = patience.as_secs_f32();
    lost(format!("The server at {} was silent for {seconds} s.", server.url))
}

fn broke_off(server: &Server) -> Failure {
    lost(format!("The answer of the server at {} broke off.", server.url))
}

fn lost(message: String) -> Failure {
    ticketing_desk::errors::answer_lost(&message, None)
        .why("If the command was to change something, that may have happened.")
}

#[cfg(test)]
mod tests {
    use super::{agreed, without_place};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_says_where_a_command_runs_is_not_sent_there() {
        let rows = [
            ("--server http://x saga list", "saga list"),
            ("saga --server=http://x list --token - -o json", "saga list -o json"),
            ("--context prod --token-file f why x", "why x"),
            ("saga list --query x -- --server y", "saga list --query x -- --server y"),
            ("booking get --servers", "booking get --servers"),
        ];
        for (given, expected) in rows {
            assert_eq!(without_place(words(given)).join(" "), expected, "{given}");
        }
    }

    #[test]
    fn a_yes_is_said_to_the_plan_that_was_shown() {
        assert_eq!(agreed(words("booking cancel a"), "d").join(" "), "booking cancel a --yes --expect d");
        assert_eq!(
            agreed(words("booking cancel -- -a"), "d").join(" "),
            "booking cancel --yes --expect d -- -a"
        );
    }
}
