//! Venues as everybody reads them.

use super::Target;
use crate::args;
use crate::domain::catalog::Venue;
use crate::domain::id::VenueId;
use crate::store::catalog::{json, parse_json};
use crate::store::db::{Column, Db, Tx};
use crate::store::error::Result;
use crate::store::sql::statements;
use uuid::Uuid;

statements! {
    PUT = "INSERT INTO view_venues (id, external_id, name, city, data, version)
        SELECT id, external_id, name, city, data, version
        FROM {rows id uuid, external_id text, name text, city text, data text, version int} WHERE true
        ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, name = excluded.name,
            city = excluded.city, data = excluded.data, version = excluded.version
        WHERE view_venues.version < excluded.version";
    /// Leans on the primary key.
    BY_ID = "SELECT id, data FROM view_venues WHERE id {any uuid}";
    /// Few rows.
    BY_EXTERNAL = "SELECT id, data FROM view_venues WHERE external_id = $1 ORDER BY id LIMIT 1";
    /// Leans on `view_venues_name`.
    PAGE = "SELECT id, data FROM view_venues WHERE ($1 = '' OR city = $1) ORDER BY name, id LIMIT $2 OFFSET $3";
    /// Leans on the primary key.
    ID_BETWEEN = "SELECT id FROM view_venues WHERE id >= $1 AND id <= $2 LIMIT 2";
    COUNT = "SELECT COUNT(*) AS n FROM view_venues WHERE ($1 = '' OR city = $1)";
}

/// Returns a page of venues by name, of one city or of all, and how many there are.
///
/// # Errors
/// What the store says.
pub async fn page(db: &Db, city: &str, page: u32, limit: u32) -> Result<(Vec<Venue>, u64)> {
    let skip = (i64::from(page) - 1).saturating_mul(i64::from(limit));
    let rows: Vec<(Uuid, String)> = db.all(&PAGE, args![city.to_owned(), i64::from(limit), skip]).await?;
    let total: Option<(i64,)> = db.first(&COUNT, args![city.to_owned()]).await?;
    let venues = rows.into_iter().map(venue).collect::<Result<_>>()?;
    Ok((venues, total.map_or(0, |(n,)| n.unsigned_abs())))
}

/// Returns these venues, those that exist.
///
/// # Errors
/// What the store says.
pub async fn by_id(db: &Db, ids: &[VenueId]) -> Result<Vec<Venue>> {
    by_id_in(db, Target::Live, ids.iter().map(|id| id.0).collect()).await
}

pub(crate) async fn by_id_in(db: &Db, target: Target, ids: Vec<Uuid>) -> Result<Vec<Venue>> {
    let rows: Vec<(Uuid, String)> = db.all(target.of(&BY_ID), args![Column::Uuid(ids)]).await?;
    rows.into_iter().map(venue).collect()
}

/// Returns the venue that came with this id.
///
/// # Errors
/// What the store says.
pub async fn by_external(db: &Db, external_id: &str) -> Result<Option<Venue>> {
    let row: Option<(Uuid, String)> = db.first(&BY_EXTERNAL, args![external_id]).await?;
    row.map(venue).transpose()
}

/// Returns up to two venues whose ids lie in a range.
///
/// # Errors
/// What the store says.
pub async fn between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&ID_BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

fn venue((id, data): (Uuid, String)) -> Result<Venue> {
    parse_json(id, &data, "view_venues", "data")
}

/// Writes venues with their versions.
pub(super) async fn put(tx: &mut Tx, target: Target, venues: &[(Venue, i32)]) -> Result<()> {
    let columns = vec![
        Column::Uuid(venues.iter().map(|(v, _)| v.id.0).collect()),
        Column::OptText(venues.iter().map(|(v, _)| v.external_id.clone()).collect()),
        Column::Text(venues.iter().map(|(v, _)| v.name.clone()).collect()),
        Column::Text(venues.iter().map(|(v, _)| v.city.to_lowercase()).collect()),
        Column::Text(venues.iter().map(|(v, _)| json(v)).collect()),
        Column::Int(venues.iter().map(|(_, version)| *version).collect()),
    ];
    tx.run(target.of(&PUT), args![columns]).await?;
    Ok(())
}
