//! What an operator can do to a saga or a payment: ask the provider again, give seats and money back, close it as it
//! is, refund. The plan is computed by the saga's own rules, and executed only on the saga as it was looked at.

use super::bookings::BookingPlan;
use super::sagas::{self, money_left};
use super::{OpsError, Plan, PlanChange, payments};
use crate::app::{App, AppError};
use crate::domain::booking::event::{BookingEvent, Expired};
use crate::domain::booking::state::evolve;
use crate::domain::id::{AttemptId, PaymentId, SagaId};
use crate::domain::money::Money;
use crate::domain::payment::{Attempt, AttemptKind};
use crate::domain::time::Timestamp;
use crate::engine::SagaAnswer;
use crate::projection::bodies;
use crate::saga::plan::By;
use crate::saga::{Case, Input, OperatorMove, Park, advance};
use serde_json::{Map, Value};
use uuid::Uuid;

/// One input for one saga, as it was looked at.
#[derive(Clone, Debug)]
pub(super) struct SagaStep {
    pub(super) saga_id: SagaId,
    pub(super) version: u32,
    pub(super) input: Input,
    pub(super) answer: SagaAnswer,
}

/// Plans the same move for each of these sagas.
///
/// # Errors
/// [`AppError::NotFound`] for the first that is not there; the rule that forbids it for one of them; what the store
/// says.
pub async fn plan_move(
    app: &App,
    action: OperatorMove,
    ids: &[SagaId],
    reason: &str,
) -> Result<BookingPlan, OpsError> {
    let (mut changes, mut steps) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
    for id in ids {
        let case = sagas::one(app, *id).await?.case;
        let input = Input::Operator { action, reason: reason.to_owned() };
        let leaves = match action {
            OperatorMove::Retry | OperatorMove::Compensate => None,
            OperatorMove::Abandon => Some(
                money_left(&case, app.clock.now()).unwrap_or_else(|| "no money is left between".to_owned()),
            ),
        };
        let version = case.saga.version;
        let change = change_of(case, &input, leaves, app.clock.now());
        if let Some(change) = change.map_err(|error| error.of("saga", id))? {
            changes.push(change);
            steps.push(SagaStep { saga_id: *id, version, input, answer: SagaAnswer::Nothing });
        }
    }
    let plan = Plan::new(&format!("saga {}", action.word()), changes);
    Ok(BookingPlan::of_sagas(plan, steps))
}

/// Plans to give back some or, without an amount, all that is left of a payment. All of a confirmed booking's money
/// cancels the booking: the plan shows it.
///
/// # Errors
/// [`AppError::NotFound`]; the rule that forbids it; what the store says.
pub async fn plan_refund(
    app: &App,
    id: PaymentId,
    amount: Option<Money>,
    reason: Option<&str>,
) -> Result<BookingPlan, OpsError> {
    let payment = payments::one(app, id).await?;
    if let Some(amount) = amount
        && amount.currency != payment.amount.currency
    {
        let was = payment.amount.currency;
        return Err(OpsError::Invalid(format!("the payment is in {was}, not in {}", amount.currency)));
    }
    let case = sagas::one(app, payment.saga_id).await?.case;
    let version = case.saga.version;
    let input = Input::Refund {
        payment_id: id,
        attempt_id: AttemptId(Uuid::now_v7()),
        amount_minor: amount.map(|amount| amount.amount_minor),
        reason: reason.map(str::to_owned),
    };
    let change = change_of(case, &input, None, app.clock.now());
    let change = change.map_err(|error| error.of("payment", &id))?;
    let steps = change.iter().map(|_| SagaStep {
        saga_id: payment.saga_id,
        version,
        input: input.clone(),
        answer: SagaAnswer::Payment,
    });
    let steps = steps.collect();
    let changes = change.into_iter().map(|change| PlanChange {
        kind: "payment".into(),
        id: Some(id.to_string()),
        ..change
    });
    Ok(BookingPlan::of_sagas(Plan::new("payment refund", changes.collect()), steps))
}

/// Says what an input does to a saga: how its money and seats stand before and after. `None` if nothing changes.
fn change_of(
    case: Case,
    input: &Input,
    leaves: Option<String>,
    now: Timestamp,
) -> Result<Option<PlanChange>, OpsError> {
    let case = as_the_engine_sees_it(case, now)?;
    let before = standing(&case, now);
    let id = case.saga.id;
    let attempts = case.attempts.clone();
    // Only money that comes in takes seats again; none of these moves brings any.
    let advanced = advance(case, input, BY, now, &mut |_| None).map_err(AppError::from)?;
    if advanced.step.is_none() {
        return Ok(None);
    }
    let mut after = standing(&advanced.case, now);
    if is_asked_already(input, &attempts, &advanced.case.attempts) && is_same_but_for_when(&before, &after) {
        return Ok(None);
    }
    if let Some(leaves) = leaves {
        after.insert("leaves".into(), leaves.into());
    }
    let side = |fields: Map<String, Value>| Some(bodies::raw(Value::Object(fields).to_string()));
    Ok(Some(PlanChange {
        kind: "saga".into(),
        id: Some(id.to_string()),
        before: side(before),
        after: side(after),
    }))
}

/// Whether an operator's move would only ask again, sooner, what the provider is being asked anyhow. A retry that
/// begins to count unclear answers anew is more than that.
fn is_asked_already(input: &Input, before: &[Attempt], after: &[Attempt]) -> bool {
    let counts_tries = match input {
        Input::Operator { action: OperatorMove::Compensate, .. } => false,
        Input::Operator { action: OperatorMove::Retry, .. } => true,
        Input::Operator { action: OperatorMove::Abandon, .. }
        | Input::Booked { .. }
        | Input::Pay(_)
        | Input::Answered { .. }
        | Input::Told { .. }
        | Input::Vouched { .. }
        | Input::Refund { .. }
        | Input::Confirmed
        | Input::Ended => return false,
    };
    let is_same = |(before, after): (&Attempt, &Attempt)| {
        before.id == after.id && before.state == after.state && (!counts_tries || before.tries == after.tries)
    };
    before.len() == after.len() && before.iter().zip(after).all(is_same)
}

/// Whether nothing but the next time differs.
fn is_same_but_for_when(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    before.iter().all(|(key, value)| key == "nextAt" || after.get(key) == Some(value))
}

/// Who a plan's steps name; they are not kept.
const BY: By<'_> = By { actor: "plan", correlation_id: "plan" };

/// A hold that has ended is over, whether or not a worker has been by.
fn as_the_engine_sees_it(mut case: Case, now: Timestamp) -> Result<Case, OpsError> {
    match case.booking.take() {
        Some(booking) if booking.state.is_hold() && booking.hold_expires_at <= now => {
            let (id, offering_id) = (booking.id, booking.offering_id);
            let event = BookingEvent::TicketExpired(Expired { offering_id, reason: None });
            case.booking = evolve(Some(booking), id, &event, now);
            Ok(advance(case, &Input::Ended, BY, now, &mut |_| None).map_err(AppError::from)?.case)
        }
        booking => {
            case.booking = booking;
            Ok(case)
        }
    }
}

/// How a saga's money and seats stand, as a plan shows it.
fn standing(case: &Case, now: Timestamp) -> Map<String, Value> {
    let saga = &case.saga;
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<String>| {
        out.insert(key.to_owned(), value.map_or(Value::Null, Value::from));
    };
    put("state", Some(saga.state.word().into()));
    put("park", saga.park.map(|park: Park| park.word().into()));
    put("bookingStatus", case.booking.as_ref().map(|booking| booking.state_at(now).word().into()));
    put("lastError", saga.last_error.clone());
    put("nextAt", saga.next_at.map(|at| at.to_string()));
    put("captured", sum(case.payments.iter().map(|p| (p.captured_minor, p.amount))));
    put("refunded", sum(case.payments.iter().map(|p| (p.refunded_minor, p.amount))));
    let open = |kind: AttemptKind| {
        let open = case.attempts.iter().filter(move |a| a.kind == kind && a.state.is_open());
        sum(open.map(|a| (a.amount.amount_minor, a.amount)))
    };
    put("charging", open(AttemptKind::Charge));
    put("refunding", open(AttemptKind::Refund));
    out
}

/// Adds up amounts: `1.80 USD`, or `1.80 USD + 2.00 EUR` where a saga has seen two currencies; `None` for none.
fn sum(amounts: impl Iterator<Item = (i64, Money)>) -> Option<String> {
    let mut sums: Vec<Money> = Vec::new();
    for (amount_minor, of) in amounts {
        match sums.iter_mut().find(|sum| sum.currency == of.currency) {
            Some(sum) => sum.amount_minor += amount_minor,
            None => sums.push(Money { amount_minor, currency: of.currency }),
        }
    }
    let texts: Vec<String> = sums.iter().map(Money::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" + "))
}
