//! `GET /v1/venues/{venue_id}`: one venue.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::PositionParameter;
use crate::openapi::responses::{NotFound, QueryRefusals};
use crate::openapi::venue::{OneVenue, VenuePath};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::venues;

/// Shows a venue with its sections.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/v1/venues/{venue_id}",
    tag = "venues",
    params(VenuePath, PositionParameter),
    responses(OneVenue, NotFound, QueryRefusals)
)]
pub async fn get(State(state): State<ServerState>, PathId(id): PathId, uri: Uri) -> Result<Answer, ApiError> {
    let position = core_position(read_query(&uri, requests::one)?);
    Ok(Answer::ok(venues::get(&state.app, &id, position).await?))
}
