//! The orders of the marketplace: each is a booking of a listing, made, paid and cancelled by the engine as any
//! booking is. An order keeps the price that it was made at.

use super::queries::{Page, wait_for};
use super::{App, AppError, commands, listings, payments};
use crate::domain::booking::command::{Change, HoldKind, Reserve, SeatChoice};
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::Booking;
use crate::domain::catalog::OfferingKind;
use crate::domain::id::{BookingId, OfferingId, SagaId, UserId};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::rules::len_max;
use crate::engine::{CommandError, Done, Meta, SagaAnswer, Work};
use crate::projection::{TicketRow, bodies, market};
use crate::saga::{Case, Input};
use crate::store::views::tickets::UserQuery;
use crate::store::{bookings, events, idempotency, offerings, sagas, views};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// What an order is called where it is not there.
pub const NOUN: &str = "order";
/// How long paying waits for the provider before it answers that it goes on by itself.
const PAY_WAIT: Duration = Duration::from_secs(2);
/// How soon it looks the first time; each time after that, twice as long.
const PAY_LOOK_FIRST: Duration = Duration::from_millis(10);
/// And at most.
const PAY_LOOK_MAX: Duration = Duration::from_millis(160);
/// The status of a payment that was answered.
const STATUS_CREATED: u16 = 201;
/// The status of one that goes on by itself.
const STATUS_ACCEPTED: u16 = 202;

/// Orders a listing: it is held for the buyer, who has `hold_seconds` to pay. The answer is the order.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such listing; [`Rejection::OfferingCancelled`] also while its seller's account is
/// suspended, or once it is deleted; the rule that forbids it, or that the engine or store can't
/// take it now.
pub async fn create(
    app: &App,
    ticket: OfferingId,
    buyer: &UserId,
    hold_seconds: u32,
    meta: Meta,
) -> Result<Done, AppError> {
    let found = offerings::facts(&app.stores.write, &[ticket]).await?.pop();
    let listing = found.filter(|facts| facts.kind == OfferingKind::Listing);
    let listing = listing.ok_or_else(|| listings::not_found(&ticket.to_string()))?;
    // Nobody would answer for what a closed account sells.
    if listing.particulars.seller_id.is_some_and(|seller| app.accounts.kept_out.is_closed(&seller.0)) {
        return Err(Rejection::OfferingCancelled { kind: OfferingKind::Listing }.into());
    }
    let command = Reserve {
        booking_id: commands::new_booking_id(),
        offering_id: ticket,
        route_id: None,
        user_id: buyer.clone(),
        seats: SeatChoice::Any(1),
        from_stop: None,
        to_stop: None,
        expected_price: None,
        hold_seconds,
        kind: HoldKind::Book,
    };
    commands::reserve(app, command, passenger(buyer), meta).await
}

/// All that is known of a buyer by their token: their id. Where to write to is not.
#[must_use]
pub fn passenger(buyer: &UserId) -> Passenger {
    Passenger { name: buyer.0.chars().take(len_max::NAME).collect(), email: String::new(), phone: None }
}

async fn is_listing(app: &App, id: OfferingId) -> Result<bool, AppError> {
    let found = offerings::facts(&app.stores.write, &[id]).await?;
    Ok(found.iter().any(|facts| facts.kind == OfferingKind::Listing))
}

fn not_found(id: BookingId) -> AppError {
    AppError::NotFound { what: NOUN, id: id.to_string() }
}

/// Returns an order of the buyer's own, from the write store. Another's, and what is no order, is unknown.
async fn own(app: &App, id: BookingId, buyer: &UserId) -> Result<Booking, AppError> {
    let found = bookings::load(&app.stores.write, &[id]).await?.pop();
    let booking = found.filter(|booking| booking.user_id == *buyer).ok_or_else(|| not_found(id))?;
    match is_listing(app, booking.offering_id).await? {
        true => Ok(booking),
        false => Err(not_found(id)),
    }
}

/// Returns a page of a buyer's orders, newest first.
///
/// # Errors
/// [`AppError::ReadModelBehind`]; what the stores say.
pub async fn list(
    app: &App,
    buyer: &UserId,
    page: u32,
    limit: u32,
    min_position: Option<i64>,
) -> Result<Page, AppError> {
    wait_for(app, min_position).await?;
    let now = app.clock.now();
    let query =
        UserQuery { user_id: buyer.clone(), kind: Some(OfferingKind::Listing), state: None, page, limit };
    let rows = views::tickets::of_user(&app.stores.read, &query, now).await?;
    // A page that is not full tells the total by itself.
    let full = rows.len() == limit as usize;
    let total = if full || rows.is_empty() && page > 1 {
        views::tickets::count_of_user(&app.stores.read, &query, now).await?
    } else {
        u64::from(page - 1) * u64::from(limit) + rows.len() as u64
    };
    Ok(Page { data: bodies::array(&lines(app, &rows).await?).into(), total })
}

/// Returns orders as their buyers read them.
///
/// # Errors
/// What the store says.
pub async fn lines(app: &App, rows: &[TicketRow]) -> Result<Vec<String>, AppError> {
    let now = app.clock.now();
    let charging = charging(app, rows).await?;
    let body = |row: &TicketRow| {
        market::order_of(&row.booking, &row.route_name, charging.contains(&row.booking.id), now)
    };
    Ok(rows.iter().map(body).collect())
}

/// Returns an order of anybody's, from the write store.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn stored(app: &App, id: BookingId) -> Result<String, AppError> {
    let booking = bookings::load(&app.stores.write, &[id]).await?.pop().ok_or_else(|| not_found(id))?;
    let found = offerings::facts(&app.stores.write, &[booking.offering_id]).await?.pop();
    let listing = found.filter(|facts| facts.kind == OfferingKind::Listing).ok_or_else(|| not_found(id))?;
    let cases = sagas::cases(&app.stores.write, &[id.into()]).await?;
    Ok(market::order(&booking, &listing, cases.iter().any(Case::is_charging), app.clock.now()))
}

/// Which of these are being charged for now; only a hold can be.
async fn charging(app: &App, rows: &[TicketRow]) -> Result<HashSet<BookingId>, AppError> {
    let holds = rows.iter().filter(|row| row.booking.state.is_hold());
    let ids: Vec<SagaId> = holds.map(|row| row.booking.id.into()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let cases = sagas::cases(&app.stores.write, &ids).await?;
    Ok(cases.iter().filter(|case| case.is_charging()).map(|case| BookingId(case.saga.id.0)).collect())
}

/// Returns one order of the buyer's own. Another's is unknown.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::ReadModelBehind`]; what the stores say.
pub async fn get(
    app: &App,
    id: BookingId,
    buyer: &UserId,
    min_position: Option<i64>,
) -> Result<String, AppError> {
    wait_for(app, min_position).await?;
    let found = views::tickets::one(&app.stores.read, id).await?;
    let own = |row: &TicketRow| row.booking.user_id == *buyer && row.of.kind == OfferingKind::Listing;
    let row = found.filter(own).ok_or_else(|| not_found(id))?;
    lines(app, &[row]).await?.pop().ok_or_else(|| not_found(id))
}

/// Cancels an order of the buyer's own: the listing is open again, and what was paid goes back. The answer is the
/// order.
///
/// # Errors
/// [`AppError::NotFound`]; the rule that forbids it, or that the engine or store can't take it now.
pub async fn cancel(app: &App, id: BookingId, buyer: &UserId, meta: Meta) -> Result<Done, AppError> {
    own(app, id, buyer).await?;
    commands::change(app, id, Change::Cancel { reason: None }, Some(buyer.clone()), None, meta).await
}

/// Pays an order of the buyer's own with a token, and waits a moment for the provider. The answer is the payment with
/// its order: 201 once the provider has answered, whatever it said, else 202, and the payment goes on by itself.
///
/// # Errors
/// [`AppError::NotFound`]; the rule that forbids it, or that the engine or store can't take it now.
pub async fn pay(
    app: &App,
    id: BookingId,
    token: String,
    buyer: &UserId,
    meta: Meta,
) -> Result<Done, AppError> {
    own(app, id, buyer).await?;
    let charge = payments::new_charge(app, token, id.to_string(), buyer.clone(), None);
    let work = Work::Saga {
        saga_id: id.into(),
        input: Input::Pay(charge),
        owner: Some(buyer.clone()),
        expected_version: None,
        message: None,
        answer: SagaAnswer::Payment,
    };
    let begun = app.engine.submit(work, meta.clone()).await?;
    match begun_payment(&begun) {
        // Whoever asked first still waits for the provider; once it has answered, this is answered the same.
        Some(payment) if begun.replayed && is_pending(app, &payment).await? => {
            Err(CommandError::IdempotencyInProgress.into())
        }
        Some(payment) => outcome(app, id, &payment, begun, &meta).await,
        // It was answered before.
        None => Ok(begun),
    }
}

async fn is_pending(app: &App, payment: &str) -> Result<bool, AppError> {
    let found = payments::find(app, payment).await?;
    Ok(found.is_some_and(|payment| payment.status == PaymentStatus::Pending))
}

/// The payment that the engine answered with; `None` if this is the answer that was given in the end.
fn begun_payment(begun: &Done) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Begun {
        id: String,
        #[serde(rename = "merchant_order_id")]
        _order: String,
    }
    serde_json::from_str::<Begun>(&begun.body).ok().map(|begun| begun.id)
}

/// Waits for the provider, and keeps what is answered then: whoever asks again with the key gets the same, also if
/// several ask at once.
async fn outcome(
    app: &App,
    id: BookingId,
    payment: &str,
    begun: Done,
    meta: &Meta,
) -> Result<Done, AppError> {
    let payment = answered(app, payment).await?.ok_or_else(|| not_found(id))?;
    let body = market::payment(&payment, id, &stored(app, id).await?);
    let status = match payment.status {
        PaymentStatus::Pending => STATUS_ACCEPTED,
        PaymentStatus::Success | PaymentStatus::Failed | PaymentStatus::Refunded => STATUS_CREATED,
    };
    let last = events::raw_of_stream(&app.stores.write, id.0).await?.pop();
    let position = last.map_or(begun.position, |entry| entry.position);
    if let Some(key) = &meta.idempotency {
        let (from, to) = (&*begun.body, (status, body.as_str(), position));
        let is_first = idempotency::settle(&app.stores.write, &key.caller, &key.key, from, to).await?;
        if !is_first {
            let kept = idempotency::find(&app.stores.write, vec![key.caller.clone()], vec![key.key.clone()]);
            if let Some(kept) = kept.await?.pop() {
                let status = u16::try_from(kept.status).unwrap_or(status);
                return Ok(Done { status, body: kept.data.into(), position: kept.position, ..begun });
            }
        }
    }
    Ok(Done { status, body: body.into(), position, ..begun })
}

/// Returns the payment as soon as the provider has answered, or as it is when the wait is over.
async fn answered(app: &App, id: &str) -> Result<Option<Payment>, AppError> {
    let deadline = Instant::now() + PAY_WAIT;
    let mut look = PAY_LOOK_FIRST;
    loop {
        let found = payments::find(app, id).await?;
        let now = Instant::now();
        if now >= deadline || found.as_ref().is_none_or(|payment| payment.status != PaymentStatus::Pending) {
            return Ok(found);
        }
        tokio::time::sleep_until(deadline.min(now + look)).await;
        look = (look * 2).min(PAY_LOOK_MAX);
    }
}
