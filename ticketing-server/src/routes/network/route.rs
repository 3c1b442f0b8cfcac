//! `GET /api/routes/{id}`: one line of the network.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::{PositionParameter, RoutePath};
use crate::openapi::responses::{NotFound, OneRoute, QueryRefusals};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::network;

/// Shows a route with its stops, by its id or its `externalId`.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/routes/{id}",
    tag = "network",
    params(RoutePath, PositionParameter),
    responses(OneRoute, NotFound, QueryRefusals)
)]
pub async fn route(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let min_position = core_position(read_query(&uri, requests::one)?);
    Ok(Answer::ok(network::route(&state.app, &id, min_position).await?))
}
