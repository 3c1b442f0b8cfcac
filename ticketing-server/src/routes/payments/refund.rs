//! `POST /v1/refund`: gives a payment back, whole or in part.

use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::RefundRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{CommandRefusals, RefundBegun, RefundForbidden};
use crate::requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::{AppError, payments};
use ticketing_core::domain::booking::rejection::Rejection;

/// Begins a refund of a payment that succeeded, whole or in part, never more than is left of it.
///
/// Only for the roles `service`, `operator` and `admin`; a buyer cancels the booking instead. The answer is the
/// payment as it is now: the money goes back by itself, and `refunded_cents` then says how much has. All the money
/// of a confirmed booking back cancels the booking.
///
/// # Errors
/// See [`CommandRefusals`] and [`RefundForbidden`].
#[utoipa::path(
    post,
    path = "/v1/refund",
    tag = "payments",
    params(IdempotencyHeader),
    request_body = RefundRequest,
    responses(RefundBegun, RefundForbidden, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn refund(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::refund)?;
    let here = |error: AppError| ApiError::from(error).about("paymentId", "payment_id");
    if !request.caller.role.is_trusted() {
        let own = payments::find_own(&state.app, &fields.payment_id, &request.caller.user).await?;
        // Another's payment is none at all.
        return Err(match own {
            Some(_) => ApiError::refund_forbidden(),
            None => here(Rejection::UnknownPayment { id: fields.payment_id }.into()),
        });
    }
    let meta = meta(&request, StatusCode::OK);
    let done = payments::refund(&state.app, &fields.payment_id, fields.amount_minor, None, None, meta);
    Ok(answer(done.await.map_err(here)?, StatusCode::OK))
}
