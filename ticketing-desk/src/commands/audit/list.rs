//! `ticketctl audit list`.

use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening};
use ticketing_core::ops::audit;

/// List the changes that operators made, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A result that stays \"started\" says that the program ended before it knew: the change may have \
                        happened.\n\nExamples:\n  ticketctl audit list\n  ticketctl audit list --limit 1 -o yaml"
)]
pub struct Args {
    #[command(flatten)]
    list: ListArgs,
}

const AUDIT: View = View::new(
    "changes",
    &[
        Column::time("At", "at"),
        Column::text("Actor", "actor"),
        Column::text("Action", "action").whole(),
        Column::text("Target", "target"),
        Column::text("Result", "result"),
        Column::text("Reason", "reason"),
        Column::id("Id", "id").wide(),
    ],
);

/// Lists the changes, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        let limit = args.list.limit_for(printer.format());
        let (rows, total) = audit::list(&session.app, limit).await?;
        printer.list(&AUDIT, &rows, Some(total))
    })
}
