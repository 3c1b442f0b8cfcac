//! `POST /api/tickets/commands/confirm`: a booking is confirmed by its payment.

use super::{answer, meta, owner};
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
use ticketing_core::saga::plan::EXTERNAL;

/// Confirms a booking by its payment.
///
/// A payment that succeeds confirms its booking by itself; buyers need this call only to hear so, of their own
/// bookings. The word of the roles `service`, `operator` and `admin` stands for a payment that is not known here. With
/// an outside payment service only they confirm.
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
    let owner = owner(&request.caller);
    // Before anything else: there a buyer learns nothing about ids or fields.
    if owner.is_some() && state.app.engine.provider() == EXTERNAL {
        return Err(ApiError::confirm_forbidden());
    }
    let fields = request.fields(requests::confirm)?;
    let change = Change::Confirm { payment_id: fields.payment_id };
    let meta = meta(&request, StatusCode::OK);
    let done = commands::change(&state.app, fields.booking_id, change, owner, None, meta).await?;
    Ok(answer(done, StatusCode::OK))
}
