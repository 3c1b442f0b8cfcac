//! Seeding: bringing a catalogue into the store. Doing it twice changes nothing.
//!
//! The plan compares the set with the store: what is new, what differs, what is as it was, and what differs
//! but has bookings and is therefore left alone and reported. It is executed in one transaction: killed half
//! way, it has done nothing.

use super::audit::{Actor, audited};
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{
    CatalogSet, OfferingFacts, OfferingKind, OfferingStatus, Pattern, Route, Venue,
};
use crate::domain::event::{CatalogEvent, Event, LayoutDefined};
use crate::domain::id::{LayoutId, OfferingId};
use crate::domain::time::Timestamp;
use crate::store::batch;
use crate::store::catalog::{self, Versioned};
use crate::store::db::Tx;
use crate::store::error::StoreError;
use crate::store::events::LogEntry;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use uuid::Uuid;

/// A planned seeding.
#[derive(Clone, Debug)]
pub struct SeedPlan {
    /// What is shown.
    pub plan: Plan,
    /// How many of each kind are new, changed, as they were, or kept for their bookings.
    pub counts: SeedCounts,
    /// Departures and layouts that differ but have bookings, and stay as they are.
    pub kept: Vec<Kept>,
    layouts: Vec<Versioned<LayoutDefined>>,
    routes: Vec<Versioned<Route>>,
    venues: Vec<Versioned<Venue>>,
    patterns: Vec<Pattern>,
    offerings: Vec<Versioned<OfferingFacts>>,
}

/// How many things a seeding touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeedCounts {
    /// New.
    pub new: usize,
    /// Different from what is stored, and written.
    pub changed: usize,
    /// As they are stored.
    pub unchanged: usize,
    /// Different, but booked: left alone.
    pub kept: usize,
}

/// Something that stays as it is because it has bookings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// `schedule` or `layout`.
    pub kind: &'static str,
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
}

/// What came of a seeding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The last position; the read model has it once it is there.
    pub position: i64,
}

/// Returns the layouts that are stored.
///
/// # Errors
/// What the store says.
pub async fn layouts(app: &App) -> Result<Vec<LayoutDefined>, OpsError> {
    Ok(catalog::all_layouts(&app.stores.write).await?)
}

/// Compares a set with the store. Layouts that it names but does not hold must be stored.
///
/// # Errors
/// [`OpsError::Invalid`] for a layout that nobody defines; [`Rejection::VenueClosed`] for a new event at a venue that is
/// closed; what the store says.
pub async fn plan(app: &App, action: &str, set: CatalogSet) -> Result<SeedPlan, OpsError> {
    let db = &app.stores.write;
    let mut changes = Vec::new();
    let mut counts = SeedCounts::default();
    let mut kept = Vec::new();

    let stored = catalog::layouts(db, set.layouts.iter().map(|l| l.id.0).collect()).await?;
    let mut layouts = Vec::new();
    for layout in set.layouts {
        let before = stored.get(&layout.id.0);
        if before.is_some_and(|row| row.value != layout) && catalog::layout_booked(db, layout.id).await? {
            counts.kept += 1;
            kept.push(Kept { kind: "layout", id: layout.id.0, name: layout.spec.name });
        } else if let Some(row) = differs(before, layout, &mut counts) {
            changes.push(change("layout", row.value.id.0, before.map(|b| &b.value.spec), &row.value.spec));
            layouts.push(row);
        }
    }

    let stored = catalog::routes(db, set.routes.iter().map(|r| r.id.0).collect()).await?;
    let mut routes = Vec::new();
    for route in set.routes {
        let before = stored.get(&route.id.0);
        if let Some(row) = differs(before, route, &mut counts) {
            changes.push(change("route", row.value.id.0, before.map(|b| &b.value), &row.value));
            routes.push(row);
        }
    }

    let stored = catalog::venues(db, set.venues.iter().map(|v| v.id.0).collect()).await?;
    let mut venues = Vec::new();
    for mut venue in set.venues {
        let before = stored.get(&venue.id.0);
        // One that was closed stays closed.
        venue.closed = before.and_then(|row| row.value.closed.clone());
        if let Some(row) = differs(before, venue, &mut counts) {
            changes.push(change("venue", row.value.id.0, before.map(|b| &b.value), &row.value));
            venues.push(row);
        }
    }

    let stored = catalog::patterns(db, set.patterns.iter().map(|p| p.id.0).collect()).await?;
    let patterns: Vec<Pattern> =
        set.patterns.into_iter().filter(|pattern| !stored.contains(&pattern.id.0)).collect();
    for pattern in &patterns {
        changes.push(change::<Pattern>("pattern", pattern.id.0, None, pattern));
        counts.new += 1;
    }

    let ids: Vec<OfferingId> = set.offerings.iter().map(|o| o.id).collect();
    let stored = catalog::offerings(db, &ids).await?;
    let differing: Vec<OfferingId> = set
        .offerings
        .iter()
        .filter(|o| stored.get(&o.id.0).is_some_and(|row| !same_offering(&row.value, o)))
        .map(|o| o.id)
        .collect();
    let booked = catalog::booked(db, &differing).await?;
    let mut offerings = Vec::new();
    for mut offering in set.offerings {
        let before = stored.get(&offering.id.0);
        // A listing that is there is its seller's: it keeps the price that he has given it.
        if offering.kind == OfferingKind::Listing && before.is_some() {
            counts.unchanged += 1;
            continue;
        }
        if booked.contains(&offering.id) {
            counts.kept += 1;
            let name = offering.external_id.clone().unwrap_or_default();
            let name = format!("{name} on {}", offering.service_date);
            kept.push(Kept { kind: offering.kind.noun(), id: offering.id.0, name });
            continue;
        }
        // A departure that was cancelled stays cancelled.
        if before.is_some_and(|row| row.value.status == OfferingStatus::Cancelled) {
            offering.status = OfferingStatus::Cancelled;
        }
        if let Some(row) = differs(before, offering, &mut counts) {
            let noun = row.value.kind.noun();
            changes.push(change(noun, row.value.id.0, before.map(|b| &b.value), &row.value));
            offerings.push(row);
        }
    }
    let plan = SeedPlan {
        plan: Plan::new(action, changes),
        counts,
        kept,
        layouts,
        routes,
        venues,
        patterns,
        offerings,
    };
    refuse_unknown_layouts(app, &plan).await?;
    refuse_closed_venues(app, &plan).await?;
    Ok(plan)
}

/// The venues of the events of a plan that are new.
fn venues_of_new(plan: &SeedPlan) -> Vec<Uuid> {
    let new = plan.offerings.iter().filter(|row| row.version == 1);
    new.filter_map(|row| row.value.particulars.venue_id).map(|venue| venue.0).collect()
}

async fn refuse_closed_venues(app: &App, plan: &SeedPlan) -> Result<(), OpsError> {
    let stored = catalog::venues(&app.stores.write, venues_of_new(plan)).await?;
    match stored.into_values().find(|row| row.value.closed.is_some()) {
        None => Ok(()),
        Some(row) => Err(AppError::from(Rejection::venue_closed(&row.value)).into()),
    }
}

fn same_offering(stored: &OfferingFacts, new: &OfferingFacts) -> bool {
    stored.status == OfferingStatus::Cancelled || stored == new
}

/// Returns the row to write, `None` if it is stored as it is.
fn differs<T: PartialEq>(
    before: Option<&Versioned<T>>,
    value: T,
    counts: &mut SeedCounts,
) -> Option<Versioned<T>> {
    match before {
        None => {
            counts.new += 1;
            Some(Versioned { value, version: 1 })
        }
        Some(row) if row.value == value => {
            counts.unchanged += 1;
            None
        }
        Some(row) => {
            counts.changed += 1;
            Some(Versioned { value, version: row.version + 1 })
        }
    }
}

fn change<T: Serialize>(kind: &str, id: Uuid, before: Option<&T>, after: &T) -> PlanChange {
    let raw = |value: &T| -> Option<Box<RawValue>> { serde_json::value::to_raw_value(value).ok() };
    PlanChange {
        kind: kind.into(),
        id: before.map(|_| id.to_string()),
        before: before.and_then(raw),
        after: raw(after),
    }
}

async fn refuse_unknown_layouts(app: &App, plan: &SeedPlan) -> Result<(), OpsError> {
    let mut named: HashSet<LayoutId> = plan.offerings.iter().map(|o| o.value.layout_id).collect();
    for layout in &plan.layouts {
        named.remove(&layout.value.id);
    }
    let stored = catalog::layouts(&app.stores.write, named.iter().map(|id| id.0).collect()).await?;
    match named.iter().find(|id| !stored.contains_key(&id.0)) {
        None => Ok(()),
        Some(id) => {
            Err(OpsError::Invalid(format!("the layout {id} is neither stored nor part of what is seeded")))
        }
    }
}

/// Does what the plan says, all or nothing. `progress` is told how many rows are written.
///
/// # Errors
/// [`OpsError::WorldMoved`] if somebody has booked or seeded meanwhile; what the store says.
pub async fn execute(
    app: &App,
    plan: SeedPlan,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Seeded, OpsError> {
    let shown = plan.plan.clone();
    audited(app, actor, &shown, async {
        let mut tx = app.stores.write.begin().await?;
        match write(app, &mut tx, &plan, actor, progress).await {
            Ok(position) => {
                tx.commit().await?;
                Ok(Seeded { position })
            }
            Err(error) => {
                // What undoing says matters less than why.
                let _ = tx.rollback().await;
                Err(match error {
                    OpsError::App(AppError::Store(e)) if matches!(*e, StoreError::Conflict { .. }) => {
                        OpsError::WorldMoved { what: "the catalogue".into() }
                    }
                    other => other,
                })
            }
        }
    })
    .await
}

/// Departures of one statement while seeding.
const CHUNK: usize = 2_000;

async fn write(
    app: &App,
    tx: &mut Tx,
    plan: &SeedPlan,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<i64, OpsError> {
    let total = plan.plan.affected as u64;
    catalog::put_layouts(tx, &plan.layouts).await?;
    catalog::put_routes(tx, &plan.routes).await?;
    catalog::put_venues(tx, &plan.venues).await?;
    catalog::put_patterns(tx, &plan.patterns).await?;
    let mut done = (plan.layouts.len() + plan.routes.len() + plan.venues.len() + plan.patterns.len()) as u64;
    for chunk in plan.offerings.chunks(CHUNK) {
        catalog::put_offerings(tx, chunk).await?;
        done += chunk.len() as u64;
        progress(done, total);
    }
    let position = batch::append(tx, events(app.clock.now(), plan, actor)).await?;
    // The log is ours until the commit: what nobody has booked now, nobody books before it.
    let updated: Vec<OfferingId> =
        plan.offerings.iter().filter(|row| row.version > 1).map(|row| row.value.id).collect();
    if catalog::any_booked(tx, &updated).await? {
        return Err(OpsError::WorldMoved { what: "a departure of the plan was booked, so it".into() });
    }
    if catalog::closed_among(tx, venues_of_new(plan)).await?.is_some() {
        return Err(OpsError::WorldMoved { what: "a venue of the plan was closed, so it".into() });
    }
    let updated: Vec<LayoutId> =
        plan.layouts.iter().filter(|row| row.version > 1).map(|row| row.value.id).collect();
    if catalog::any_layout_booked(tx, &updated).await? {
        return Err(OpsError::WorldMoved {
            what: "a departure with a layout of the plan was booked, so it".into(),
        });
    }
    Ok(position)
}

fn events(now: Timestamp, plan: &SeedPlan, actor: &Actor) -> Vec<LogEntry> {
    let correlation_id = actor.correlation_id.clone().unwrap_or_else(|| format!("seed-{}", Uuid::now_v7()));
    let entry = |version: i32, event: CatalogEvent| LogEntry {
        position: 0,
        stream_id: event.stream_id(),
        stream_version: version,
        recorded_at: now,
        actor: actor.name.clone(),
        correlation_id: correlation_id.clone(),
        causation_id: Some(correlation_id.clone()),
        event: Event::Catalog(event),
    };
    let layouts = plan.layouts.iter().map(|r| entry(r.version, CatalogEvent::LayoutDefined(r.value.clone())));
    let routes = plan.routes.iter().map(|r| entry(r.version, CatalogEvent::RouteDefined(r.value.clone())));
    let venues = plan.venues.iter().map(|r| entry(r.version, CatalogEvent::VenueDefined(r.value.clone())));
    let patterns = plan.patterns.iter().map(|p| entry(1, CatalogEvent::PatternDefined(p.clone())));
    let offerings = plan
        .offerings
        .iter()
        .map(|r| entry(r.version, CatalogEvent::OfferingDefined(Box::new(r.value.clone()))));
    layouts.chain(routes).chain(venues).chain(patterns).chain(offerings).collect()
}
