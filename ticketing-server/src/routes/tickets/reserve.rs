//! `POST /api/tickets/commands/reserve`: holds a seat as a step of somebody's saga.

use super::hold::hold;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::ReserveRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{CommandRefusals, Created};
use crate::state::ServerState;
use axum::extract::State;
use ticketing_core::domain::booking::command::HoldKind;

/// Reserves a seat: it is held, `RESERVED`, for as long as the caller asks for.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/tickets/commands/reserve",
    tag = "commands",
    params(IdempotencyHeader),
    request_body = ReserveRequest,
    responses(Created, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn reserve(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    hold(HoldKind::Reserve, &state, &request).await
}
