//! Payment sagas as operators see them: where each stands, whether it is stuck, and the one safe thing to do.
//!
//! Reads the write store, where alone they are. Nothing is changed here.

use super::filter::{FieldKind, FieldSpec, Filter, Value};
use super::payments::{AttemptBody, PaymentBody, attempt_body, payment_body};
use super::time_range::format_duration;
use super::{OpsError, lookup};
use crate::app::{App, AppError};
use crate::domain::booking::state::BookingState;
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId};
use crate::domain::payment::{AttemptKind, AttemptState};
use crate::domain::time::Timestamp;
use crate::saga::definition::TRIES_MAX;
use crate::saga::{Case, Park, SagaState, StepRecord};
use crate::store::drills::{self, Drill};
use crate::store::{bookings, sagas};
use serde::Serialize;
use std::collections::HashMap;

/// Sagas of one page of a list.
pub const PAGE: i64 = 1_000;
/// So many sagas of one state are looked at to find those that are stuck, the longest standing first.
pub const STUCK_MAX: i64 = 100_000;
/// A try that is overdue by so many milliseconds says that nobody runs it.
const OVERDUE_MS: i64 = 10_000;

/// A saga with its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaRow {
    /// The saga, its payments and attempts.
    pub case: Case,
    /// Its steps, in order.
    pub steps: Vec<StepRecord>,
}

/// Walks all sagas, the newest first. Start with `None`, go on with the last one's id; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, after: Option<SagaId>) -> Result<Vec<SagaRow>, OpsError> {
    let found = sagas::newest(&app.stores.write, after, PAGE).await?;
    rows(app, &found.iter().map(|saga| saga.id).collect::<Vec<_>>()).await
}

/// Returns the ids of the sagas that are stuck, those that have stood still the longest first.
///
/// # Errors
/// What the store says.
pub async fn stuck(app: &App) -> Result<Vec<SagaId>, OpsError> {
    let now = app.clock.now();
    let mut found = Vec::new();
    for state in SagaState::ALL {
        if let Some(limit) = state.limit_ms() {
            let since = Timestamp::from_millis(now.as_millis() - limit);
            found.extend(sagas::standing(&app.stores.write, state, since, STUCK_MAX).await?);
        }
    }
    found.retain(|saga| saga.is_stuck(now));
    found.sort_by_key(|saga| (saga.moved_at, saga.id));
    Ok(found.into_iter().map(|saga| saga.id).collect())
}

/// Returns these sagas with their steps, in this order, those that exist; without their bookings.
///
/// # Errors
/// What the store says.
pub async fn rows(app: &App, ids: &[SagaId]) -> Result<Vec<SagaRow>, OpsError> {
    let db = &app.stores.write;
    let cases = sagas::cases(db, ids).await?;
    let mut cases: HashMap<SagaId, Case> = cases.into_iter().map(|case| (case.saga.id, case)).collect();
    let mut steps: HashMap<SagaId, Vec<StepRecord>> = HashMap::new();
    for step in sagas::steps_of(db, ids).await? {
        steps.entry(step.saga_id).or_default().push(step);
    }
    let row = |id: &SagaId| {
        let case = cases.remove(id)?;
        Some(SagaRow { case, steps: steps.remove(id).unwrap_or_default() })
    };
    Ok(ids.iter().filter_map(row).collect())
}

/// Returns one saga with its booking.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn one(app: &App, id: SagaId) -> Result<SagaRow, OpsError> {
    let not_found = || AppError::NotFound { what: "saga", id: id.to_string() };
    let mut row = rows(app, &[id]).await?.pop().ok_or_else(not_found)?;
    if let Some(booking_id) = row.case.saga.booking_id {
        row.case.booking = bookings::load(&app.stores.write, &[booking_id]).await?.pop();
    }
    Ok(row)
}

/// Returns how many characters of these sagas' ids tell each from every other saga.
///
/// # Errors
/// What the store says.
pub async fn prefix_len(app: &App, ids: &[SagaId]) -> Result<usize, OpsError> {
    let ids = ids.iter().map(|id| id.0).collect();
    Ok(lookup::prefix_len(&sagas::neighbours(&app.stores.write, ids).await?))
}

/// A saga as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SagaBody {
    /// Its id.
    pub id: SagaId,
    /// Its booking; none for a charge for something else.
    pub booking_id: Option<BookingId>,
    /// Where it stands.
    pub state: &'static str,
    /// What happened last.
    pub step: String,
    /// How many charges were tried.
    pub attempts: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When something is due by itself.
    pub next_at: Option<Timestamp>,
    /// Whether it makes no progress where it should.
    pub stuck: bool,
    /// Why it counts as stuck.
    pub stuck_reason: Option<String>,
    /// The one safe thing to do about it, as a command.
    pub safe_action: Option<String>,
    /// What was written down of it, in order.
    pub steps: Vec<StepBody>,
}

/// A step as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepBody {
    /// Its number, from 1.
    pub no: u32,
    /// When.
    pub at: Timestamp,
    /// What came in.
    pub what: String,
    /// Where the saga stood after it.
    pub state: &'static str,
    /// The attempt that it is about.
    pub attempt_id: Option<AttemptId>,
    /// A decline's words, an operator's reason.
    pub note: Option<String>,
    /// Who acted.
    pub actor: String,
    /// The request that it follows from.
    pub correlation_id: String,
}

/// A saga with everything about it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SagaDetails {
    /// What lists show.
    #[serde(flatten)]
    pub saga: SagaBody,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed its state.
    pub moved_at: Timestamp,
    /// How often it changed.
    pub version: u32,
    /// Why a person must decide, in one word.
    pub park: Option<&'static str>,
    /// Where its booking stands.
    pub booking_status: Option<&'static str>,
    /// The payment at hand.
    pub payment_id: Option<PaymentId>,
    /// The request that it follows from.
    pub correlation_id: String,
    /// Its payments, the first one first.
    pub payments: Vec<PaymentBody>,
    /// What was asked of providers, the first one first.
    pub provider_calls: Vec<AttemptBody>,
    /// What happens next by itself.
    pub timers: Vec<Timer>,
    /// The faults to rehearse that wait for it.
    pub drills: Vec<DrillBody>,
}

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    /// When; `None` where another service decides that.
    pub at: Option<Timestamp>,
    /// What.
    pub what: String,
}

/// A fault to rehearse, as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillBody {
    /// Its id.
    pub id: uuid::Uuid,
    /// `charge` or `refund`.
    pub step: &'static str,
    /// `timeout`, `decline` or `error`.
    pub kind: &'static str,
    /// How many times more.
    pub times_left: u32,
}

/// Returns a fault as users see it.
#[must_use]
pub fn drill_body(drill: &Drill) -> DrillBody {
    let Drill { id, step, fault, times_left, .. } = drill;
    DrillBody { id: *id, step: step.word(), kind: fault.word(), times_left: *times_left }
}

/// Returns a saga as users see it in a list.
#[must_use]
pub fn body(row: &SagaRow, now: Timestamp) -> SagaBody {
    let saga = &row.case.saga;
    let stuck = saga.is_stuck(now);
    SagaBody {
        id: saga.id,
        booking_id: saga.booking_id,
        state: saga.state.word(),
        step: row.steps.last().map_or_else(|| "booked".to_owned(), |step| step.input.clone()),
        attempts: saga.attempts,
        last_error: saga.last_error.clone(),
        next_at: saga.next_at,
        stuck,
        stuck_reason: stuck.then(|| stuck_reason(&row.case, now)),
        safe_action: stuck.then(|| safe_action(&row.case)),
        steps: row.steps.iter().map(step_body).collect(),
    }
}

fn step_body(step: &StepRecord) -> StepBody {
    StepBody {
        no: step.no,
        at: step.at,
        what: step.input.clone(),
        state: step.state.word(),
        attempt_id: step.attempt_id,
        note: step.note.clone(),
        actor: step.actor.clone(),
        correlation_id: step.correlation_id.clone(),
    }
}

/// Returns a saga with everything about it, as users see it.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn details(app: &App, id: SagaId) -> Result<SagaDetails, OpsError> {
    let row = one(app, id).await?;
    let now = app.clock.now();
    let (case, saga) = (&row.case, &row.case.saga);
    Ok(SagaDetails {
        saga: body(&row, now),
        created_at: saga.created_at,
        moved_at: saga.moved_at,
        version: saga.version,
        park: saga.park.map(Park::word),
        booking_status: case.booking.as_ref().map(|booking| booking.state_at(now).word()),
        payment_id: saga.payment_id,
        correlation_id: saga.correlation_id.clone(),
        payments: case.payments.iter().map(payment_body).collect(),
        provider_calls: case.attempts.iter().map(attempt_body).collect(),
        timers: timers(case, now),
        drills: drills::waiting(&app.stores.write, id).await?.iter().map(drill_body).collect(),
    })
}

/// Why it counts as stuck.
fn stuck_reason(case: &Case, now: Timestamp) -> String {
    let saga = &case.saga;
    if let Some(park) = saga.park {
        return park.message().to_owned();
    }
    let stands = format_duration((now.as_millis() - saga.moved_at.as_millis()) / 1000 * 1000);
    let limit = format_duration(saga.state.limit_ms().unwrap_or(0));
    let mut reason = format!("It has been {} for {stands}, where {limit} is the limit", saga.state.word());
    let overdue = |at: Timestamp| now.as_millis() - at.as_millis() >= OVERDUE_MS;
    if case.attempts.iter().any(|a| a.state == AttemptState::Due && a.next_at.is_some_and(overdue)) {
        reason.push_str(": its next try is overdue, so no saga worker seems to run");
    } else if case.attempts.iter().any(|a| a.state == AttemptState::Awaited) {
        reason.push_str(": the outside payment service has not told how it ended");
    } else if let Some(error) = &saga.last_error {
        reason.push_str(": ");
        reason.push_str(error);
    }
    reason.push('.');
    reason
}

/// The one safe thing to do. Asking a provider again never charges or refunds twice.
fn safe_action(case: &Case) -> String {
    let saga = &case.saga;
    match saga.park {
        Some(park) => format!("ticketctl saga {} {}", park.safe_action(), saga.id),
        None if can_retry(case) => format!("ticketctl saga retry {}", saga.id),
        None => format!("ticketctl why {}", saga.id),
    }
}

/// Whether there is something to ask the provider again.
fn can_retry(case: &Case) -> bool {
    case.attempts.iter().any(|a| matches!(a.state, AttemptState::Due | AttemptState::Unclear))
}

/// Returns what happens next by itself to a saga whose booking is loaded, the soonest first.
#[must_use]
pub fn timers(case: &Case, now: Timestamp) -> Vec<Timer> {
    let mut timers = Vec::new();
    for attempt in &case.attempts {
        let what = format!("the {} of {}", attempt.kind.word(), attempt.amount);
        match attempt.state {
            AttemptState::Due if attempt.in_doubt => timers.push(Timer {
                at: attempt.next_at,
                what: format!(
                    "the provider is asked what became of {what} (unclear {} of {TRIES_MAX} times)",
                    attempt.tries
                ),
            }),
            AttemptState::Due => {
                timers.push(Timer { at: attempt.next_at, what: format!("{what} is sent to the provider") });
            }
            AttemptState::Awaited => {
                timers.push(Timer { at: None, what: format!("an outside service tells how {what} ended") });
            }
            AttemptState::Succeeded
            | AttemptState::Declined
            | AttemptState::Dropped
            | AttemptState::Unclear => {}
        }
    }
    if let Some(booking) = &case.booking
        && booking.state_at(now).is_hold()
    {
        let at = Some(booking.hold_expires_at);
        timers.push(Timer { at, what: "the hold ends, and its seats are free for others".into() });
    }
    if let Some(limit) = case.saga.state.limit_ms()
        && !case.saga.is_stuck(now)
    {
        let at = Timestamp::from_millis(case.saga.moved_at.as_millis() + limit);
        timers.push(Timer { at: Some(at), what: "without progress it counts as stuck".into() });
    }
    timers.sort_by_key(|timer| (timer.at.is_none(), timer.at));
    timers
}

const STATES: &[&str] = &[
    "AWAITING_PAYMENT",
    "CHARGING",
    "CONFIRMED",
    "RELEASING",
    "REFUNDING",
    "CANCELLED",
    "EXPIRED",
    "REFUNDED",
    "PARKED",
];
const TRUTH: &[&str] = &["true", "false"];

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields of a saga, as `--query` and the dashboard's `/` name them.
pub const SAGA_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("state", FieldKind::Word(STATES)),
    field("stuck", FieldKind::Word(TRUTH)),
    field("booking", FieldKind::Text),
    field("payment", FieldKind::Text),
    field("step", FieldKind::Text),
    field("attempts", FieldKind::Number),
    field("age", FieldKind::Duration),
    field("still", FieldKind::Duration),
    field("next", FieldKind::Time),
    field("error", FieldKind::Text),
    field("provider", FieldKind::Text),
    field("correlation", FieldKind::Text),
];

/// Returns what a saga has in a field of [`SAGA_FIELDS`] at `now`.
#[must_use]
pub fn saga_value<'r>(row: &'r SagaRow, field: &str, now: Timestamp) -> Value<'r> {
    let saga = &row.case.saga;
    let since = |at: Timestamp| Value::Duration(now.as_millis().saturating_sub(at.as_millis()));
    match field {
        "id" => saga.id.to_string().into(),
        "state" => saga.state.word().into(),
        "stuck" => if saga.is_stuck(now) { "true" } else { "false" }.into(),
        "booking" => saga.booking_id.map_or(Value::Missing, |id| id.to_string().into()),
        "payment" => saga.payment_id.map_or(Value::Missing, |id| id.to_string().into()),
        "step" => row.steps.last().map_or("booked", |step| step.input.as_str()).into(),
        "attempts" => Value::Number(i64::from(saga.attempts)),
        "age" => since(saga.created_at),
        "still" => since(saga.moved_at),
        "next" => saga.next_at.map_or(Value::Missing, Value::Time),
        "error" => saga.last_error.as_deref().map_or(Value::Missing, Value::from),
        "provider" => row.case.payments.last().map_or(Value::Missing, |p| p.provider.as_str().into()),
        "correlation" => saga.correlation_id.as_str().into(),
        _ => Value::Missing,
    }
}

/// Whether a saga passes a filter that was parsed against [`SAGA_FIELDS`].
#[must_use]
pub fn passes(filter: &Filter, row: &SagaRow, now: Timestamp) -> bool {
    filter.matches(now, |field| saga_value(row, field, now))
}

/// What is owed, taken or on its way when a saga is left alone from now on; `None` if no money is touched.
#[must_use]
pub fn money_left(case: &Case, now: Timestamp) -> Option<String> {
    let mut parts = Vec::new();
    let confirmed = case.booking.as_ref().filter(|b| b.state_at(now) == BookingState::Confirmed);
    for payment in &case.payments {
        let stands = confirmed.is_some_and(|b| b.payment_id.as_ref() == Some(&payment.public_id()));
        let kept = crate::domain::money::Money {
            amount_minor: payment.kept_minor(),
            currency: payment.amount.currency,
        };
        if kept.amount_minor > 0 && !stands {
            parts.push(format!("{kept} of payment {} stay captured and are not given back", payment.id));
        }
    }
    for attempt in case.attempts.iter().filter(|a| a.state.is_open()) {
        match attempt.kind {
            AttemptKind::Charge => parts.push(format!(
                "{} of charge {} may have been taken, and nobody asks any more",
                attempt.amount, attempt.id
            )),
            AttemptKind::Refund => parts.push(format!(
                "{} of refund {} may not have been paid, and nobody asks any more",
                attempt.amount, attempt.id
            )),
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
