//! `GET /v1/payments/{id}`: one payment, as it is now.

use crate::answer::Answer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::parameters::PaymentPath;
use crate::openapi::responses::{NotFound, OnePayment, QueryRefusals, Unauthorized};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::payments;
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::projection::bodies;

/// Shows a payment, from the store of record.
///
/// Buyers see what they paid and what pays their bookings; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    tag = "payments",
    params(PaymentPath),
    responses(OnePayment, Unauthorized, NotFound, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn payment(
    State(state): State<ServerState>,
    caller: Caller,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    read_query(&uri, requests::nothing)?;
    let found = match caller.role.is_trusted() {
        true => payments::find(&state.app, &id).await?,
        false => payments::find_own(&state.app, &id, &caller.user).await?,
    };
    match found {
        Some(payment) => Ok(Answer::ok(bodies::charge(&payment))),
        None => Err(ApiError::from(Rejection::UnknownPayment { id }).about("paymentId", "id")),
    }
}
