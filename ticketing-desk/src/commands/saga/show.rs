//! `ticketctl saga show`.

use super::view;
use crate::commands::watch::Watch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::{lookup, sagas};

/// Show a saga with its steps, its payments, what was asked of the provider, and what happens next
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  ticketctl saga show 0192a8c4\n  ticketctl saga show ch_3PqK1 -o wide\n  \
                        ticketctl saga show 0192a8c4 -o json"
)]
pub struct Args {
    /// Its id, its booking's or payment's, a unique beginning of it, or the provider's name for a charge
    id: String,
    #[command(flatten)]
    watch: Watch,
}

/// Shows the saga, from the write store.
///
/// # Errors
/// Not found; what the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    args.watch.run(desk, printer, async |session, printer| {
        let id = lookup::saga(&session.app, &args.id).await?;
        printer.object(&sagas::details(&session.app, id).await?, view::DETAILS)
    })
}
