//! `ticketctl hold list`.

use crate::commands::listing::{self, Fields, Flags, Of, is_match, node, prefix};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::parse_duration;
use crate::output::{Column, Printer, View};
use std::time::Duration;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::ticket_fields::TICKET_FIELDS;
use ticketing_core::ops::{OpsError, lists};
use ticketing_core::projection::{TicketRow, bodies};

/// List the holds that have not ended, those that end first before the others
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The fields of --query are those of booking list.\n\nExamples:\n  ticketctl hold list\n  ticketctl hold list --expiring-within 60s\n  \
                        ticketctl hold list --query 'age>10m user=ada' -o name"
)]
pub struct Args {
    /// Only those that end within this time, such as 60s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expiring_within: Option<Duration>,
    #[command(flatten)]
    list: Flags,
}

const HOLDS: View = View::new(
    "holds",
    &[
        Column::id("Id", "id"),
        Column::state("Status", "status"),
        Column::text("Seat", "seatNumber").whole().first_of("seatNumbers"),
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

/// The place of a hold in the order in which holds end.
pub(super) fn key(row: &TicketRow) -> (Timestamp, BookingId) {
    (row.booking.hold_expires_at, row.booking.id)
}

const OF: Of = Of { view: HOLDS, fields: Fields::These(TICKET_FIELDS), is_read_model: true };

/// Lists the holds.
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
            let until = args.expiring_within.map(|time| {
                let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(of.now.as_millis().saturating_add(millis))
            });
            rows.walk(
                async |after| {
                    let mut rows = lists::holds(of.app, after).await?;
                    rows.retain(|row| until.is_none_or(|until| row.booking.hold_expires_at <= until));
                    Ok::<_, OpsError>(rows)
                },
                key,
                |row| {
                    row.booking.hold_expires_at > of.now && of.passes(|filter| is_match(filter, row, of.now))
                },
                async |rows| rows.iter().map(|row| node(&bodies::hold(row, of.now))).collect(),
            )
            .await
        },
        prefix::bookings,
    )
}
