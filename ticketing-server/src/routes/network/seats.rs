//! `GET /api/schedules/{id}/seats`: the seat map of a departure.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::{SchedulePath, SeatsParameters};
use crate::openapi::responses::{NotFound, OneSeatMap, QueryRefusals};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::network;

/// Shows the state of each seat of a departure on the legs between two stops.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/schedules/{id}/seats",
    tag = "network",
    params(SchedulePath, SeatsParameters),
    responses(OneSeatMap, NotFound, QueryRefusals)
)]
pub async fn seats(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let asked = read_query(&uri, requests::seats)?;
    let (from, to) = (asked.from_stop.as_deref(), asked.to_stop.as_deref());
    let map = network::seat_map(&state.app, &id, from, to, core_position(asked.min_position)).await?;
    Ok(Answer::ok(map.body()))
}
