//! Withdrawing what a route has still to come: each of its departures as an operator withdraws one, the soonest first.
//!
//! The route itself stays, and new departures of it can be made.

use super::audit::{Actor, audited};
use super::bookings::{is_breakdown, may_be_done};
use super::schedules::{self, CancelPlan};
use super::{OpsError, Plan, lists};
use crate::app::App;
use crate::domain::id::{OfferingId, RouteId};
use crate::store::offerings;

/// No plan withdraws more departures; the same command again plans the next.
pub const DEPARTURES_MAX: usize = 5_000;
/// Departures loaded at once.
const LOAD_MAX: usize = 200;

/// A planned withdrawal.
#[derive(Clone, Debug)]
pub struct CancelRoutePlan {
    /// What is shown: each departure, and each of its bookings.
    pub plan: Plan,
    /// Whether the route has more departures to come than [`DEPARTURES_MAX`].
    pub has_more: bool,
    departures: Vec<CancelPlan>,
}

impl CancelRoutePlan {
    /// How many departures it withdraws, or goes on withdrawing.
    #[must_use]
    pub const fn departures(&self) -> usize {
        self.departures.len()
    }
}

/// Plans the withdrawal of the departures of a route that have not left yet; of those that are withdrawn already, of
/// what is still booked of them.
///
/// # Errors
/// What the stores say.
pub async fn plan_cancel(app: &App, route: RouteId, reason: &str) -> Result<CancelRoutePlan, OpsError> {
    let (ids, mut has_more) = to_come(app, route).await?;
    let mut departures = Vec::new();
    let mut changes = Vec::new();
    for chunk in ids.chunks(LOAD_MAX) {
        let mut found = offerings::with_seats(&app.stores.write, chunk).await?;
        found.sort_by_key(|(offering, _)| (offering.facts.departs_at, offering.facts.id));
        for (offering, occupancy) in found {
            let planned = schedules::plan_of(app, "route cancel", offering, &occupancy, reason).await?;
            let Some(planned) = planned else { continue };
            if departures.len() == DEPARTURES_MAX {
                has_more = true;
                break;
            }
            changes.extend(planned.plan.changes.iter().cloned());
            departures.push(planned);
        }
    }
    Ok(CancelRoutePlan { plan: Plan::new("route cancel", changes), has_more, departures })
}

/// The departures that have not left yet, and whether there may be more of them. Those that are withdrawn count: of a
/// withdrawal that broke off, bookings may be left.
async fn to_come(app: &App, route: RouteId) -> Result<(Vec<OfferingId>, bool), OpsError> {
    let now = app.clock.now();
    let mut ids = Vec::new();
    for page in 1.. {
        let found = lists::departures_of(app, route, None, page).await?;
        if found.is_empty() {
            break;
        }
        ids.extend(found.into_iter().filter(|facts| facts.departs_at > now).map(|facts| facts.id));
        if ids.len() > LOOKED_AT_MAX {
            return Ok((ids, true));
        }
    }
    Ok((ids, false))
}

/// So many departures to come are looked at for those that are not withdrawn yet.
const LOOKED_AT_MAX: usize = 20 * DEPARTURES_MAX;

/// Does what the plan says, one departure after the other. `progress` is told how many things are done. Once
/// `is_stopped`, the departure at hand is the last.
///
/// # Errors
/// As [`schedules::execute_cancel`] for one of them, with how much was done before: the same command again goes on.
pub async fn execute_cancel(
    app: &App,
    plan: CancelRoutePlan,
    actor: &Actor,
    is_stopped: &(dyn Fn() -> bool + Sync),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<i64, OpsError> {
    let CancelRoutePlan { plan, departures, .. } = plan;
    let planned = plan.affected;
    audited(app, actor, &plan, async {
        let (mut position, mut done) = (0, 0);
        for departure in departures {
            let affected = departure.plan.affected;
            let withdrawn = schedules::execute_cancel(app, departure, actor, &mut |_, _| ()).await;
            position = withdrawn.map_err(|error| after(done, planned, error))?.max(position);
            done += affected;
            progress(done as u64, planned as u64);
            if is_stopped() && done < planned {
                return Err(OpsError::Partly { done, planned, first: "it was stopped".into() });
            }
        }
        Ok(position)
    })
    .await
}

/// What one departure failed with, after so much was done of the others.
fn after(before: usize, planned: usize, error: OpsError) -> OpsError {
    match error {
        OpsError::BrokeOff { done, unsure, error, .. } => {
            OpsError::BrokeOff { done: before + done, unsure, planned, error }
        }
        OpsError::Partly { done, first, .. } => OpsError::Partly { done: before + done, planned, first },
        OpsError::App(error) if before > 0 && is_breakdown(&error) => {
            let unsure = usize::from(may_be_done(&error));
            OpsError::BrokeOff { done: before, unsure, planned, error }
        }
        other if before > 0 => OpsError::Partly { done: before, planned, first: other.to_string() },
        other => other,
    }
}
