//! `ticketctl user`: who may sign in, and who may call the API.

mod create;
mod get;
mod list;
mod moves;
mod token;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;

/// List, look at, make, suspend and delete accounts; make tokens
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Create(create::Args),
    Suspend(moves::Suspend),
    #[command(visible_alias = "unsuspend")]
    Resume(moves::Resume),
    Delete(moves::Delete),
    Token(token::Args),
}

/// Runs the verb.
///
/// # Errors
/// As the verb fails.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args, desk, printer),
        Verb::Get(args) => get::run(args, desk, printer),
        Verb::Create(args) => create::run(args, desk, printer),
        Verb::Suspend(args) => moves::suspend(args, desk, printer),
        Verb::Resume(args) => moves::resume(args, desk, printer),
        Verb::Delete(args) => moves::delete(args, desk, printer),
        Verb::Token(args) => token::run(args, desk, printer),
    }
}
