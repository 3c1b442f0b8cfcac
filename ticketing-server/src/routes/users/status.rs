//! `PUT /v1/users/{id}/status`: suspends an account, or lets it in again.

use super::{actor, answer_key, changed, operators_only, reachable};
use crate::answer::{Answer, Json};
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, OneUser, StatusRequest, UserPath};
use crate::query::PathId;
use crate::state::ServerState;
use crate::user_requests;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::accounts;
use ticketing_core::domain::account::AccountStatus;
use ticketing_core::ops;

/// Suspends an account, or lets it in again, for operators and admins.
///
/// A suspended account can't sign in, and its tokens are refused: here at once, by other processes within a second. An
/// account that stands so already stays as it is.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    put,
    path = "/v1/users/{id}/status",
    tag = "users",
    params(IdempotencyHeader, UserPath),
    request_body = StatusRequest,
    responses(OneUser, CommandRefusals, AccountRefusals),
    security(("bearer" = []))
)]
pub async fn status(
    State(state): State<ServerState>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    operators_only(&request.caller)?;
    let id = reachable(&request.caller, &id)?;
    let (to, reason) = request.fields(user_requests::status)?.ok_or_else(ApiError::internal)?;
    let actor = actor(&request.caller, Some(reason), &request.correlation)?;
    let key = answer_key(&state.auth, &request);
    if let Some(done) = accounts::answered(&state.app, key.as_ref()).await? {
        return Ok(changed(done, StatusCode::OK));
    }
    let account = accounts::get(&state.app, id).await?;
    let action = match to {
        AccountStatus::Active => "user resume",
        AccountStatus::Suspended => "user suspend",
        AccountStatus::Deleted => return Err(ApiError::internal()),
    };
    let planned = ops::accounts::plan_status(&state.app, action, &[id], to).await?;
    if planned.plan.affected == 0 {
        return Ok(Answer::ok(Json::of(&accounts::body(&account))?));
    }
    let done = ops::accounts::execute(&state.app, planned, &actor, key.as_ref()).await?.pop();
    Ok(changed(done.ok_or_else(ApiError::internal)?, StatusCode::OK))
}
