//! `POST /v1/venues`: a new place with its hall.

use super::{in_words, operator};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::OperatorsOnly;
use crate::openapi::venue::{VenueMade, VenueRefusals, VenueRequest};
use crate::requests::venue as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::venues;

/// Makes a venue, with its seats.
///
/// Its layout is the name of a stored one, or an object with the sections of a new one, the best first: seats in
/// rows are named by section, row and number (`101-A12`), those of general admission by section and place
/// (`FLOOR-17`). Only operators and admins.
///
/// # Errors
/// See [`VenueRefusals`] and [`OperatorsOnly`].
#[utoipa::path(
    post,
    path = "/v1/venues",
    tag = "venues",
    params(IdempotencyHeader),
    request_body = VenueRequest,
    responses(VenueMade, OperatorsOnly, VenueRefusals),
    security(("bearer" = []))
)]
pub async fn create(State(state): State<ServerState>, request: CommandRequest) -> Result<Answer, ApiError> {
    operator(&request.caller)?;
    let fields = request.fields(requests::new_venue)?;
    let done =
        venues::create(&state.app, fields, meta(&request, StatusCode::CREATED)).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::CREATED))
}
