//! `ticketctl payment`: what was paid and given back, and whether the provider says the same.

mod books;
mod list;
mod reconcile;
mod refund;
mod show;
mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, look at, refund and reconcile payments
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Refund(refund::Args),
    Reconcile(reconcile::Args),
    Books(books::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Show(args) => show::run(args, desk, printer),
        Verb::Refund(args) => refund::run(args, desk, printer),
        Verb::Reconcile(args) => reconcile::run(args, desk, printer),
        Verb::Books(_) => books::run(desk, printer),
    }
}
