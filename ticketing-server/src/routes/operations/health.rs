//! `GET /api/health`, also `/health`: the same as ready, under the names that people try first.

use super::ready::report;
use crate::answer::Answer;
use crate::error::ApiError;
use crate::openapi::responses::Ready;
use crate::state::ServerState;
use axum::extract::State;

/// Says how the server is: as `/api/health/ready`.
///
/// # Errors
/// 503 with one entry for each part that is down.
#[utoipa::path(get, path = "/api/health", tag = "operations", responses(Ready))]
pub async fn health(State(state): State<ServerState>) -> Result<Answer, ApiError> {
    report(&state).await
}

/// Says how the server is: as `/api/health/ready`.
///
/// # Errors
/// 503 with one entry for each part that is down.
#[utoipa::path(get, path = "/health", tag = "operations", responses(Ready))]
pub async fn short_health(State(state): State<ServerState>) -> Result<Answer, ApiError> {
    report(&state).await
}
