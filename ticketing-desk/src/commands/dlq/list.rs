//! `ticketctl dlq list`.

use super::view;
use crate::commands::listing::{self, Fields, Flags, Of, node_of, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use ticketing_core::ops::dlq::{self, DLQ_FIELDS, DlqRow};

/// List what could not be handled and what waits behind it: messages, then parked events, each newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Later messages of a stream (a booking) wait behind one that is dead; those of other streams go \
                        on.\n\n\
                        Fields of --query: id source stream type state code reason tries partition offset position age \
                        at correlation\n\n\
                        Examples:\n  ticketctl dlq list\n  ticketctl dlq list --query 'code=UNKNOWN_BOOKING age>1h' -o \
                        wide\n  ticketctl dlq list --closed --query 'state=redriven'\n  \
                        ticketctl dlq list --query 'state=dead' -o name |\n      \
                        ticketctl dlq redrive - --reason 'the bookings are there now'"
)]
pub struct Args {
    /// Also those that were redriven or discarded
    #[arg(long)]
    closed: bool,
    #[command(flatten)]
    list: Flags,
}

const OF: Of = Of { view: view::LIST, fields: Fields::These(DLQ_FIELDS), is_read_model: false };

/// Lists the letters, from both stores: messages are in the write store, parked events in the read store.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    listing::list(
        &args.list,
        OF,
        desk,
        printer,
        async |of, rows| {
            rows.walk(
                async |after| dlq::list(of.app, after, !args.closed).await,
                |row: &DlqRow| row.place,
                |row| of.passes(|filter| dlq::passes(filter, row, of.now)),
                async |rows| rows.iter().map(|row| node_of(&row.body)).collect(),
            )
            .await
        },
        prefix::letters,
    )
}
