//! `/v1`: venues, events, and the seats that are reserved of them.

pub mod allocate;
pub mod availability;
pub mod block;
pub mod cancel;
pub mod create;
pub mod create_event;
pub mod event;
pub mod get;
pub mod list;
pub mod order;
pub mod orders;
pub mod release;
pub mod reserve;
pub mod search;
pub mod unblock;

use super::tickets::{answer, meta};
use crate::answer::Answer;
use crate::auth::Caller;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::requests::venue as requests;
use crate::state::ServerState;
use axum::http::StatusCode;
use ticketing_core::app::events::{self, Keep};

/// What the core says of any offering, and what it is here.
const CODES: &[(&str, &str)] =
    &[("SCHEDULE_NOT_FOUND", "EVENT_NOT_FOUND"), ("BOOKING_NOT_FOUND", "RESERVATION_NOT_FOUND")];
const FIELDS: &[(&str, &str)] =
    &[("scheduleId", "eventId"), ("seatNumber", "seatIds"), ("bookingId", "reservationId")];
const WORDS: &[(&str, &str)] = &[
    ("There is no schedule", "There is no event"),
    ("There is no booking", "There is no reservation"),
    ("A booking that is", "A reservation that is"),
    ("has confirmed another booking", "has confirmed another reservation"),
    ("a booking is confirmed", "a reservation is confirmed"),
    ("for this booking", "for this reservation"),
];

/// Says a failure in the words of those who sell events.
fn in_words(error: impl Into<ApiError>) -> ApiError {
    error.into().in_words(CODES, FIELDS, WORDS)
}

/// Refuses whoever is no operator.
fn operator(caller: &Caller) -> Result<(), ApiError> {
    if caller.role.is_operator() {
        return Ok(());
    }
    Err(ApiError::forbidden("Only an operator changes venues and events."))
}

/// Keeps seats back, or gives them free.
async fn keep(
    state: &ServerState,
    id: &str,
    what: Keep,
    request: &CommandRequest,
) -> Result<Answer, ApiError> {
    operator(&request.caller)?;
    let seats = request.fields(requests::seats)?;
    let meta = meta(request, StatusCode::OK);
    let done = events::keep(&state.app, id, &seats, what, meta).await.map_err(in_words)?;
    Ok(answer(done, StatusCode::OK))
}
