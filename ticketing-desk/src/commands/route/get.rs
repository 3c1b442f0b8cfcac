//! `ticketctl route get`.

use super::view;
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{details, lookup};

/// Show a route with its stops
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl route get 10\n  ticketctl route get 7b1d44c0 -o yaml")]
pub struct Args {
    /// Its id, a unique beginning of it, or its externalId
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the route, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::route(&session.app, &args.id).await?.id;
        printer.object(&node(&details::route(&session.app, id).await?)?, view::DETAILS)
    })
}
