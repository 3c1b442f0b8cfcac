//! `GET /api/orders`: what the caller has ordered.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCaller;
use crate::openapi::market::OrderList;
use crate::openapi::parameters::ListParameters;
use crate::openapi::responses::{QueryRefusals, Unauthorized};
use crate::query::read_query;
use crate::requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::orders::list;

/// Lists the caller's orders, newest first.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = "marketplace",
    params(ListParameters),
    responses(OrderList, Unauthorized, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn orders(
    State(state): State<ServerState>,
    MarketCaller { caller, .. }: MarketCaller,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::list)?;
    let min_position = core_position(asked.min_position);
    let page = asked.page;
    let found = list(&state.app, &caller.user, core_page(page), page.limit, min_position).await?;
    Ok(listed(found, page))
}
