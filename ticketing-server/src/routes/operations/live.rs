//! `GET /api/health/live`: whether the process answers at all.

use crate::answer::{Answer, Json};
use crate::error::ApiError;
use crate::openapi::responses::Live;
use serde_json::json;

/// Says that the process answers, whatever else is away: restarting it would help nobody.
///
/// # Errors
/// Never.
#[utoipa::path(get, path = "/api/health/live", tag = "operations", responses(Live))]
pub async fn live() -> Result<Answer, ApiError> {
    Ok(Answer::ok(Json::of(&json!({"status": "live"}))?))
}
