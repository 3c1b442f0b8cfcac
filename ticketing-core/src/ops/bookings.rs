//! What an operator can do to bookings: hold seats, confirm, cancel, end holds before their time. And how such a plan,
//! or one of `money.rs`, is carried out.

use super::audit::{Actor, audited};
use super::money::SagaStep;
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, AppError, commands};
use crate::domain::booking::command::{Change, Reserve, SeatChoice};
use crate::domain::booking::decide;
use crate::domain::booking::passenger::Passenger;
use crate::domain::booking::rejection::Rejection;
use crate::domain::booking::state::{Booking, BookingState, evolve};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::payment::canonical_id;
use crate::engine::{CommandError, Done, IdempotencyKey, Meta, Work};
use crate::projection::bodies::{self, Of};
use crate::store::error::StoreError;
use crate::store::{bookings, offerings, payments};
use std::collections::HashMap;
use tracing::Instrument as _;

/// A planned change to bookings or to their money: what is shown, and what is done.
#[derive(Clone, Debug)]
pub struct BookingPlan {
    /// What is shown.
    pub plan: Plan,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { command: Reserve, passenger: Passenger },
    Change { id: BookingId, version: u32, change: Change },
    Saga(SagaStep),
}

impl BookingPlan {
    pub(super) fn nothing(action: &str) -> Self {
        Self { plan: Plan::new(action, Vec::new()), steps: Vec::new() }
    }

    pub(super) fn of_sagas(plan: Plan, steps: Vec<SagaStep>) -> Self {
        Self { plan, steps: steps.into_iter().map(Step::Saga).collect() }
    }
}

/// What came of an executed plan.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The answers, in the plan's order.
    pub done: Vec<Done>,
    /// The last position; the read model has it once it is there.
    pub position: i64,
}

/// Plans a hold, down to the seat that it would take; `action` is the command: `order create`.
///
/// # Errors
/// The rule that forbids it; what the store says.
pub async fn plan_reserve(
    app: &App,
    action: &str,
    command: Reserve,
    passenger: Passenger,
) -> Result<BookingPlan, OpsError> {
    let now = app.clock.now();
    let unknown = || Rejection::UnknownOffering { id: command.offering_id.to_string() };
    let mut found = offerings::with_seats(&app.stores.write, &[command.offering_id]).await?;
    let (offering, mut occupancy) = found.pop().ok_or_else(|| AppError::from(unknown()))?;
    let lapsed: Vec<BookingId> = occupancy.lapsed(now).collect();
    for id in lapsed {
        occupancy.release(id);
    }
    let event = decide::reserve(&offering, &occupancy, &command, now).map_err(AppError::from)?;
    let booking = evolve(None, command.booking_id, &event, now)
        .ok_or_else(|| OpsError::Invalid("the plan could not be made".into()))?;
    let after = bodies::raw(bodies::booking(&booking, (&offering.facts).into(), now));
    let change = PlanChange { kind: "booking".into(), id: None, before: None, after: Some(after) };
    let labels = booking.seats.iter().map(|seat| seat.label.clone()).collect();
    let command =
        Reserve { seats: SeatChoice::Named(labels), expected_price: Some(booking.price), ..command };
    Ok(BookingPlan {
        plan: Plan::new(action, vec![change]),
        steps: vec![Step::Reserve { command, passenger }],
    })
}

/// Plans the same change to each of these bookings. All must be there; those that the change leaves as
/// they are, are not in the plan.
///
/// # Errors
/// [`AppError::NotFound`] for the first id that is not there; the rule that forbids it for one of them;
/// what the store says.
pub async fn plan_change(
    app: &App,
    action: &str,
    ids: &[BookingId],
    change: &Change,
) -> Result<BookingPlan, OpsError> {
    let mut changes = Vec::with_capacity(ids.len());
    let mut steps = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(LOAD_MAX) {
        let found = bookings::load(&app.stores.write, chunk).await?;
        let found: HashMap<BookingId, Booking> = found.into_iter().map(|b| (b.id, b)).collect();
        let offering_ids: Vec<OfferingId> = found.values().map(|b| b.offering_id).collect();
        let facts = offerings::facts(&app.stores.write, &offering_ids).await?;
        let facts: HashMap<OfferingId, Of> = facts.iter().map(|f| (f.id, f.into())).collect();
        let now = app.clock.now();
        for id in chunk {
            let not_found = || AppError::NotFound { what: "booking", id: id.to_string() };
            let booking = found.get(id).ok_or_else(not_found)?;
            if let Change::Confirm { payment_id } = change {
                refuse_used_payment(app, *id, payment_id).await?;
            }
            if ids.len() > 1 && is_there_already(booking.state, change) {
                continue;
            }
            let events = decide::change(booking, change, now).map_err(AppError::from)?;
            if events.is_empty() {
                continue;
            }
            let after = events.iter().try_fold(booking.clone(), |b, event| evolve(Some(b), *id, event, now));
            let of = facts.get(&booking.offering_id).copied().unwrap_or_default();
            let body = |b: &Booking| bodies::raw(bodies::booking(b, of, now));
            changes.push(PlanChange {
                kind: "booking".into(),
                id: Some(id.to_string()),
                before: Some(body(booking)),
                after: after.as_ref().map(body),
            });
            steps.push(Step::Change { id: *id, version: booking.version, change: change.clone() });
        }
    }
    Ok(BookingPlan { plan: Plan::new(action, changes), steps })
}

/// Says whether a booking is where the change would bring it. Of several, such ones are left out: a command that broke
/// off can be run again as it is.
const fn is_there_already(state: BookingState, change: &Change) -> bool {
    match change {
        Change::Cancel { .. } => matches!(state, BookingState::Cancelled | BookingState::Refunded),
        Change::ForceExpire { .. } => matches!(state, BookingState::Expired),
        Change::Confirm { .. } | Change::Expire => false,
    }
}

/// Bookings loaded at once.
const LOAD_MAX: usize = 1_000;
/// Changes under way at once.
const IN_FLIGHT_MAX: usize = 256;

async fn refuse_used_payment(app: &App, id: BookingId, payment_id: &str) -> Result<(), OpsError> {
    let named = [canonical_id(payment_id)];
    let used = bookings::by_payment(&app.stores.write, named.to_vec()).await?;
    let owners = payments::owners(&app.stores.write, &named).await?;
    if used.iter().any(|(_, other)| *other != id) || owners.values().any(|saga| *saga != id.into()) {
        let rejection = Rejection::PaymentUsed { payment_id: payment_id.to_owned() };
        return Err(AppError::from(rejection).into());
    }
    Ok(())
}

/// Does what the plan says, each change only if its booking is as the plan saw it. `progress` is told how
/// many are done.
///
/// # Errors
/// [`OpsError::WorldMoved`] if nothing was done since the world has moved; [`OpsError::Partly`] if some
/// were done; [`OpsError::BrokeOff`] if the store went away under several; else why the one change was refused.
pub async fn execute(
    app: &App,
    plan: BookingPlan,
    actor: &Actor,
    idempotency: Option<IdempotencyKey>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Executed, OpsError> {
    execute_until(app, plan, actor, idempotency, &|| false, progress).await
}

/// Does the same, and ends after the changes at hand once `is_stopped`: none is left half done.
///
/// # Errors
/// As [`execute`]; where it was stopped, [`OpsError::Partly`].
pub async fn execute_until(
    app: &App,
    plan: BookingPlan,
    actor: &Actor,
    idempotency: Option<IdempotencyKey>,
    is_stopped: &(dyn Fn() -> bool + Sync),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Executed, OpsError> {
    let BookingPlan { plan, steps } = plan;
    let planned = steps.len();
    audited(app, actor, &plan, async {
        let correlation_id = actor.correlation();
        let mut done = Vec::with_capacity(planned);
        let mut unsure = 0;
        let mut failed: Option<AppError> = None;
        for chunk in steps.chunks(IN_FLIGHT_MAX) {
            let mut running = Vec::with_capacity(chunk.len());
            for step in chunk {
                let meta = Meta {
                    actor: actor.name.clone(),
                    correlation_id: correlation_id.clone(),
                    idempotency: idempotency.clone(),
                };
                running.push(tokio::spawn(run(app.clone(), step.clone(), meta).in_current_span()));
            }
            for task in running {
                let error = match task.await {
                    Ok(Ok(answer)) => {
                        done.push(answer);
                        continue;
                    }
                    Ok(Err(error)) => error,
                    Err(_) => CommandError::ShuttingDown.into(),
                };
                unsure += usize::from(may_be_done(&error));
                failed = failed.or(Some(error));
            }
            progress(done.len() as u64, planned as u64);
            if failed.is_some() {
                break;
            }
            if is_stopped() && done.len() < planned {
                return Err(OpsError::Partly { done: done.len(), planned, first: "it was stopped".into() });
            }
        }
        finish(done, unsure, failed, planned)
    })
    .await
}

async fn run(app: App, step: Step, meta: Meta) -> Result<Done, AppError> {
    match step {
        Step::Reserve { command, passenger } => commands::reserve(&app, command, passenger, meta).await,
        Step::Change { id, version, change } => {
            commands::change(&app, id, change, None, Some(version), meta).await
        }
        Step::Saga(SagaStep { saga_id, version, input, answer }) => {
            let work = Work::Saga {
                saga_id,
                input,
                owner: None,
                expected_version: Some(version),
                message: None,
                answer,
            };
            Ok(commands::append(&app, work, meta).await?)
        }
    }
}

/// Says whether a change that failed so may have been made: it was sent, and its answer did not come.
pub(super) fn may_be_done(error: &AppError) -> bool {
    match error {
        AppError::Command(CommandError::ShuttingDown) => true,
        AppError::Command(CommandError::Store(error)) => matches!(**error, StoreError::Unavailable { .. }),
        AppError::Command(
            CommandError::Rejected(_)
            | CommandError::VersionMoved
            | CommandError::IdempotencyReused
            | CommandError::IdempotencyInProgress
            | CommandError::Overloaded,
        )
        | AppError::NotFound { .. }
        | AppError::Ambiguous { .. }
        | AppError::VersionConflict { .. }
        | AppError::Locked { .. }
        | AppError::Exists { .. }
        | AppError::Invalid { .. }
        | AppError::Account(_)
        | AppError::ReadModelBehind { .. }
        | AppError::Store(_) => false,
    }
}

/// Says whether it is the store, or this program, that failed: not a rule that forbids the change.
pub(super) const fn is_breakdown(error: &AppError) -> bool {
    matches!(
        error,
        AppError::Store(_) | AppError::Command(CommandError::Store(_) | CommandError::ShuttingDown)
    )
}

fn finish(
    done: Vec<Done>,
    unsure: usize,
    failed: Option<AppError>,
    planned: usize,
) -> Result<Executed, OpsError> {
    match failed {
        None => {
            let position = done.iter().map(|d| d.position).max().unwrap_or(0);
            Ok(Executed { done, position })
        }
        Some(error) if planned > 1 && is_breakdown(&error) => {
            Err(OpsError::BrokeOff { done: done.len(), unsure, planned, error })
        }
        Some(error) if !done.is_empty() => {
            Err(OpsError::Partly { done: done.len(), planned, first: error.to_string() })
        }
        Some(AppError::Command(CommandError::VersionMoved)) => {
            Err(OpsError::WorldMoved { what: "something in the plan".into() })
        }
        Some(AppError::Command(CommandError::Rejected(
            Rejection::SeatTaken { seat } | Rejection::SeatKept { seat },
        ))) => Err(OpsError::WorldMoved { what: format!("seat {seat}") }),
        Some(error) => Err(error.into()),
    }
}
