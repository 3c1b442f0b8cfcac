//! `ticketctl job`: long work, how far it is, and the hand on it.

mod cancel;
mod get;
mod list;
mod resume;
pub mod view;
mod watch;

use crate::failure::Failure;
use crate::globals::Globals;
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
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, globals, printer),
        Verb::Get(args) => get::run(args, globals, printer),
        Verb::Watch(args) => watch::run(args, globals, printer),
        Verb::Cancel(args) => cancel::run(args, globals, printer),
        Verb::Resume(args) => resume::run(args, globals, printer),
    }
}
