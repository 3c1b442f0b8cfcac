//! `ticketctl seat`: who sits where.

mod drawing;
mod map;

use crate::failure::Failure;
use crate::globals::Globals;
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
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Map(args) => map::run(args, globals, printer),
    }
}
