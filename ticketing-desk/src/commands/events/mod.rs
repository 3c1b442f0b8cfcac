//! `ticketctl events`: the log.

mod chosen;
mod publish;
mod replay;
mod republish;
mod show;
mod tail;
mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Read the event log, and publish what others tell
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Tail(tail::Args),
    Replay(replay::Args),
    Republish(republish::Args),
    Show(show::Args),
    Publish(publish::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Tail(args) => tail::run(args, desk, printer),
        Verb::Replay(args) => replay::run(args, desk, printer),
        Verb::Republish(args) => republish::run(args, desk, printer),
        Verb::Show(args) => show::run(args, desk, printer),
        Verb::Publish(args) => publish::run(args, desk, printer),
    }
}
