//! `ticketctl group`: our readers of topics.

mod seek;
pub mod state;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// See how far our readers of topics are, and move them
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(state::GroupsArgs),
    Lag(state::LagArgs),
    Seek(seek::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => state::list(args, desk, printer),
        Verb::Lag(args) => state::lag(args, desk, printer),
        Verb::Seek(args) => seek::run(args, desk, printer),
    }
}
