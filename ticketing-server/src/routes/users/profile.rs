//! `GET /v1/users/{id}`: an account.

use super::reachable;
use crate::answer::{Answer, Json};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::responses::{QueryRefusals, Unauthorized};
use crate::openapi::users::{AccountRefusals, OneUser, UserPath};
use crate::query::{PathId, read_query};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::accounts;

/// Shows an account: everybody their own, operators and admins any. Another's is not found.
///
/// # Errors
/// See [`QueryRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    tag = "users",
    params(UserPath),
    responses(OneUser, Unauthorized, QueryRefusals, AccountRefusals),
    security(("bearer" = []))
)]
pub async fn profile(
    State(state): State<ServerState>,
    caller: Caller,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Answer, ApiError> {
    read_query(&uri, |_| ())?;
    let account = accounts::get(&state.app, reachable(&caller, &id)?).await?;
    Ok(Answer::ok(Json::of(&accounts::body(&account))?))
}
