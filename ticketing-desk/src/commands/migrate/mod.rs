//! `ticketctl migrate`: the schemas of the stores.

mod status;
mod up;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Bring the stores' schemas up to date
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Up(up::Args),
    Status(status::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Up(args) => up::run(args, desk, printer),
        Verb::Status(args) => status::run(args, desk, printer),
    }
}
