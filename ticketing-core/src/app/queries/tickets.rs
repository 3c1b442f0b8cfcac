//! A buyer's tickets, and one ticket with everything about it.

use super::Page;
use crate::app::ports::CachedPage;
use crate::app::{App, AppError};
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::state::Booking;
use crate::domain::catalog::OfferingKind;
use crate::domain::id::{BookingId, SagaId, UserId};
use crate::domain::payment::{Attempt, AttemptKind, Payment};
use crate::projection::TicketRow;
use crate::projection::bodies::{self, HistoryLine, Paid, TicketDetails};
use crate::store::events::LogEntry;
use crate::store::views::tickets::UserQuery;
use crate::store::{events, passengers, payments, views};
use std::sync::Arc;

/// Returns a page of a user's tickets, newest first.
///
/// # Errors
/// What the store says.
pub async fn my_tickets(app: &App, query: UserQuery, min_position: Option<i64>) -> Result<Page, AppError> {
    super::wait_for(app, min_position).await?;
    let page = if query.state.is_none() {
        let at_least = min_position.unwrap_or(0).max(app.read.foreign());
        app.tickets.page(&query, at_least, &app.clock, || read_page(app, &query)).await?
    } else {
        // Which tickets are in a state changes with the time: such a page is never kept.
        Arc::new(read_page(app, &query).await?)
    };
    Ok(Page { data: Arc::clone(&page.data), total: page.total })
}

async fn read_page(app: &App, query: &UserQuery) -> Result<CachedPage, AppError> {
    let (now, as_of) = (app.clock.now(), app.read.known());
    let rows = views::tickets::of_user(&app.stores.read, query, now).await?;
    // A page that is not full tells the total by itself.
    let full = rows.len() == query.limit as usize;
    let total = if full || rows.is_empty() && query.page > 1 {
        views::tickets::count_of_user(&app.stores.read, query, now).await?
    } else {
        u64::from(query.page - 1) * u64::from(query.limit) + rows.len() as u64
    };
    let lines: Vec<String> = rows.iter().map(|row| bodies::ticket(row, now)).collect();
    let ends = rows.iter().filter(|r| r.booking.state.is_hold()).map(|r| r.booking.hold_expires_at);
    let good_until = ends.filter(|at| *at > now).min();
    Ok(CachedPage { data: Arc::from(bodies::array(&lines)), total, as_of, good_until })
}

/// Returns one ticket with its passenger, payment and history. With an `owner`, another's is unknown.
///
/// # Errors
/// [`AppError::NotFound`]; what the stores say.
pub async fn details(
    app: &App,
    id: BookingId,
    owner: Option<&UserId>,
    min_position: Option<i64>,
) -> Result<String, AppError> {
    super::wait_for(app, min_position).await?;
    let not_found = || AppError::NotFound { what: "booking", id: id.to_string() };
    let ticket = views::tickets::one(&app.stores.read, id).await?.ok_or_else(not_found)?;
    if owner.is_some_and(|owner| *owner != ticket.booking.user_id) {
        return Err(not_found());
    }
    let history = events::of_stream(&app.stores.write, id.0).await?;
    let people = passengers::load(&app.stores.write, &[id]).await?;
    let paid = paid_with(app, &ticket.booking).await?;
    let person = people.first().map(|(_, person)| person);
    Ok(details_body(app, &ticket, OfferingKind::Departure, &history, person, paid.as_ref()))
}

/// Returns the payment that confirmed a booking or, before one has, the one that was tried last, from the write
/// store. It may be ahead of the booking as the read model knows it.
///
/// # Errors
/// What the store says.
pub(crate) async fn paid_with(app: &App, booking: &Booking) -> Result<Option<Paid>, AppError> {
    let db = &app.stores.write;
    let saga = [SagaId::from(booking.id)];
    let mut all = payments::of_sagas(db, &saga).await?;
    let confirms = |p: &Payment| booking.payment_id.as_ref() == Some(&p.public_id());
    let at_hand = all.iter().position(confirms).or_else(|| all.len().checked_sub(1));
    let Some(payment) = at_hand.map(|index| all.swap_remove(index)) else { return Ok(None) };
    let mut refund_open_minor = 0;
    if payment.kept_minor() > 0 {
        let attempts = payments::attempts_of_sagas(db, &saga).await?;
        let under_way =
            |a: &&Attempt| a.payment_id == payment.id && a.kind == AttemptKind::Refund && a.state.is_open();
        refund_open_minor = attempts.iter().filter(under_way).map(|a| a.amount.amount_minor).sum();
    }
    Ok(Some(Paid { payment, refund_open_minor }))
}

pub(crate) fn details_body(
    app: &App,
    ticket: &TicketRow,
    shown_as: OfferingKind,
    history: &[LogEntry],
    passenger: Option<&Passenger>,
    paid: Option<&Paid>,
) -> String {
    // The log may be ahead of the view; what is shown is one moment's truth.
    let shown =
        history.iter().filter(|e| i64::from(e.stream_version) <= i64::from(ticket.booking.version).max(1));
    let lines: Vec<HistoryLine> = shown
        .map(|entry| HistoryLine {
            event_type: entry.event.type_name(),
            time: entry.recorded_at,
            actor: entry.actor.clone(),
            position: entry.position.to_string(),
        })
        .collect();
    let details = TicketDetails { passenger, paid, history: &lines, shown_as };
    bodies::ticket_details(ticket, &details, app.clock.now())
}
