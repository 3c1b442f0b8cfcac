//! `ticketctl venue get`.

use super::view;
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{halls, lookup};

/// Show a venue with the sections of its hall
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl venue get riverside-arena\n  ticketctl venue get 7b1d44c0 -o yaml"
)]
pub struct Args {
    /// Its id, a unique beginning of it, or its externalId
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the venue, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::venue(&session.app, &args.id).await?.id.to_string();
        printer.object(&node(&halls::venue(&session.app, &id).await?)?, view::DETAILS)
    })
}
