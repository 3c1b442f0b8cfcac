//! `ticketctl saga`: where the payments of bookings stand, and the operator's hand on those that are stuck.

mod inject_error;
mod list;
mod moves;
mod show;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::saga::OperatorMove;

/// List, look at and mend payment sagas
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Retry(moves::RetryArgs),
    Compensate(moves::CompensateArgs),
    Abandon(moves::AbandonArgs),
    InjectError(inject_error::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Show(args) => show::run(args, desk, printer),
        Verb::Retry(args) => moves::run(OperatorMove::Retry, &args.moved, desk, printer),
        Verb::Compensate(args) => moves::run(OperatorMove::Compensate, &args.moved, desk, printer),
        Verb::Abandon(args) => moves::run(OperatorMove::Abandon, &args.moved, desk, printer),
        Verb::InjectError(args) => inject_error::run(args, desk, printer),
    }
}
