//! `ticketctl dlq`: what could not be handled, and what becomes of it.

mod list;
mod moves;
mod show;
mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::dlq::plan::Action;

/// List, look at, redrive and discard what could not be handled
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Redrive(moves::RedriveArgs),
    Discard(moves::DiscardArgs),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Show(args) => show::run(args, desk, printer),
        Verb::Redrive(args) => moves::run(Action::Redrive, &args.moved, desk, printer),
        Verb::Discard(args) => moves::run(Action::Discard, &args.moved, desk, printer),
    }
}
