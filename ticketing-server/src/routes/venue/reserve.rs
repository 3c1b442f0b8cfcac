//! `POST /v1/seats/reserve`: seats of an event are held.

use super::in_words;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::venue::{OthersForbidden, Reserved, SeatReserveRequest, VenueRefusals};
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::events::{self, Wanted};
use ticketing_core::domain::id::UserId;

/// Reserves seats of an event, all of them or none, until they are paid or `expiresAt` has come.
///
/// By name in `seatIds`, or the best `quantity` of the hall, a section or a category, next to each other if asked.
///
/// # Errors
/// See [`VenueRefusals`] and [`OthersForbidden`].
#[utoipa::path(
    post,
    path = "/v1/seats/reserve",
    tag = "seats",
    params(IdempotencyHeader),
    request_body = SeatReserveRequest,
    responses(Reserved, OthersForbidden, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn reserve(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::reserve)?;
    let caller = &request.caller;
    let user_id = fields.user_id.map_or_else(|| caller.user.clone(), UserId);
    if user_id != caller.user && !caller.role.is_trusted() {
        return Err(ApiError::forbidden("Only a service or an operator reserves for somebody else."));
    }
    let wanted =
        Wanted { event: fields.event, seats: fields.seats, user_id, hold_seconds: state.hold_seconds };
    let meta = meta(&request, StatusCode::CREATED);
    let done = events::reserve(&state.app, wanted, meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::CREATED))
}
