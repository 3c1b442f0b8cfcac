//! `ticketctl projection rebuild`.

use super::swap;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::ops::projections;

/// Make the read model anew from the log, beside the one that serves, and swap them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Servers may run: buyers read the old tables until the new ones are caught up, checked against the log and swapped in
one transaction, and projectors go on by themselves. The old tables are kept until the next rebuild, for
`ticketctl projection revert`. Nobody is charged, mailed or told.

Stopped by ctrl-c it takes away what it had made; what a crash leaves is dropped by the next rebuild.

Examples:
  ticketctl projection rebuild tickets --dry-run
  ticketctl projection rebuild tickets --reason 'a ticket was missing' --yes")]
pub struct Args {
    /// The projection
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Rebuilds it.
///
/// # Errors
/// Not found; a conflict if somebody rebuilds it already; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let plan = async || Ok(projections::plan_rebuild(&session.app, &args.name).await?);
        swap::carry_out(&format!("Rebuild {}", args.name), plan, &args.change, desk, session, printer).await
    })
}
