//! `POST /v1/users/register`: makes an account with a name.

use super::{OpenRequest, changed, count_name, name_hash};
use crate::answer::Answer;
use crate::client::Client;
use crate::error::ApiError;
use crate::limits::Counted;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, RegisterRequest, Registered};
use crate::state::ServerState;
use crate::user_requests;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use ticketing_core::app::accounts;
use ticketing_core::store::accounts::SignInName;

/// Makes an account with a user name and the names of a person. Its token comes with `login`.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    post,
    path = "/v1/users/register",
    tag = "users",
    params(IdempotencyHeader),
    request_body = RegisterRequest,
    responses(Registered, CommandRefusals, AccountRefusals)
)]
pub async fn register(
    State(state): State<ServerState>,
    client: Client,
    request: Request<Body>,
) -> Result<Answer, ApiError> {
    state.sign_ins.check_address(Counted::SignUp, client.0).await?;
    let request = OpenRequest::read(request).await?;
    let new = request.fields(user_requests::register)?;
    let name = name_hash(&state.auth, &SignInName::Email(new.person.email.clone()));
    count_name(&state, Counted::SignUp, client.0, name).await?;
    let key = request.key(&state.auth, name, StatusCode::CREATED);
    let done = accounts::sign_up(&state.app, new, key.as_ref()).await?;
    if !done.is_replay() {
        state.metrics.user_registrations.inc();
    }
    Ok(changed(done, StatusCode::CREATED))
}
