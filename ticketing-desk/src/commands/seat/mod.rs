//! `ticketctl seat`: who sits where.

mod drawing;
mod hall;
mod map;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// See which seats are free
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Map(map::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Map(args) => map::run(args, desk, printer),
    }
}
