//! `POST /api/payments`: charges for an order.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{OrderPaid, PaymentRequest};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::requests::market as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::orders;

/// Pays one of the caller's orders with a token, and waits up to 2 s for the provider.
///
/// A payment that succeeds completes the order. One that is declined is answered too, as `FAILED` with its `failure`:
/// another token can be tried until the order's `expiresAt`. Where the provider takes longer, the payment goes on by
/// itself: ask for the order.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/payments",
    tag = "marketplace",
    params(IdempotencyHeader),
    request_body = PaymentRequest,
    responses(OrderPaid, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn pay(
    State(state): State<ServerState>,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::payment)?;
    // Before the provider has answered, it is under way.
    let meta = meta(&request, StatusCode::ACCEPTED);
    let buyer = &request.caller.user;
    let done = orders::pay(&state.app, fields.order_id, fields.token, buyer, meta).await?;
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::ACCEPTED);
    Ok(answer(done, status))
}
