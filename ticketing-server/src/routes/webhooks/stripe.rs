//! `POST /v1/webhooks/stripe`: what Stripe tells of our charges and refunds, and of those that we did not ask for.
//!
//! A hint that comes early: what we asked for is found out by asking, too. An answer of 2xx says that Stripe need
//! not tell it again, so that is the answer to whatever is of no concern here; what could not be kept is 503.

use crate::answer::Answer;
use crate::correlation::CorrelationId;
use crate::error::{ApiError, Code};
use crate::openapi::parameters::StripeHeader;
use crate::openapi::payments::StripeEvent;
use crate::openapi::responses::{WebhookRefusals, WebhookTaken};
use crate::state::ServerState;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use ticketing_core::adapters::payments::webhook::{self, Heard, WebhookError, WebhookEvent};
use ticketing_core::adapters::payments::{ProviderConfig, StripeConfig};
use ticketing_core::app::{App, AppError, payments};
use ticketing_core::domain::id::SagaId;
use ticketing_core::engine::{CommandError, Meta};
use ticketing_core::saga::Notice;
use ticketing_core::store::sagas::Message;

/// Its address.
pub const PATH: &str = "/v1/webhooks/stripe";

/// Where its messages and payments come from, as they are kept.
const STRIPE: &str = "stripe";

/// Takes what Stripe tells, once, if it is signed by Stripe.
///
/// Only with `PAYMENT_PROVIDER=stripe` and `STRIPE_WEBHOOK_SECRET`. Events that are of no concern here are taken,
/// too. Never counted against the rate limit.
///
/// # Errors
/// See [`WebhookRefusals`].
#[utoipa::path(
    post,
    path = "/v1/webhooks/stripe",
    tag = "payments",
    params(StripeHeader),
    request_body = StripeEvent,
    responses(WebhookTaken, WebhookRefusals)
)]
pub async fn stripe(
    State(state): State<ServerState>,
    correlation: CorrelationId,
    request: Request<Body>,
) -> Result<Answer, ApiError> {
    let ProviderConfig::Stripe(StripeConfig { webhook_secret: Some(secret), .. }) = &state.payments else {
        return Err(ApiError::not_found("No webhooks of Stripe are taken here."));
    };
    let (parts, body) = request.into_parts();
    let body = crate::body::read(&parts, body).await?;
    let signature = parts.headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    let event = webhook::read(secret, signature.unwrap_or_default(), &body, state.app.clock.now());
    let event = match event {
        Ok(Some(event)) => event,
        Ok(None) => return Ok(taken()),
        Err(error) => return Err(refused(&error)),
    };
    let (id, meta) = (event.id.clone(), Meta::system(correlation.as_str().to_owned()));
    match heard(&state.app, event, meta).await {
        Ok(is_ours) => {
            tracing::info!(event = id, is_ours, "Stripe told");
            Ok(taken())
        }
        // It will not be any better when it is told again.
        Err(AppError::Command(CommandError::Rejected(rejection))) => {
            tracing::error!(event = id, code = rejection.code(), "what Stripe told can't be taken");
            Ok(taken())
        }
        Err(error) => Err(error.into()),
    }
}

fn taken() -> Answer {
    Answer::ok(r#"{"received":true}"#.to_owned())
}

fn refused(error: &WebhookError) -> ApiError {
    let code = match error {
        WebhookError::Header | WebhookError::Time | WebhookError::Signature => Code::WebhookSignature,
        WebhookError::Body(_) => {
            tracing::error!(%error, "an event of Stripe's can't be read");
            Code::WebhookUnreadable
        }
    };
    let mut sentence = error.to_string();
    // Its first letter is ASCII.
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ApiError::new(code, format!("{sentence}."))
}

/// Hands it to the saga that it is about; false if it is about none of ours.
async fn heard(app: &App, event: WebhookEvent, meta: Meta) -> Result<bool, AppError> {
    let message = Message { source: STRIPE.into(), message_id: event.key };
    let notice = match event.heard {
        Heard::Answered { attempt_id, answer } => {
            return Ok(payments::answered(app, attempt_id, answer, message, meta).await?.is_some());
        }
        Heard::Told(notice) => notice,
    };
    let mut payment = match event.payment_id {
        Some(id) => payments::find(app, &id.to_string()).await?,
        None => None,
    };
    if payment.is_none()
        && let Some(charge) = &event.charge_ref
    {
        payment = payments::find_of_stripe(app, charge).await?;
    }
    let of_booking = event.booking_id.map(SagaId::from);
    let Some(saga_id) = payment.as_ref().map(|payment| payment.saga_id).or(of_booking) else {
        return Ok(false);
    };
    let notice = match payment {
        Some(payment) => of_payment(notice, payment.public_id()),
        None => notice,
    };
    payments::told(app, saga_id, STRIPE, notice, message, meta).await?;
    Ok(true)
}

/// The same notice, about the payment that we know by this id.
fn of_payment(notice: Notice, id: String) -> Notice {
    match notice {
        Notice::Paid { amount, .. } => Notice::Paid { external_id: id, amount },
        Notice::Failed { reason, .. } => Notice::Failed { external_id: Some(id), reason },
        Notice::Refunded { amount, .. } => Notice::Refunded { external_id: Some(id), amount },
    }
}
