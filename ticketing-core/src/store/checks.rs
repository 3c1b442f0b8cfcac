//! What only verification asks of the write store: pages by key, with what each row must agree with beside it.
//!
//! Everything here reads, and a page at a time: the largest answer has as many rows as were asked for.

use super::db::{Column, Db};
use super::error::Result;
use super::sql::statements;
use crate::args;
use crate::domain::id::{BookingId, SagaId};
use crate::domain::time::Timestamp;
use uuid::Uuid;

statements! {
    /// Leans on the primary key.
    LOG_STRETCH = "SELECT COUNT(*) AS n, MAX(position) AS last FROM events WHERE position > $1 AND position <= $2";
    LOG_LAST = "SELECT COALESCE(MAX(position), 0) AS last FROM events";
    /// Leans on the primary key.
    LOG_POSITIONS = "SELECT position FROM events WHERE position > $1 AND position <= $2 ORDER BY position";
    /// Events whose predecessor in their stream is missing or comes later. Leans on the primary key and
    /// `events_stream`.
    STREAM_GAPS = "SELECT e.position, e.stream_id, e.stream_version, p.position AS before
        FROM events e LEFT JOIN events p
            ON p.stream_id = e.stream_id AND p.stream_version = e.stream_version - 1
        WHERE e.position > $1 AND e.position <= $2 AND e.stream_version <> 1
            AND (p.position IS NULL OR p.position > e.position)
        ORDER BY e.position";
    /// Bookings that begin here and have no row. Leans on the primary keys.
    WITHOUT_ROW = "SELECT e.position, e.stream_id FROM events e
        WHERE e.position > $1 AND e.position <= $2 AND e.stream_version = 1
            AND e.event_type IN ('TicketBooked', 'TicketReserved')
            AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.id = e.stream_id)
        ORDER BY e.position";
    /// Leans on `events_stream`.
    BEGINNINGS = "SELECT stream_id, position FROM events WHERE stream_version = 1 AND stream_id {any uuid}";
    /// Leans on the primary keys.
    CLAIMS_AFTER = "SELECT c.offering_id, c.seat_no, c.leg, c.booking_id, b.state,
            b.offering_id AS booking_offering_id, b.seats, b.from_leg, b.to_leg
        FROM claims c LEFT JOIN bookings b ON b.id = c.booking_id
        WHERE (c.offering_id, c.seat_no, c.leg) > ($1, $2, $3)
        ORDER BY c.offering_id, c.seat_no, c.leg LIMIT $4";
    /// Leans on the primary key.
    OWNERS = "SELECT v.offering_id, v.seat_no, v.leg, c.booking_id
        FROM {rows offering_id uuid, seat_no int, leg int} LEFT JOIN claims c
            ON c.offering_id = v.offering_id AND c.seat_no = v.seat_no AND c.leg = v.leg";
    /// Leans on the primary keys.
    PASSENGERS_AFTER = "SELECT p.booking_id, b.id AS owner
        FROM passengers p LEFT JOIN bookings b ON b.id = p.booking_id
        WHERE p.booking_id > $1 ORDER BY p.booking_id LIMIT $2";
    /// Leans on the primary keys.
    TRAVELLERS_AFTER = "SELECT b.id, p.booking_id AS owner
        FROM bookings b LEFT JOIN passengers p ON p.booking_id = b.id
        WHERE b.id > $1 ORDER BY b.id LIMIT $2";
    /// Leans on the primary key.
    SAGAS_AFTER = "SELECT id FROM sagas WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary keys.
    PAYMENTS_AFTER = "SELECT p.id, s.id AS owner FROM payments p LEFT JOIN sagas s ON s.id = p.saga_id
        WHERE p.id > $1 ORDER BY p.id LIMIT $2";
    /// Leans on the primary keys.
    ATTEMPTS_AFTER = "SELECT a.id, p.id AS owner FROM payment_attempts a LEFT JOIN payments p ON p.id = a.payment_id
        WHERE a.id > $1 ORDER BY a.id LIMIT $2";
    /// Due, and taken by nobody. Leans on `payment_attempts_due`.
    OVERDUE_AFTER = "SELECT id, saga_id, next_at FROM payment_attempts
        WHERE state = 'due' AND next_at <= $1 AND lease_until <= $2 AND (next_at, id) > ($3, $4)
        ORDER BY next_at, id LIMIT $5";
    /// Leans on `bookings_due`.
    HOLDS_OVERDUE_AFTER = "SELECT id, hold_expires_at FROM bookings
        WHERE state IN ('PENDING', 'RESERVED') AND hold_expires_at <= $1 AND (hold_expires_at, id) > ($2, $3)
        ORDER BY hold_expires_at, id LIMIT $4";
    /// Leans on the primary key.
    ANSWERS_AFTER = "SELECT key, caller, position FROM idempotency
        WHERE (key, caller) > ($1, $2) ORDER BY key, caller LIMIT $3";
    /// Leans on the primary key.
    OUTBOX = "SELECT carrier, position FROM outbox ORDER BY carrier";
    COUNT_BOOKINGS = "SELECT COUNT(*) AS n FROM bookings";
    COUNT_SAGAS = "SELECT COUNT(*) AS n FROM sagas";
    /// Leans on the primary key.
    OFFERINGS_AFTER = "SELECT id, version FROM offerings WHERE id > $1 ORDER BY id LIMIT $2";
    /// What is searched and not found by a route. Leans on the primary key.
    SEARCHED_AFTER = "SELECT id FROM offerings WHERE kind <> 'departure' AND id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    ROUTES_AFTER = "SELECT id, version FROM routes WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    VENUES_AFTER = "SELECT id, version FROM venues WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    PATTERNS_AFTER = "SELECT id, version FROM patterns WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    LAYOUTS_AFTER = "SELECT id, version FROM layouts WHERE id > $1 ORDER BY id LIMIT $2";
    /// What of the catalogue begins here and has no row. Leans on the primary keys.
    NOT_SOLD = "SELECT e.event_type, e.position, e.stream_id FROM events e
        WHERE e.position > $1 AND e.position <= $2 AND e.stream_version = 1 AND (
            (e.event_type = 'LayoutDefined' AND NOT EXISTS (SELECT 1 FROM layouts l WHERE l.id = e.stream_id))
            OR (e.event_type = 'PatternDefined' AND NOT EXISTS (SELECT 1 FROM patterns p WHERE p.id = e.stream_id))
            OR (e.event_type = 'RouteDefined' AND NOT EXISTS (SELECT 1 FROM routes r WHERE r.id = e.stream_id))
            OR (e.event_type = 'VenueDefined' AND NOT EXISTS (SELECT 1 FROM venues u WHERE u.id = e.stream_id))
            OR (e.event_type = 'OfferingDefined' AND NOT EXISTS (SELECT 1 FROM offerings o WHERE o.id = e.stream_id)))
        ORDER BY e.position";
    /// Events of payments whose saga has none. Leans on the primary key and `payments_saga`.
    WITHOUT_PAYMENT = "SELECT e.position, e.stream_id FROM events e
        WHERE e.position > $1 AND e.position <= $2
            AND e.event_type IN ('PaymentRequested', 'PaymentCreated', 'PaymentFailed', 'PaymentRefunded')
            AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.saga_id = e.stream_id)
        ORDER BY e.position";
    /// Reads all dead letters, which are few.
    LETTERS_WITHOUT_CURSOR = "SELECT d.source, d.partition, MAX(d.message_offset) AS last FROM dead_letters d
        WHERE d.at <= $1 AND NOT EXISTS (
            SELECT 1 FROM inbound_cursors c WHERE c.topic = d.source AND c.partition = d.partition)
        GROUP BY d.source, d.partition ORDER BY d.source, d.partition LIMIT $2";
    /// Leans on the primary key.
    WAS_TOLD = "SELECT message_id FROM saga_inbox WHERE source = $1 AND at <= $2 LIMIT 1";
}

/// Returns how many events lie after `from` up to `to`.
///
/// # Errors
/// What the store says.
pub async fn stretch_count(db: &Db, from: i64, to: i64) -> Result<i64> {
    let row: Option<(i64, Option<i64>)> = db.first(&LOG_STRETCH, args![from, to]).await?;
    Ok(row.map_or(0, |(count, _)| count))
}

/// Returns the position of the last event there is, 0 if there is none.
///
/// # Errors
/// What the store says.
pub async fn last_position(db: &Db) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&LOG_LAST, args![]).await?;
    Ok(row.map_or(0, |(last,)| last))
}

/// Returns the positions of the events after `from` up to `to`, in order.
///
/// # Errors
/// What the store says.
pub async fn positions(db: &Db, from: i64, to: i64) -> Result<Vec<i64>> {
    let rows: Vec<(i64,)> = db.all(&LOG_POSITIONS, args![from, to]).await?;
    Ok(rows.into_iter().map(|(position,)| position).collect())
}

/// An event whose predecessor in its stream is missing or comes later.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StreamGap {
    /// Its place in the log.
    pub position: i64,
    /// Its stream.
    pub stream_id: Uuid,
    /// Its place there.
    pub stream_version: i32,
    /// Where the event before it in its stream is; `None` if it is missing.
    pub before: Option<i64>,
}

/// Returns the events after `from` up to `to` that do not follow the one before them in their stream.
///
/// # Errors
/// What the store says.
pub async fn stream_gaps(db: &Db, from: i64, to: i64) -> Result<Vec<StreamGap>> {
    db.all(&STREAM_GAPS, args![from, to]).await
}

/// Returns the bookings that begin after `from` up to `to` and have no row, with the positions of their beginning.
///
/// # Errors
/// What the store says.
pub async fn without_row(db: &Db, from: i64, to: i64) -> Result<Vec<(i64, BookingId)>> {
    let rows: Vec<(i64, Uuid)> = db.all(&WITHOUT_ROW, args![from, to]).await?;
    Ok(rows.into_iter().map(|(position, id)| (position, BookingId(id))).collect())
}

/// Returns where each of these streams begins in the log, those that do.
///
/// # Errors
/// What the store says.
pub async fn beginnings(db: &Db, streams: Vec<Uuid>) -> Result<Vec<(Uuid, i64)>> {
    db.all(&BEGINNINGS, args![Column::Uuid(streams)]).await
}

/// A claim, and the booking that it is said to be of.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ClaimRow {
    /// Of what a seat is claimed.
    pub offering_id: Uuid,
    /// The seat.
    pub seat_no: i32,
    /// The leg.
    pub leg: i32,
    /// By which booking.
    pub booking_id: Uuid,
    /// The booking's state; `None` if there is no such booking. So for all below.
    pub state: Option<String>,
    /// What it is of.
    pub booking_offering_id: Option<Uuid>,
    /// Its seats, as they are stored.
    pub seats: Option<String>,
    /// Its first leg.
    pub from_leg: Option<i32>,
    /// The leg after its last.
    pub to_leg: Option<i32>,
}

/// The key of a claim: offering, seat, leg.
pub type ClaimKey = (Uuid, i32, i32);

/// Returns the claims after a key, in its order.
///
/// # Errors
/// What the store says.
pub async fn claims_after(db: &Db, after: ClaimKey, limit: i64) -> Result<Vec<ClaimRow>> {
    db.all(&CLAIMS_AFTER, args![after.0, after.1, after.2, limit]).await
}

/// Returns who has claimed each of these: `None` where nobody has.
///
/// # Errors
/// What the store says.
pub async fn owners(db: &Db, keys: &[ClaimKey]) -> Result<Vec<(ClaimKey, Option<BookingId>)>> {
    let columns = vec![
        Column::Uuid(keys.iter().map(|key| key.0).collect()),
        Column::Int(keys.iter().map(|key| key.1).collect()),
        Column::Int(keys.iter().map(|key| key.2).collect()),
    ];
    let rows: Vec<(Uuid, i32, i32, Option<Uuid>)> = db.all(&OWNERS, args![columns]).await?;
    Ok(rows.into_iter().map(|(id, seat, leg, owner)| ((id, seat, leg), owner.map(BookingId))).collect())
}

/// A row's id, and that of what it belongs to: `None` if that is missing.
pub type Belonging = (Uuid, Option<Uuid>);

/// Returns passengers after a booking's id, by booking, and that booking.
///
/// # Errors
/// What the store says.
pub async fn passengers_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Belonging>> {
    db.all(&PASSENGERS_AFTER, args![after, limit]).await
}

/// Returns bookings after an id, and who travels with each: its own id, `None` if nobody is known.
///
/// # Errors
/// What the store says.
pub async fn travellers_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Belonging>> {
    db.all(&TRAVELLERS_AFTER, args![after, limit]).await
}

/// Returns sagas after an id.
///
/// # Errors
/// What the store says.
pub async fn sagas_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<SagaId>> {
    let rows: Vec<(Uuid,)> = db.all(&SAGAS_AFTER, args![after, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| SagaId(id)).collect())
}

/// Returns payments after an id, and their sagas.
///
/// # Errors
/// What the store says.
pub async fn payments_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Belonging>> {
    db.all(&PAYMENTS_AFTER, args![after, limit]).await
}

/// Returns charges and refunds after an id, and their payments.
///
/// # Errors
/// What the store says.
pub async fn attempts_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Belonging>> {
    db.all(&ATTEMPTS_AFTER, args![after, limit]).await
}

/// Returns charges and refunds that are due since `since` or longer and leased to nobody at `now`, the longest
/// overdue first, after the time and id `after`: id, saga, and since when.
///
/// # Errors
/// What the store says.
pub async fn overdue_after(
    db: &Db,
    since: Timestamp,
    now: Timestamp,
    after: (i64, Uuid),
    limit: i64,
) -> Result<Vec<(Uuid, SagaId, i64)>> {
    let values = args![since.as_millis(), now.as_millis(), after.0, after.1, limit];
    let rows: Vec<(Uuid, Uuid, i64)> = db.all(&OVERDUE_AFTER, values).await?;
    Ok(rows.into_iter().map(|(id, saga, at)| (id, SagaId(saga), at)).collect())
}

/// Returns holds that ended at `since` or before and still stand, the longest overdue first, after the time and
/// id `after`.
///
/// # Errors
/// What the store says.
pub async fn holds_overdue_after(
    db: &Db,
    since: Timestamp,
    after: (i64, Uuid),
    limit: i64,
) -> Result<Vec<(BookingId, i64)>> {
    let rows: Vec<(Uuid, i64)> =
        db.all(&HOLDS_OVERDUE_AFTER, args![since.as_millis(), after.0, after.1, limit]).await?;
    Ok(rows.into_iter().map(|(id, at)| (BookingId(id), at)).collect())
}

/// Returns stored answers after a key and its caller: key, caller, position.
///
/// # Errors
/// What the store says.
pub async fn answers_after(db: &Db, after: (&str, &str), limit: i64) -> Result<Vec<(String, String, i64)>> {
    db.all(&ANSWERS_AFTER, args![after.0, after.1, limit]).await
}

/// Returns how far the log was copied to each carrier.
///
/// # Errors
/// What the store says.
pub async fn outbox(db: &Db) -> Result<Vec<(String, i64)>> {
    db.all(&OUTBOX, args![]).await
}

/// Returns how many bookings there are.
///
/// # Errors
/// What the store says.
pub async fn count_bookings(db: &Db) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNT_BOOKINGS, args![]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns how many sagas there are.
///
/// # Errors
/// What the store says.
pub async fn count_sagas(db: &Db) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNT_SAGAS, args![]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// A kind of thing in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogKind {
    /// Departures.
    Departure,
    /// Routes.
    Route,
    /// Venues.
    Venue,
    /// Patterns of calls.
    Pattern,
    /// Layouts.
    Layout,
}

impl CatalogKind {
    /// All.
    pub const ALL: [Self; 5] = [Self::Layout, Self::Pattern, Self::Route, Self::Venue, Self::Departure];

    /// What one is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Departure => "schedule",
            Self::Route => "route",
            Self::Venue => "venue",
            Self::Pattern => "pattern",
            Self::Layout => "layout",
        }
    }

    /// The event that begins one.
    const fn defined_by(self) -> &'static str {
        match self {
            Self::Departure => "OfferingDefined",
            Self::Route => "RouteDefined",
            Self::Venue => "VenueDefined",
            Self::Pattern => "PatternDefined",
            Self::Layout => "LayoutDefined",
        }
    }
}

/// Returns what there is of a kind after an id, by id, with the versions of the rows.
///
/// # Errors
/// What the store says.
pub async fn catalog_after(db: &Db, kind: CatalogKind, after: Uuid, limit: i64) -> Result<Vec<(Uuid, i32)>> {
    let sql = match kind {
        CatalogKind::Departure => &OFFERINGS_AFTER,
        CatalogKind::Route => &ROUTES_AFTER,
        CatalogKind::Venue => &VENUES_AFTER,
        CatalogKind::Pattern => &PATTERNS_AFTER,
        CatalogKind::Layout => &LAYOUTS_AFTER,
    };
    db.all(sql, args![after, limit]).await
}

/// Returns what of the catalogue begins after `from` up to `to` and has no row, with the positions of the beginnings.
///
/// # Errors
/// What the store says.
pub async fn not_sold(db: &Db, from: i64, to: i64) -> Result<Vec<(CatalogKind, i64, Uuid)>> {
    let rows: Vec<(String, i64, Uuid)> = db.all(&NOT_SOLD, args![from, to]).await?;
    let kind = |(event_type, position, id): (String, i64, Uuid)| {
        let kind = CatalogKind::ALL.into_iter().find(|kind| kind.defined_by() == event_type)?;
        Some((kind, position, id))
    };
    Ok(rows.into_iter().filter_map(kind).collect())
}

/// Returns the events and listings after an id, by id.
///
/// # Errors
/// What the store says.
pub async fn searched_after(db: &Db, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&SEARCHED_AFTER, args![after, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns the events of payments after `from` up to `to` in streams whose saga has no payment: position, stream.
///
/// # Errors
/// What the store says.
pub async fn without_payment(db: &Db, from: i64, to: i64) -> Result<Vec<(i64, Uuid)>> {
    db.all(&WITHOUT_PAYMENT, args![from, to]).await
}

/// Returns the partitions that no cursor is for and whose messages are dead letters since `since` or longer: topic,
/// partition, the last such message's offset.
///
/// # Errors
/// What the store says.
pub async fn letters_without_cursor(
    db: &Db,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<(String, i32, i64)>> {
    db.all(&LETTERS_WITHOUT_CURSOR, args![since.as_millis(), limit]).await
}

/// Returns whether a saga was told a message of this topic at `since` or before.
///
/// # Errors
/// What the store says.
pub async fn was_told(db: &Db, topic: &str, since: Timestamp) -> Result<bool> {
    Ok(db.first::<(String,)>(&WAS_TOLD, args![topic, since.as_millis()]).await?.is_some())
}
