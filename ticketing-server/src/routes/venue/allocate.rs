//! `POST /v1/seats/allocate`: reserved seats are sold.

use super::in_words;
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::Forbidden;
use crate::openapi::venue::{AllocateRequest, ReservationChanged, VenueRefusals};
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta, owner};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::{commands, events};
use ticketing_core::domain::booking::command::Change;
use ticketing_core::saga::plan::EXTERNAL;

/// Confirms a reservation by its payment: its seats are sold, its tickets issued.
///
/// A payment that succeeds confirms its reservation by itself; buyers need this call only to hear so, of their own
/// reservations. The word of the roles `service`, `operator` and `admin` stands for a payment that is not known here.
/// With an outside payment service only they confirm.
///
/// # Errors
/// See [`VenueRefusals`] and [`Forbidden`].
#[utoipa::path(
    post,
    path = "/v1/seats/allocate",
    tag = "seats",
    params(IdempotencyHeader),
    request_body = AllocateRequest,
    responses(ReservationChanged, Forbidden, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn allocate(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    let owner = owner(&request.caller);
    // Before anything else: there a buyer learns nothing about ids or fields.
    if owner.is_some() && state.app.engine.provider() == EXTERNAL {
        return Err(ApiError::confirm_forbidden());
    }
    let (id, payment_id) = request.fields(requests::allocate)?;
    events::own(&state.app, id, owner.as_ref()).await.map_err(in_words)?;
    let meta = meta(&request, StatusCode::OK);
    let change = Change::Confirm { payment_id };
    let done = commands::change(&state.app, id, change, owner, None, meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::OK))
}
