//! `ticketctl mail`: what passengers were told by mail, and what could not be told.

mod list;
mod retry;
mod show;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, look at and send again the mails to passengers
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Retry(retry::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Show(args) => show::run(args, desk, printer),
        Verb::Retry(args) => retry::run(args, desk, printer),
    }
}
