//! `POST /api/orders`: holds a listing for whoever buys it.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{OrderRequest, Ordered};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::requests::market as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::orders;

/// Orders a ticket: nobody else can, until it is paid or `expiresAt` has come.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/orders",
    tag = "marketplace",
    params(IdempotencyHeader),
    request_body = OrderRequest,
    responses(Ordered, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn order(
    State(state): State<ServerState>,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    let ticket = request.fields(requests::order)?;
    let meta = meta(&request, StatusCode::CREATED);
    let buyer = &request.caller.user;
    let done = orders::create(&state.app, ticket, buyer, state.order_seconds, meta)
        .await
        .map_err(|error| ApiError::from(error).about("seatNumber", "ticketId"))?;
    Ok(answer(done, StatusCode::CREATED))
}
