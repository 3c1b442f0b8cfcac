//! `POST /v1/events`: a new event at a venue.

use super::{in_words, operator};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::OperatorsOnly;
use crate::openapi::venue::{EventMade, EventRequest, VenueRefusals};
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::events;

/// Announces an event; from then on its seats are sold.
///
/// `price` is what a seat costs whose category has no price of its own. Only operators and admins.
///
/// # Errors
/// See [`VenueRefusals`] and [`OperatorsOnly`].
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    params(IdempotencyHeader),
    request_body = EventRequest,
    responses(EventMade, OperatorsOnly, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn create_event(
    State(state): State<ServerState>,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    operator(&request.caller)?;
    let (venue, event) = request.fields(requests::new_event)?;
    let meta = meta(&request, StatusCode::CREATED);
    let done = events::create(&state.app, &venue, event, meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::CREATED))
}
