//! `GET /v1/seats/availability`: the seats of an event.

use super::in_words;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::responses::{NotFound, QueryRefusals};
use crate::openapi::venue::{AvailabilityParameters, OneAvailability};
use crate::query::read_query;
use crate::requests::venue as requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::events;

/// Shows the state and price of each seat of an event, and how many there are of each.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/v1/seats/availability",
    tag = "seats",
    params(AvailabilityParameters),
    responses(OneAvailability, NotFound, QueryRefusals)
)]
pub async fn availability(State(state): State<ServerState>, uri: Uri) -> Result<Answer, ApiError> {
    let (event, min_position) = read_query(&uri, requests::availability)?;
    let body =
        events::availability(&state.app, &event, core_position(min_position)).await.map_err(in_words)?;
    Ok(Answer::ok(body))
}
