//! `GET /api/users/currentuser`: who is signed in, if anybody is.

use crate::answer::{Answer, Json};
use crate::error::{ApiError, Code};
use crate::market::MarketCaller;
use crate::openapi::responses::QueryRefusals;
use crate::openapi::users::{AccountRefusals, WhoIsIt};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use serde::Serialize;
use ticketing_core::app::accounts;
use ticketing_core::domain::account::AccountId;
use uuid::Uuid;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: String,
    role: &'static str,
    email: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Current {
    current_user: Option<Identity>,
}

/// Says who is signed in, by token or cookie: `currentUser` is null if nobody is, or not any more.
///
/// # Errors
/// See [`QueryRefusals`] and [`AccountRefusals`]; 401 for a bearer token that is not accepted.
#[utoipa::path(
    get,
    path = "/api/users/currentuser",
    tag = "users",
    responses(WhoIsIt, QueryRefusals, AccountRefusals)
)]
pub async fn current_user(State(state): State<ServerState>, headers: HeaderMap) -> Result<Answer, ApiError> {
    let caller = match MarketCaller::of(&state.auth, &Method::GET, &headers) {
        Ok(MarketCaller { caller, .. }) => caller,
        // Who sends a token on purpose is told what is wrong with it; a browser's old cookie is nobody's fault.
        Err(refused) if headers.contains_key(AUTHORIZATION) => return Err(refused),
        Err(refused)
            if [Code::Unauthorized.word(), Code::AccountSuspended.word()].contains(&refused.code()) =>
        {
            return Ok(Answer::ok(Json::of(&Current { current_user: None })?));
        }
        Err(refused) => return Err(refused),
    };
    let account = match Uuid::parse_str(&caller.user.0) {
        Ok(id) => accounts::find(&state.app, AccountId(id)).await?.map(|account| accounts::body(&account)),
        Err(_) => None,
    };
    let (id, role) = (caller.user.0, caller.role.word());
    let identity = match account {
        Some(account) => Identity {
            id,
            role,
            email: account.email,
            username: account.username,
            first_name: account.first_name,
            last_name: account.last_name,
        },
        None => Identity { id, role, email: None, username: None, first_name: None, last_name: None },
    };
    Ok(Answer::ok(Json::of(&Current { current_user: Some(identity) })?))
}
