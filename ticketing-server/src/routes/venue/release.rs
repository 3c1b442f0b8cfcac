//! `POST /v1/seats/release`: reserved seats are given back.

use super::in_words;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::venue::{ReleaseRequest, ReservationChanged, VenueRefusals};
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta, owner};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::{commands, events};
use ticketing_core::domain::booking::command::Change;

/// Cancels a reservation: its seats are free at once; what was paid goes back by itself.
///
/// Buyers release their own; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`VenueRefusals`].
#[utoipa::path(
    post,
    path = "/v1/seats/release",
    tag = "seats",
    params(IdempotencyHeader),
    request_body = ReleaseRequest,
    responses(ReservationChanged, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn release(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let owner = owner(&request.caller);
    let (id, reason) = request.fields(requests::release)?;
    events::own(&state.app, id, owner.as_ref()).await.map_err(in_words)?;
    let meta = meta(&request, StatusCode::OK);
    let change = Change::Cancel { reason };
    let done = commands::change(&state.app, id, change, owner, None, meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::OK))
}
