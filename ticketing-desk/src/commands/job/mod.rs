//! `ticketctl job`: long work, how far it is, and the hand on it.

mod cancel;
mod get;
mod list;
mod resume;
pub mod view;
mod watch;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, watch, cancel and resume long work
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Watch(watch::Args),
    Cancel(cancel::Args),
    Resume(resume::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::Watch(args) => watch::run(args, desk, printer),
        Verb::Cancel(args) => cancel::run(args, desk, printer),
        Verb::Resume(args) => resume::run(args, desk, printer),
    }
}
