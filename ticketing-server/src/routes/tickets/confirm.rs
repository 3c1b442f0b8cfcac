//! `POST /api/tickets/commands/confirm`: the payment service's word that a booking is paid.

use super::{answer, meta};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::ConfirmRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{Changed, CommandRefusals, Forbidden};
use crate::requests;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::commands;
use ticketing_core::domain::booking::command::Change;

/// Confirms a booking by its payment.
///
/// Only for the roles `service`, `operator` and `admin`, whose word stands for the payment.
///
/// # Errors
/// See [`CommandRefusals`] and [`Forbidden`].
#[utoipa::path(
    post,
    path = "/api/tickets/commands/confirm",
    tag = "commands",
    params(IdempotencyHeader),
    request_body = ConfirmRequest,
    responses(Changed, Forbidden, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn confirm(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    // Before anything else: a buyer learns nothing about ids or fields here.
    if !request.caller.role.is_trusted() {
        return Err(ApiError::confirm_forbidden());
    }
    let fields = request.fields(requests::confirm)?;
    let change = Change::Confirm { payment_id: fields.payment_id };
    let meta = meta(&request, StatusCode::OK);
    let done = commands::change(&state.app, fields.booking_id, change, None, None, meta).await?;
    Ok(answer(done, StatusCode::OK))
}
