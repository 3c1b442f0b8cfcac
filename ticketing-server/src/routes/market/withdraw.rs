//! `DELETE /api/tickets/{id}`: takes a listing down.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{ListingPath, OneListing};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::query::PathId;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use ticketing_core::app::AppError;
use ticketing_core::app::listings::{self, NOUN};
use ticketing_core::domain::id::OfferingId;
use ticketing_core::ops::market;
use uuid::Uuid;

/// Takes a listing down: nobody can order it any more.
///
/// Its seller does, or an operator by bearer token, and only while no order holds it and it is not sold. One that is
/// down already is answered as it is.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    delete,
    path = "/api/tickets/{id}",
    tag = "marketplace",
    params(IdempotencyHeader, ListingPath),
    responses(OneListing, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn withdraw(
    State(state): State<ServerState>,
    PathId(id): PathId,
    headers: HeaderMap,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    let Ok(uuid) = Uuid::parse_str(&id) else { return Err(AppError::NotFound { what: NOUN, id }.into()) };
    request.no_fields()?;
    let meta = meta(&request, StatusCode::OK);
    let (app, id) = (&state.app, OfferingId(uuid));
    // What an operator may do beside others, nobody does by a cookie.
    let is_operator = request.caller.role.is_operator() && headers.contains_key(AUTHORIZATION);
    let done = match is_operator {
        true => market::withdraw(app, id, &meta).await?,
        false => listings::withdraw(app, id, Some(&request.caller.user), &meta).await?,
    };
    Ok(answer(done, StatusCode::OK))
}
