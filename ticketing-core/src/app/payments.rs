//! The commands of payments: pay a booking, charge for anything, give back. Money itself moves later, when the
//! saga's attempts are run; each of these only says that it is to.

use super::commands::append;
use super::{App, AppError};
use crate::domain::booking::rejection::Rejection;
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use crate::domain::money::Money;
use crate::domain::payment::Payment;
use crate::engine::{Done, Meta, SagaAnswer, Work};
use crate::saga::{Answer, Input, NewCharge, Notice, OperatorMove};
use crate::store::sagas::Message;
use crate::store::{bookings, payments};
use uuid::Uuid;

/// Makes a charge with new ids.
pub(super) fn new_charge(
    app: &App,
    token: String,
    reference: String,
    user_id: UserId,
    amount: Option<Money>,
) -> NewCharge {
    NewCharge {
        payment_id: PaymentId(Uuid::now_v7()),
        attempt_id: AttemptId(Uuid::now_v7()),
        token,
        provider: app.engine.provider().to_owned(),
        user_id,
        reference,
        amount,
    }
}

/// Pays a booking that is held, its own price. With an `owner`, another's booking is unknown. The answer is the
/// booking with its payment, which is `PENDING`: the saga goes on by itself.
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn pay(
    app: &App,
    booking_id: BookingId,
    token: String,
    payer: UserId,
    owner: Option<UserId>,
    meta: Meta,
) -> Result<Done, AppError> {
    let charge = new_charge(app, token, booking_id.to_string(), payer, None);
    let work = Work::Saga {
        saga_id: booking_id.into(),
        input: Input::Pay(charge),
        owner,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Booking,
    };
    Ok(append(app, work, meta).await?)
}

/// Charges for a booking, if `reference` names one of the payer's (or, without an `owner`, anybody's), else for
/// whatever the caller means by it. For a booking the amount must be its own. The answer is the payment, which is
/// `PENDING`.
///
/// # Errors
/// As [`pay`]; what the store says.
pub async fn charge(
    app: &App,
    reference: String,
    amount: Money,
    token: String,
    payer: UserId,
    owner: Option<UserId>,
    meta: Meta,
) -> Result<Done, AppError> {
    let mut charge = new_charge(app, token, reference, payer, Some(amount));
    let mut saga_id = SagaId::from(charge.payment_id);
    if let Ok(id) = Uuid::parse_str(&charge.reference)
        && let Some(booking) = bookings::load(&app.stores.write, &[BookingId(id)]).await?.first()
    {
        if owner.as_ref().is_some_and(|owner| *owner != booking.user_id) {
            return Err(Rejection::UnknownBooking { id: charge.reference }.into());
        }
        charge.reference = booking.id.to_string();
        saga_id = booking.id.into();
    }
    let work = Work::Saga {
        saga_id,
        input: Input::Pay(charge),
        owner,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Payment,
    };
    Ok(append(app, work, meta).await?)
}

/// Returns a payment by its id, or by the id that an outside service gave it.
///
/// # Errors
/// What the store says.
pub async fn find(app: &App, id: &str) -> Result<Option<Payment>, AppError> {
    Ok(named(app, id).await?.pop())
}

/// The same, if it is the owner's: they paid it, or it pays a booking of theirs. Another's is unknown.
///
/// # Errors
/// What the store says.
pub async fn find_own(app: &App, id: &str, owner: &UserId) -> Result<Option<Payment>, AppError> {
    for payment in named(app, id).await?.into_iter().rev() {
        let is_theirs = payment.user_id == *owner
            || match payment.booking_id {
                Some(id) => {
                    bookings::load(&app.stores.write, &[id]).await?.iter().any(|b| b.user_id == *owner)
                }
                None => false,
            };
        if is_theirs {
            return Ok(Some(payment));
        }
    }
    Ok(None)
}

/// The payments that `id` may mean: one by its own id, or all to which outside services gave it.
async fn named(app: &App, id: &str) -> Result<Vec<Payment>, AppError> {
    let db = &app.stores.write;
    if let Ok(uuid) = Uuid::parse_str(id) {
        let found = payments::load(db, &[PaymentId(uuid)]).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(payments::by_external_id(db, id).await?)
}

/// Gives back some or, without an amount (in minor units), all that is left of a payment. With an `owner`, another's
/// payment is unknown. All of a confirmed booking's money back cancels the booking. The answer is the payment.
///
/// # Errors
/// The rule that forbids it, or that the engine or store can't take it now.
pub async fn refund(
    app: &App,
    id: &str,
    amount_minor: Option<i64>,
    reason: Option<String>,
    owner: Option<UserId>,
    meta: Meta,
) -> Result<Done, AppError> {
    let unknown = || Rejection::UnknownPayment { id: id.to_owned() };
    let payment = find(app, id).await?.ok_or_else(unknown)?;
    if owner.as_ref().is_some_and(|owner| *owner != payment.user_id) {
        return Err(unknown().into());
    }
    let input =
        Input::Refund { payment_id: payment.id, attempt_id: AttemptId(Uuid::now_v7()), amount_minor, reason };
    let work = Work::Saga {
        saga_id: payment.saga_id,
        input,
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Payment,
    };
    Ok(append(app, work, meta).await?)
}

/// Returns the payment that is this charge at Stripe.
///
/// # Errors
/// What the store says.
pub async fn find_of_stripe(app: &App, provider_ref: &str) -> Result<Option<Payment>, AppError> {
    Ok(payments::of_stripe(&app.stores.write, provider_ref).await?.pop())
}

/// Hands a provider's answer to the saga that asked, once: a message that was told before does nothing. `None` if
/// none of ours asked.
///
/// # Errors
/// The engine or store can't take it now.
pub async fn answered(
    app: &App,
    attempt_id: AttemptId,
    answer: Answer,
    message: Message,
    meta: Meta,
) -> Result<Option<Done>, AppError> {
    let Some(attempt) = payments::attempts(&app.stores.write, &[attempt_id]).await?.pop() else {
        return Ok(None);
    };
    let work = Work::Saga {
        saga_id: attempt.saga_id,
        input: Input::Answered { attempt_id, answer },
        owner: None,
        expected_version: None,
        message: Some(message),
        answer: SagaAnswer::Nothing,
    };
    Ok(Some(append(app, work, meta).await?))
}

/// Takes what an outside payment service tells of a booking, or of a payment for none, once: a message that was told
/// before does nothing.
///
/// # Errors
/// The booking is unknown, or the engine or store can't take it now.
pub async fn told(
    app: &App,
    saga_id: impl Into<SagaId>,
    provider: &str,
    notice: Notice,
    message: Message,
    meta: Meta,
) -> Result<Done, AppError> {
    let work = Work::Saga {
        saga_id: saga_id.into(),
        input: Input::Told { provider: provider.to_owned(), notice },
        owner: None,
        expected_version: None,
        message: Some(message),
        answer: SagaAnswer::Nothing,
    };
    Ok(append(app, work, meta).await?)
}

/// Moves a saga by hand, if it is still as it was looked at.
///
/// # Errors
/// The rule that forbids it, that it has moved since, or that the engine or store can't take it now.
pub async fn operate(
    app: &App,
    saga_id: SagaId,
    version: u32,
    action: OperatorMove,
    reason: String,
    meta: Meta,
) -> Result<Done, AppError> {
    let work = Work::Saga {
        saga_id,
        input: Input::Operator { action, reason },
        owner: None,
        expected_version: Some(version),
        message: None,
        answer: SagaAnswer::Nothing,
    };
    Ok(append(app, work, meta).await?)
}
