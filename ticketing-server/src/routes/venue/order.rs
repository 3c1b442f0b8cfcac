//! `GET /v1/orders/{id}`: one reservation with its tickets.

use crate::answer::Answer;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::parameters::PositionParameter;
use crate::openapi::responses::{NotFound, QueryRefusals, Unauthorized};
use crate::openapi::venue::{OneOrder, OrderPath};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::routes::tickets::owner;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::AppError;
use ticketing_core::app::queries::events;
use ticketing_core::domain::id::BookingId;
use uuid::Uuid;

/// Shows a reservation with the tickets that were issued for it.
///
/// Buyers see their own; the roles `service`, `operator` and `admin` any.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    tag = "orders",
    params(OrderPath, PositionParameter),
    responses(OneOrder, Unauthorized, NotFound, QueryRefusals),
    security(("bearer" = []))
)]
pub async fn order(
    State(state): State<ServerState>,
    caller: Caller,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    let position = core_position(read_query(&uri, requests::one)?);
    let Ok(uuid) = Uuid::parse_str(&id) else { return Err(AppError::NotFound { what: "order", id }.into()) };
    let owner = owner(&caller);
    Ok(Answer::ok(events::order(&state.app, BookingId(uuid), owner.as_ref(), position).await?))
}
