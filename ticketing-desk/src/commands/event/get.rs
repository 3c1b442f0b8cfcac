//! `ticketctl event get`.

use super::view;
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{halls, lookup};

/// Show an event with its venue, its prices and the seats that are free
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl event get 5f0c9a1e\n  ticketctl event get rovers@15:00 -o json\n  \
                        ticketctl seat map rovers@15:00"
)]
pub struct Args {
    /// Its id, a unique beginning of it, its externalId, or externalId/DATE
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the event, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::event(&session.app, &args.id).await?.facts.id;
        printer.object(&node(&halls::event(&session.app, id).await?)?, view::DETAILS)
    })
}
