//! The commands of a booking: hold seats, confirm, cancel, expire.

use super::{App, AppError, payments};
use crate::domain::booking::command::{Change, HoldKind, Reserve};
use crate::domain::booking::passenger::Passenger;
use crate::domain::id::{BookingId, UserId};
use crate::domain::payment::canonical_id;
use crate::engine::{CommandError, Done, Meta, Work};
use crate::saga::plan::EXTERNAL;
use crate::traces;
use tracing::Instrument as _;
use uuid::Uuid;

/// Returns a new booking's id: v7, so that newer bookings sort after older ones.
#[must_use]
pub fn new_booking_id() -> BookingId {
    BookingId(Uuid::now_v7())
}

/// Hands work to the engine, as a part of its request's trace.
///
/// # Errors
/// What the engine says.
pub async fn append(app: &App, work: Work, meta: Meta) -> Result<Done, CommandError> {
    let part = traces::append(&meta.correlation_id);
    let done = app.engine.submit(work, meta).instrument(part.clone()).await;
    if let Err(error) = &done {
        part.record("error", tracing::field::display(error));
    }
    done
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
    reserve_and_pay(app, command, passenger, None, meta).await
}

/// The same, and charges the token at once; only a `book` is paid so. With an outside payment service every
/// `book` asks it for its payment, with or without a token.
///
/// # Errors
/// As [`reserve`].
pub async fn reserve_and_pay(
    app: &App,
    command: Reserve,
    passenger: Passenger,
    token: Option<String>,
    meta: Meta,
) -> Result<Done, AppError> {
    let is_paid = match command.kind {
        HoldKind::Book => token.is_some() || app.engine.provider() == EXTERNAL,
        HoldKind::Reserve => false,
    };
    let reference = command.booking_id.to_string();
    let charge = is_paid.then(|| {
        payments::new_charge(app, token.unwrap_or_default(), reference, command.user_id.clone(), None)
    });
    Ok(append(app, Work::Reserve { command, passenger, charge }, meta).await?)
}

/// Changes a booking: confirm, cancel, expire. With an `owner`, another's booking is unknown; with an
/// `expected_version`, one that has changed since is left alone.
///
/// A confirmation with an `owner` needs a payment of ours that succeeded. Without one, the caller's word stands for
/// a payment that we have no record of: ask so only for those who may give it (service, operator, admin).
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
    let change = match change {
        Change::Confirm { payment_id } => Change::Confirm { payment_id: canonical_id(&payment_id) },
        other @ (Change::Cancel { .. } | Change::Expire | Change::ForceExpire { .. }) => other,
    };
    Ok(append(app, Work::Change { booking_id, change, owner, expected_version }, meta).await?)
}
