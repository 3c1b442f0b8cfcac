//! `GET /api/orders/{id}`: one order of the caller's own.

use super::order_id;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCaller;
use crate::openapi::market::{OneOrder, OrderPath};
use crate::openapi::parameters::PositionParameter;
use crate::openapi::responses::{NotFound, QueryRefusals, Unauthorized};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::orders;

/// Shows one of the caller's orders.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/orders/{id}",
    tag = "marketplace",
    params(OrderPath, PositionParameter),
    responses(OneOrder, Unauthorized, NotFound, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn one_order(
    State(state): State<ServerState>,
    MarketCaller { caller, .. }: MarketCaller,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let min_position = core_position(read_query(&uri, requests::one)?);
    let body = orders::get(&state.app, order_id(id)?, &caller.user, min_position).await?;
    Ok(Answer::ok(body))
}
