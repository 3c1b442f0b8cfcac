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

/// Changes a booking: confirm, cancel, expire. With an `owner`, another's booking is unknown; with an
/// `expected_version`, one that has changed since is left alone.
///
/// A confirmation takes the caller's word for the payment: ask only for those who may give it (service,
/// operator, admin).
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn change(
    app: &App,
    booking_id: BookingId,
    change: Change,
    owner: Option<UserId>,
    expected_version: Option<u32>,
    meta: Meta,
) -> Result<Done, AppError> {
    Ok(app.engine.submit(Work::Change { booking_id, change, owner, expected_version }, meta).await?)
}
