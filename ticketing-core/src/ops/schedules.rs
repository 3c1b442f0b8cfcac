//! Withdrawing a departure or an event: nobody can book it any more, its holds end, its tickets are owed back.
//!
//! What an event's bookings are cancelled by is a job that is written down with the withdrawal: whoever dies on the way,
//! another goes on with it.

use super::audit::{Actor, audited};
use super::bookings::{BookingPlan, is_breakdown, may_be_done, plan_change};
use super::jobs::{self, JobPlan, JobSpec, WithdrawSpec};
use super::{OpsError, Plan, PlanChange};
use crate::app::{App, AppError, listings};
use crate::domain::booking::command::Change;
use crate::domain::booking::rejection::Rejection;
use crate::domain::catalog::{Offering, OfferingFacts, OfferingKind, OfferingStatus};
use crate::domain::event::{CatalogEvent, Event, OfferingCancelled};
use crate::domain::id::{BookingId, OfferingId};
use crate::domain::occupancy::Occupancy;
use crate::domain::time::Timestamp;
use crate::engine::{CommandError, Done, IdempotencyKey, Meta};
use crate::projection::{bodies, market, venue as words};
use crate::store::batch;
use crate::store::catalog::{self, Versioned};
use crate::store::error::StoreError;
use crate::store::events::LogEntry;
use crate::store::idempotency::{self, StoredAnswer};
use crate::store::jobs::{JobProgress, JobState, NewJob};
use crate::store::{jobs as job_rows, offerings};
use std::collections::HashSet;

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
    let kind = offering.facts.kind;
    let plan = plan_of(app, &action(&offering.facts), offering, &occupancy, reason).await?;
    plan.ok_or_else(|| AppError::from(Rejection::OfferingCancelled { kind }).into())
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
        let after = match offering.facts.kind {
            OfferingKind::Departure | OfferingKind::Event => "CANCELLED",
            OfferingKind::Listing => "cancelled",
        };
        changes.push(PlanChange {
            kind: offering.facts.kind.noun().into(),
            id: Some(id.to_string()),
            before: Some(status(status_of(&offering.facts, occupancy, now))),
            after: Some(status(after)),
        });
    }
    let bookings = cancel_bookings(app, &offering.facts, occupancy.booking_ids(), reason).await?;
    changes.extend(bookings.plan.changes);
    if changes.is_empty() {
        return Ok(None);
    }
    Ok(Some(CancelPlan { plan: Plan::new(action, changes), offering, reason: reason.to_owned() }))
}

/// What it is called in plans and in the audit log.
fn action(facts: &OfferingFacts) -> String {
    format!("{} cancel", facts.kind.noun())
}

/// The word for what it is now, as those who sell it say it.
fn status_of(facts: &OfferingFacts, occupancy: &Occupancy, now: Timestamp) -> &'static str {
    match facts.kind {
        OfferingKind::Departure => bodies::schedule_status(facts, now),
        OfferingKind::Event => words::event_status(facts, now),
        OfferingKind::Listing => {
            let holders = occupancy.booking_ids();
            let holders = holders.iter().filter_map(|id| occupancy.held(*id));
            let free_at = holders.map(|held| held.hold_expires_at.unwrap_or(Timestamp::NEVER)).max();
            market::listing_status(facts.status, free_at.unwrap_or(now), now)
        }
    }
}

async fn cancel_bookings(
    app: &App,
    facts: &OfferingFacts,
    mut ids: Vec<BookingId>,
    reason: &str,
) -> Result<BookingPlan, OpsError> {
    if ids.is_empty() {
        return Ok(BookingPlan::nothing(&action(facts)));
    }
    ids.sort_unstable();
    let now = app.clock.now();
    let stored = crate::store::bookings::load(&app.stores.write, &ids).await?;
    // A hold that has ended is the sweeper's.
    let open: Vec<BookingId> = stored.iter().filter(|b| b.state_at(now).has_seats()).map(|b| b.id).collect();
    plan_change(app, &action(facts), &open, &Change::Cancel { reason: Some(reason.to_owned()) }).await
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
    let planned = plan.plan.affected;
    let (mut position, mut done) = (0, 0);
    if plan.offering.facts.status == OfferingStatus::Open {
        position = audited(app, actor, &plan.plan, withdraw(app, &plan, actor, None, None)).await?;
        done = 1;
    }
    let facts = plan.offering.facts;
    let so_far = Count { done, planned };
    Ok(position.max(cancel_rest(app, &facts, &plan.reason, actor, so_far, progress).await?))
}

/// How much of a withdrawal is done, of how much.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    done: usize,
    planned: usize,
}

/// Cancels what is booked of an offering that is withdrawn. Returns the last position, 0 if nothing was booked.
async fn cancel_rest(
    app: &App,
    facts: &OfferingFacts,
    reason: &str,
    actor: &Actor,
    Count { mut done, planned }: Count,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<i64, OpsError> {
    let mut position = 0;
    for round in 1.. {
        let outcome = match rest(app, facts, reason).await {
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

/// Plans to cancel what is booked of an offering now.
async fn rest(app: &App, facts: &OfferingFacts, reason: &str) -> Result<BookingPlan, OpsError> {
    let found = offerings::with_seats(&app.stores.write, &[facts.id]).await?.pop();
    let ids = found.map(|(_, occupancy)| occupancy.booking_ids()).unwrap_or_default();
    cancel_bookings(app, facts, ids, reason).await
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

/// Bookings that are cancelled before the caller is answered; those of more, whoever takes the job cancels.
const AT_ONCE_MAX: usize = 200;

/// Withdraws an event for a request, and answers with the event. What is booked of it is cancelled by a job, which is
/// written down together with the withdrawal; if it is little, it is done before the answer.
///
/// # Errors
/// As [`plan_cancel`] and [`execute_cancel`]; what of the bookings could not be cancelled yet is left to the job.
pub async fn cancel(app: &App, offering: Offering, reason: &str, meta: &Meta) -> Result<Done, OpsError> {
    let actor = Actor {
        name: meta.actor.clone(),
        reason: Some(reason.to_owned()),
        correlation_id: Some(meta.correlation_id.clone()),
    };
    let id = offering.facts.id;
    let planned = plan_cancel(app, offering, reason).await?;
    let is_open = planned.offering.facts.status == OfferingStatus::Open;
    let bookings = planned.plan.affected - usize::from(is_open);
    let job = match bookings {
        0 => None,
        n => Some(jobs::draft(app, &job_of(&planned), &actor, n <= AT_ONCE_MAX)?),
    };
    let row = catalog::offerings(&app.stores.write, &[id]).await?.remove(&id.0);
    let version = row.map_or(1, |row| row.version.unsigned_abs()) + u32::from(is_open);
    let mut after = planned.offering.facts.clone();
    after.status = OfferingStatus::Cancelled;
    let body = words::event(&after, version, app.clock.now());
    let answer = meta.idempotency.as_ref().map(|key| (key, body.as_str()));
    let position = audited(app, &actor, &planned.plan, async {
        if is_open {
            return withdraw(app, &planned, &actor, answer, job.as_ref()).await;
        }
        if let Some(job) = &job {
            job_rows::create(&app.stores.write, job).await?;
        }
        Ok(0)
    })
    .await?;
    if let Some(NewJob { id: job, owner: Some(owner), .. }) = job {
        match cancel_rest(app, &after, reason, &actor, Count::default(), &mut |_, _| ()).await {
            Ok(_) => ended(app, job, owner, planned.plan.affected).await,
            Err(error) => {
                tracing::warn!(%error, event = %id, %job, "bookings of a withdrawn event are left to its job");
            }
        }
    }
    let status = meta.idempotency.as_ref().map_or(200, |key| key.status);
    Ok(Done {
        status,
        body: body.into(),
        position,
        replayed: false,
        booking: None,
        case: None,
        changed: bookings,
    })
}

/// Returns the job that does what a plan says: it withdraws the offering, and cancels what is booked of it.
#[must_use]
pub fn job_of(planned: &CancelPlan) -> JobPlan {
    let CancelPlan { plan, offering, reason } = planned;
    let spec = JobSpec::Withdraw(WithdrawSpec { offering: offering.facts.id, reason: reason.clone() });
    JobPlan { plan: plan.clone(), spec, total: i64::try_from(plan.affected).ok(), rate: None }
}

/// Writes down that a job is done that was done here. If that fails, another does it again, and finds nothing to do.
async fn ended(app: &App, job: uuid::Uuid, owner: uuid::Uuid, done: usize) {
    let (db, now) = (&app.stores.write, app.clock.now());
    let done = i64::try_from(done).unwrap_or(i64::MAX);
    let outcome = Some(withdrawn(done));
    let progress = JobProgress { done, total: Some(done), cursor: None, outcome: outcome.clone() };
    let written = async {
        job_rows::progress(db, job, owner, &progress, now).await?;
        job_rows::finish(db, job, owner, JobState::Done, outcome, None, now).await
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, %job, "that a job is done could not be written down; it is looked at again");
    }
}

/// What came of a withdrawal, as a sentence: so many things were cancelled.
pub(crate) fn withdrawn(done: i64) -> String {
    format!("{done} cancelled, with what was booked")
}

/// What a batch of a withdrawal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// How many things were cancelled: the offering itself, or bookings of it.
    pub done: usize,
    /// Whether nothing is left.
    pub is_last: bool,
}

/// Withdraws an offering if nobody has; else cancels up to `batch` of its bookings.
///
/// # Errors
/// What the store says; [`OpsError::WorldMoved`] and the like where buyers were faster: the next call looks again.
pub(crate) async fn cancel_batch(
    app: &App,
    id: OfferingId,
    reason: &str,
    actor: &Actor,
    batch: usize,
) -> Result<Batch, OpsError> {
    let found = offerings::with_seats(&app.stores.write, &[id]).await?.pop();
    let unknown = || AppError::from(Rejection::UnknownOffering { id: id.to_string() });
    let (offering, occupancy) = found.ok_or_else(unknown)?;
    if offering.facts.status == OfferingStatus::Open {
        let plan = CancelPlan { plan: Plan::new("", Vec::new()), offering, reason: reason.to_owned() };
        withdraw(app, &plan, actor, None, None).await?;
        return Ok(Batch { done: 1, is_last: false });
    }
    let now = app.clock.now();
    let lapsed: HashSet<BookingId> = occupancy.lapsed(now).collect();
    let ids = occupancy.booking_ids().into_iter().filter(|id| !lapsed.contains(id)).take(batch);
    let bookings = cancel_bookings(app, &offering.facts, ids.collect(), reason).await?;
    if bookings.plan.affected == 0 {
        return Ok(Batch { done: 0, is_last: true });
    }
    match super::bookings::execute(app, bookings, actor, None, &mut |_, _| ()).await {
        Ok(executed) => Ok(Batch { done: executed.done.len(), is_last: false }),
        // A buyer was faster: the next batch looks again.
        Err(error) if has_moved(&error) => Ok(Batch { done: 0, is_last: false }),
        Err(error) => Err(error),
    }
}

async fn withdraw(
    app: &App,
    plan: &CancelPlan,
    actor: &Actor,
    answer: Option<(&IdempotencyKey, &str)>,
    job: Option<&NewJob>,
) -> Result<i64, OpsError> {
    let facts = &plan.offering.facts;
    let stored = catalog::offerings(&app.stores.write, &[facts.id]).await?;
    let moved = || OpsError::WorldMoved { what: format!("{} {}", facts.kind.noun(), facts.id) };
    let row = stored.get(&facts.id.0).filter(|row| row.value == *facts).ok_or_else(moved)?;
    let (row, event) = as_withdrawn(row.clone(), &plan.reason);
    let correlation_id = actor.correlation();
    let entry = LogEntry {
        position: 0,
        stream_id: facts.id.0,
        stream_version: row.version,
        recorded_at: app.clock.now(),
        actor: actor.name.clone(),
        causation_id: Some(correlation_id.clone()),
        correlation_id,
        event: Event::Catalog(event),
    };
    let mut tx = app.stores.write.begin().await?;
    catalog::put_offerings(&mut tx, &[row]).await?;
    match batch::append(&mut tx, vec![entry]).await {
        Ok(position) => {
            if let Some((key, body)) = answer {
                let answer = StoredAnswer {
                    caller: key.caller.clone(),
                    key: key.key.clone(),
                    request_hash: key.request_hash.to_vec(),
                    status: i32::from(key.status),
                    data: body.to_owned(),
                    position,
                };
                idempotency::put(&mut tx, answer, app.clock.now()).await?;
            }
            if let Some(job) = job {
                job_rows::create_in(&mut tx, job).await?;
            }
            tx.commit().await?;
            app.wrote.notify_one();
            Ok(position)
        }
        Err(StoreError::Conflict { .. }) => Err(moved()),
        Err(error) => Err(error.into()),
    }
}

/// What becomes of an offering that is withdrawn, and the event that says so. A listing gets a new version: that is how
/// its topic tells of it.
fn as_withdrawn(row: Versioned<OfferingFacts>, reason: &str) -> (Versioned<OfferingFacts>, CatalogEvent) {
    match row.value.kind {
        OfferingKind::Departure | OfferingKind::Event => {
            let Versioned { mut value, version } = row;
            value.status = OfferingStatus::Cancelled;
            let event = OfferingCancelled { id: value.id, reason: reason.to_owned() };
            (Versioned { value, version: version + 1 }, CatalogEvent::OfferingCancelled(event))
        }
        OfferingKind::Listing => {
            let row = listings::withdrawn(row, Some(reason.to_owned()));
            let event = CatalogEvent::OfferingDefined(Box::new(row.value.clone()));
            (row, event)
        }
    }
}
