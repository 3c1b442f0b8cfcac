//! `ticketctl seat`: who sits where, and how much of what is sold is left.

mod count;
mod drawing;
mod hall;
mod map;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// See which seats are free, and count them
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Count(count::Args),
    Map(map::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Count(args) => count::run(args, desk, printer),
        Verb::Map(args) => map::run(args, desk, printer),
    }
}
