//! `ticketctl booking get`.

use super::view;
use crate::commands::listing::node;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{details, lookup};

/// Show a booking with its passenger, payment and history
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl booking get 0192a8c4\n  ticketctl booking get 0192a8c4 -o json"
)]
pub struct Args {
    /// Its id, or a unique beginning of it
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the booking, from the write store.
///
/// # Errors
/// Not found; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::booking(&session.app, &args.id).await?;
        printer.object(&node(&details::booking(&session.app, id).await?)?, view::DETAILS)
    })
}
