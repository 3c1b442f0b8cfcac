//! `POST /api/tickets/commands/pay`: charges for a booking that is held.

use super::{answer, meta, owner};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::bodies::PayRequest;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::{CommandRefusals, Paying};
use crate::requests;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::payments;

/// Pays a booking with a token, and answers before the provider has: the rest follows by itself.
///
/// A payment that succeeds confirms the booking; after one that is declined, another token can be tried until the
/// hold ends. Buyers pay their own; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/tickets/commands/pay",
    tag = "commands",
    params(IdempotencyHeader),
    request_body = PayRequest,
    responses(Paying, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn pay(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::pay)?;
    let caller = &request.caller;
    let meta = meta(&request, StatusCode::ACCEPTED);
    let booking = fields.booking_id;
    let done = payments::pay(&state.app, booking, fields.token, caller.user.clone(), owner(caller), meta);
    Ok(answer(done.await?, StatusCode::ACCEPTED))
}
