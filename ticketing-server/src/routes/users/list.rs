//! `GET /v1/users`: accounts, for operators.

use super::operators_only;
use crate::answer::{Answer, Json, Pagination};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::responses::{QueryRefusals, Unauthorized};
use crate::openapi::users::{AccountRefusals, UserList, UsersParameters};
use crate::query::read_query;
use crate::routes::core_page;
use crate::state::ServerState;
use crate::user_requests;
use axum::extract::State;
use axum::http::Uri;
use ticketing_core::app::accounts;

/// Lists accounts, the newest first, for operators and admins.
///
/// # Errors
/// See [`QueryRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    get,
    path = "/v1/users",
    tag = "users",
    params(UsersParameters),
    responses(UserList, Unauthorized, QueryRefusals, AccountRefusals),
    security(("bearer" = []))
)]
pub async fn list(State(state): State<ServerState>, caller: Caller, uri: Uri) -> Result<Answer, ApiError> {
    operators_only(&caller)?;
    let asked = read_query(&uri, user_requests::list)?;
    let (page, limit) = (asked.page.page, asked.page.limit);
    let (found, total) = accounts::list(&state.app, &asked.query, core_page(asked.page), limit).await?;
    Ok(Answer::list(Json::of(&found)?, Pagination { page, limit, total }))
}
