//! `ticketctl projection list`.

use super::view;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::ops::projections;

/// List the projections, how far each is behind the log, and whether the tables of before are kept
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Lag is counted in events from the projection's own cursor. Parked are streams that wait for \
                        an event that could not be folded. Rebuilt is as the audit log has it.\n\n\
                        Examples:\n  ticketctl projection list\n  ticketctl projection list -o json"
)]
pub struct Args {}

/// Prints the list.
///
/// # Errors
/// What the stores say.
pub fn run(desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        printer.list(&view::PROJECTIONS, projections::list(&session.app).await?, None)
    })
}
