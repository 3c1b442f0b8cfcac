//! Booking rows: the fold of each booking's events, for deciding and for the sweeper.

use super::db::{Column, Db};
use super::error::{Result, StoreError};
use super::sql::statements;
use crate::args;
use crate::domain::booking::event::SeatRef;
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::seating::LegRange;
use crate::domain::time::Timestamp;
use uuid::Uuid;

/// A row of `bookings`.
#[derive(Debug, sqlx::FromRow)]
struct BookingRow {
    id: Uuid,
    offering_id: Uuid,
    user_id: String,
    seats: String,
    from_leg: i32,
    to_leg: i32,
    price_minor: i64,
    currency: String,
    state: String,
    hold_expires_at: i64,
    payment_id: Option<String>,
    created_at: i64,
    confirmed_at: Option<i64>,
    cancel_reason: Option<String>,
    version: i32,
}

impl BookingRow {
    fn booking(self) -> Result<Booking> {
        let corrupt = |column: &'static str, reason: String| StoreError::Corrupt {
            table: "bookings",
            column,
            row: self.id.to_string(),
            reason,
        };
        let leg = |n: i32| u16::try_from(n).ok();
        let legs = leg(self.from_leg).zip(leg(self.to_leg)).and_then(|(from, to)| LegRange::new(from, to));
        Ok(Booking {
            id: BookingId(self.id),
            offering_id: OfferingId(self.offering_id),
            seats: parse_seats(&self.seats).map_err(|e| corrupt("seats", e))?,
            legs: legs.ok_or_else(|| corrupt("from_leg", "the legs are no range".into()))?,
            price: Money {
                amount_minor: self.price_minor,
                currency: Currency::parse(&self.currency)
                    .ok_or_else(|| corrupt("currency", "not an ISO 4217 code".into()))?,
            },
            state: BookingState::parse(&self.state)
                .ok_or_else(|| corrupt("state", "not a booking state".into()))?,
            hold_expires_at: Timestamp::from_millis(self.hold_expires_at),
            created_at: Timestamp::from_millis(self.created_at),
            confirmed_at: self.confirmed_at.map(Timestamp::from_millis),
            version: u32::try_from(self.version).map_err(|e| corrupt("version", e.to_string()))?,
            user_id: UserId(self.user_id),
            payment_id: self.payment_id,
            cancel_reason: self.cancel_reason,
        })
    }
}

/// Writes seats as a row keeps them: `7:B2,8:C2`.
#[must_use]
pub fn write_seats(seats: &[SeatRef]) -> String {
    let mut out = String::with_capacity(seats.len() * 8);
    for (i, seat) in seats.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&seat.no.0.to_string());
        out.push(':');
        out.push_str(&seat.label);
    }
    out
}

/// Reads seats back.
///
/// # Errors
/// A sentence that quotes what can't be read.
pub fn parse_seats(text: &str) -> std::result::Result<Vec<SeatRef>, String> {
    text.split(',')
        .map(|part| {
            let (no, label) = part.split_once(':').ok_or_else(|| format!("{part:?} is no seat"))?;
            let no = no.parse().map_err(|_| format!("{part:?} is no seat"))?;
            Ok(SeatRef { no: crate::domain::seating::SeatNo(no), label: label.to_owned() })
        })
        .collect()
}

statements! {
    /// Leans on the primary key.
    LOAD = "SELECT id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM bookings WHERE id {any uuid}";
    /// Leans on the primary key.
    AFTER = "SELECT id, offering_id, user_id, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM bookings WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on `bookings_due`.
    DUE = "SELECT id FROM bookings
        WHERE state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $1
        ORDER BY hold_expires_at LIMIT $2";
    /// Leans on `bookings_due`.
    NEXT_DUE = "SELECT hold_expires_at FROM bookings
        WHERE state IN ('PENDING', 'RESERVED') ORDER BY hold_expires_at LIMIT 1";
    /// Leans on `bookings_payment`.
    BY_PAYMENT = "SELECT payment_id, id FROM bookings WHERE payment_id {any text}";
    /// Leans on `bookings_due`.
    HOLDS_OPEN = "SELECT COUNT(*) AS n FROM bookings
        WHERE state IN ('PENDING', 'RESERVED') AND hold_expires_at > $1";
}

/// Returns the bookings with these ids, those that exist, in no order.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no booking.
pub async fn load(db: &Db, ids: &[BookingId]) -> Result<Vec<Booking>> {
    load_each(db, ids).await?.into_iter().collect()
}

/// The same, each row by itself: one that is no booking does not hide the others.
///
/// # Errors
/// What the store says; of a row, [`StoreError::Corrupt`].
pub async fn load_each(db: &Db, ids: &[BookingId]) -> Result<Vec<Result<Booking>>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<BookingRow> = db.all(&LOAD, args![ids]).await?;
    Ok(rows.into_iter().map(BookingRow::booking).collect())
}

/// Returns the bookings with an id above `after`, by id, each row by itself: one that is no booking does not hide
/// the others.
///
/// # Errors
/// What the store says; of a row, [`StoreError::Corrupt`].
pub async fn after_each(db: &Db, after: BookingId, limit: i64) -> Result<Vec<(BookingId, Result<Booking>)>> {
    let rows: Vec<BookingRow> = db.all(&AFTER, args![after.0, limit]).await?;
    Ok(rows.into_iter().map(|row| (BookingId(row.id), row.booking())).collect())
}

/// Returns the ids of holds that have ended by `now`, the longest overdue first.
///
/// # Errors
/// What the store says.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<BookingId>> {
    let rows: Vec<(Uuid,)> = db.all(&DUE, args![now.as_millis(), limit]).await?;
    Ok(rows.into_iter().map(|(id,)| BookingId(id)).collect())
}

/// Returns when the next hold ends, or ended, `None` if there is none.
///
/// # Errors
/// What the store says.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>> {
    let row: Option<(i64,)> = db.first(&NEXT_DUE, args![]).await?;
    Ok(row.map(|(at,)| Timestamp::from_millis(at)))
}

/// Returns which of these payments have confirmed a booking, and which booking.
///
/// # Errors
/// What the store says.
pub async fn by_payment(db: &Db, payments: Vec<String>) -> Result<Vec<(String, BookingId)>> {
    let rows: Vec<(String, Uuid)> = db.all(&BY_PAYMENT, args![Column::Text(payments)]).await?;
    Ok(rows.into_iter().map(|(payment, id)| (payment, BookingId(id))).collect())
}

/// Returns how many holds are open at `now`.
///
/// # Errors
/// What the store says.
pub async fn holds_open(db: &Db, now: Timestamp) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&HOLDS_OPEN, args![now.as_millis()]).await?;
    Ok(row.map_or(0, |(n,)| n))
}
