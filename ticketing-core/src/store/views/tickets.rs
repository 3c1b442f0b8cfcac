//! Tickets as their owners and operators read them.

use super::{Target, of_kind};
use crate::args;
use crate::domain::booking::state::{Booking, BookingState};
use crate::domain::catalog::OfferingKind;
use crate::domain::id::{BookingId, OfferingId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::seating::{LegRange, SeatNo};
use crate::domain::time::Timestamp;
use crate::projection::TicketRow;
use crate::projection::bodies::Of;
use crate::store::bookings::parse_seats;
use crate::store::db::{Column, Db};
use crate::store::error::{Result, StoreError};
use crate::store::offerings::route_of;
use crate::store::sql::statements;
use uuid::Uuid;

/// A row, as it is read.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    booking_id: Uuid,
    user_id: String,
    kind: String,
    offering_id: Uuid,
    route_id: Uuid,
    route_name: String,
    departs_at: i64,
    arrives_at: i64,
    origin_stop: String,
    destination_stop: String,
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

impl Row {
    pub(super) fn ticket(self) -> Result<TicketRow> {
        let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
            table: "view_tickets",
            column,
            row: self.booking_id.to_string(),
            reason: reason.to_owned(),
        };
        let kind = OfferingKind::parse(&self.kind).ok_or_else(|| corrupt("kind", "no kind of offering"))?;
        let leg = |n: i32| u16::try_from(n).ok();
        let legs = leg(self.from_leg).zip(leg(self.to_leg)).and_then(|(from, to)| LegRange::new(from, to));
        let booking = Booking {
            id: BookingId(self.booking_id),
            offering_id: OfferingId(self.offering_id),
            seats: parse_seats(&self.seats).map_err(|e| corrupt("seats", &e))?,
            legs: legs.ok_or_else(|| corrupt("from_leg", "the legs are no range"))?,
            price: Money {
                amount_minor: self.price_minor,
                currency: Currency::parse(&self.currency)
                    .ok_or_else(|| corrupt("currency", "not an ISO 4217 code"))?,
            },
            state: BookingState::parse(&self.state).ok_or_else(|| corrupt("state", "not a booking state"))?,
            hold_expires_at: Timestamp::from_millis(self.hold_expires_at),
            created_at: Timestamp::from_millis(self.created_at),
            confirmed_at: self.confirmed_at.map(Timestamp::from_millis),
            version: u32::try_from(self.version).map_err(|_| corrupt("version", "negative"))?,
            user_id: UserId(self.user_id),
            payment_id: self.payment_id,
            cancel_reason: self.cancel_reason,
        };
        Ok(TicketRow {
            booking,
            of: Of { kind, route_id: route_of(self.route_id) },
            route_name: self.route_name,
            departs_at: Timestamp::from_millis(self.departs_at),
            arrives_at: Timestamp::from_millis(self.arrives_at),
            origin_stop: self.origin_stop,
            destination_stop: self.destination_stop,
        })
    }
}

/// What a seat map is drawn from: one booking that has seats of an offering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The offering.
    pub offering_id: OfferingId,
    /// Seats with their numbers.
    pub seats: Vec<crate::domain::booking::event::SeatRef>,
    /// Legs.
    pub legs: LegRange,
    /// Stored state: a hold or confirmed.
    pub state: BookingState,
    /// When a hold ends.
    pub hold_expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct OccupantRow {
    offering_id: Uuid,
    seats: String,
    from_leg: i32,
    to_leg: i32,
    state: String,
    hold_expires_at: i64,
}

statements! {
    /// Newest first. Leans on `view_tickets_user`.
    OF_USER = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE user_id = $1 AND ($2 = '' OR kind = $2)
        ORDER BY created_at DESC, booking_id DESC LIMIT $3 OFFSET $4";
    /// The same for one state as of `$4`: a hold is EXPIRED from its time on.
    OF_USER_IN_STATE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE user_id = $1 AND ($2 = '' OR kind = $2) AND CASE
            WHEN state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $4 THEN 'EXPIRED' ELSE state END = $3
        ORDER BY created_at DESC, booking_id DESC LIMIT $5 OFFSET $6";
    /// Leans on `view_tickets_user`.
    COUNT_OF_USER = "SELECT COUNT(*) AS n FROM view_tickets WHERE user_id = $1 AND ($2 = '' OR kind = $2)";
    COUNT_OF_USER_IN_STATE = "SELECT COUNT(*) AS n FROM view_tickets WHERE user_id = $1 AND ($2 = '' OR kind = $2) AND CASE
            WHEN state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $4 THEN 'EXPIRED' ELSE state END = $3";
    /// Leans on the primary key.
    ONE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE booking_id = $1";
    /// Every ticket by id downwards, which is newest first: ids are v7. Leans on the primary key.
    ALL_BEFORE = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE booking_id < $1 ORDER BY booking_id DESC LIMIT $2";
    /// Every ticket by id upwards. Leans on the primary key.
    ALL_AFTER = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE booking_id > $1 ORDER BY booking_id LIMIT $2";
    /// Open holds by their end, after a key. Leans on `view_tickets_holds`.
    HOLDS_AFTER = "SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at,
            origin_stop, destination_stop, seats, from_leg, to_leg, price_minor, currency, state,
            hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version
        FROM view_tickets WHERE state IN ('PENDING', 'RESERVED') AND (hold_expires_at, booking_id) > ($1, $2)
        ORDER BY hold_expires_at, booking_id LIMIT $3";
    /// Leans on `view_tickets_offering`.
    OCCUPANTS = "SELECT offering_id, seats, from_leg, to_leg, state, hold_expires_at
        FROM view_tickets
        WHERE offering_id {any uuid} AND state IN ('PENDING', 'RESERVED', 'CONFIRMED')";
    /// Leans on `view_tickets_offering`.
    HOLDERS = "SELECT booking_id, seats, state, hold_expires_at, version
        FROM view_tickets
        WHERE offering_id = $1 AND state IN ('PENDING', 'RESERVED', 'CONFIRMED')";
    /// All there ever were of an offering, the newest first. Reads the whole table: the index has only those that
    /// hold a seat now, and one with all would cost every booking.
    OF_OFFERING = "SELECT booking_id AS id, seats FROM view_tickets
        WHERE offering_id = $1 AND seats LIKE '%:' || $2 || '%'
        ORDER BY booking_id DESC LIMIT $3";
    COUNT_ALL = "SELECT COUNT(*) AS n FROM view_tickets";
    /// Leans on the primary key.
    NEIGHBOURS = "SELECT v.id,
            (SELECT b.booking_id FROM view_tickets b WHERE b.booking_id < v.id
                ORDER BY b.booking_id DESC LIMIT 1) AS below,
            (SELECT a.booking_id FROM view_tickets a WHERE a.booking_id > v.id
                ORDER BY a.booking_id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key.
    WITH_ID_BETWEEN = "SELECT booking_id AS id FROM view_tickets
        WHERE booking_id >= $1 AND booking_id <= $2 LIMIT 2";
}

/// Which of a user's tickets are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserQuery {
    /// Whose.
    pub user_id: UserId,
    /// Only those of this kind.
    pub kind: Option<OfferingKind>,
    /// Only those in this state as of now.
    pub state: Option<BookingState>,
    /// Page, from 1.
    pub page: u32,
    /// Tickets a page.
    pub limit: u32,
}

/// Returns a page of a user's tickets, newest first.
///
/// # Errors
/// What the store says.
pub async fn of_user(db: &Db, query: &UserQuery, now: Timestamp) -> Result<Vec<TicketRow>> {
    if let Some(kind) = few(query) {
        return of_kind::of_user(db, query, kind, now).await;
    }
    let limit = i64::from(query.limit);
    let offset = (i64::from(query.page) - 1).saturating_mul(limit);
    let (user, kind) = (query.user_id.0.clone(), query.kind.map_or("", OfferingKind::word));
    let rows: Vec<Row> = match query.state {
        None => db.all(&OF_USER, args![user, kind, limit, offset]).await?,
        Some(state) => {
            let values = args![user, kind, state.word(), now.as_millis(), limit, offset];
            db.all(&OF_USER_IN_STATE, values).await?
        }
    };
    rows.into_iter().map(Row::ticket).collect()
}

/// The kind that is asked for where its tickets have indexes of their own.
fn few(query: &UserQuery) -> Option<OfferingKind> {
    query.kind.filter(|kind| match kind {
        OfferingKind::Departure => false,
        OfferingKind::Event | OfferingKind::Listing => true,
    })
}

/// Returns how many tickets all pages of the query have.
///
/// # Errors
/// What the store says.
pub async fn count_of_user(db: &Db, query: &UserQuery, now: Timestamp) -> Result<u64> {
    if let Some(kind) = few(query) {
        return of_kind::count_of_user(db, query, kind, now).await;
    }
    let (user, kind) = (query.user_id.0.clone(), query.kind.map_or("", OfferingKind::word));
    let row: Option<(i64,)> = match query.state {
        None => db.first(&COUNT_OF_USER, args![user, kind]).await?,
        Some(state) => {
            db.first(&COUNT_OF_USER_IN_STATE, args![user, kind, state.word(), now.as_millis()]).await?
        }
    };
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns one ticket.
///
/// # Errors
/// What the store says.
pub async fn one(db: &Db, id: BookingId) -> Result<Option<TicketRow>> {
    let row: Option<Row> = db.first(&ONE, args![id.0]).await?;
    row.map(Row::ticket).transpose()
}

/// Returns tickets with an id below `before`, newest first.
///
/// # Errors
/// What the store says.
pub async fn all_before(db: &Db, before: BookingId, limit: i64) -> Result<Vec<TicketRow>> {
    let rows: Vec<Row> = db.all(&ALL_BEFORE, args![before.0, limit]).await?;
    rows.into_iter().map(Row::ticket).collect()
}

/// Returns tickets of any set of tables with an id above `after`, each row by itself: one that is no ticket does
/// not hide the others.
///
/// # Errors
/// What the store says; of a row, [`StoreError::Corrupt`].
pub async fn all_after_each(
    db: &Db,
    target: Target,
    after: BookingId,
    limit: i64,
) -> Result<Vec<(BookingId, Result<TicketRow>)>> {
    let rows: Vec<Row> = db.all(target.of(&ALL_AFTER), args![after.0, limit]).await?;
    Ok(rows.into_iter().map(|row| (BookingId(row.booking_id), row.ticket())).collect())
}

/// Returns how many tickets there are in a set of tables.
///
/// # Errors
/// What the store says.
pub async fn count_in(db: &Db, target: Target) -> Result<u64> {
    let row: Option<(i64,)> = db.first(target.of(&COUNT_ALL), args![]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns holds after (`at`, `id`) in the order in which they end, those included that have ended and that
/// no sweep has seen.
///
/// # Errors
/// What the store says.
pub async fn holds_after(db: &Db, at: Timestamp, id: BookingId, limit: i64) -> Result<Vec<TicketRow>> {
    let rows: Vec<Row> = db.all(&HOLDS_AFTER, args![at.as_millis(), id.0, limit]).await?;
    rows.into_iter().map(Row::ticket).collect()
}

/// Returns the bookings that have seats of these offerings; holds that have ended are among them.
///
/// # Errors
/// What the store says.
pub async fn occupants(db: &Db, offerings: &[OfferingId]) -> Result<Vec<Occupant>> {
    let ids = Column::Uuid(offerings.iter().map(|id| id.0).collect());
    let rows: Vec<OccupantRow> = db.all(&OCCUPANTS, args![ids]).await?;
    rows.into_iter()
        .map(|row| {
            let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
                table: "view_tickets",
                column,
                row: row.offering_id.to_string(),
                reason: reason.to_owned(),
            };
            let leg = |n: i32| u16::try_from(n).ok();
            let legs = leg(row.from_leg).zip(leg(row.to_leg)).and_then(|(from, to)| LegRange::new(from, to));
            Ok(Occupant {
                offering_id: OfferingId(row.offering_id),
                seats: parse_seats(&row.seats).map_err(|e| corrupt("seats", &e))?,
                legs: legs.ok_or_else(|| corrupt("from_leg", "the legs are no range"))?,
                state: BookingState::parse(&row.state)
                    .ok_or_else(|| corrupt("state", "not a booking state"))?,
                hold_expires_at: Timestamp::from_millis(row.hold_expires_at),
            })
        })
        .collect()
}

/// Who has seats of an offering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The booking.
    pub booking_id: BookingId,
    /// Its seats.
    pub seats: Vec<SeatNo>,
    /// Stored state.
    pub state: BookingState,
    /// When a hold ends.
    pub hold_expires_at: Timestamp,
    /// The stream version that the row shows.
    pub version: u32,
}

/// Returns the bookings that have seats of an offering, each with its id; holds that have ended are among them.
///
/// # Errors
/// What the store says.
pub async fn holders(db: &Db, offering: OfferingId) -> Result<Vec<Holder>> {
    let rows: Vec<(Uuid, String, String, i64, i32)> = db.all(&HOLDERS, args![offering.0]).await?;
    rows.into_iter()
        .map(|(id, seats, state, hold_expires_at, version)| {
            let corrupt = |column: &'static str, reason: &str| StoreError::Corrupt {
                table: "view_tickets",
                column,
                row: id.to_string(),
                reason: reason.to_owned(),
            };
            let seats = parse_seats(&seats).map_err(|e| corrupt("seats", &e))?;
            Ok(Holder {
                booking_id: BookingId(id),
                seats: seats.into_iter().map(|seat| seat.no).collect(),
                state: BookingState::parse(&state).ok_or_else(|| corrupt("state", "not a booking state"))?,
                hold_expires_at: Timestamp::from_millis(hold_expires_at),
                version: u32::try_from(version).map_err(|_| corrupt("version", "negative"))?,
            })
        })
        .collect()
}

/// Returns the bookings that have, or had, this seat of an offering, the newest first. Reads all tickets.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for seats that can't be read.
pub async fn of_seat(db: &Db, offering: OfferingId, label: &str, limit: i64) -> Result<Vec<BookingId>> {
    let rows: Vec<(Uuid, String)> = db.all(&OF_OFFERING, args![offering.0, label, limit]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, seats) in rows {
        let corrupt = |reason| StoreError::Corrupt {
            table: "view_tickets",
            column: "seats",
            row: id.to_string(),
            reason,
        };
        // The text is looked through first; a label that only begins like this one is none.
        if parse_seats(&seats).map_err(corrupt)?.iter().any(|seat| seat.label == label) {
            found.push(BookingId(id));
        }
    }
    Ok(found)
}

/// Returns how many tickets there are.
///
/// # Errors
/// What the store says.
pub async fn count_all(db: &Db) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNT_ALL, args![]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns up to two bookings whose ids lie in a range: enough to know whether a prefix is unique.
///
/// # Errors
/// What the store says.
pub async fn with_id_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&WITH_ID_BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a booking has.
///
/// # Errors
/// What the store says.
pub async fn neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}
