//! `GET /api/tickets`: what is for sale.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::market::{ListingList, ListingsParameters};
use crate::openapi::responses::QueryRefusals;
use crate::query::read_query;
use crate::requests::market as requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::listings::search;

/// Lists the tickets that anybody can order, or those of another status.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/tickets",
    tag = "marketplace",
    params(ListingsParameters),
    responses(ListingList, QueryRefusals)
)]
pub async fn listings(State(state): State<ServerState>, uri: Uri) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::listings)?;
    let min_position = core_position(asked.min_position);
    let page = asked.page;
    let found = search(&state.app, &asked.wanted, core_page(page), page.limit, min_position).await?;
    Ok(listed(found, page))
}
