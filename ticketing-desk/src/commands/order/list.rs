//! `ticketctl order list`.

use super::view;
use crate::commands::listing::{self, Asked, Fields, Flags, Of, Rows, Shown, node};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::output::Printer;
use crate::session::Session;
use ticketing_core::app::orders::lines;
use ticketing_core::domain::catalog::OfferingKind;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::ops::{lists, lookup};
use ticketing_core::projection::TicketRow;

/// List orders of listings, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query are the columns of -o csv.\n\nExamples:\n  ticketctl order list\n  \
                        ticketctl order list --user ada\n  \
                        ticketctl order list --query 'status=created' -o name"
)]
pub struct Args {
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    list: Flags,
}

/// Lists the orders.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, desk: &Desk, printer: &mut Printer) -> Result<(), Failure> {
    let of = Of { view: view::LIST, fields: Fields::Columns, is_read_model: true };
    listing::run(&args.list, of, desk, printer, async |session, printer, asked| {
        list(args, asked, session, printer).await
    })
}

async fn list(args: &Args, asked: &Asked, session: &Session, printer: &mut Printer) -> Result<(), Failure> {
    let app = &session.app;
    let now = app.clock.now();
    let user = args.user.as_ref().map(|user| UserId(user.clone()));
    let mut rows = Rows::begin(asked, view::LIST, now, printer)?;
    rows.walk(
        async |after| lists::bookings_of_kind(app, OfferingKind::Listing, user.as_ref(), after).await,
        |row: &TicketRow| (row.booking.created_at, row.booking.id),
        |_| true,
        async |rows| lines(app, &rows).await?.iter().map(|line| node(line)).collect(),
    )
    .await?;
    let prefix = async |shown: &Shown| {
        let ids: Vec<BookingId> = shown.ids.iter().copied().map(BookingId).collect();
        lookup::booking_prefix_len(app, &ids).await
    };
    rows.finish(prefix).await.map(drop)
}
