//! `POST /api/tickets`: puts a ticket up for sale.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::MarketCommand;
use crate::openapi::market::{Listed, ListingRequest};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::requests::market as requests;
use crate::routes::tickets::{answer, meta};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::listings;

/// Puts a ticket up for sale, at the caller's price.
///
/// # Errors
/// See [`CommandRefusals`].
#[utoipa::path(
    post,
    path = "/api/tickets",
    tag = "marketplace",
    params(IdempotencyHeader),
    request_body = ListingRequest,
    responses(Listed, CommandRefusals),
    security(("bearer" = []))
)]
pub async fn sell(
    State(state): State<ServerState>,
    MarketCommand(request): MarketCommand,
) -> Result<Answer, ApiError> {
    let fields = request.fields(requests::listing)?;
    let meta = meta(&request, StatusCode::CREATED);
    let seller = &request.caller.user;
    let done = listings::create(&state.app, seller, fields.title, fields.price, &meta).await?;
    Ok(answer(done, StatusCode::CREATED))
}
