//! `ticketctl config`: what is set, where it is from, and what is wrong with it.

mod check;
mod show;

use ticketing_desk::globals::Globals;
use ticketing_desk::{Failure, Printer};

/// Show what is set and where it is from, and check it
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Show(show::Args),
    Check(check::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Show(args) => show::run(args, globals, printer),
        Verb::Check(_) => check::run(globals, printer),
    }
}
