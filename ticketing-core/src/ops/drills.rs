//! Rehearsing faults: an operator puts one down for a saga's step. For development only; the caller sees to that.

use super::audit::{Actor, audited};
use super::plan::raw_of;
use super::sagas::drill_body;
use super::{OpsError, Plan, PlanChange, lookup};
use crate::app::{App, AppError};
use crate::domain::id::{BookingId, SagaId};
use crate::domain::payment::AttemptKind;
use crate::projection::bodies;
use crate::store::drills::{self, Drill, Fault};
use crate::store::{bookings, sagas};
use uuid::Uuid;

/// The most times that one fault strikes.
pub const TIMES_MAX: u32 = 1_000;

/// A planned fault: what is shown, and what is done.
#[derive(Clone, Debug)]
pub struct DrillPlan {
    /// What is shown.
    pub plan: Plan,
    /// The fault.
    pub drill: Drill,
}

/// Plans that a saga's charge or refund goes wrong the next `times` times.
///
/// # Errors
/// [`AppError::NotFound`] for the saga, unless its booking can still be paid; [`OpsError::Invalid`] for times out of range; what the store says.
pub async fn plan(
    app: &App,
    saga_id: SagaId,
    step: AttemptKind,
    fault: Fault,
    times: u32,
) -> Result<DrillPlan, OpsError> {
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(OpsError::Invalid(format!("a fault strikes 1 to {TIMES_MAX} times")));
    }
    if sagas::cases(&app.stores.write, &[saga_id]).await?.is_empty() && !is_held(app, saga_id).await? {
        return Err(AppError::NotFound { what: "saga", id: saga_id.to_string() }.into());
    }
    let drill = Drill { id: Uuid::now_v7(), saga_id, step, fault, times_left: times };
    let mut after = serde_json::json!(drill_body(&drill));
    after["sagaId"] = saga_id.to_string().into();
    let after = Some(bodies::raw(after.to_string()));
    let change = PlanChange { kind: "drill".into(), id: None, before: None, after };
    Ok(DrillPlan { plan: Plan::new("saga inject-error", vec![change]), drill })
}

/// Plans to take away the faults that wait for a saga; of one step, if it is named.
///
/// # Errors
/// What the store says.
pub async fn plan_off(app: &App, saga_id: SagaId, step: Option<AttemptKind>) -> Result<OffPlan, OpsError> {
    let mut waiting = drills::waiting(&app.stores.write, saga_id).await?;
    waiting.retain(|drill| step.is_none_or(|step| drill.step == step));
    let changes = waiting.iter().map(|drill| PlanChange {
        kind: "drill".into(),
        id: Some(drill.id.to_string()),
        before: raw_of(&drill_body(drill)),
        after: None,
    });
    Ok(OffPlan { plan: Plan::new("saga inject-error", changes.collect()), drills: waiting })
}

/// Faults that are to be taken away.
#[derive(Clone, Debug)]
pub struct OffPlan {
    /// What is shown.
    pub plan: Plan,
    /// The faults.
    pub drills: Vec<Drill>,
}

/// Takes them away.
///
/// # Errors
/// What the store says.
pub async fn execute_off(app: &App, plan: &OffPlan, actor: &Actor) -> Result<(), OpsError> {
    let ids: Vec<Uuid> = plan.drills.iter().map(|drill| drill.id).collect();
    audited(app, actor, &plan.plan, async { Ok(drills::clear(&app.stores.write, &ids).await?) }).await
}

/// Returns how many times faults that were put down before will strike at this step.
///
/// # Errors
/// What the store says.
pub async fn waiting_times(app: &App, saga_id: SagaId, step: AttemptKind) -> Result<u64, OpsError> {
    let waiting = drills::waiting(&app.stores.write, saga_id).await?;
    Ok(waiting.iter().filter(|drill| drill.step == step).map(|drill| u64::from(drill.times_left)).sum())
}

/// Returns the saga that an operator means: as [`lookup::saga`] finds it, or the one that a booking will have when it is
/// paid.
///
/// # Errors
/// As [`lookup::saga`].
pub async fn saga(app: &App, id: &str) -> Result<SagaId, OpsError> {
    let not_found = match lookup::saga(app, id).await {
        Err(OpsError::App(error @ AppError::NotFound { .. })) => OpsError::App(error),
        found => return found,
    };
    match lookup::booking(app, id).await {
        Ok(booking_id) if is_held(app, booking_id.into()).await? => Ok(booking_id.into()),
        Ok(_) | Err(OpsError::App(AppError::NotFound { .. })) => Err(not_found),
        Err(error) => Err(error),
    }
}

/// Whether the saga is of a booking that can still be paid: it comes with the payment.
async fn is_held(app: &App, saga_id: SagaId) -> Result<bool, OpsError> {
    let booking = bookings::load(&app.stores.write, &[BookingId(saga_id.0)]).await?.pop();
    Ok(booking.is_some_and(|booking| booking.state_at(app.clock.now()).is_hold()))
}

/// Does what the plan says.
///
/// # Errors
/// What the store says.
pub async fn execute(app: &App, plan: DrillPlan, actor: &Actor) -> Result<Drill, OpsError> {
    let DrillPlan { plan, drill } = plan;
    let now = app.clock.now();
    audited(app, actor, &plan, async {
        drills::put(&app.stores.write, &drill, now).await?;
        Ok(drill)
    })
    .await
}
