//! `ticketctl event`: what is on at venues.

mod cancel;
mod create;
mod get;
mod keep;
mod list;
pub mod view;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::app::events::Keep;

/// List, look at, announce and cancel events at venues
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(list::Args),
    Get(get::Args),
    Create(Box<create::Args>),
    Cancel(cancel::Args),
    /// Keep seats of an event back from sale
    #[command(
        after_help = "Examples:\n  ticketctl event block tempest@19:30/2026-12-01 STALLS-A1 STALLS-A2 --dry-run\n  \
                      ticketctl event block 5f0c9a1e STALLS-A1 --reason 'camera'"
    )]
    Block(keep::Args),
    /// Give seats of an event free that were kept back
    #[command(after_help = "Examples:\n  ticketctl event unblock 5f0c9a1e STALLS-A1 STALLS-A2\n  \
                            ticketctl event unblock 5f0c9a1e STALLS-A1 --dry-run")]
    Unblock(keep::Args),
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
        Verb::Cancel(args) => cancel::run(args, desk, printer),
        Verb::Block(args) => keep::run(args, Keep::Back, desk, printer),
        Verb::Unblock(args) => keep::run(args, Keep::Free, desk, printer),
    }
}
