//! `ticketctl booking`: what was booked, and the operator's hand on it.

mod cancel;
mod confirm;
mod get;
mod list;
mod reserve;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
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
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::Reserve(args) => reserve::run(args, desk, printer),
        Verb::Confirm(args) => confirm::run(args, desk, printer),
        Verb::Cancel(args) => cancel::run(args, desk, printer),
    }
}
