//! `POST /v1/events/{id}/unblock`: seats that were kept back are sold again.

use super::keep;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::OperatorsOnly;
use crate::openapi::venue::{EventPath, OneEvent, SeatsRequest, VenueRefusals};
use crate::query::PathId;
use crate::state::ServerState;
use axum::extract::State;
use ticketing_core::app::events::Keep;

/// Gives seats free that were kept back. Seats that were not stay as they are.
///
/// Only operators and admins.
///
/// # Errors
/// See [`VenueRefusals`] and [`OperatorsOnly`].
#[utoipa::path(
    post,
    path = "/v1/events/{id}/unblock",
    tag = "events",
    params(IdempotencyHeader, EventPath),
    request_body = SeatsRequest,
    responses(OneEvent, OperatorsOnly, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn unblock(
    State(state): State<ServerState>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    keep(&state, &id, Keep::Free, &request).await
}
