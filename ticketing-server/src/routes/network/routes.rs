//! `GET /api/routes`: the lines of the network.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::ListParameters;
use crate::openapi::responses::{QueryRefusals, RouteList};
use crate::query::read_query;
use crate::requests;
use crate::routes::{core_page, core_position, listed};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::network;

/// Lists the routes with their stops, by name.
///
/// # Errors
/// See [`QueryRefusals`].
#[utoipa::path(
    get,
    path = "/api/routes",
    tag = "network",
    params(ListParameters),
    responses(RouteList, QueryRefusals)
)]
pub async fn routes(State(state): State<ServerState>, uri: Uri) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::list)?;
    let (page, limit) = (core_page(asked.page), asked.page.limit);
    let found = network::routes(&state.app, page, limit, core_position(asked.min_position)).await?;
    Ok(listed(found, asked.page))
}
