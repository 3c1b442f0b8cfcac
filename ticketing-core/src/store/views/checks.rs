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
    /// Leans on the primary key.
    SALES_AFTER = "SELECT id, version, taken_at FROM view_sales WHERE id > $1 ORDER BY id LIMIT $2";
    /// Leans on the primary key.
    SALES_HAD = "SELECT id FROM view_sales WHERE id {any uuid}";
    /// Leans on `view_words_sale`.
    WORDS_OF = "SELECT sale_id, word FROM view_words WHERE sale_id {any uuid}";
    /// Leans on `view_words_sale`.
    WORDED_AFTER = "SELECT DISTINCT sale_id FROM view_words WHERE sale_id > $1 ORDER BY sale_id LIMIT $2";
    /// Leans on `view_tickets_offering`.
    HOLDERS_OF = "SELECT offering_id, state, hold_expires_at FROM view_tickets
        WHERE offering_id {any uuid} AND state IN ('PENDING', 'RESERVED', 'CONFIRMED')";
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

/// Returns the rows of what is searched after an id, by id: version, and the position of the event that took a listing's
/// ticket or gave it back.
///
/// # Errors
/// What the store says.
pub async fn sales_after(db: &Db, target: Target, after: Uuid, limit: i64) -> Result<Vec<(Uuid, i32, i64)>> {
    db.all(target.of(&SALES_AFTER), args![after, limit]).await
}

/// Returns which of these have a row of what is searched.
///
/// # Errors
/// What the store says.
pub async fn sales_had(db: &Db, target: Target, of: Vec<Uuid>) -> Result<Vec<Uuid>> {
    ids(db, target.of(&SALES_HAD), of).await
}

/// Returns the words that these are found by.
///
/// # Errors
/// What the store says.
pub async fn words_of(db: &Db, target: Target, of: Vec<Uuid>) -> Result<Vec<(Uuid, String)>> {
    db.all(target.of(&WORDS_OF), args![Column::Uuid(of)]).await
}

/// Returns what has words, after an id, by id.
///
/// # Errors
/// What the store says.
pub async fn worded_after(db: &Db, target: Target, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(target.of(&WORDED_AFTER), args![after, limit]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, of these offerings, the stored state and the hold's end of each booking that has a seat.
///
/// # Errors
/// What the store says.
pub async fn holders_of(db: &Db, target: Target, of: Vec<Uuid>) -> Result<Vec<(Uuid, String, i64)>> {
    db.all(target.of(&HOLDERS_OF), args![Column::Uuid(of)]).await
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
