//! `ticketctl listing get`.

use super::{find, view};
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::app::listings::stored;

/// Show a listing
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl listing get 0192a8c4\n  ticketctl listing get 0192a8c4 -o json"
)]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows it, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = find(session, &args.id).await?.facts.id;
        printer.object(&node(&stored(&session.app, id).await?)?, view::DETAILS)
    })
}
