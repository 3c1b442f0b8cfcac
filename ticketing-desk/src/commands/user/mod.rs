//! `ticketctl user`: who may call the API.

mod token;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Make tokens for users and operators
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Token(token::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Token(args) => token::run(args, desk, printer),
    }
}
