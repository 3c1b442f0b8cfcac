//! `ticketctl`, the one program an operator needs: arguments in, core called, answers out.
//!
//! No SQL and no rules live here. Parsing needs no runtime, so that `--help` is instant.

mod address;
mod commands;
mod completing;
mod contexts;
mod dashboard;
mod harmless;
mod place;
#[cfg(test)]
mod readers;
mod remote;
mod settings;
mod trust;
mod whole;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use place::{Distant, Found, NamedBy, Place};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;
use ticketing_desk::output::Terminal;
use ticketing_desk::{Desk, Exit, Failure, Globals, Printer, failure};
use ticketing_server::failures::sign_token;
use ticketing_server::logs::LogSettings;

/// Books tickets, and runs and repairs the platform that books them
#[derive(Parser, Debug)]
#[command(
    name = "ticketctl",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 auth, 5 conflict, 6 partly done,\n\
                        7 unreachable, 8 unhealthy, 9 refused; 130 and 143 stopped by a signal."
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Up(commands::up::Args),
    Serve(commands::serve::Args),
    #[command(flatten)]
    Desk(ticketing_desk::Command),
    Load(commands::load::Args),
    Tui(commands::tui::Args),
    Context(commands::context::Args),
    Config(commands::config::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
    Version(commands::version::Args),
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match completing::answered(Instant::now()) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        // A shell shows what it is told instead of the word; it is told nothing.
        Err(_) => return ExitCode::FAILURE,
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    let terminal = Terminal::probe();
    let as_json = failure::wants_json(&args);
    failure::install_panic_hook(as_json, terminal.colour_err(failure::wanted_colour(&args)));
    // The hook has printed what went wrong by the time a panic arrives here.
    catch_unwind(AssertUnwindSafe(|| run(&args, terminal, as_json))).unwrap_or(Exit::Error).into()
}

fn run(args: &[OsString], terminal: Terminal, as_json: bool) -> Exit {
    let mut command = Cli::command();
    let parsed = command
        .try_get_matches_from_mut(args)
        .and_then(|found| Ok((Cli::from_arg_matches(&found)?, remote::files_named(&command, &found))));
    let outcome = match parsed {
        Ok((cli, files)) => {
            let typed = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
            let cli = Cli { globals: Globals { invocation: typed, ..cli.globals }, command: cli.command };
            let mut printer = Printer::new(&cli.globals, terminal);
            return match dispatch(&cli, &files, &mut printer) {
                Ok(exit) => exit,
                Err(failure) => {
                    printer.failure(&failure);
                    failure.exit
                }
            };
        }
        Err(error) if error.use_stderr() => {
            Err(Failure::from_clap(&error, &failure::named_command(&command, args)))
        }
        Err(help) => print_help(&help, terminal.colour_out(failure::wanted_colour(args))),
    };
    match outcome {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            let colour = terminal.colour_err(failure::wanted_colour(args));
            failure.print(as_json, colour, &mut std::io::stderr());
            failure.exit
        }
    }
}

/// Runs a command, here or on the server that the command line names.
/// `files` are what the command line names for a command to read.
fn dispatch(cli: &Cli, files: &BTreeSet<String>, printer: &mut Printer) -> Result<Exit, Failure> {
    cli.globals.check()?;
    for warning in cli.globals.warnings() {
        printer.warn(&warning);
    }
    let globals = &cli.globals;
    if !matches!(cli.command, Command::Up(_) | Command::Serve(_)) {
        log_if_asked(globals)?;
    }
    match &cli.command {
        // It looks at more than the stores, and goes on without what it does not find.
        Command::Desk(ticketing_desk::Command::Doctor(_)) => commands::doctor::run(globals, printer),
        Command::Desk(command) => {
            let found = find(globals, printer)?;
            match &found.place {
                Place::Here => command.run(&Desk::here(found.globals, sign_token), printer),
                Place::There(distant) => {
                    let server = distant.server(globals)?;
                    if let Some(warning) = address::warning(&server.url) {
                        printer.warn(&warning);
                    }
                    return remote::run(&server, &found.globals, files, printer);
                }
            }
        }
        Command::Up(args) => {
            let desk = here("up", true, globals, printer)?;
            commands::up::run(args, &desk, printer, &Cli::command())
        }
        Command::Serve(args) => commands::serve::run(args, &here("serve", true, globals, printer)?, printer),
        Command::Load(args) => commands::load::run(args, globals, printer),
        Command::Tui(args) => {
            let desk = Desk::here(globals.clone(), sign_token);
            commands::tui::run(args, &desk, printer, &Cli::command())
        }
        Command::Context(args) => commands::context::run(args, globals, printer),
        Command::Config(args) => commands::config::run(args, globals, printer),
        Command::Completions(args) => commands::completions::run(args, printer),
        Command::Man(args) => commands::man::run(args, printer, &Cli::command()),
        Command::Version(args) => commands::version::run(args, printer),
    }
    .map(|()| Exit::Ok)
}

/// Runs a command of the desk here, whatever server the environment names: for those that open no store.
fn here_only(cli: &Cli, printer: &mut Printer) -> Result<(), Failure> {
    match &cli.command {
        Command::Desk(command) => command.run(&Desk::here(cli.globals.clone(), sign_token), printer),
        Command::Up(_)
        | Command::Serve(_)
        | Command::Load(_)
        | Command::Tui(_)
        | Command::Context(_)
        | Command::Config(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Version(_) => Ok(()),
    }
}

/// Finds out where a command works, and says what the user should know about it.
fn find(globals: &Globals, printer: &mut Printer) -> Result<Found, Failure> {
    let found = place::find(globals)?;
    found.warnings.iter().for_each(|warning| printer.warn(warning));
    printer.work_in(&found.globals);
    Ok(found)
}

/// Returns the desk for what runs in this process, and refuses a server for it. What serves changes the stores, and
/// so is refused in a context in which nothing may be changed.
fn here(command: &str, serves: bool, globals: &Globals, printer: &mut Printer) -> Result<Desk, Failure> {
    let found = find(globals, printer)?;
    match found.place {
        Place::Here => {}
        // The variable is for those who work through a server; who serves is a server.
        Place::There(Distant { by: NamedBy::Environment, .. }) if serves => {}
        Place::There(distant) => {
            return Err(Failure::usage(format!("{command} runs here, on this machine's stores."))
                .why(format!("{distant}."))
                .hint(match distant.by {
                    NamedBy::Flag => "leave out --server".to_owned(),
                    NamedBy::Context | NamedBy::Environment => {
                        format!("ticketctl {command} --data-dir DIR, or in another context")
                    }
                }));
        }
    }
    match &found.globals.guard {
        Some(guard) if serves && guard.readonly => {
            Err(Failure::refused(format!("Refused to run {command}."))
                .code("READ_ONLY_CONTEXT")
                .why(format!("The context {} is read-only, and a server changes its stores.", guard.context))
                .hint(format!("ticketctl {command} --data-dir DIR, or in another context")))
        }
        Some(_) | None => Ok(Desk::here(found.globals, sign_token)),
    }
}

/// Logs to stderr what the core does, for commands that say nothing of it unless `-v` is given. Servers log
/// anyway.
fn log_if_asked(globals: &Globals) -> Result<(), Failure> {
    let Some(targets) = globals.log_targets() else { return Ok(()) };
    LogSettings::read(|name| (name == "LOG").then(|| targets.to_owned()))?
        .init()
        .map_err(|error| Failure::error(format!("{error}.")))
}

/// Prints what `--help` and `--version` ask for: an answer, so on stdout.
fn print_help(help: &clap::Error, colour: bool) -> Result<(), Failure> {
    let text = help.render();
    let text = if colour { text.ansi().to_string() } else { text.to_string() };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}
