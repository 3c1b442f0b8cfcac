//! `ticketctl seed`: bringing a catalogue into the store.

mod apply;
mod demo;
mod gtfs;
mod layouts;
pub mod one;
mod outcome;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// Bring routes, departures and layouts into the store
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Demo(demo::Args),
    Apply(apply::Args),
    Gtfs(gtfs::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::Demo(args) => demo::run(args, desk, printer),
        Verb::Apply(args) => apply::run(args, desk, printer),
        Verb::Gtfs(args) => gtfs::run(args, desk, printer),
    }
}
