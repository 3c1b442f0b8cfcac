//! `ticketctl booking`: what was booked, and the operator's hand on it.

mod cancel;
mod confirm;
mod get;
mod list;
mod reserve;
pub mod view;

use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Printer;

/// List, look at, make, confirm and cancel bookings
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Reserve(Box<reserve::Args>),
    Confirm(confirm::Args),
    Cancel(cancel::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, globals, printer),
        Verb::Get(args) => get::run(args, globals, printer),
        Verb::Reserve(args) => reserve::run(args, globals, printer),
        Verb::Confirm(args) => confirm::run(args, globals, printer),
        Verb::Cancel(args) => cancel::run(args, globals, printer),
    }
}
