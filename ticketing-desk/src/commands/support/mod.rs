//! `ticketctl support`: what somebody who helps needs to see, and nothing about people.

mod bundle;
mod hidden;
mod parts;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Gather what somebody who helps needs to see
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Bundle(bundle::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Bundle(args) => bundle::run(args, desk, printer),
    }
}
