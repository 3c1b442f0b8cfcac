//! `ticketctl events`: the log.

mod chosen;
mod publish;
mod replay;
mod republish;
mod show;
mod tail;
mod view;

use crate::failure::Failure;
use crate::globals::Globals;
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
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Tail(args) => tail::run(args, globals, printer),
        Verb::Replay(args) => replay::run(args, globals, printer),
        Verb::Republish(args) => republish::run(args, globals, printer),
        Verb::Show(args) => show::run(args, globals, printer),
        Verb::Publish(args) => publish::run(args, globals, printer),
    }
}
