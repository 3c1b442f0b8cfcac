//! What only verification asks of the read model, for any set of its tables.

use super::Target;
use crate::args;
use crate::store::checks::CatalogKind;
use crate::store::db::{Column, Db};
use crate::store::error::Result;
use crate::store::sql::statements;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

statements! {
    /// Leans on the primary key.
    TICKETS_HAD = "SELECT booking_id FROM view_tickets WHERE booking_id {any uuid}";
    /// Leans on the primary key.
    DEPARTURES_AFTER = "SELECT id, version FROM view_departures WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    ROUTES_AFTER = "SELECT id, version FROM view_routes WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    VENUES_AFTER = "SELECT id, version FROM view_venues WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    PATTERNS_AFTER = "SELECT id, version FROM view_patterns WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    LAYOUTS_AFTER = "SELECT id, version FROM view_layouts WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    DEPARTURES_HAD = "SELECT id FROM view_departures WHERE id {any uuid}";
    /// Leans on the primary key.
    ROUTES_HAD = "SELECT id FROM view_routes WHERE id {any uuid}";
    /// Leans on the primary key.
    VENUES_HAD = "SELECT id FROM view_venues WHERE id {any uuid}";
    /// Leans on the primary key.
    PATTERNS_HAD = "SELECT id FROM view_patterns WHERE id {any uuid}";
    /// Leans on the primary key.
    LAYOUTS_HAD = "SELECT id FROM view_layouts WHERE id {any uuid}";
    /// Leans on `view_parked_open`.
    PARKED = "SELECT stream_id, MIN(stream_version) AS version FROM view_parked
        WHERE name = $1 AND stream_id {any uuid} AND state IN ('dead', 'waiting') GROUP BY stream_id";
    /// Leans on the primary key; what was parked is little.
    NOT_FOLDED = "SELECT position FROM view_parked
        WHERE name = $1 AND stream_id {any uuid} AND state IN ('dead', 'waiting', 'discarded')";
    /// Leans on the primary key, as above.
    DISCARDED = "SELECT position FROM view_parked
        WHERE name = $1 AND stream_id {any uuid} AND state = 'discarded'";
    COUNT_PARKED = "SELECT COUNT(DISTINCT stream_id) AS n FROM view_parked
        WHERE name = $1 AND state IN ('dead', 'waiting')";
    LAST_PARKED = "SELECT COALESCE(MAX(position), 0) AS position FROM view_parked WHERE name = $1";
}

async fn ids(db: &Db, sql: &'static crate::store::sql::Sql, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(sql, args![Column::Uuid(ids)]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns which of these bookings have a ticket.
///
/// # Errors
/// What the store says.
pub async fn tickets_had(db: &Db, target: Target, bookings: Vec<Uuid>) -> Result<Vec<Uuid>> {
    ids(db, target.of(&TICKETS_HAD), bookings).await
}

/// Returns which of these things of the catalogue have a row.
///
/// # Errors
/// What the store says.
pub async fn catalog_had(db: &Db, target: Target, kind: CatalogKind, of: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let sql = match kind {
        CatalogKind::Departure => &DEPARTURES_HAD,
        CatalogKind::Route => &ROUTES_HAD,
        CatalogKind::Venue => &VENUES_HAD,
        CatalogKind::Pattern => &PATTERNS_HAD,
        CatalogKind::Layout => &LAYOUTS_HAD,
    };
    ids(db, target.of(sql), of).await
}

/// Returns the rows of a kind after an id, by id, with their versions.
///
/// # Errors
/// What the store says.
pub async fn catalog_after(
    db: &Db,
    target: Target,
    kind: CatalogKind,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(Uuid, i32)>> {
    let sql = match kind {
        CatalogKind::Departure => &DEPARTURES_AFTER,
        CatalogKind::Route => &ROUTES_AFTER,
        CatalogKind::Venue => &VENUES_AFTER,
        CatalogKind::Pattern => &PATTERNS_AFTER,
        CatalogKind::Layout => &LAYOUTS_AFTER,
    };
    db.all(target.of(sql), args![after, limit]).await
}

/// Returns, of these streams, those that wait for an event that could not be folded, with its place in its stream.
///
/// # Errors
/// What the store says.
pub async fn parked(db: &Db, target: Target, streams: Vec<Uuid>) -> Result<HashMap<Uuid, i32>> {
    let rows: Vec<(Uuid, i32)> = db.all(&PARKED, args![target.cursor(), Column::Uuid(streams)]).await?;
    Ok(rows.into_iter().collect())
}

/// Returns the positions of these streams that an operator gave up: nothing of them is in any row.
///
/// # Errors
/// What the store says.
pub async fn discarded(db: &Db, target: Target, streams: Vec<Uuid>) -> Result<HashSet<i64>> {
    let rows: Vec<(i64,)> = db.all(&DISCARDED, args![target.cursor(), Column::Uuid(streams)]).await?;
    Ok(rows.into_iter().map(|(position,)| position).collect())
}

/// Returns the positions of these streams that were given up, or wait to be folded.
///
/// # Errors
/// What the store says.
pub async fn not_folded(db: &Db, target: Target, streams: Vec<Uuid>) -> Result<HashSet<i64>> {
    let rows: Vec<(i64,)> = db.all(&NOT_FOLDED, args![target.cursor(), Column::Uuid(streams)]).await?;
    Ok(rows.into_iter().map(|(position,)| position).collect())
}

/// Returns how many streams wait for an event that could not be folded.
///
/// # Errors
/// What the store says.
pub async fn count_parked(db: &Db, target: Target) -> Result<u64> {
    let row: Option<(i64,)> = db.first(&COUNT_PARKED, args![target.cursor()]).await?;
    Ok(row.map_or(0, |(n,)| n.unsigned_abs()))
}

/// Returns the last position that was parked, 0 if none was.
///
/// # Errors
/// What the store says.
pub async fn last_parked(db: &Db, target: Target) -> Result<i64> {
    let row: Option<(i64,)> = db.first(&LAST_PARKED, args![target.cursor()]).await?;
    Ok(row.map_or(0, |(position,)| position))
}
