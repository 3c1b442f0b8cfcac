//! `POST /v1/users/login`: begins a session, by token alone.

use super::{OpenRequest, begin_session, count_name, name_hash, with_token};
use crate::answer::{Answer, Json};
use crate::auth::SessionToken;
use crate::client::Client;
use crate::error::ApiError;
use crate::limits::Counted;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, LoginRequest, SessionBegun};
use crate::state::ServerState;
use crate::user_requests::{self, Credentials};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use std::net::IpAddr;
use ticketing_core::app::accounts;

/// Signs in with the address or the user name: the answer has a token.
///
/// A name that nobody has and a wrong password are answered alike, in the same time. Nothing is stored of the answer:
/// a sign-in that is repeated with its `Idempotency-Key` begins another session.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    post,
    path = "/v1/users/login",
    tag = "users",
    params(IdempotencyHeader),
    request_body = LoginRequest,
    responses(SessionBegun, CommandRefusals, AccountRefusals)
)]
pub async fn login(
    State(state): State<ServerState>,
    client: Client,
    request: Request<Body>,
) -> Result<Answer, ApiError> {
    state.sign_ins.check_address(Counted::SignIn, client.0).await?;
    let request = OpenRequest::read(request).await?;
    let credentials = request.fields(user_requests::login)?;
    Ok(begin(&state, client.0, credentials).await?.0)
}

/// Signs in: returns the answer, and the session that it tells of.
pub(super) async fn begin(
    state: &ServerState,
    client: IpAddr,
    credentials: Credentials,
) -> Result<(Answer, SessionToken), ApiError> {
    let Credentials { name, password } = credentials;
    count_name(state, Counted::SignIn, client, name_hash(&state.auth, &name)).await?;
    let account = accounts::sign_in(&state.app, &name, password).await?;
    state.metrics.user_logins.inc();
    let session = begin_session(state, &account);
    let body = Json::of(&accounts::body(&account))?;
    Ok((Answer::ok(with_token(body.as_str(), &session)?), session))
}
