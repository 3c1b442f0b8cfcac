//! The commands of a booking: hold seats, confirm, cancel, expire.

use super::{App, AppError};
use crate::domain::booking::command::{Change, Reserve};
use crate::domain::booking::passenger::Passenger;
use crate::domain::id::{BookingId, UserId};
use crate::engine::{Done, Meta, Work};
use uuid::Uuid;

/// Returns a new booking's id: v7, so that newer bookings sort after older ones.
#[must_use]
pub fn new_booking_id() -> BookingId {
    BookingId(Uuid::now_v7())
}

/// Holds seats for a buyer: `book` and `reserve` differ in the command's kind only.
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn reserve(
    app: &App,
    command: Reserve,
    passenger: Passenger,
    meta: Meta,
) -> Result<Done, AppError> {
    Ok(app.engine.submit(Work::Reserve { command, passenger }, meta).await?)
}

/// Confirms a booking with a payment. The caller's word stands for the payment: ask only for callers who
/// may give it (service, operator, admin).
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn confirm(
    app: &App,
    booking_id: BookingId,
    payment_id: String,
    expected_version: Option<u32>,
    meta: Meta,
) -> Result<Done, AppError> {
    let change = Change::Confirm { payment_id };
    let work = Work::Change { booking_id, change, owner: None, expected_version };
    Ok(app.engine.submit(work, meta).await?)
}

/// Cancels a booking. With an `owner`, another's booking is unknown.
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn cancel(
    app: &App,
    booking_id: BookingId,
    reason: Option<String>,
    owner: Option<UserId>,
    expected_version: Option<u32>,
    meta: Meta,
) -> Result<Done, AppError> {
    let change = Change::Cancel { reason };
    let work = Work::Change { booking_id, change, owner, expected_version };
    Ok(app.engine.submit(work, meta).await?)
}

/// Ends a hold before its time.
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn force_expire(
    app: &App,
    booking_id: BookingId,
    reason: String,
    expected_version: Option<u32>,
    meta: Meta,
) -> Result<Done, AppError> {
    let change = Change::ForceExpire { reason };
    let work = Work::Change { booking_id, change, owner: None, expected_version };
    Ok(app.engine.submit(work, meta).await?)
}
