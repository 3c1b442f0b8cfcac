//! `GET /api/schedules/{id}`: one departure.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::parameters::{PositionParameter, SchedulePath};
use crate::openapi::responses::{NotFound, OneSchedule, QueryRefusals};
use crate::query::{PathId, read_query};
use crate::requests;
use crate::routes::core_position;
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::queries::{network, wait_for};
use ticketing_core::domain::booking::rejection::Rejection;

/// Shows a departure with its stops and seats left.
///
/// By its id, or by its `externalId` where that is of one service day only; else by
/// `externalId/2026-11-20`, with the `/` written as `%2F`.
///
/// # Errors
/// See [`QueryRefusals`] and [`NotFound`].
#[utoipa::path(
    get,
    path = "/api/schedules/{id}",
    tag = "network",
    params(SchedulePath, PositionParameter),
    responses(OneSchedule, NotFound, QueryRefusals)
)]
pub async fn schedule(
    State(state): State<ServerState>,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    wait_for(&state.app, core_position(read_query(&uri, requests::one)?)).await?;
    let offering = network::find_offering(&state.app, &id).await?;
    let body = network::schedule_bodies(&state.app, vec![offering.facts]).await?.pop();
    Ok(Answer::ok(body.ok_or(Rejection::UnknownOffering { id })?))
}
