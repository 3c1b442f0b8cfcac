//! `POST /api/users/signup`: makes an account, and signs it in.

use super::{OpenRequest, count_name, first_session, name_hash, with_cookie, with_token};
use crate::answer::Answer;
use crate::client::Client;
use crate::error::ApiError;
use crate::limits::Counted;
use crate::market::{Claimed, check_origin};
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, CredentialsRequest, SignedUp};
use crate::state::ServerState;
use crate::user_requests;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use ticketing_core::app::accounts;
use ticketing_core::store::accounts::SignInName;

/// Makes an account, and signs it in: the answer has its token, and the cookie `session` holds it, too.
///
/// The address is looked at whatever its case, and is nobody else's.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    post,
    path = "/api/users/signup",
    tag = "users",
    params(IdempotencyHeader),
    request_body = CredentialsRequest,
    responses(SignedUp, CommandRefusals, AccountRefusals)
)]
pub async fn sign_up(
    State(state): State<ServerState>,
    client: Client,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    state.sign_ins.check_address(Counted::SignUp, client.0).await?;
    check_origin(&state.auth, request.headers(), Claimed::IfAny)?;
    let request = OpenRequest::read(request).await?;
    let new = request.fields(user_requests::sign_up)?;
    let name = name_hash(&state.auth, &SignInName::Email(new.person.email.clone()));
    count_name(&state, Counted::SignUp, client.0, name).await?;
    let key = request.key(&state.auth, name, StatusCode::CREATED);
    let done = accounts::sign_up(&state.app, new, key.as_ref()).await?;
    let session = first_session(&state.auth, &done)?;
    let answer = Answer::created(with_token(&done.body, &session)?);
    let answer = match done.is_replay() {
        true => answer.replayed(),
        false => {
            state.metrics.user_registrations.inc();
            answer
        }
    };
    Ok(with_cookie(&state, answer, &session))
}
