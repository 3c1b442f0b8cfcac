//! `PUT /api/tickets/{id}`: changes a listing of one's own.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{EditRequest, ListingPath, OneListing, VersionHeader};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::query::PathId;
use crate::requests::market as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ticketing_core::app::AppError;
use ticketing_core::app::listings::{self, NOUN};
use ticketing_core::domain::id::OfferingId;
use uuid::Uuid;

/// Changes a listing's title and price.
///
/// Only its seller does, and only while no order holds it and it is not sold. What was ordered before keeps its price.
/// With a version, in `If-Match` or in the body, it is changed only if it still has that version.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    put,
    path = "/api/tickets/{id}",
    tag = "marketplace",
    params(IdempotencyHeader, VersionHeader, ListingPath),
    request_body = EditRequest,
    responses(OneListing, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn edit(
    State(state): State<ServerState>,
    PathId(id): PathId,
    headers: HeaderMap,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    let mut edit = request.fields(requests::edit)?;
    edit.version = requests::version(&headers, edit.version)?;
    let Ok(uuid) = Uuid::parse_str(&id) else { return Err(AppError::NotFound { what: NOUN, id }.into()) };
    let meta = meta(&request, StatusCode::OK);
    let done = listings::edit(&state.app, OfferingId(uuid), &request.caller.user, edit, &meta).await?;
    Ok(answer(done, StatusCode::OK))
}
