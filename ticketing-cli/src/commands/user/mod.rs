//! `ticketctl user`: who may call the API.

mod mint;
mod token;

use crate::failure::Failure;
use crate::globals::Globals;
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
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Token(args) => token::run(args, globals, printer),
    }
}
