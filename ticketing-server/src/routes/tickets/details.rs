//! `GET /api/tickets/queries/{bookingId}`: one ticket with everything about it.

use crate::answer::Answer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::parameters::{BookingPath, PositionParameter};
use crate::openapi::responses::{NotFound, OneTicket, QueryRefusals, Unauthorized};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::tickets;
use ticketing_core::domain::booking::rejection::Rejection;
use ticketing_core::domain::id::BookingId;
use uuid::Uuid;

/// Shows one ticket with its passenger, payment and history.
///
/// Buyers see their own; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/tickets/queries/{bookingId}",
    tag = "queries",
    params(BookingPath, PositionParameter),
    responses(OneTicket, Unauthorized, NotFound, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn details(
    State(state): State<ServerState>,
    caller: Caller,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let min_position = core_position(read_query(&uri, requests::one)?);
    let Ok(uuid) = Uuid::parse_str(&id) else { return Err(Rejection::UnknownBooking { id }.into()) };
    let owner = (!caller.role.is_trusted()).then_some(&caller.user);
    let body = tickets::details(&state.app, BookingId(uuid), owner, min_position).await?;
    Ok(Answer::ok(body))
}
