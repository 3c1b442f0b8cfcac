//! What the projector writes: a page of the log's row changes and the cursor, together.

use super::progress::{self, Offset};
use super::{Target, identity, sales};
use crate::args;
use crate::domain::catalog::{OfferingFacts, Pattern, Route};
use crate::domain::id::UserId;
use crate::domain::layout::Layout;
use crate::domain::time::Timestamp;
use crate::projection::{TicketChange, TicketRow};
use crate::store::bookings::write_seats;
use crate::store::catalog::json;
use crate::store::db::{Column, Db, Tx};
use crate::store::error::Result;
use crate::store::offerings::{particulars_word, route_word, status_word};
use crate::store::parked::{self, NewParked};
use crate::store::sql::statements;
use std::collections::HashSet;
use uuid::Uuid;

/// The name of the projection that serves all queries.
pub const TICKETS: &str = "tickets";

statements! {
    CURSOR = "SELECT position FROM view_cursors WHERE name = $1";
    /// Conditional: of two projectors, one moves the cursor and the other's page is undone.
    MOVE_CURSOR = "UPDATE view_cursors SET position = $3 WHERE name = $1 AND position = $2";
    PUT_LAYOUTS = "INSERT INTO view_layouts (id, spec, seats_total, version)
        SELECT id, spec, seats_total, version FROM {rows id uuid, spec text, seats_total int, version int}
        WHERE true
        ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, seats_total = excluded.seats_total,
            version = excluded.version
        WHERE view_layouts.version < excluded.version";
    PUT_PATTERNS = "INSERT INTO view_patterns (id, calls, version)
        SELECT id, calls, 1 FROM {rows id uuid, calls text} WHERE true
        ON CONFLICT (id) DO NOTHING";
    PUT_ROUTES = "INSERT INTO view_routes (id, external_id, name, data, version)
        SELECT id, external_id, name, data, version
        FROM {rows id uuid, external_id text, name text, data text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, name = excluded.name,
            data = excluded.data, version = excluded.version
        WHERE view_routes.version < excluded.version";
    PUT_DEPARTURES = "INSERT INTO view_departures (id, kind, particulars, route_id, pattern_id, layout_id, external_id,
            service_date, departs_at, arrives_at, fare_minor, currency, status, version)
        SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date, departs_at,
            arrives_at, fare_minor, currency, status, version
        FROM {rows id uuid, kind text, particulars text, route_id uuid, pattern_id uuid, layout_id uuid, external_id text,
            service_date text, departs_at big, arrives_at big, fare_minor big, currency text, status text,
            version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET route_id = excluded.route_id, pattern_id = excluded.pattern_id,
            layout_id = excluded.layout_id, departs_at = excluded.departs_at,
            arrives_at = excluded.arrives_at, fare_minor = excluded.fare_minor,
            currency = excluded.currency, status = excluded.status, particulars = excluded.particulars,
            version = excluded.version
        WHERE view_departures.version < excluded.version";
    CANCEL_DEPARTURES = "UPDATE view_departures SET status = 'cancelled', version = v.version
        FROM {rows id uuid, version int}
        WHERE view_departures.id = v.id AND view_departures.version < v.version";
    /// A page that comes again may bring, folded into the row, what the row has not seen yet.
    INSERT_TICKETS = "INSERT INTO view_tickets (booking_id, user_id, kind, offering_id, route_id, route_name,
            departs_at, arrives_at, origin_stop, destination_stop, seats, from_leg, to_leg, price_minor,
            currency, state, hold_expires_at, payment_id, created_at, confirmed_at, cancel_reason, version)
        SELECT booking_id, user_id, kind, offering_id, route_id, route_name, departs_at, arrives_at, origin_stop,
            destination_stop, seats, from_leg, to_leg, price_minor, currency, state, hold_expires_at,
            payment_id, created_at, confirmed_at, cancel_reason, version
        FROM {rows booking_id uuid, user_id text, kind text, offering_id uuid, route_id uuid, route_name text,
            departs_at big, arrives_at big, origin_stop text, destination_stop text, seats text, from_leg int,
            to_leg int, price_minor big, currency text, state text, hold_expires_at big, payment_id text,
            created_at big, confirmed_at big, cancel_reason text, version int} WHERE true
        ON CONFLICT (booking_id) DO UPDATE SET state = excluded.state, payment_id = excluded.payment_id,
            confirmed_at = excluded.confirmed_at, cancel_reason = excluded.cancel_reason,
            seats = excluded.seats, hold_expires_at = excluded.hold_expires_at, version = excluded.version
        WHERE view_tickets.version < excluded.version";
    /// Leans on the primary key.
    VERSIONS = "SELECT booking_id, version FROM view_tickets WHERE booking_id {any uuid}";
    /// Leans on the primary key.
    UPDATE_TICKETS = "UPDATE view_tickets SET state = COALESCE(v.state, view_tickets.state),
            payment_id = COALESCE(v.payment_id, view_tickets.payment_id),
            confirmed_at = COALESCE(v.confirmed_at, view_tickets.confirmed_at),
            cancel_reason = COALESCE(v.cancel_reason, view_tickets.cancel_reason),
            seats = COALESCE(v.seats, view_tickets.seats),
            hold_expires_at = COALESCE(v.hold_expires_at, view_tickets.hold_expires_at), version = v.version
        FROM {rows booking_id uuid, state text, payment_id text, confirmed_at big, cancel_reason text, seats text,
            hold_expires_at big, version int}
        WHERE view_tickets.booking_id = v.booking_id AND view_tickets.version < v.version
        RETURNING user_id";
}

/// Returns how far the read model has read the log.
///
/// # Errors
/// What the store says.
pub async fn cursor(db: &Db) -> Result<i64> {
    cursor_of(db, Target::Live).await
}

/// Returns how far these tables have read the log.
///
/// # Errors
/// What the store says.
pub async fn cursor_of(db: &Db, target: Target) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&CURSOR, args![target.cursor()]).await?;
    Ok(row.map_or(0, |(position,)| position))
}

/// The row changes of a page of the log.
#[derive(Debug, Default)]
pub struct Page {
    /// Layouts with their versions.
    pub layouts: Vec<(Layout, i32)>,
    /// New patterns.
    pub patterns: Vec<Pattern>,
    /// Routes with their versions.
    pub routes: Vec<(Route, i32)>,
    /// Departures with their versions.
    pub departures: Vec<(OfferingFacts, i32)>,
    /// Withdrawn departures with their versions.
    pub cancelled: Vec<(Uuid, i32)>,
    /// What of it changes what people search.
    pub searched: sales::Changes,
    /// Tickets that are new.
    pub inserts: Vec<TicketRow>,
    /// Tickets that changed, the last change of each.
    pub updates: Vec<TicketChange>,
    /// Events that change nothing, since they can't be folded or wait behind one that can't.
    pub parked: Vec<NewParked>,
}

/// What the live projection believes of what stands beside its rows, and what is to stand there.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// The streams of the page.
    pub streams: Vec<Uuid>,
    /// Which of them are parked; another may have freed one.
    pub parked: HashSet<Uuid>,
    /// How often rows were repaired without an event, such as those of departures that are remembered.
    pub repairs: i64,
    /// Where reading goes on by now; an operator may have moved it.
    pub offsets_before: &'a [Offset],
    /// Where reading goes on after this page.
    pub offsets: &'a [Offset],
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is written; these users' tickets changed, those that are new left out.
    Done(Vec<UserId>),
    /// Nothing was written: of its streams, others are parked than was believed, namely these.
    Parked(HashSet<Uuid>),
    /// Nothing was written: the cursor or the offsets were moved, or rows repaired, by somebody else.
    Moved,
}

/// Writes a page of the live projection and moves its cursor, with what is parked and where reading goes on, if everything
/// is as believed.
///
/// # Errors
/// What the store says.
pub async fn apply_live(db: &Db, page: &Page, from: i64, to: i64, beside: Beside<'_>) -> Result<Applied> {
    let mut tx = db.begin().await?;
    let is_first = tx.run(&MOVE_CURSOR, args![TICKETS, from, to]).await? > 0;
    if !is_first || !is_as_believed(&mut tx, &beside).await? {
        tx.rollback().await?;
        return Ok(Applied::Moved);
    }
    let parked: HashSet<Uuid> = parked::open_among(&mut tx, beside.streams).await?.into_iter().collect();
    if parked != beside.parked {
        tx.rollback().await?;
        return Ok(Applied::Parked(parked));
    }
    let changed = put(&mut tx, Target::Live, page).await?;
    parked::put(&mut tx, TICKETS, &page.parked).await?;
    progress::put_offsets(&mut tx, beside.offsets).await?;
    tx.commit().await?;
    Ok(Applied::Done(changed))
}

async fn is_as_believed(tx: &mut Tx, beside: &Beside<'_>) -> Result<bool> {
    // Without a carrier nothing is read by offsets, and nothing is written.
    let reads_on = beside.offsets.is_empty() || progress::offsets_in(tx).await? == beside.offsets_before;
    Ok(reads_on && identity::repairs_in(tx).await? == beside.repairs)
}

/// Writes a page in a transaction and leaves the cursor where it is: rows take only what is newer than they are.
/// Returns whose tickets changed, those that are new left out.
///
/// # Errors
/// What the store says.
pub async fn put(tx: &mut Tx, target: Target, page: &Page) -> Result<Vec<UserId>> {
    put_catalog(tx, target, page).await?;
    sales::put(tx, target, &page.searched, &page.cancelled).await?;
    put_tickets(tx, target, page).await
}

/// Returns the versions of those tickets that are there.
///
/// # Errors
/// What the store says.
pub async fn versions(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, i32)>> {
    db.all(&VERSIONS, args![Column::Uuid(ids)]).await
}

async fn put_catalog(tx: &mut Tx, target: Target, page: &Page) -> Result<()> {
    if !page.layouts.is_empty() {
        let rows = &page.layouts;
        let columns = vec![
            Column::Uuid(rows.iter().map(|(l, _)| l.id().0).collect()),
            Column::Text(rows.iter().map(|(l, _)| json(l.spec())).collect()),
            Column::Int(rows.iter().map(|(l, _)| l.seat_count() as i32 - l.blocked().len() as i32).collect()),
            Column::Int(rows.iter().map(|(_, version)| *version).collect()),
        ];
        tx.run(target.of(&PUT_LAYOUTS), args![columns]).await?;
    }
    if !page.patterns.is_empty() {
        let columns = vec![
            Column::Uuid(page.patterns.iter().map(|p| p.id.0).collect()),
            Column::Text(page.patterns.iter().map(|p| json(&p.calls)).collect()),
        ];
        tx.run(target.of(&PUT_PATTERNS), args![columns]).await?;
    }
    if !page.routes.is_empty() {
        let rows = &page.routes;
        let columns = vec![
            Column::Uuid(rows.iter().map(|(r, _)| r.id.0).collect()),
            Column::OptText(rows.iter().map(|(r, _)| r.external_id.clone()).collect()),
            Column::Text(rows.iter().map(|(r, _)| r.name.clone()).collect()),
            Column::Text(rows.iter().map(|(r, _)| json(r)).collect()),
            Column::Int(rows.iter().map(|(_, version)| *version).collect()),
        ];
        tx.run(target.of(&PUT_ROUTES), args![columns]).await?;
    }
    if !page.departures.is_empty() {
        let rows = &page.departures;
        let columns = vec![
            Column::Uuid(rows.iter().map(|(d, _)| d.id.0).collect()),
            Column::Text(rows.iter().map(|(d, _)| d.kind.word().to_owned()).collect()),
            Column::OptText(rows.iter().map(|(d, _)| particulars_word(d)).collect()),
            Column::Uuid(rows.iter().map(|(d, _)| route_word(d.route_id)).collect()),
            Column::Uuid(rows.iter().map(|(d, _)| d.pattern_id.0).collect()),
            Column::Uuid(rows.iter().map(|(d, _)| d.layout_id.0).collect()),
            Column::OptText(rows.iter().map(|(d, _)| d.external_id.clone()).collect()),
            Column::Text(rows.iter().map(|(d, _)| d.service_date.clone()).collect()),
            Column::Big(rows.iter().map(|(d, _)| d.departs_at.as_millis()).collect()),
            Column::Big(rows.iter().map(|(d, _)| d.arrives_at.as_millis()).collect()),
            Column::Big(rows.iter().map(|(d, _)| d.fare.amount_minor).collect()),
            Column::Text(rows.iter().map(|(d, _)| d.fare.currency.code().to_owned()).collect()),
            Column::Text(rows.iter().map(|(d, _)| status_word(d.status).to_owned()).collect()),
            Column::Int(rows.iter().map(|(_, version)| *version).collect()),
        ];
        tx.run(target.of(&PUT_DEPARTURES), args![columns]).await?;
    }
    if !page.cancelled.is_empty() {
        let columns = vec![
            Column::Uuid(page.cancelled.iter().map(|(id, _)| *id).collect()),
            Column::Int(page.cancelled.iter().map(|(_, version)| *version).collect()),
        ];
        tx.run(target.of(&CANCEL_DEPARTURES), args![columns]).await?;
    }
    Ok(())
}

async fn put_tickets(tx: &mut Tx, target: Target, page: &Page) -> Result<Vec<UserId>> {
    if !page.inserts.is_empty() {
        let rows = &page.inserts;
        let columns = vec![
            Column::Uuid(rows.iter().map(|t| t.booking.id.0).collect()),
            Column::Text(rows.iter().map(|t| t.booking.user_id.0.clone()).collect()),
            Column::Text(rows.iter().map(|t| t.of.kind.word().to_owned()).collect()),
            Column::Uuid(rows.iter().map(|t| t.booking.offering_id.0).collect()),
            Column::Uuid(rows.iter().map(|t| route_word(t.of.route_id)).collect()),
            Column::Text(rows.iter().map(|t| t.route_name.clone()).collect()),
            Column::Big(rows.iter().map(|t| t.departs_at.as_millis()).collect()),
            Column::Big(rows.iter().map(|t| t.arrives_at.as_millis()).collect()),
            Column::Text(rows.iter().map(|t| t.origin_stop.clone()).collect()),
            Column::Text(rows.iter().map(|t| t.destination_stop.clone()).collect()),
            Column::Text(rows.iter().map(|t| write_seats(&t.booking.seats)).collect()),
            Column::Int(rows.iter().map(|t| i32::from(t.booking.legs.from())).collect()),
            Column::Int(rows.iter().map(|t| i32::from(t.booking.legs.to())).collect()),
            Column::Big(rows.iter().map(|t| t.booking.price.amount_minor).collect()),
            Column::Text(rows.iter().map(|t| t.booking.price.currency.code().to_owned()).collect()),
            Column::Text(rows.iter().map(|t| t.booking.state.word().to_owned()).collect()),
            Column::Big(rows.iter().map(|t| t.booking.hold_expires_at.as_millis()).collect()),
            Column::OptText(rows.iter().map(|t| t.booking.payment_id.clone()).collect()),
            Column::Big(rows.iter().map(|t| t.booking.created_at.as_millis()).collect()),
            Column::OptBig(rows.iter().map(|t| t.booking.confirmed_at.map(Timestamp::as_millis)).collect()),
            Column::OptText(rows.iter().map(|t| t.booking.cancel_reason.clone()).collect()),
            Column::Int(rows.iter().map(|t| t.booking.version as i32).collect()),
        ];
        tx.run(target.of(&INSERT_TICKETS), args![columns]).await?;
    }
    if !page.updates.is_empty() {
        let rows = &page.updates;
        let columns = vec![
            Column::Uuid(rows.iter().map(|t| t.booking_id.0).collect()),
            Column::OptText(rows.iter().map(|t| t.state.map(|s| s.word().to_owned())).collect()),
            Column::OptText(rows.iter().map(|t| t.payment_id.clone()).collect()),
            Column::OptBig(rows.iter().map(|t| t.confirmed_at.map(Timestamp::as_millis)).collect()),
            Column::OptText(rows.iter().map(|t| t.cancel_reason.clone()).collect()),
            Column::OptText(rows.iter().map(|t| t.seats.as_deref().map(write_seats)).collect()),
            Column::OptBig(rows.iter().map(|t| t.hold_expires_at.map(Timestamp::as_millis)).collect()),
            Column::Int(rows.iter().map(|t| t.version as i32).collect()),
        ];
        let users: Vec<(String,)> = tx.all(target.of(&UPDATE_TICKETS), args![columns]).await?;
        return Ok(users.into_iter().map(|(user,)| UserId(user)).collect());
    }
    Ok(Vec::new())
}
