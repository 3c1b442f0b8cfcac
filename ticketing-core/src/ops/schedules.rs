//! Withdrawing a departure: nobody can book it any more, its holds end, its tickets are owed back.

use super::audit::{Actor, audited};
use super::bookings::{BookingPlan, is_breakdown, may_be_done, plan_change};
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, AppError};
use crate::domain::booking::command::Change;
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{Offering, OfferingStatus};
use crate::domain::event::{CatalogEvent, Event, OfferingCancelled};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::occupancy::Occupancy;
use crate::engine::CommandError;
use crate::projection::bodies;
use crate::store::batch;
use crate::store::catalog::{self, Versioned};
use crate::store::error::StoreError;
use crate::store::events::LogEntry;
use crate::store::offerings;

/// A planned withdrawal.
#[derive(Clone, Debug)]
pub struct CancelPlan {
    /// What is shown: the departure, and each of its bookings.
    pub plan: Plan,
    offering: Offering,
    reason: String,
}

/// Plans the withdrawal of a departure with all its bookings; of one that is withdrawn already, the rest: what
/// is still booked of it.
///
/// # Errors
/// [`Rejection::OfferingCancelled`] if it is withdrawn and nothing is booked any more; what the store says.
pub async fn plan_cancel(app: &App, offering: Offering, reason: &str) -> Result<CancelPlan, OpsError> {
    let id = offering.facts.id;
    let found = offerings::with_seats(&app.stores.write, &[id]).await?.pop();
    let unknown = || AppError::from(Rejection::UnknownOffering { id: id.to_string() });
    let (offering, occupancy) = found.ok_or_else(unknown)?;
    let plan = plan_of(app, "schedule cancel", offering, &occupancy, reason).await?;
    plan.ok_or_else(|| AppError::from(Rejection::OfferingCancelled).into())
}

/// Plans the withdrawal of a departure that was loaded with its seats; `None` if nothing is left to be done.
pub(super) async fn plan_of(
    app: &App,
    action: &str,
    offering: Offering,
    occupancy: &Occupancy,
    reason: &str,
) -> Result<Option<CancelPlan>, OpsError> {
    let id = offering.facts.id;
    let mut changes = Vec::new();
    if offering.facts.status == OfferingStatus::Open {
        let now = app.clock.now();
        let status = |word: &str| bodies::raw(format!(r#"{{"id":"{id}","status":"{word}"}}"#));
        changes.push(PlanChange {
            kind: "schedule".into(),
            id: Some(id.to_string()),
            before: Some(status(bodies::schedule_status(&offering.facts, now))),
            after: Some(status("CANCELLED")),
        });
    }
    let bookings = cancel_bookings(app, occupancy.booking_ids(), reason).await?;
    changes.extend(bookings.plan.changes);
    if changes.is_empty() {
        return Ok(None);
    }
    Ok(Some(CancelPlan { plan: Plan::new(action, changes), offering, reason: reason.to_owned() }))
}

async fn cancel_bookings(app: &App, mut ids: Vec<BookingId>, reason: &str) -> Result<BookingPlan, OpsError> {
    if ids.is_empty() {
        return Ok(BookingPlan::nothing("schedule cancel"));
    }
    ids.sort_unstable();
    let now = app.clock.now();
    let stored = crate::store::bookings::load(&app.stores.write, &ids).await?;
    // A hold that has ended is the sweeper's.
    let open: Vec<BookingId> = stored.iter().filter(|b| b.state_at(now).has_seats()).map(|b| b.id).collect();
    plan_change(app, "schedule cancel", &open, &Change::Cancel { reason: Some(reason.to_owned()) }).await
}

/// Withdraws the departure first, so that nothing more is sold, and then cancels what was booked of it,
/// also what was booked after the plan was made. Returns the last position.
///
/// # Errors
/// [`OpsError::WorldMoved`] if it was changed or withdrawn meanwhile; [`OpsError::Partly`] if some bookings
/// could not be cancelled, [`OpsError::BrokeOff`] if the store went away on the way: the same command again goes on;
/// what the store says.
pub async fn execute_cancel(
    app: &App,
    plan: CancelPlan,
    actor: &Actor,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<i64, OpsError> {
    let id = plan.offering.facts.id;
    let planned = plan.plan.affected;
    let (mut position, mut done) = (0, 0);
    if plan.offering.facts.status == OfferingStatus::Open {
        position = audited(app, actor, &plan.plan, withdraw(app, &plan, actor)).await?;
        done = 1;
    }
    for round in 1.. {
        let outcome = match rest(app, id, &plan.reason).await {
            Ok(bookings) if bookings.plan.affected == 0 => break,
            Ok(bookings) => {
                let before = done;
                let mut report = |now: u64, of: u64| {
                    done = before + usize::try_from(now).unwrap_or(usize::MAX);
                    progress(now, of);
                };
                super::bookings::execute(app, bookings, actor, None, &mut report).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(executed) => position = position.max(executed.position),
            // A buyer paid, cancelled or let a hold end meanwhile: look again.
            Err(error) if round < ROUNDS_MAX && has_moved(&error) => {}
            Err(OpsError::BrokeOff { unsure, error, .. }) => {
                return Err(OpsError::BrokeOff { done, unsure, planned: planned.max(done + unsure), error });
            }
            Err(OpsError::App(error)) if done > 0 && is_breakdown(&error) => {
                let unsure = usize::from(may_be_done(&error));
                return Err(OpsError::BrokeOff { done, unsure, planned: planned.max(done + unsure), error });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(position)
}

/// Plans to cancel what is booked of a departure now.
async fn rest(app: &App, id: OfferingId, reason: &str) -> Result<BookingPlan, OpsError> {
    let found = offerings::with_seats(&app.stores.write, &[id]).await?.pop();
    let ids = found.map(|(_, occupancy)| occupancy.booking_ids()).unwrap_or_default();
    cancel_bookings(app, ids, reason).await
}

/// Whether an error says that a booking is no longer as it was when it was looked at.
const fn has_moved(error: &OpsError) -> bool {
    matches!(
        error,
        OpsError::WorldMoved { .. }
            | OpsError::Partly { .. }
            | OpsError::App(AppError::Command(CommandError::Rejected(_)))
    )
}

/// How often a withdrawal looks again at what is still booked.
const ROUNDS_MAX: u32 = 10;

async fn withdraw(app: &App, plan: &CancelPlan, actor: &Actor) -> Result<i64, OpsError> {
    let facts = &plan.offering.facts;
    let stored = catalog::offerings(&app.stores.write, &[facts.id]).await?;
    let moved = || OpsError::WorldMoved { what: format!("schedule {}", facts.id) };
    let row = stored.get(&facts.id.0).filter(|row| row.value == *facts).ok_or_else(moved)?;
    let version = row.version + 1;
    let mut value = facts.clone();
    value.status = OfferingStatus::Cancelled;
    let correlation_id = actor.correlation();
    let event =
        CatalogEvent::OfferingCancelled(OfferingCancelled { id: facts.id, reason: plan.reason.clone() });
    let entry = LogEntry {
        position: 0,
        stream_id: facts.id.0,
        stream_version: version,
        recorded_at: app.clock.now(),
        actor: actor.name.clone(),
        causation_id: Some(correlation_id.clone()),
        correlation_id,
        event: Event::Catalog(event),
    };
    let mut tx = app.stores.write.begin().await?;
    catalog::put_offerings(&mut tx, &[Versioned { value, version }]).await?;
    match batch::append(&mut tx, vec![entry]).await {
        Ok(position) => {
            tx.commit().await?;
            Ok(position)
        }
        Err(StoreError::Conflict { .. }) => Err(moved()),
        Err(error) => Err(error.into()),
    }
}
