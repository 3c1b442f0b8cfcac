//! `DELETE /v1/users/{id}`: deletes an account for good.

use super::{actor, answer_key, changed, is_owner, reachable};
use crate::answer::Answer;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, DeletionRequest, OneUser, UserPath};
use crate::query::PathId;
use crate::state::ServerState;
use crate::user_requests;
use axum::extract::State;
use axum::http::StatusCode;
use ticketing_core::app::accounts;
use ticketing_core::domain::account::AccountStatus;
use ticketing_core::ops;

/// Deletes an account for good: everybody their own, operators and admins any, with a reason.
///
/// Its address, names and password are erased, and who travels with its bookings; its tokens are refused from now on.
/// The bookings stay, under the account's id. Holds that are open run out by themselves; to have money back, cancel
/// what is confirmed before.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    delete,
    path = "/v1/users/{id}",
    tag = "users",
    params(IdempotencyHeader, UserPath),
    request_body = Option<DeletionRequest>,
    responses(OneUser, CommandRefusals, AccountRefusals),
    security(("bearer" = []))
)]
pub async fn delete(
    State(state): State<ServerState>,
    PathId(id): PathId,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    let id = reachable(&request.caller, &id)?;
    let reason = match request.body.trim_ascii().is_empty() {
        true => None,
        false => request.fields(user_requests::deletion)?,
    };
    let key = answer_key(&state.auth, &request);
    if is_owner(&request.caller, id) {
        return Ok(changed(accounts::delete(&state.app, id, None, key.as_ref()).await?, StatusCode::OK));
    }
    let actor = actor(&request.caller, reason, &request.correlation)?;
    if let Some(done) = accounts::answered(&state.app, key.as_ref()).await? {
        return Ok(changed(done, StatusCode::OK));
    }
    accounts::get(&state.app, id).await?;
    let planned =
        ops::accounts::plan_status(&state.app, "user delete", &[id], AccountStatus::Deleted).await?;
    let done = ops::accounts::execute(&state.app, planned, &actor, key.as_ref()).await?.pop();
    Ok(changed(done.ok_or_else(|| ApiError::user_not_found(&id.to_string()))?, StatusCode::OK))
}
