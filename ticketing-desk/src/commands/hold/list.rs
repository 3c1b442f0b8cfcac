//! `ticketctl hold list`.

use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, TicketFilter, node, walk};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::{ListArgs, parse_duration};
use crate::output::{Column, Printer, View};
use crate::session::{self, Opening, Session};
use std::time::Duration;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::{lists, lookup};
use ticketing_core::projection::{TicketRow, bodies};

/// List the holds that have not ended, those that end first before the others
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  ticketctl hold list\n  ticketctl hold list --expiring-within 60s\n  \
                        ticketctl hold list --query 'age>10m user=ada' -o name")]
pub struct Args {
    /// Only those that end within this time, such as 60s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expiring_within: Option<Duration>,
    /// Only those that pass this filter; its fields are those of `booking list`
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

const HOLDS: View = View::new(
    "holds",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::text("Seat", "seatNumber").whole(),
        Column::duration("Left", "secondsLeft"),
        Column::money("Price", "price"),
        Column::text("User", "userId"),
        Column::time("Hold ends", "holdExpiresAt").wide(),
        Column::time("Created", "createdAt").wide(),
        Column::id("Schedule", "scheduleId").wide(),
        Column::id("Route", "routeId").wide(),
        Column::text("Seats", "seatNumbers").wide(),
    ],
);

/// Lists the holds.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let filter = TicketFilter::parse(args.query.as_deref())?;
    session::run(desk, printer, Opening::AsTheyAre, async |session, printer| {
        list(args, &filter, session, printer).await
    })
}

/// The place of a hold in the order in which holds end.
pub(super) fn key(row: &TicketRow) -> (Timestamp, BookingId) {
    (row.booking.hold_expires_at, row.booking.id)
}

async fn list(
    args: &Args,
    filter: &TicketFilter,
    session: &Session,
    printer: &mut Printer,
) -> Result<(), Failure> {
    session.warn_of_lag(printer).await?;
    let app = &session.app;
    let now = app.clock.now();
    let until = args.expiring_within.map(|time| {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_add(millis))
    });
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let mut list = printer.start_list(&HOLDS)?;
    let mut shown: Vec<BookingId> = Vec::new();
    let total = walk(
        limit,
        async |after| {
            let mut rows = lists::holds(app, after).await?;
            rows.retain(|row| until.is_none_or(|until| row.booking.hold_expires_at <= until));
            Ok(rows)
        },
        key,
        |row| row.booking.hold_expires_at > now && filter.passes(row, now),
        async |rows| {
            for row in rows {
                shown.push(row.booking.id);
                list.row(&node(&bodies::hold(&row, now))?)?;
            }
            Ok(())
        },
    )
    .await?;
    if is_human && shown.len() < SHORT_TABLE_ROWS_MAX {
        list.ids_unique_at(lookup::booking_prefix_len(app, &shown).await?);
    }
    list.finish(total)
}
