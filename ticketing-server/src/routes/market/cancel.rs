//! `DELETE /api/orders/{id}`: cancels an order of the caller's own.

use super::order_id;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{OneOrder, OrderPath};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::query::PathId;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::orders;

/// Cancels one of the caller's orders: the ticket is open again at once, and what was paid goes back by itself.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    delete,
    path = "/api/orders/{id}",
    tag = "marketplace",
    params(IdempotencyHeader, OrderPath),
    responses(OneOrder, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn cancel(
    State(state): State<ServerState>,
    PathId(id): PathId,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    request.no_fields()?;
    let meta = meta(&request, StatusCode::OK);
    let done = orders::cancel(&state.app, order_id(id)?, &request.caller.user, meta).await?;
    Ok(answer(done, StatusCode::OK))
}
