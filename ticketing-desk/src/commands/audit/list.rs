//! `ticketctl audit list`.

use crate::commands::listing::{self, Fields, Flags, Of, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::{Column, Printer, View};
use ticketing_core::ops::audit::{self, AuditBody};

/// List the changes that operators made, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A result that stays \"started\" says that the program ended before it knew: the change may have \
                        happened.\n\nFields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl audit list\n  ticketctl audit list --limit 1 -o yaml"
)]
pub struct Args {
    #[command(flatten)]
    list: Flags,
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

const OF: Of = Of { view: AUDIT, fields: Fields::Columns, is_read_model: false };

/// Lists the changes, from the write store: they are nowhere else.
///
/// # Errors
/// What the store says.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| {
            rows.walk(
                async |after| audit::page(of.app, after).await,
                |row: &AuditBody| (row.at, row.id),
                |_| true,
                async |rows| rows.iter().map(node_of).collect(),
            )
            .await
        },
        prefix::names,
    )
}
