//! Routes and departures as everybody reads them.

use super::Target;
use crate::args;
use crate::domain::catalog::{Offering, OfferingFacts, Pattern, Route};
use crate::domain::id::{LayoutId, OfferingId, PatternId, RouteId};
use crate::domain::layout::Layout;
use crate::domain::time::Timestamp;
use crate::store::catalog::parse_json;
use crate::store::db::{Column, Db};
use crate::store::error::Result;
use crate::store::offerings::{OfferingRow, parse_layout, parse_pattern};
use crate::store::sql::statements;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

statements! {
    /// Leans on `view_routes_name`.
    ROUTES = "SELECT id, data FROM view_routes ORDER BY name, id LIMIT $1 OFFSET $2";
    COUNT_ROUTES = "SELECT COUNT(*) AS n FROM view_routes";
    /// Leans on the primary key.
    ROUTES_BY_ID = "SELECT id, data FROM view_routes WHERE id {any uuid}";
    /// Leans on `view_routes_external`.
    ROUTE_BY_EXTERNAL = "SELECT id, data FROM view_routes WHERE external_id = $1 LIMIT 1";
    /// Leans on `view_departures_day`.
    DEPARTURES = "SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date, departs_at,
            arrives_at, fare_minor, currency, status
        FROM view_departures WHERE route_id = $1 AND service_date = $2
        ORDER BY departs_at, external_id, id LIMIT $3 OFFSET $4";
    COUNT_DEPARTURES = "SELECT COUNT(*) AS n FROM view_departures WHERE route_id = $1 AND service_date = $2";
    /// Leans on `view_departures_day`.
    DEPARTURES_FROM = "SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date, departs_at,
            arrives_at, fare_minor, currency, status
        FROM view_departures WHERE route_id = $1
        ORDER BY service_date, departs_at, external_id, id LIMIT $2 OFFSET $3";
    COUNT_DEPARTURES_FROM = "SELECT COUNT(*) AS n FROM view_departures WHERE route_id = $1";
    /// Leans on `view_departures_time`.
    DEPARTURES_AFTER = "SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date, departs_at,
            arrives_at, fare_minor, currency, status
        FROM view_departures WHERE (departs_at, id) > ($1, $2) AND kind = 'departure' ORDER BY departs_at, id LIMIT $3";
    COUNT_ALL_DEPARTURES = "SELECT COUNT(*) AS n FROM view_departures WHERE departs_at > $1 AND kind = 'departure'";
    /// Leans on the primary key.
    DEPARTURES_BY_ID = "SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date, departs_at,
            arrives_at, fare_minor, currency, status
        FROM view_departures WHERE id {any uuid}";
    /// The next one first, if the id serves several days. Leans on `view_departures_external`.
    DEPARTURES_BY_EXTERNAL = "SELECT id, kind, particulars, route_id, pattern_id, layout_id, external_id, service_date,
            departs_at, arrives_at, fare_minor, currency, status
        FROM view_departures WHERE external_id = $1 ORDER BY service_date LIMIT $2";
    /// Leans on the primary key.
    PATTERNS = "SELECT id, calls FROM view_patterns WHERE id {any uuid}";
    /// Leans on the primary key.
    LAYOUTS = "SELECT id, spec FROM view_layouts WHERE id {any uuid}";
    /// Leans on the primary key.
    DEPARTURE_ID_BETWEEN = "SELECT id FROM view_departures WHERE id >= $1 AND id <= $2 LIMIT 2";
    /// Leans on the primary key.
    ROUTE_NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM view_routes b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM view_routes a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key.
    DEPARTURE_NEIGHBOURS = "SELECT v.id,
            (SELECT b.id FROM view_departures b WHERE b.id < v.id ORDER BY b.id DESC LIMIT 1) AS below,
            (SELECT a.id FROM view_departures a WHERE a.id > v.id ORDER BY a.id LIMIT 1) AS above
        FROM {rows id uuid}";
    /// Leans on the primary key.
    ROUTE_ID_BETWEEN = "SELECT id FROM view_routes WHERE id >= $1 AND id <= $2 LIMIT 2";
}

fn route((id, data): (Uuid, String)) -> Result<Route> {
    parse_json(id, &data, "view_routes", "data")
}

fn count(row: Option<(i64,)>) -> u64 {
    row.map_or(0, |(n,)| n.unsigned_abs())
}

fn offset(page: u32, limit: u32) -> i64 {
    (i64::from(page) - 1).saturating_mul(i64::from(limit))
}

/// Returns a page of routes by name, and how many there are in all.
///
/// # Errors
/// What the store says.
pub async fn routes(db: &Db, page: u32, limit: u32) -> Result<(Vec<Route>, u64)> {
    let rows: Vec<(Uuid, String)> = db.all(&ROUTES, args![i64::from(limit), offset(page, limit)]).await?;
    let total = count(db.first(&COUNT_ROUTES, args![]).await?);
    Ok((rows.into_iter().map(route).collect::<Result<_>>()?, total))
}

/// Returns these routes, those that exist.
///
/// # Errors
/// What the store says.
pub async fn routes_by_id(db: &Db, ids: Vec<RouteId>) -> Result<Vec<Route>> {
    routes_by_id_in(db, Target::Live, ids).await
}

pub(crate) async fn routes_by_id_in(db: &Db, target: Target, ids: Vec<RouteId>) -> Result<Vec<Route>> {
    let ids = Column::Uuid(ids.into_iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(target.of(&ROUTES_BY_ID), args![ids]).await?;
    rows.into_iter().map(route).collect()
}

/// Returns the route that came with this id.
///
/// # Errors
/// What the store says.
pub async fn route_by_external(db: &Db, external_id: &str) -> Result<Option<Route>> {
    let row: Option<(Uuid, String)> = db.first(&ROUTE_BY_EXTERNAL, args![external_id]).await?;
    row.map(route).transpose()
}

/// Returns a page of a route's departures, of one service day or of all, and how many there are.
///
/// # Errors
/// What the store says.
pub async fn departures(
    db: &Db,
    route: RouteId,
    service_date: Option<&str>,
    page: u32,
    limit: u32,
) -> Result<(Vec<OfferingFacts>, u64)> {
    let (skip, take) = (offset(page, limit), i64::from(limit));
    let (rows, total): (Vec<OfferingRow>, _) = match service_date {
        Some(date) => (
            db.all(&DEPARTURES, args![route.0, date, take, skip]).await?,
            db.first(&COUNT_DEPARTURES, args![route.0, date]).await?,
        ),
        None => (
            db.all(&DEPARTURES_FROM, args![route.0, take, skip]).await?,
            db.first(&COUNT_DEPARTURES_FROM, args![route.0]).await?,
        ),
    };
    let rows = rows.into_iter().map(|row| row.facts("view_departures")).collect::<Result<_>>()?;
    Ok((rows, count(total)))
}

/// Returns departures of all routes after (`at`, `id`), in order of departure.
///
/// # Errors
/// What the store says.
pub async fn departures_after(
    db: &Db,
    at: Timestamp,
    id: OfferingId,
    limit: i64,
) -> Result<Vec<OfferingFacts>> {
    let rows: Vec<OfferingRow> = db.all(&DEPARTURES_AFTER, args![at.as_millis(), id.0, limit]).await?;
    rows.into_iter().map(|row| row.facts("view_departures")).collect()
}

/// Returns how many departures of all routes leave after `at`.
///
/// # Errors
/// What the store says.
pub async fn count_departures_after(db: &Db, at: Timestamp) -> Result<u64> {
    Ok(count(db.first(&COUNT_ALL_DEPARTURES, args![at.as_millis()]).await?))
}

/// Returns these departures, those that exist.
///
/// # Errors
/// What the store says.
pub async fn departures_by_id(db: &Db, ids: &[OfferingId]) -> Result<Vec<OfferingFacts>> {
    departures_by_id_in(db, Target::Live, ids).await
}

pub(crate) async fn departures_by_id_in(
    db: &Db,
    target: Target,
    ids: &[OfferingId],
) -> Result<Vec<OfferingFacts>> {
    let ids = Column::Uuid(ids.iter().map(|id| id.0).collect());
    let rows: Vec<OfferingRow> = db.all(target.of(&DEPARTURES_BY_ID), args![ids]).await?;
    rows.into_iter().map(|row| row.facts("view_departures")).collect()
}

/// Returns the departures that came with this id, by service day; `limit` at most.
///
/// # Errors
/// What the store says.
pub async fn departures_by_external(db: &Db, external_id: &str, limit: i64) -> Result<Vec<OfferingFacts>> {
    let rows: Vec<OfferingRow> = db.all(&DEPARTURES_BY_EXTERNAL, args![external_id, limit]).await?;
    rows.into_iter().map(|row| row.facts("view_departures")).collect()
}

/// Returns these patterns, those that exist.
///
/// # Errors
/// What the store says.
pub async fn patterns(db: &Db, ids: Vec<PatternId>) -> Result<Vec<Pattern>> {
    patterns_in(db, Target::Live, ids).await
}

pub(crate) async fn patterns_in(db: &Db, target: Target, ids: Vec<PatternId>) -> Result<Vec<Pattern>> {
    let ids = Column::Uuid(ids.into_iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(target.of(&PATTERNS), args![ids]).await?;
    rows.into_iter().map(|(id, calls)| parse_pattern(id, &calls, "view_patterns")).collect()
}

/// Returns these layouts, those that exist.
///
/// # Errors
/// What the store says.
pub async fn layouts(db: &Db, ids: Vec<LayoutId>) -> Result<Vec<Layout>> {
    layouts_in(db, Target::Live, ids).await
}

pub(crate) async fn layouts_in(db: &Db, target: Target, ids: Vec<LayoutId>) -> Result<Vec<Layout>> {
    let ids = Column::Uuid(ids.into_iter().map(|id| id.0).collect());
    let rows: Vec<(Uuid, String)> = db.all(target.of(&LAYOUTS), args![ids]).await?;
    rows.into_iter().map(|(id, spec)| parse_layout(id, &spec, "view_layouts")).collect()
}

/// Returns up to two departures whose ids lie in a range.
///
/// # Errors
/// What the store says.
pub async fn departures_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&DEPARTURE_ID_BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns up to two routes whose ids lie in a range.
///
/// # Errors
/// What the store says.
pub async fn routes_between(db: &Db, low: Uuid, high: Uuid) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = db.all(&ROUTE_ID_BETWEEN, args![low, high]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns, for each of these ids, the next id below and above it that a route has.
///
/// # Errors
/// What the store says.
pub async fn route_neighbours(db: &Db, ids: Vec<Uuid>) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&ROUTE_NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Returns, for each of these ids, the next id below and above it that a departure has.
///
/// # Errors
/// What the store says.
pub async fn departure_neighbours(
    db: &Db,
    ids: Vec<Uuid>,
) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
    db.all(&DEPARTURE_NEIGHBOURS, args![vec![Column::Uuid(ids)]]).await
}

/// Returns these departures with their patterns, layouts and the names of their routes, those that are whole.
///
/// # Errors
/// What the store says.
pub(crate) async fn offerings(
    db: &Db,
    target: Target,
    ids: &[OfferingId],
) -> Result<Vec<(Offering, String)>> {
    let facts = departures_by_id_in(db, target, ids).await?;
    let patterns = patterns_in(db, target, unique(facts.iter().map(|f| f.pattern_id))).await?;
    let layouts = layouts_in(db, target, unique(facts.iter().map(|f| f.layout_id))).await?;
    let routes = routes_by_id_in(db, target, unique(facts.iter().filter_map(|f| f.route_id))).await?;
    let patterns: HashMap<_, _> = patterns.into_iter().map(|p| (p.id, Arc::new(p))).collect();
    let layouts: HashMap<_, _> = layouts.into_iter().map(|l| (l.id(), Arc::new(l))).collect();
    let routes: HashMap<_, _> = routes.into_iter().map(|r| (r.id, r.name)).collect();
    let whole = facts.into_iter().filter_map(|facts| {
        let pattern = Arc::clone(patterns.get(&facts.pattern_id)?);
        let layout = Arc::clone(layouts.get(&facts.layout_id)?);
        let name = match facts.route_id {
            Some(route) => routes.get(&route).cloned(),
            None => facts.particulars.title.clone(),
        };
        Some((Offering::new(facts, pattern, layout), name.unwrap_or_default()))
    });
    Ok(whole.collect())
}

fn unique<T: std::hash::Hash + Eq>(ids: impl Iterator<Item = T>) -> Vec<T> {
    ids.collect::<HashSet<_>>().into_iter().collect()
}
