//! `ticketctl projection list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::projections;

/// List the projections, how far each is behind the log, and whether the tables of before are kept
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Lag is counted in events from the projection's own cursor. Parked are streams that wait for \
                        an event that could not be folded. Rebuilt is as the audit log has it.\n\n\
                        Fields of --query are the columns of -o csv.\n\n\
                        Examples:\n  ticketctl projection list\n  ticketctl projection list -o json"
)]
pub struct Args {
    #[command(flatten)]
    list: Flags,
}

const OF: Of = Of { view: view::PROJECTIONS, fields: Fields::Columns, is_read_model: false };

/// Prints the list.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| rows.all(projections::list(of.app).await?),
        prefix::names,
    )
}
