//! `POST /v1/events/{id}/cancel`: an event is withdrawn.

use super::{in_words, operator};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::OperatorsOnly;
use crate::openapi::venue::{EventPath, OneEvent, VenueRefusals, WithdrawRequest};
use crate::query::PathId;
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::ops::halls;

/// Withdraws an event: nothing more is sold, its holds end, and what was paid goes back.
///
/// Of many reservations, those are cancelled by a job after the answer. Only operators and admins.
///
/// # Errors
/// See [`VenueRefusals`] and [`OperatorsOnly`].
#[utoipa::path(
    post,
    path = "/v1/events/{id}/cancel",
    tag = "events",
    params(IdempotencyHeader, EventPath),
    request_body = WithdrawRequest,
    responses(OneEvent, OperatorsOnly, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn cancel(
    State(state): State<ServerState>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    operator(&request.caller)?;
    let reason = request.fields(requests::withdraw)?;
    let meta = meta(&request, StatusCode::OK);
    let done = halls::withdraw(&state.app, &id, &reason, &meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::OK))
}
