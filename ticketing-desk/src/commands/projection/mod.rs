//! `ticketctl projection`: the read model, how far it is, whether it is right, and making it anew.

mod list;
mod rebuild;
mod revert;
mod swap;
mod verify;
mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, verify and rebuild the read model
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Verify(verify::Args),
    Rebuild(rebuild::Args),
    Revert(revert::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Verify(args) => verify::run(args, desk, printer),
        Verb::Rebuild(args) => rebuild::run(args, desk, printer),
        Verb::Revert(args) => revert::run(args, desk, printer),
    }
}
