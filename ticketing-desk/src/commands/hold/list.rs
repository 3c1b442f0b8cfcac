//! `ticketctl hold list`.

use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, is_match, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::globals::parse_duration;
use crate::output::{Column, Printer, View};
use crate::session::Session;
use std::time::Duration;
use ticketing_core::domain::id::BookingId;
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::ticket_fields::TICKET_FIELDS;
use ticketing_core::ops::{OpsError, lists, lookup};
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
    let of = Of { view: HOLDS, fields: Fields::These(TICKET_FIELDS), is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

/// The place of a hold in the order in which holds end.
pub(super) fn key(row: &TicketRow) -> (Timestamp, BookingId) {
    (row.booking.hold_expires_at, row.booking.id)
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let until = args.expiring_within.map(|time| {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_add(millis))
    });
    let mut rows = Rows::begin(asked, HOLDS, now, printer)?;
    rows.walk(
        async |after| {
            let mut rows = lists::holds(app, after).await?;
            rows.retain(|row| until.is_none_or(|until| row.booking.hold_expires_at <= until));
            Ok::<_, OpsError>(rows)
        },
        key,
        |row| {
            row.booking.hold_expires_at > now
                && asked.filter.as_ref().is_none_or(|filter| is_match(filter, row, now))
        },
        async |rows| rows.iter().map(|row| node(&bodies::hold(row, now))).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<BookingId> = shown.ids.iter().copied().map(BookingId).collect();
        lookup::booking_prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}
