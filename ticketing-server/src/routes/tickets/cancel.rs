//! `POST /api/tickets/commands/cancel`: gives a booking's seats back.

use super::{answer, meta, owner};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::CancelRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{Changed, CommandRefusals};
use crate::requests;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::commands;
use ticketing_core::domain::booking::command::Change;

/// Cancels a booking: its seats are free at once; what was paid goes back by itself.
///
/// The answer has the `refund` under way. When the money is back, the booking is `REFUNDED`.
///
/// Buyers cancel their own; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/tickets/commands/cancel",
    tag = "commands",
    params(IdempotencyHeader),
    request_body = CancelRequest,
    responses(Changed, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn cancel(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::cancel)?;
    let owner = owner(&request.caller);
    let change = Change::Cancel { reason: fields.reason };
    let meta = meta(&request, StatusCode::OK);
    let done = commands::change(&state.app, fields.booking_id, change, owner, None, meta).await?;
    Ok(answer(done, StatusCode::OK))
}
