//! `PUT /v1/users/{id}`: changes an account.

use super::{actor, answer_key, changed, count_name, is_owner, name_hash, reachable};
use crate::answer::Answer;
use crate::client::Client;
use crate::command::CommandRequest;
use crate::error::ApiError;
use crate::limits::Counted;
use crate::openapi::parameters::IdempotencyHeader;
use crate::openapi::responses::CommandRefusals;
use crate::openapi::users::{AccountRefusals, IfMatchHeader, OneUser, ProfileRequest, UserPath};
use crate::query::PathId;
use crate::state::ServerState;
use crate::user_requests;
use axum::extract::State;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use ticketing_core::app::accounts::{self, By};
use ticketing_core::ops;
use ticketing_core::store::accounts::SignInName;

/// Changes an account: everybody their own, operators and admins any, with a reason. What is left out stays.
///
/// A new address or password needs `currentPassword`. A new password ends every session from before. An operator sets
/// nobody's password.
///
/// # Errors
/// See [`CommandRefusals`] and [`AccountRefusals`].
#[utoipa::path(
    put,
    path = "/v1/users/{id}",
    tag = "users",
    params(IdempotencyHeader, UserPath, IfMatchHeader),
    request_body = ProfileRequest,
    responses(OneUser, CommandRefusals, AccountRefusals),
    security(("bearer" = []))
)]
pub async fn update(
    State(state): State<ServerState>,
    client: Client,
    PathId(id): PathId,
    headers: HeaderMap,
    request: CommandRequest,
) -> Result<Answer, ApiError> {
    let id = reachable(&request.caller, &id)?;
    let fields = request.fields(user_requests::profile)?;
    let version = match (fields.version, if_match(&headers)?) {
        (Some(version), Some(matched)) if version != matched => {
            return Err(ApiError::invalid_field("version", "is not the one of If-Match"));
        }
        (version, matched) => version.or(matched),
    };
    let key = answer_key(&state.auth, &request);
    let done = if is_owner(&request.caller, id) {
        if fields.current.is_some() {
            // A password that is typed here is tried as at a sign-in, and counts as one.
            let account = accounts::get(&state.app, id).await?;
            if let Some(person) = account.person {
                let name = name_hash(&state.auth, &SignInName::Email(person.email));
                state.sign_ins.check_address(Counted::SignIn, client.0).await?;
                count_name(&state, Counted::SignIn, client.0, name).await?;
            }
        }
        accounts::update(&state.app, id, fields.change, By::Owner(fields.current), version, key.as_ref())
            .await?
    } else {
        if fields.change.password.is_some() {
            return Err(ApiError::forbidden("Only its owner sets the password of an account."));
        }
        let actor = actor(&request.caller, fields.reason, &request.correlation)?;
        ops::accounts::correct(&state.app, id, fields.change, version, &actor, key.as_ref()).await?
    };
    Ok(changed(done, StatusCode::OK))
}

/// Returns the version that `If-Match` names, as `3` or `"3"`; `*` is any.
fn if_match(headers: &HeaderMap) -> Result<Option<i32>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let version = number.parse::<i32>().ok().filter(|n| plain && *n > 0);
    version.map(Some).ok_or_else(|| ApiError::invalid_field("If-Match", "must be the version of an answer"))
}
