//! `ticketctl payment show`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{lookup, payments};

/// Show a payment with what was asked of the provider for it
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl payment show 0192a8c4\n  ticketctl payment show ch_3PqK1 -o json"
)]
pub struct Args {
    /// Its id, a unique beginning of it, or the provider's name for it or for one of its calls
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the payment, from the write store.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::payment(&session.app, &args.id).await?;
        printer.object(&payments::details(&session.app, id).await?, view::DETAILS)
    })
}
