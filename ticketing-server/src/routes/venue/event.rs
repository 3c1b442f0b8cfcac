//! `GET /v1/events/{id}`: one event.

use super::in_words;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::PositionParameter;
use crate::openapi::responses::{NotFound, QueryRefusals};
use crate::openapi::venue::{EventPath, OneEvent};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::events;

/// Shows an event.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    tag = "events",
    params(EventPath, PositionParameter),
    responses(OneEvent, NotFound, QueryRefusals)
)]
pub async fn event(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let position = core_position(read_query(&uri, requests::one)?);
    Ok(Answer::ok(events::get(&state.app, &id, position).await.map_err(in_words)?))
}
