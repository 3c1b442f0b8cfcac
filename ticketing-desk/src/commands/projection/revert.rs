//! `ticketctl projection revert`.

use super::swap;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ChangeArgs;
use crate::output::Printer;
use crate::session::{self, Opening};
use ticketing_core::ops::projections;

/// Put back the tables from before the last rebuild, caught up with the log
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The tables of before are brought up to the log's head, checked against it, and swapped with the live ones, which are
then the tables of before: the same command again goes forward again.

Examples:
  ticketctl projection revert tickets --dry-run
  ticketctl projection revert tickets --reason 'as it was' --yes")]
pub struct Args {
    /// The projection
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Goes back.
///
/// # Errors
/// Not found; nothing to go back to; a conflict if somebody rebuilds it just now; what the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let plan = async || Ok(projections::plan_revert(&session.app, &args.name).await?);
        swap::carry_out(&format!("Revert {}", args.name), plan, &args.change, desk, session, printer).await
    })
}
