//! `POST /api/tickets/commands/book`: holds a seat until it is paid.

use super::hold::hold;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::BookRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{CommandRefusals, Created};
use crate::state::ServerState;
use axum::extract::State;
use ticketing_core::domain::booking::command::HoldKind;

/// Books a seat: it is held, `PENDING`, until it is paid or `holdExpiresAt` has come.
///
/// A `paymentToken` is charged at once, as by `pay`; the answer does not wait for it.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/tickets/commands/book",
    tag = "commands",
    params(IdempotencyHeader),
    request_body = BookRequest,
    responses(Created, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn book(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    hold(HoldKind::Book, &state, &request).await
}
