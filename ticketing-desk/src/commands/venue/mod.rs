//! `ticketctl venue`: places with a hall, in which events are held.

mod cancel;
mod create;
mod get;
mod list;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, look at, make and close venues
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Create(Box<create::Args>),
    Cancel(cancel::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::Create(args) => create::run(args, desk, printer),
        Verb::Cancel(args) => cancel::run(args, desk, printer),
    }
}
