//! Tickets of one kind of offering but departures: the orders of the marketplace, the reservations of events.
//!
//! Each statement says `kind <> 'departure'` beside the kind that it asks for, since only so an engine knows that the
//! indexes of these few tickets have all of them. Departures' tickets are in [`super::tickets`].

use super::tickets::{Row, UserQuery};
use crate::args;
use crate::domain::catalog::OfferingKind;
use crate::domain::id::{BookingId, UserId};
use crate::domain::time::Timestamp;
use crate::projection::TicketRow;
use crate::store::db::Db;
use crate::store::error::Result;
use crate::store::sql::statements;

statements! {
    /// Newest first. Leans on `view_tickets_kind_user`.
    OF_USER = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE kind <> 'departure' AND kind = $1 AND user_id = $2
        ORDER BY created_at DESC, booking_id DESC LIMIT $3 OFFSET $4";
    /// The same for one state as of `$4`: a hold is EXPIRED from its time on.
    OF_USER_IN_STATE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE kind <> 'departure' AND kind = $1 AND user_id = $2 AND CASE
            WHEN state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $4 THEN 'EXPIRED' ELSE state END = $3
        ORDER BY created_at DESC, booking_id DESC LIMIT $5 OFFSET $6";
    /// Leans on `view_tickets_kind_user`.
    COUNT_OF_USER = "SELECT COUNT(*) AS n FROM view_tickets
        WHERE kind <> 'departure' AND kind = $1 AND user_id = $2";
    COUNT_OF_USER_IN_STATE = "SELECT COUNT(*) AS n FROM view_tickets
        WHERE kind <> 'departure' AND kind = $1 AND user_id = $2 AND CASE
            WHEN state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $4 THEN 'EXPIRED' ELSE state END = $3";
    /// Everybody's before a key, newest first. Leans on `view_tickets_kind`.
    BEFORE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets
        WHERE kind <> 'departure' AND kind = $1 AND (created_at, booking_id) < ($2, $3)
        ORDER BY created_at DESC, booking_id DESC LIMIT $4";
    /// One user's before a key, newest first. Leans on `view_tickets_kind_user`.
    OF_USER_BEFORE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets
        WHERE kind <> 'departure' AND kind = $1 AND user_id = $2 AND (created_at, booking_id) < ($3, $4)
        ORDER BY created_at DESC, booking_id DESC LIMIT $5";
}

/// Where a walk from the newest to the oldest is: when a booking was made, and which.
pub type Key = (Timestamp, BookingId);

/// Returns a page of a user's tickets of a kind, newest first.
pub(super) async fn of_user(
    db: &Db,
    query: &UserQuery,
    kind: OfferingKind,
    now: Timestamp,
) -> Result<Vec<TicketRow>> {
    let limit = i64::from(query.limit);
    let offset = (i64::from(query.page) - 1).saturating_mul(limit);
    let (kind, user) = (kind.word(), query.user_id.0.clone());
    let rows: Vec<Row> = match query.state {
        None => db.all(&OF_USER, args![kind, user, limit, offset]).await?,
        Some(state) => {
            let values = args![kind, user, state.word(), now.as_millis(), limit, offset];
            db.all(&OF_USER_IN_STATE, values).await?
        }
    };
    rows.into_iter().map(Row::ticket).collect()
}

/// Returns how many tickets all pages of the query have.
pub(super) async fn count_of_user(
    db: &Db,
    query: &UserQuery,
    kind: OfferingKind,
    now: Timestamp,
) -> Result<u64> {
    let (kind, user) = (kind.word(), query.user_id.0.clone());
    let row: Option<(i64,)> = match query.state {
        None => db.first(&COUNT_OF_USER, args![kind, user]).await?,
        Some(state) => {
            db.first(&COUNT_OF_USER_IN_STATE, args![kind, user, state.word(), now.as_millis()]).await?
        }
    };
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns tickets of a kind that were made before a key, newest first: everybody's, or one user's. Of departures it
/// knows none.
///
/// # Errors
/// What the store says.
pub async fn before(
    db: &Db,
    kind: OfferingKind,
    user: Option<&UserId>,
    (at, id): Key,
    limit: i64,
) -> Result<Vec<TicketRow>> {
    let (kind, at) = (kind.word(), at.as_millis());
    let rows: Vec<Row> = match user {
        None => db.all(&BEFORE, args![kind, at, id.0, limit]).await?,
        Some(user) => db.all(&OF_USER_BEFORE, args![kind, user.0.clone(), at, id.0, limit]).await?,
    };
    rows.into_iter().map(Row::ticket).collect()
}
