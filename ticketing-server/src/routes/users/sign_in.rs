//! `POST /api/users/signin`: begins a session, by token and by cookie.

use super::{OpenRequest, with_cookie};
use crate::client::Client;
use crate::error::ApiError;
use crate::limits::Counted;
use crate::market::{Claimed, check_origin};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, CredentialsRequest, SessionBegun};
use crate::state::ServerState;
use crate::user_requests;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;

/// Signs in: the answer has a token, and the cookie `session` holds it, too.
///
/// An address that nobody has and a wrong password are answered alike, in the same time. Nothing is stored of the
/// answer: a sign-in that is repeated with its `Idempotency-Key` begins another session.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    post,
    path = "/api/users/signin",
    tag = "users",
    params(IdempotencyHeader),
    request_body = CredentialsRequest,
    responses(SessionBegun, CommandRefusals, AccountRefusals)
)]
pub async fn sign_in(
    State(state): State<ServerState>,
    client: Client,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    state.sign_ins.check_address(Counted::SignIn, client.0).await?;
    // Or a strange page could sign its visitor in as somebody else.
    check_origin(&state.auth, request.headers(), Claimed::IfAny)?;
    let request = OpenRequest::read(request).await?;
    let credentials = request.fields(user_requests::sign_in)?;
    let (answer, session) = super::login::begin(&state, client.0, credentials).await?;
    Ok(with_cookie(&state, answer, &session))
}
