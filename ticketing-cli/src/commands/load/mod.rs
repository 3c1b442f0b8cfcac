//! `ticketctl load`: what a server bears, found out before its buyers do.

mod check;
mod cleanup;
mod client;
mod discover;
mod driver;
mod live;
mod profile;
mod record;
mod report;
mod run;
mod sale;
mod target;

use ticketing_desk::failure::Failure;
use ticketing_desk::globals::Globals;
use ticketing_desk::output::Printer;

/// Put a server under load, and see what it bears
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Run(Box<run::Args>),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Run(args) => run::run(args, globals, printer),
    }
}
