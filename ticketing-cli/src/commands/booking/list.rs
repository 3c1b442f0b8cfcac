//! `ticketctl booking list`.

use super::view;
use crate::commands::listing::{SHORT_TABLE_ROWS_MAX, TicketFilter, node, walk};
use crate::failure::Failure;
use crate::globals::{Globals, ListArgs};
use crate::output::Printer;
use crate::session::{self, Opening, Session};
use ticketing_core::domain::booking::state::BookingState;
use ticketing_core::domain::id::{BookingId, UserId};
use ticketing_core::ops::{lists, lookup};
use ticketing_core::projection::{TicketRow, bodies};

/// List bookings, newest first
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Fields of --query: id user route routeId schedule from to seat status price currency payment \
                        reason age created confirmed departure arrival holdExpires holdLeft\n\n\
                        Examples:\n  ticketctl booking list\n  ticketctl booking list --status confirmed --user ada\n  \
                        ticketctl booking list --query 'status=RESERVED age>10m route~\"Airport\"'\n  \
                        ticketctl booking list --query 'departure<+2h and price>=20' -o csv --all"
)]
pub struct Args {
    /// Only those that pass this filter
    #[arg(long, value_name = "FILTER")]
    query: Option<String>,
    /// Only those in this state: pending, reserved, confirmed, cancelled, expired or refunded
    #[arg(long, value_name = "STATE", value_parser = state)]
    status: Option<BookingState>,
    /// Only those of this user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

fn state(word: &str) -> Result<BookingState, String> {
    let words = || BookingState::ALL.map(BookingState::word).join(", ");
    BookingState::parse(&word.to_ascii_uppercase()).ok_or_else(|| format!("there are {}", words()))
}

/// Lists the bookings.
///
/// # Errors
/// What the stores say.
pub fn run(args: &Args, globals: &Globals, printer: &mut Printer) -> Result<(), Failure> {
    let filter = TicketFilter::parse(args.query.as_deref())?;
    session::run(globals, printer, Opening::AsTheyAre, async |session, printer| {
        list(args, &filter, session, printer).await
    })
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
    let limit = args.list.limit_for(printer.format());
    let is_human = printer.is_human();
    let user = args.user.as_ref().map(|user| UserId(user.clone()));
    let mut list = printer.start_list(&view::LIST)?;
    let mut shown: Vec<BookingId> = Vec::new();
    let mut pages = 0;
    let total = walk(
        limit,
        async |after| match &user {
            None => lists::bookings(app, after).await,
            Some(user) => {
                pages += 1;
                lists::bookings_of(app, user, pages).await
            }
        },
        |row: &TicketRow| row.booking.id,
        |row| args.status.is_none_or(|state| row.booking.state_at(now) == state) && filter.passes(row, now),
        async |rows| {
            for row in rows {
                shown.push(row.booking.id);
                list.row(&node(&bodies::ticket(&row, now))?)?;
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
