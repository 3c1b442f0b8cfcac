//! `POST /v1/charge`: charges for a booking, or for whatever the caller means by its reference.

use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::ChargeRequest;
use crate::openapi::parameters::RequiredIdempotencyHeader;
use crate::openapi::responses::{ChargeBegun, ChargeRefusals, CommandRefusals};
use crate::requests;
use crate::routes::tickets::{answer, meta, owner};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::payments;

/// Charges a token, and answers before the provider has: the payment is `PENDING` and becomes `SUCCESS` or `FAILED`.
///
/// A `merchant_order_id` that is a booking's id pays the booking, at its own price: buyers their own; the roles
/// `service`, `operator` and `admin` any. Any other is the caller's own reference.
///
/// # Errors
/// See [`ChargeRefusals`] and [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/v1/charge",
    tag = "payments",
    params(RequiredIdempotencyHeader),
    request_body = ChargeRequest,
    responses(ChargeBegun, CommandRefusals, ChargeRefusals),
    security(("bearer" = []))
)]
pub async fn charge(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    if request.idempotency.is_none() {
        return Err(ApiError::idempotency_key_required());
    }
    let fields = request.fields(requests::charge)?;
    let done = payments::charge(
        &state.app,
        fields.reference,
        fields.amount,
        fields.token.unwrap_or_default(),
        request.caller.user.clone(),
        owner(&request.caller),
        meta(&request, StatusCode::CREATED),
    )
    .await
    .map_err(|error| ApiError::from(error).about("bookingId", "merchant_order_id"))?;
    Ok(answer(done, StatusCode::CREATED))
}
