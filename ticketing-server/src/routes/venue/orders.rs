//! `GET /v1/orders`: what the caller has reserved and bought.

use crate::answer::Answer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::parameters::TicketsParameters;
use crate::openapi::responses::{QueryRefusals, Unauthorized};
use crate::openapi::venue::OrderList;
use crate::query::read_query;
use crate::requests::venue as requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::events;

/// Lists the caller's reservations with their tickets, newest first.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/v1/orders",
    tag = "orders",
    params(TicketsParameters),
    responses(OrderList, Unauthorized, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn orders(State(state): State<ServerState>, caller: Caller, uri: Uri) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::orders)?;
    let (page, limit) = (core_page(asked.page), asked.page.limit);
    let position = core_position(asked.min_position);
    let found = events::orders(&state.app, caller.user, asked.status, page, limit, position).await?;
    Ok(listed(found, asked.page))
}
