//! `POST /api/users/signout`: ends a session.

use crate::answer::Answer;
use crate::error::ApiError;
use crate::market::{Claimed, MarketCaller, check_origin, session_cookie, set_cookie};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, WhoIsIt};
use crate::state::ServerState;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use ticketing_core::app::accounts;

/// Ends the session of the token or cookie: it is refused from now on, also if somebody else has got hold of it.
///
/// The browser forgets the cookie. Whoever is signed out already is so afterwards.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    post,
    path = "/api/users/signout",
    tag = "users",
    params(IdempotencyHeader),
    responses(WhoIsIt, CommandRefusals, AccountRefusals)
)]
pub async fn sign_out(State(state): State<ServerState>, headers: HeaderMap) -> Result<Response, ApiError> {
    crate::command::idempotency_key(&headers)?;
    if headers.contains_key(AUTHORIZATION) || session_cookie(&headers).is_some() {
        match MarketCaller::of(&state.auth, &Method::POST, &headers) {
            Ok(MarketCaller { verified, .. }) => {
                if let Some(session) = &verified.session {
                    // Whole seconds, as tokens have them.
                    accounts::sign_out(&state.app, session, verified.exp_s.ceil() as i64).await?;
                }
            }
            Err(refused) if refused == ApiError::origin_refused() => return Err(refused),
            // It is good for nothing any more: that is what was asked for.
            Err(_) => {}
        }
    } else {
        check_origin(&state.auth, &headers, Claimed::IfAny)?;
    }
    let mut response = Answer::ok(r#"{"currentUser":null}"#.to_owned()).into_response();
    if let Some(cookie) = set_cookie("", 0, state.secure_cookies) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
