//! `ticketctl dlq list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::ListArgs;
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::ops::dlq::{self, DLQ_FIELDS, DlqRow};
use ticketing_core::ops::filter::Filter;

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
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    /// Also those that were redriven or discarded
    #[arg(long)]
    closed: bool,
    #[command(flatten)]
    list: ListArgs,
}

/// Lists the letters, from both stores: messages are in the write store, parked events in the read store.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let filter = args.query.as_deref().map(|query| Filter::parse(query, DLQ_FIELDS)).transpose()?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        list(args, filter.as_ref(), session, printer).await
    })
}

async fn list(
    args: &Args,
    filter: Option<&Filter>,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let mut shown = Vec::new();
    let mut list = printer.start_list(&view::LIST)?;
    let total = walk(
        limit,
        async |after| dlq::list(app, after, !args.closed).await,
        |row: &DlqRow| row.place,
        |row| filter.is_none_or(|filter| dlq::passes(filter, row, now)),
        async |rows| {
            for row in rows {
                shown.push(row.body.id);
                list.row(&row.body)?;
            }
            Ok(())
        },
    )
    .await?;
    if is_human && !shown.is_empty() && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(dlq::prefix_len(app, &shown).await?);
    }
    list.finish(total)
}
