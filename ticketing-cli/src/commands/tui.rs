//! `ticketctl tui`: the dashboard, at a terminal.

use crate::dashboard;
use std::io::{self, IsTerminal as _};
use ticketing_desk::globals::TimeStyle;
use ticketing_desk::{Desk, Failure, Printer};
use ticketing_tui::{CommandHelp, Ended, Options, TuiError};

/// Watch the platform live, and mend it: sagas, holds, bookings, lags, dead letters, jobs
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Keys: ? shows all of them, : runs any ticketctl command, q quits. Every change shows its plan \
                        first, and wants a reason.\n\n\
                        Examples:\n  ticketctl tui\n  ticketctl tui --demo\n  ticketctl tui --at saga/0192a8c4\n  \
                        ticketctl tui --data-dir /var/lib/ticketing --readonly --time local"
)]
pub struct Args {
    /// Open at a screen (sagas) or at one thing (saga/ID)
    #[arg(long, value_name = "PLACE")]
    at: Option<String>,
    /// Never change anything
    #[arg(long)]
    readonly: bool,
    /// Show made-up data, on a platform that is thrown away afterwards
    #[arg(long)]
    demo: bool,
}

/// Shows the dashboard until a key or a signal ends it. `commands` are those of the program.
///
/// # Errors
/// A usage error where there is no terminal; the signal that ended it.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer, commands: &clap::Command) -> Result<(), Failure> {
    wants_terminal(printer)?;
    let work = match args.demo {
        true => dashboard::Work::demo(desk),
        false => dashboard::Work::of(desk)?,
    };
    let options =
        Options { at: args.at.clone(), readonly: args.readonly, ..options(desk, printer, commands) };
    let cannot = |error: io::Error| Failure::error("The dashboard could not start.").why(format!("{error}."));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    // The dashboard heeds the signals itself: the terminal must be given back first.
    let ended = runtime.block_on(async {
        let ended = ticketing_tui::run(work.desk(), options).await;
        work.close().await;
        ended
    });
    runtime.shutdown_background();
    outcome(ended)
}

/// Refuses what is no terminal.
///
/// # Errors
/// A usage error that names what needs none.
pub fn wants_terminal(printer: &Printer) -> Result<(), Failure> {
    if printer.can_redraw() && io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("The dashboard needs a terminal.")
        .code("NO_TERMINAL")
        .why("It draws on the whole screen and reads keys, so it takes no -o and no pipe.")
        .hint("ticketctl status --watch, or ticketctl status -o json for programs"))
}

/// Returns how the dashboard looks and waits, by the flags.
pub fn options(desk: &Desk, printer: &Printer, commands: &clap::Command) -> Options {
    Options {
        at: None,
        readonly: false,
        time: match desk.globals.time {
            None | Some(TimeStyle::Relative) => ticketing_tui::TimeStyle::Relative,
            Some(TimeStyle::Iso) => ticketing_tui::TimeStyle::Utc,
            Some(TimeStyle::Local) => ticketing_tui::TimeStyle::Local,
        },
        colour: printer.colour_out(),
        timeout: desk.globals.timeout,
        commands: helps(commands),
    }
}

/// Returns what the end of the dashboard is at the command line.
///
/// # Errors
/// What it ended with, but for its own key.
pub fn outcome(ended: Result<Ended, TuiError>) -> Result<(), Failure> {
    match ended {
        Ok(Ended::Quit) => Ok(()),
        Ok(Ended::Interrupted) => Err(Failure::interrupted("Interrupted.")),
        Ok(Ended::Terminated) => Err(Failure::terminated("Terminated.")),
        Ok(Ended::HungUp) => Err(Failure::terminated("The terminal was closed.")),
        Err(TuiError::At(why)) => Err(Failure::usage(why).hint("ticketctl tui --at sagas")),
        Err(TuiError::Terminal(error)) => Err(Failure::error("The terminal can't be used.")
            .why(format!("{error}."))
            .hint("ticketctl status --watch needs less of a terminal; ticketctl status needs none")),
    }
}

/// Returns what the palette has to know of a command's verbs.
fn helps(command: &clap::Command) -> Vec<CommandHelp> {
    fn walk(command: &clap::Command, words: &str, out: &mut Vec<CommandHelp>) {
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let words = format!("{words} {}", verb.get_name()).trim_start().to_owned();
            if verb.has_subcommands() {
                walk(verb, &words, out);
                continue;
            }
            let flags = verb.get_arguments().filter(|it| !it.is_global_set() && !it.is_hide_set());
            out.push(CommandHelp {
                words,
                about: verb.get_about().map(ToString::to_string).unwrap_or_default(),
                flags: flags.filter_map(|it| it.get_long().map(|long| format!("--{long}"))).collect(),
            });
        }
    }
    let mut out = Vec::new();
    walk(command, "", &mut out);
    out
}
