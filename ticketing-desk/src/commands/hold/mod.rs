//! `ticketctl hold`: the seats that are held and not paid yet.

mod expire;
mod list;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List holds, and end them before their time
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Expire(expire::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Expire(args) => expire::run(args, desk, printer),
    }
}
