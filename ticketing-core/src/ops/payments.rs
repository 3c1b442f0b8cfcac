//! Payments as operators see them, with what was asked of the providers, and the books.
//!
//! Reads the write store, where alone they are. Nothing is changed here.

use super::filter::{FieldKind, FieldSpec, Filter, Value};
use super::{OpsError, lookup};
use crate::app::{App, AppError};
use crate::domain::id::{AttemptId, BookingId, PaymentId, SagaId, UserId};
use crate::domain::money::{Currency, Money};
use crate::domain::payment::{Attempt, Payment};
use crate::domain::time::Timestamp;
use crate::store::{payments, sagas};
use serde::Serialize;
use serde_json::value::RawValue;

/// Payments of one page of a list.
pub const PAGE: i64 = 1_000;

/// A payment as users see it: the fields of `/v1`, under their names, and what operators need besides. Amounts are in
/// its currency, those of `/v1` in minor units.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody {
    /// Its id.
    pub id: PaymentId,
    /// The id that an outside payment service gave it.
    pub external_id: Option<String>,
    /// The booking that it pays.
    pub booking_id: Option<BookingId>,
    /// What the caller calls the thing paid.
    pub reference: String,
    /// The same, as `/v1` names it.
    #[serde(rename = "merchant_order_id")]
    pub merchant_order_id: String,
    /// What was asked for, or captured, as `/v1` tells it.
    #[serde(rename = "amount_cents")]
    pub amount_cents: i64,
    /// What was given back, as `/v1` tells it.
    #[serde(rename = "refunded_cents")]
    pub refunded_cents: i64,
    /// Who pays.
    pub user_id: UserId,
    /// What became of it.
    pub status: &'static str,
    /// What was asked for.
    pub amount: Box<RawValue>,
    /// Of all its amounts.
    pub currency: Currency,
    /// What was captured.
    pub captured: Box<RawValue>,
    /// What was given back of it.
    pub refunded: Box<RawValue>,
    /// Which provider.
    pub provider: String,
    /// The provider's own name for it.
    pub provider_ref: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The same, as `/v1` names it.
    #[serde(rename = "created_at")]
    pub created_at_v1: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The saga that it belongs to.
    pub saga_id: SagaId,
}

/// One charge or refund that was asked of a provider, as users see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptBody {
    /// Its id, and the provider's idempotency key.
    pub id: AttemptId,
    /// The payment.
    pub payment_id: PaymentId,
    /// `charge` or `refund`.
    pub kind: &'static str,
    /// Where it stands.
    pub state: &'static str,
    /// How much.
    pub amount: Box<RawValue>,
    /// Of what.
    pub currency: Currency,
    /// How often the provider gave no clear answer.
    pub tries: u32,
    /// Whether the provider may have it already.
    pub in_doubt: bool,
    /// When it is due.
    pub next_at: Option<Timestamp>,
    /// The provider's own name for it.
    pub provider_ref: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Why, for a refund.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Option<Timestamp>,
}

/// A payment with what was asked of the provider for it.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentDetails {
    /// What lists show.
    #[serde(flatten)]
    pub payment: PaymentBody,
    /// Its charge and its refunds, the first one first.
    pub attempts: Vec<AttemptBody>,
}

/// The books in one currency.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BooksBody {
    /// The currency.
    pub currency: String,
    /// What was captured.
    pub captured: Box<RawValue>,
    /// What was given back.
    pub refunded: Box<RawValue>,
    /// What is left.
    pub kept: Box<RawValue>,
    /// What the confirmed bookings cost.
    pub confirmed: Box<RawValue>,
    /// What was given back, or is on its way back, of what the confirmed bookings cost.
    pub given_back: Box<RawValue>,
    /// What is on its way back.
    pub going_back: Box<RawValue>,
    /// What is kept for charges that are for no booking.
    pub other_things: Box<RawValue>,
    /// kept − (confirmed − givenBack) − otherThings − goingBack: zero when all is well.
    pub difference: Box<RawValue>,
    /// Whether the difference is zero.
    pub balanced: bool,
}

/// Returns a payment as users see it.
#[must_use]
pub fn payment_body(payment: &Payment) -> PaymentBody {
    let currency = payment.amount.currency;
    let amount = |amount_minor| Money { amount_minor, currency }.json_number();
    PaymentBody {
        id: payment.id,
        external_id: payment.external_id.clone(),
        booking_id: payment.booking_id,
        reference: payment.reference.clone(),
        merchant_order_id: payment.reference.clone(),
        amount_cents: payment.amount.amount_minor,
        refunded_cents: payment.refunded_minor,
        user_id: payment.user_id.clone(),
        status: payment.status.word(),
        amount: payment.amount.json_number(),
        currency,
        captured: amount(payment.captured_minor),
        refunded: amount(payment.refunded_minor),
        provider: payment.provider.clone(),
        provider_ref: payment.provider_ref.clone(),
        failure: payment.failure.clone(),
        created_at: payment.created_at,
        created_at_v1: payment.created_at,
        updated_at: payment.updated_at,
        saga_id: payment.saga_id,
    }
}

/// Returns a charge or refund as users see it.
#[must_use]
pub fn attempt_body(attempt: &Attempt) -> AttemptBody {
    AttemptBody {
        id: attempt.id,
        payment_id: attempt.payment_id,
        kind: attempt.kind.word(),
        state: attempt.state.word(),
        amount: attempt.amount.json_number(),
        currency: attempt.amount.currency,
        tries: attempt.tries,
        in_doubt: attempt.in_doubt,
        next_at: attempt.next_at,
        provider_ref: attempt.provider_ref.clone(),
        error: attempt.error.clone(),
        reason: attempt.reason.clone(),
        created_at: attempt.created_at,
        ended_at: attempt.ended_at,
    }
}

/// Walks all payments, the newest first. Start with `None`, go on with the last one's id; an empty page is the end.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, after: Option<PaymentId>) -> Result<Vec<Payment>, OpsError> {
    Ok(payments::newest(&app.stores.write, after, PAGE).await?)
}

/// Returns one payment.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn one(app: &App, id: PaymentId) -> Result<Payment, OpsError> {
    let not_found = || AppError::NotFound { what: "payment", id: id.to_string() };
    Ok(payments::load(&app.stores.write, &[id]).await?.pop().ok_or_else(not_found)?)
}

/// Returns the payment that an operator means to give back: one that is named as [`lookup::payment`] finds it, or the
/// one of the saga or booking that is named, which has money left.
///
/// # Errors
/// [`AppError::NotFound`] or [`AppError::Ambiguous`]; [`OpsError::Invalid`] where several have; what the store says.
pub async fn to_refund(app: &App, id: &str) -> Result<PaymentId, OpsError> {
    let not_found = match lookup::payment(app, id).await {
        Err(OpsError::App(error @ AppError::NotFound { .. })) => OpsError::App(error),
        found => return found,
    };
    let saga_id = match lookup::saga(app, id).await {
        Err(OpsError::App(AppError::NotFound { .. })) => return Err(not_found),
        found => found?,
    };
    let Some(case) = sagas::cases(&app.stores.write, &[saga_id]).await?.pop() else { return Err(not_found) };
    let with_money: Vec<PaymentId> =
        case.payments.iter().filter(|payment| payment.kept_minor() > 0).map(|payment| payment.id).collect();
    match (with_money.as_slice(), case.saga.payment_id.or(case.payments.last().map(|payment| payment.id))) {
        ([one], _) => Ok(*one),
        ([], Some(at_hand)) => Ok(at_hand),
        ([], None) => Err(not_found),
        (several, Some(at_hand)) if several.contains(&at_hand) => Ok(at_hand),
        (several, _) => {
            let several: Vec<String> = several.iter().map(PaymentId::to_string).collect();
            Err(OpsError::Invalid(format!(
                "several payments have money left, name one: {}",
                several.join(", ")
            )))
        }
    }
}

/// Returns one payment with what was asked of the provider for it, as users see it.
///
/// # Errors
/// [`AppError::NotFound`]; what the store says.
pub async fn details(app: &App, id: PaymentId) -> Result<PaymentDetails, OpsError> {
    let payment = one(app, id).await?;
    let attempts = payments::attempts_of_sagas(&app.stores.write, &[payment.saga_id]).await?;
    let of_it = attempts.iter().filter(|attempt| attempt.payment_id == id);
    Ok(PaymentDetails { payment: payment_body(&payment), attempts: of_it.map(attempt_body).collect() })
}

/// Returns how many characters of these payments' ids tell each from every other payment.
///
/// # Errors
/// What the store says.
pub async fn prefix_len(app: &App, ids: &[PaymentId]) -> Result<usize, OpsError> {
    let ids = ids.iter().map(|id| id.0).collect();
    Ok(lookup::prefix_len(&payments::neighbours(&app.stores.write, ids).await?))
}

/// Returns the books, by currency. Reads all payments and bookings.
///
/// # Errors
/// What the store says; [`OpsError::Invalid`] for a currency that is none.
pub async fn books(app: &App) -> Result<Vec<BooksBody>, OpsError> {
    let books = payments::books(&app.stores.write).await?;
    let body = |row: payments::Books| {
        let currency = Currency::parse(&row.currency).ok_or_else(|| {
            OpsError::Invalid(format!("the books name {}, which is no currency", row.currency))
        })?;
        let amount = |amount_minor| Money { amount_minor, currency }.json_number();
        Ok(BooksBody {
            captured: amount(row.captured_minor),
            refunded: amount(row.refunded_minor),
            kept: amount(row.captured_minor - row.refunded_minor),
            confirmed: amount(row.confirmed_minor),
            given_back: amount(row.given_back_minor),
            going_back: amount(row.going_back_minor),
            other_things: amount(row.other_things_minor),
            difference: amount(row.difference_minor()),
            balanced: row.difference_minor() == 0,
            currency: row.currency,
        })
    };
    books.into_iter().map(body).collect()
}

const STATUSES: &[&str] = &["PENDING", "SUCCESS", "FAILED", "REFUNDED"];

const fn field(name: &'static str, kind: FieldKind) -> FieldSpec {
    FieldSpec { name, kind }
}

/// The fields of a payment, as `--query` and the dashboard's `/` name them.
pub const PAYMENT_FIELDS: &[FieldSpec] = &[
    field("id", FieldKind::Text),
    field("booking", FieldKind::Text),
    field("saga", FieldKind::Text),
    field("reference", FieldKind::Text),
    field("user", FieldKind::Text),
    field("status", FieldKind::Word(STATUSES)),
    field("amount", FieldKind::Money),
    field("captured", FieldKind::Money),
    field("refunded", FieldKind::Money),
    field("currency", FieldKind::Text),
    field("provider", FieldKind::Text),
    field("ref", FieldKind::Text),
    field("external", FieldKind::Text),
    field("failure", FieldKind::Text),
    field("age", FieldKind::Duration),
    field("created", FieldKind::Time),
    field("updated", FieldKind::Time),
];

/// Returns what a payment has in a field of [`PAYMENT_FIELDS`] at `now`.
#[must_use]
pub fn payment_value<'r>(payment: &'r Payment, field: &str, now: Timestamp) -> Value<'r> {
    let currency = payment.amount.currency;
    let text = |text: &'r Option<String>| text.as_deref().map_or(Value::Missing, Value::from);
    match field {
        "id" => payment.id.to_string().into(),
        "booking" => payment.booking_id.map_or(Value::Missing, |id| id.to_string().into()),
        "saga" => payment.saga_id.to_string().into(),
        "reference" => payment.reference.as_str().into(),
        "user" => payment.user_id.0.as_str().into(),
        "status" => payment.status.word().into(),
        "amount" => Value::Money(payment.amount),
        "captured" => Value::Money(Money { amount_minor: payment.captured_minor, currency }),
        "refunded" => Value::Money(Money { amount_minor: payment.refunded_minor, currency }),
        "currency" => currency.code().to_owned().into(),
        "provider" => payment.provider.as_str().into(),
        "ref" => text(&payment.provider_ref),
        "external" => text(&payment.external_id),
        "failure" => text(&payment.failure),
        "age" => Value::Duration(now.as_millis().saturating_sub(payment.created_at.as_millis())),
        "created" => Value::Time(payment.created_at),
        "updated" => Value::Time(payment.updated_at),
        _ => Value::Missing,
    }
}

/// Whether a payment passes a filter that was parsed against [`PAYMENT_FIELDS`].
#[must_use]
pub fn passes(filter: &Filter, payment: &Payment, now: Timestamp) -> bool {
    filter.matches(now, |field| payment_value(payment, field, now))
}
