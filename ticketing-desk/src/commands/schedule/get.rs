//! `ticketctl schedule get`.

use super::view;
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{details, lookup};

/// Show a departure with its stops and the seats left
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl schedule get 5f0c9a1e\n  ticketctl schedule get 10@05:00/2026-11-21 -o json"
)]
pub struct Args {
    /// Its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the departure, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::offering(&session.app, &args.id).await?.facts.id;
        printer.object(&node(&details::schedule(&session.app, id).await?)?, view::DETAILS)
    })
}
