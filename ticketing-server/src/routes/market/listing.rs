//! `GET /api/tickets/{id}`: one listing.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::market::{ListingPath, OneListing};
use crate::openapi::parameters::PositionParameter;
use crate::openapi::responses::{NotFound, QueryRefusals};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::listings;

/// Shows one listing, whatever its status.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/tickets/{id}",
    tag = "marketplace",
    params(ListingPath, PositionParameter),
    responses(OneListing, NotFound, QueryRefusals)
)]
pub async fn listing(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let min_position = core_position(read_query(&uri, requests::one)?);
    Ok(Answer::ok(listings::get(&state.app, &id, min_position).await?))
}
