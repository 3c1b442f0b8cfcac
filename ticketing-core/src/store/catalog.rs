//! What seeding writes, and what it compares with: layouts, routes, patterns, offerings.

use super::db::{Column, Db, Tx};
use super::error::{Result, StoreError};
use super::offerings::{particulars_word, route_word, status_word};
use super::sql::statements;
use crate::args;
use crate::domain::catalog::{OfferingFacts, Particulars, Pattern, Route, Venue};
use crate::domain::event::LayoutDefined;
use crate::domain::id::{LayoutId, OfferingId};
use crate::domain::layout::LayoutSpec;
use crate::domain::seating::SeatNo;
use crate::domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Rows of one statement.
const CHUNK: usize = 2_000;

/// A value with the version of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// How often it was written, from 1.
    pub version: i32,
}

statements! {
    /// Leans on the primary key.
    LAYOUTS = "SELECT id, spec, version FROM layouts WHERE id {any uuid}";
    ALL_LAYOUTS = "SELECT id, spec FROM layouts ORDER BY name";
    /// Leans on the primary key.
    ROUTES = "SELECT id, data, version FROM routes WHERE id {any uuid}";
    /// Leans on the primary key.
    VENUES = "SELECT id, data, version FROM venues WHERE id {any uuid}";
    /// Leans on the primary key.
    PATTERNS = "SELECT id, '' AS data, version FROM patterns WHERE id {any uuid}";
    /// Leans on the primary key.
    OFFERING_VERSIONS = "SELECT id, '' AS data, version FROM offerings WHERE id {any uuid}";
    /// Leans on the primary key of `claims`.
    BOOKED = "SELECT DISTINCT offering_id FROM claims WHERE offering_id {any uuid}";
    /// Leans on the primary keys of both tables.
    TAKEN_NOW = "SELECT c.seat_no FROM claims c JOIN bookings b ON b.id = c.booking_id
        WHERE c.offering_id = $1 AND (b.state = 'CONFIRMED' OR b.hold_expires_at > $2) LIMIT 1";
    /// The same of these seats.
    TAKEN_NOW_OF = "SELECT c.seat_no FROM claims c JOIN bookings b ON b.id = c.booking_id
        WHERE c.offering_id = $1 AND (b.state = 'CONFIRMED' OR b.hold_expires_at > $2) AND c.seat_no {any int}
        ORDER BY c.seat_no LIMIT 1";
    /// Any departure with this layout that has seats taken.
    LAYOUT_BOOKED = "SELECT o.id FROM offerings o
        WHERE o.layout_id = $1 AND EXISTS (SELECT 1 FROM claims c WHERE c.offering_id = o.id) LIMIT 1";
    /// Walks the offerings, which is rare: only the closing of a venue asks so.
    COMING_WITH = "SELECT id, particulars FROM offerings
        WHERE layout_id = $1 AND kind = 'event' AND status = 'open' AND departs_at > $2 AND particulars IS NOT NULL
        ORDER BY departs_at, id";
    PUT_LAYOUTS = "INSERT INTO layouts (id, name, spec, version)
        SELECT id, name, spec, version FROM {rows id uuid, name text, spec text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, spec = excluded.spec, version = excluded.version";
    PUT_ROUTES = "INSERT INTO routes (id, data, version)
        SELECT id, data, version FROM {rows id uuid, data text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET data = excluded.data, version = excluded.version";
    PUT_VENUES = "INSERT INTO venues (id, data, version)
        SELECT id, data, version FROM {rows id uuid, data text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET data = excluded.data, version = excluded.version";
    PUT_PATTERNS = "INSERT INTO patterns (id, calls, version)
        SELECT id, calls, 1 FROM {rows id uuid, calls text} WHERE true
        ON CONFLICT (id) DO NOTHING";
    PUT_OFFERINGS = "INSERT INTO offerings (id, kind, route_id, pattern_id, layout_id, external_id,
            service_date, departs_at, arrives_at, fare_minor, currency, status, late_payment, particulars, version)
        SELECT id, kind, route_id, pattern_id, layout_id, external_id, service_date, departs_at, arrives_at,
            fare_minor, currency, status, late_payment, particulars, version
        FROM {rows id uuid, kind text, route_id uuid, pattern_id uuid, layout_id uuid, external_id text,
            service_date text, departs_at big, arrives_at big, fare_minor big, currency text, status text,
            late_payment text, particulars text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET pattern_id = excluded.pattern_id, layout_id = excluded.layout_id,
            route_id = excluded.route_id, departs_at = excluded.departs_at, arrives_at = excluded.arrives_at,
            fare_minor = excluded.fare_minor, currency = excluded.currency, status = excluded.status,
            late_payment = excluded.late_payment, particulars = excluded.particulars,
            version = excluded.version";
}

async fn versioned(
    db: &Db,
    sql: &'static super::sql::Sql,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Versioned<String>>> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(Uuid, String, i32)> = db.all(sql, args![Column::Uuid(chunk.to_vec())]).await?;
        found.extend(rows.into_iter().map(|(id, value, version)| (id, Versioned { value, version })));
    }
    Ok(found)
}

fn parsed<T: serde::de::DeserializeOwned>(
    rows: HashMap<Uuid, Versioned<String>>,
    table: &'static str,
    column: &'static str,
) -> Result<HashMap<Uuid, Versioned<T>>> {
    rows.into_iter()
        .map(|(id, row)| {
            let value = parse_json(id, &row.value, table, column)?;
            Ok((id, Versioned { value, version: row.version }))
        })
        .collect()
}

/// Reads what [`json`] wrote.
pub(super) fn parse_json<T: serde::de::DeserializeOwned>(
    id: Uuid,
    text: &str,
    table: &'static str,
    column: &'static str,
) -> Result<T> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt {
        table,
        column,
        row: id.to_string(),
        reason: e.to_string(),
    })
}

/// Returns these layouts, those that exist, by id.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no layout.
pub async fn layouts(db: &Db, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Versioned<LayoutDefined>>> {
    let rows = parsed(versioned(db, &LAYOUTS, ids).await?, "layouts", "spec")?;
    let with_id = |(id, row): (Uuid, Versioned<LayoutSpec>)| {
        let value = LayoutDefined { id: LayoutId(id), spec: row.value };
        (id, Versioned { value, version: row.version })
    };
    Ok(rows.into_iter().map(with_id).collect())
}

/// Returns all layouts, by name.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no layout.
pub async fn all_layouts(db: &Db) -> Result<Vec<LayoutDefined>> {
    let rows: Vec<(Uuid, String)> = db.all(&ALL_LAYOUTS, args![]).await?;
    let layout = |(id, spec): (Uuid, String)| {
        Ok(LayoutDefined { id: LayoutId(id), spec: parse_json(id, &spec, "layouts", "spec")? })
    };
    rows.into_iter().map(layout).collect()
}

/// Returns these routes, those that exist, by id.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no route.
pub async fn routes(db: &Db, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Versioned<Route>>> {
    parsed(versioned(db, &ROUTES, ids).await?, "routes", "data")
}

/// Returns these venues, those that exist, by id.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no venue.
pub async fn venues(db: &Db, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Versioned<Venue>>> {
    parsed(versioned(db, &VENUES, ids).await?, "venues", "data")
}

/// Returns which of these patterns exist.
///
/// # Errors
/// What the store says.
pub async fn patterns(db: &Db, ids: Vec<Uuid>) -> Result<HashSet<Uuid>> {
    Ok(versioned(db, &PATTERNS, ids).await?.into_keys().collect())
}

/// Returns these offerings, those that exist, by id.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no offering.
pub async fn offerings(db: &Db, ids: &[OfferingId]) -> Result<HashMap<Uuid, Versioned<OfferingFacts>>> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let versions = versioned(db, &OFFERING_VERSIONS, chunk.iter().map(|id| id.0).collect()).await?;
        for value in super::offerings::facts(db, chunk).await? {
            let version = versions.get(&value.id.0).map_or(1, |row| row.version);
            found.insert(value.id.0, Versioned { value, version });
        }
    }
    Ok(found)
}

/// Returns which of these offerings have seats taken.
///
/// # Errors
/// What the store says.
pub async fn booked(db: &Db, ids: &[OfferingId]) -> Result<HashSet<OfferingId>> {
    let mut found = HashSet::new();
    for chunk in ids.chunks(CHUNK) {
        let ids = Column::Uuid(chunk.iter().map(|id| id.0).collect());
        let rows: Vec<(Uuid,)> = db.all(&BOOKED, args![ids]).await?;
        found.extend(rows.into_iter().map(|(id,)| OfferingId(id)));
    }
    Ok(found)
}

/// Returns whether one of these offerings has seats taken, as the transaction sees it.
///
/// # Errors
/// What the store says.
pub async fn any_booked(tx: &mut Tx, ids: &[OfferingId]) -> Result<bool> {
    for chunk in ids.chunks(CHUNK) {
        let ids = Column::Uuid(chunk.iter().map(|id| id.0).collect());
        if tx.first::<(Uuid,)>(&BOOKED, args![ids]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns a seat of an offering that somebody has at `now`, as the transaction sees it: of all seats, or of those
/// that are named. A hold that has ended has none.
///
/// # Errors
/// What the store says.
pub async fn taken_now(
    tx: &mut Tx,
    id: OfferingId,
    seats: Option<&[SeatNo]>,
    now: Timestamp,
) -> Result<Option<SeatNo>> {
    let row: Option<(i32,)> = match seats {
        None => tx.first(&TAKEN_NOW, args![id.0, now.as_millis()]).await?,
        Some(seats) => {
            let seats = Column::Int(seats.iter().filter_map(|seat| i32::try_from(seat.0).ok()).collect());
            tx.first(&TAKEN_NOW_OF, args![id.0, now.as_millis(), seats]).await?
        }
    };
    Ok(row.and_then(|(seat,)| u32::try_from(seat).ok()).map(SeatNo))
}

/// Returns whether an offering with one of these layouts has seats taken, as the transaction sees it.
///
/// # Errors
/// What the store says.
pub async fn any_layout_booked(tx: &mut Tx, ids: &[LayoutId]) -> Result<bool> {
    for id in ids {
        if tx.first::<(Uuid,)>(&LAYOUT_BOOKED, args![id.0]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether an offering with this layout has seats taken.
///
/// # Errors
/// What the store says.
pub async fn layout_booked(db: &Db, id: LayoutId) -> Result<bool> {
    Ok(db.first::<(Uuid,)>(&LAYOUT_BOOKED, args![id.0]).await?.is_some())
}

/// Returns the events of a venue that are on sale at `now`, those that begin first before the others.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no event.
pub async fn coming_at(db: &Db, venue: &Venue, now: Timestamp) -> Result<Vec<OfferingId>> {
    at_venue(venue, db.all(&COMING_WITH, args![venue.layout_id.0, now.as_millis()]).await?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// As [`coming_at`].
pub async fn coming_at_in(tx: &mut Tx, venue: &Venue, now: Timestamp) -> Result<Vec<OfferingId>> {
    at_venue(venue, tx.all(&COMING_WITH, args![venue.layout_id.0, now.as_millis()]).await?)
}

/// Those of the venue: others may have the same hall.
fn at_venue(venue: &Venue, rows: Vec<(Uuid, String)>) -> Result<Vec<OfferingId>> {
    let mut ids = Vec::with_capacity(rows.len());
    for (id, particulars) in rows {
        let particulars: Particulars = parse_json(id, &particulars, "offerings", "particulars")?;
        if particulars.venue_id == Some(venue.id) {
            ids.push(OfferingId(id));
        }
    }
    Ok(ids)
}

/// Returns a venue that is closed among these, as the transaction sees it.
///
/// # Errors
/// What the store says; [`StoreError::Corrupt`] for a row that is no venue.
pub async fn closed_among(tx: &mut Tx, ids: Vec<Uuid>) -> Result<Option<Venue>> {
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(Uuid, String, i32)> = tx.all(&VENUES, args![Column::Uuid(chunk.to_vec())]).await?;
        for (id, data, _) in rows {
            let venue: Venue = parse_json(id, &data, "venues", "data")?;
            if venue.closed.is_some() {
                return Ok(Some(venue));
            }
        }
    }
    Ok(None)
}

/// Puts layouts, new ones or new versions.
///
/// # Errors
/// What the store says.
pub async fn put_layouts(tx: &mut Tx, rows: &[Versioned<LayoutDefined>]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let columns = vec![
            Column::Uuid(chunk.iter().map(|r| r.value.id.0).collect()),
            Column::Text(chunk.iter().map(|r| r.value.spec.name.clone()).collect()),
            Column::Text(chunk.iter().map(|r| json(&r.value.spec)).collect()),
            Column::Int(chunk.iter().map(|r| r.version).collect()),
        ];
        tx.run(&PUT_LAYOUTS, args![columns]).await?;
    }
    Ok(())
}

/// Puts routes, new ones or new versions.
///
/// # Errors
/// What the store says.
pub async fn put_routes(tx: &mut Tx, rows: &[Versioned<Route>]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let columns = vec![
            Column::Uuid(chunk.iter().map(|r| r.value.id.0).collect()),
            Column::Text(chunk.iter().map(|r| json(&r.value)).collect()),
            Column::Int(chunk.iter().map(|r| r.version).collect()),
        ];
        tx.run(&PUT_ROUTES, args![columns]).await?;
    }
    Ok(())
}

/// Puts venues, new ones or new versions.
///
/// # Errors
/// What the store says.
pub async fn put_venues(tx: &mut Tx, rows: &[Versioned<Venue>]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let columns = vec![
            Column::Uuid(chunk.iter().map(|r| r.value.id.0).collect()),
            Column::Text(chunk.iter().map(|r| json(&r.value)).collect()),
            Column::Int(chunk.iter().map(|r| r.version).collect()),
        ];
        tx.run(&PUT_VENUES, args![columns]).await?;
    }
    Ok(())
}

/// Puts patterns that are new; a pattern never changes.
///
/// # Errors
/// What the store says.
pub async fn put_patterns(tx: &mut Tx, rows: &[Pattern]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let columns = vec![
            Column::Uuid(chunk.iter().map(|r| r.id.0).collect()),
            Column::Text(chunk.iter().map(|r| json(&r.calls)).collect()),
        ];
        tx.run(&PUT_PATTERNS, args![columns]).await?;
    }
    Ok(())
}

/// Puts offerings, new ones or new versions.
///
/// # Errors
/// What the store says.
pub async fn put_offerings(tx: &mut Tx, rows: &[Versioned<OfferingFacts>]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let columns = vec![
            Column::Uuid(chunk.iter().map(|r| r.value.id.0).collect()),
            Column::Text(chunk.iter().map(|r| r.value.kind.word().to_owned()).collect()),
            Column::Uuid(chunk.iter().map(|r| route_word(r.value.route_id)).collect()),
            Column::Uuid(chunk.iter().map(|r| r.value.pattern_id.0).collect()),
            Column::Uuid(chunk.iter().map(|r| r.value.layout_id.0).collect()),
            Column::OptText(chunk.iter().map(|r| r.value.external_id.clone()).collect()),
            Column::Text(chunk.iter().map(|r| r.value.service_date.clone()).collect()),
            Column::Big(chunk.iter().map(|r| r.value.departs_at.as_millis()).collect()),
            Column::Big(chunk.iter().map(|r| r.value.arrives_at.as_millis()).collect()),
            Column::Big(chunk.iter().map(|r| r.value.fare.amount_minor).collect()),
            Column::Text(chunk.iter().map(|r| r.value.fare.currency.code().to_owned()).collect()),
            Column::Text(chunk.iter().map(|r| status_word(r.value.status).to_owned()).collect()),
            Column::Text(chunk.iter().map(|r| r.value.late_payment.word().to_owned()).collect()),
            Column::OptText(chunk.iter().map(|r| particulars_word(&r.value)).collect()),
            Column::Int(chunk.iter().map(|r| r.version).collect()),
        ];
        tx.run(&PUT_OFFERINGS, args![columns]).await?;
    }
    Ok(())
}

/// Returns a catalogue value as it is stored: in the write store and, the same, in the read store.
#[allow(clippy::expect_used, reason = "these types hold only strings, numbers and lists")]
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("catalogue values are plain JSON")
}
