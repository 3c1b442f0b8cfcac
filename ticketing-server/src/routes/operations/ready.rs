//! `GET /api/health/ready`: whether the server can do its work.

use crate::answer::{Answer, Json};
use crate::error::{ApiError, Code};
use crate::health::{Part, Status, check};
use crate::openapi::responses::Ready;
use crate::state::ServerState;
use axum::extract::State;
use serde_json::json;

/// Checks each part in use, and names those that fail. Answers within two seconds.
///
/// # Errors
/// 503 with one entry for each part that is down.
#[utoipa::path(get, path = "/api/health/ready", tag = "operations", responses(Ready))]
pub async fn ready(State(state): State<ServerState>) -> Result<Answer, ApiError> {
    report(&state).await
}

/// Checks the parts and says how they are.
pub(super) async fn report(state: &ServerState) -> Result<Answer, ApiError> {
    let parts = check(state).await;
    let down: Vec<&Part> = parts.iter().filter(|part| part.status == Status::Down).collect();
    if !down.is_empty() {
        let names = down.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
        let detail = |part: &&Part| json!({"field": part.name, "message": "is down", "kind": part.kind});
        return Err(ApiError::new(Code::NotReady, format!("Not ready: {names} down."))
            .with_details(down.iter().map(detail).collect())
            .retry_after(2));
    }
    let body = json!({
        "status": "ready",
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeSeconds": state.started_at.elapsed().as_secs(),
        "parts": parts,
    });
    Ok(Answer::ok(Json::of(&body)?))
}
