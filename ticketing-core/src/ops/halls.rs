//! Venues and events as operators look at them, and seats that they keep back from sale: planned, shown, done.

use super::audit::{Actor, audited};
use super::{OpsError, Plan, PlanChange, schedules};
use crate::app::events::{self, Keep, Keeping};
use crate::app::{App, AppError, catalogue, venues};
use crate::domain::catalog::{Offering, OfferingStatus};
use crate::domain::event::{CatalogEvent, Event};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::seating::{LegRange, SeatNo};
use crate::engine::{Done, Meta};
use crate::projection::{bodies, venue as words};
use crate::store::{catalog, events as store_events, offerings};
use std::sync::Arc;

/// Seats that are to be kept back, or given free.
#[derive(Clone, Debug)]
pub struct KeepPlan {
    /// What is shown: the seats, each as it is and as it would be.
    pub plan: Plan,
    keeping: Option<Keeping>,
}

/// Returns an event as it is stored now, as JSON: what everybody reads, and its venue, its seats and why it was cancelled.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn event(app: &App, id: OfferingId) -> Result<String, OpsError> {
    let db = &app.stores.write;
    let (row, _) = events::stored(app, &id.to_string()).await?;
    let not_found = || AppError::NotFound { what: "event", id: id.to_string() };
    let (offering, mut occupancy) = offerings::with_seats(db, &[id]).await?.pop().ok_or_else(not_found)?;
    let now = app.clock.now();
    let lapsed: Vec<BookingId> = occupancy.lapsed(now).collect();
    for id in lapsed {
        occupancy.release(id);
    }
    let venue = match row.value.particulars.venue_id {
        Some(id) => catalog::venues(db, vec![id.0]).await?.remove(&id.0).map(|row| row.value),
        None => None,
    };
    let all = LegRange::new(0, offering.pattern.leg_count());
    let is_free = |seat: &SeatNo| all.is_some_and(|legs| occupancy.is_free(*seat, legs));
    let (seats_left, reason) = match row.value.status {
        OfferingStatus::Open => (offering.for_sale().filter(is_free).count(), None),
        OfferingStatus::Cancelled => (0, why_cancelled(app, id).await?),
    };
    let details = words::EventDetails {
        venue: venue.as_ref(),
        seats_total: offering.for_sale().count(),
        seats_left,
        reason: reason.as_deref(),
    };
    Ok(words::event_details(&row.value, row.version.unsigned_abs(), &details, now))
}

/// Returns the reason that was given when it was cancelled: the log has it.
async fn why_cancelled(app: &App, id: OfferingId) -> Result<Option<String>, OpsError> {
    let log = store_events::of_stream(&app.stores.write, id.0).await?;
    Ok(log.into_iter().rev().find_map(|entry| match entry.event {
        Event::Catalog(CatalogEvent::OfferingCancelled(event)) => {
            Some(event.reason).filter(|reason| !reason.is_empty())
        }
        Event::Catalog(_) | Event::Booking(_) | Event::Payment(_) => None,
    }))
}

/// Returns a venue as it is stored now, as JSON.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn venue(app: &App, id: &str) -> Result<String, OpsError> {
    let (venue, layout) = venues::stored(app, id).await?;
    Ok(words::venue(&venue, &layout))
}

/// Plans to keep seats of an event back from sale, or to give them free again; those that are so already are left out.
///
/// # Errors
/// [`AppError::NotFound`]; rejections: seats that the hall has not, or an event that is cancelled; what the store says.
pub async fn plan_keep(
    app: &App,
    id: OfferingId,
    labels: &[String],
    keep: Keep,
) -> Result<KeepPlan, OpsError> {
    let keeping = events::plan_keep(app, &id.to_string(), labels, keep).await?;
    let (verb, before, after) = match keep {
        Keep::Back => ("event block", "free", "blocked"),
        Keep::Free => ("event unblock", "blocked", "free"),
    };
    let seats = keeping.as_ref().map(|keeping| keeping.seats.clone()).unwrap_or_default();
    let body = |label: &str, state: &str| {
        // A label is letters, digits and dashes.
        bodies::raw(format!(r#"{{"eventId":"{id}","seatId":"{label}","state":"{state}"}}"#))
    };
    let changes = seats.iter().map(|label| PlanChange {
        kind: "seat".into(),
        id: Some(format!("{id}/{label}")),
        before: Some(body(label, before)),
        after: Some(body(label, after)),
    });
    Ok(KeepPlan { plan: Plan::new(verb, changes.collect()), keeping })
}

/// Does what the plan says, all of it or nothing. Returns the last position, 0 if nothing was to be done.
///
/// # Errors
/// A rejection that names the seat that somebody has; [`OpsError::WorldMoved`] if the event was changed meanwhile.
pub async fn execute_keep(app: &App, plan: KeepPlan, actor: &Actor) -> Result<i64, OpsError> {
    let Some(keeping) = plan.keeping else { return Ok(0) };
    let meta = Meta { actor: actor.name.clone(), correlation_id: actor.correlation(), idempotency: None };
    audited(app, actor, &plan.plan, async {
        match catalogue::store(app, &meta, &keeping.change, "{}").await {
            Ok(done) => Ok(done.position),
            Err(AppError::VersionConflict { .. }) => Err(OpsError::WorldMoved { what: "the event".into() }),
            Err(AppError::Locked { .. }) => Err(events::taken(app, &keeping).await?.into()),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// How often a withdrawal is tried again that met another change of the same event.
const WITHDRAW_ROUNDS_MAX: u32 = 3;

/// Withdraws an event for a request; see [`super::schedules::cancel`]. The answer is the event.
///
/// # Errors
/// [`AppError::NotFound`]; [`Rejection::OfferingCancelled`] if it is withdrawn and nothing is booked of it any more;
/// [`AppError::VersionConflict`] if somebody changes it just now; what the store says.
pub async fn withdraw(app: &App, id: &str, reason: &str, meta: &Meta) -> Result<Done, AppError> {
    if let Some(first) = catalogue::replayed(app, meta).await? {
        return Ok(first);
    }
    for round in 1.. {
        let (row, layout) = events::stored(app, id).await?;
        let current = row.version.unsigned_abs();
        let pattern = offerings::patterns(&app.stores.write, &[row.value.pattern_id]).await?.pop();
        let not_found = || AppError::NotFound { what: "event", id: id.to_owned() };
        let pattern = pattern.ok_or_else(not_found)?;
        let offering = Offering::new(row.value, Arc::new(pattern), Arc::new(layout));
        match schedules::cancel(app, offering, reason, meta).await {
            Ok(done) => return Ok(done),
            // The same request may have been here at the same time.
            Err(OpsError::WorldMoved { .. }) => {
                if let Some(first) = catalogue::replayed(app, meta).await? {
                    return Ok(first);
                }
                if round == WITHDRAW_ROUNDS_MAX {
                    return Err(AppError::VersionConflict { what: "event", current });
                }
            }
            Err(OpsError::App(error) | OpsError::Of { error, .. }) => return Err(error),
            Err(error) => {
                let message = error.to_string();
                return Err(AppError::Invalid { field: "id", message });
            }
        }
    }
    Err(AppError::NotFound { what: "event", id: id.to_owned() })
}
