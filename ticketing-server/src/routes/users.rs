//! Accounts, for both ways of speaking: `/api/users`, with a cookie beside the token, and `/v1/users`.

pub mod current_user;
pub mod delete;
pub mod list;
pub mod login;
pub mod profile;
pub mod register;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod status;
pub mod update;

use crate::answer::{Answer, Json};
use crate::auth::{Auth, Caller, SessionToken, seconds_now};
use crate::command::{CommandRequest, IDEMPOTENCY_KEY, idempotency_key, request_hash};
use crate::correlation::CorrelationId;
use crate::error::ApiError;
use crate::fields::{Fields, read_object};
use crate::limits::Counted;
use crate::market::set_cookie;
use crate::state::ServerState;
use axum::body::{Body, Bytes};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use ticketing_core::app::accounts::{AccountDone, SESSION_SECONDS};
use ticketing_core::domain::account::{Account, AccountId};
use ticketing_core::domain::time::Timestamp;
use ticketing_core::ops::audit::Actor;
use ticketing_core::store::accounts::{AnswerKey, SignInName};
use uuid::Uuid;

/// A request of somebody who has no token yet.
pub(super) struct OpenRequest {
    parts: Parts,
    body: Bytes,
}

impl OpenRequest {
    /// Reads it whole, once it was counted by its address.
    pub(super) async fn read(request: Request<Body>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        idempotency_key(&parts.headers)?;
        let body = crate::body::read(&parts, body).await?;
        Ok(Self { parts, body })
    }

    /// Reads the body's fields: see [`read_object`].
    pub(super) fn fields<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, ApiError> {
        // What read well is there.
        read_object(&self.body, read)?.ok_or_else(ApiError::internal)
    }

    /// Its idempotency key, which counts among requests about the same account only. The body has a password in it: what
    /// is stored of it nobody can try passwords on who has not the secret.
    pub(super) fn key(&self, auth: &Auth, account: u128, status: StatusCode) -> Option<AnswerKey> {
        let key = self.parts.headers.get(IDEMPOTENCY_KEY)?.to_str().ok()?;
        let request = request_hash(&self.parts, &self.body);
        Some(AnswerKey {
            caller: format!("account {account:032x}"),
            key: key.to_owned(),
            request_hash: auth.keyed_hash(&[b"request", &request]),
            status: status.as_u16(),
        })
    }
}

/// The key of a request of somebody who is known; it may have a password in it, too.
pub(super) fn answer_key(auth: &Auth, request: &CommandRequest) -> Option<AnswerKey> {
    request.idempotency.as_ref().map(|found| AnswerKey {
        caller: request.caller.user.0.clone(),
        key: found.key.clone(),
        request_hash: auth.keyed_hash(&[b"request", &found.request_hash]),
        status: StatusCode::OK.as_u16(),
    })
}

/// What an account is called by, for those who count and must not keep names.
pub(super) fn name_hash(auth: &Auth, name: &SignInName) -> u128 {
    let hash = match name {
        SignInName::Email(email) => auth.keyed_hash(&[b"email", email.as_str().as_bytes()]),
        SignInName::Username(name) => auth.keyed_hash(&[b"username", name.key().as_bytes()]),
    };
    first_half(&hash)
}

fn first_half(hash: &[u8; 32]) -> u128 {
    hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// Counts a sign-in or sign-up of this name; its address was counted before.
pub(super) async fn count_name(
    state: &ServerState,
    counted: Counted,
    client: IpAddr,
    hash: u128,
) -> Result<(), ApiError> {
    state.sign_ins.check_account(counted, client, hash).await
}

/// Begins a session of an account that signs in now.
pub(super) fn begin_session(state: &ServerState, account: &Account) -> SessionToken {
    // Whole seconds; one that begins in the second of a new password counts from the next one.
    let now_s = seconds_now() as i64;
    state.auth.sign_session(account.id, &Uuid::new_v4().to_string(), now_s.max(account.not_before_s))
}

/// Begins the session that an account has from its sign-up: the same one each time that its answer is given again.
pub(super) fn first_session(auth: &Auth, done: &AccountDone) -> Result<SessionToken, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Made {
        id: Uuid,
        created_at: String,
    }
    let made: Made = serde_json::from_str(&done.body).map_err(|_| ApiError::internal())?;
    let at = Timestamp::parse(&made.created_at).unwrap_or_default();
    let session = Uuid::from_u128(first_half(&auth.keyed_hash(&[b"sign-up", made.id.as_bytes()])));
    Ok(auth.sign_session(AccountId(made.id), &session.to_string(), at.as_millis().div_euclid(1_000)))
}

/// Puts a session's token behind the rest of an account's JSON.
pub(super) fn with_token(account: &str, session: &SessionToken) -> Result<Json, ApiError> {
    let begin = account.strip_suffix('}').ok_or_else(ApiError::internal)?;
    let expires_at = Timestamp::from_millis(session.exp_s.saturating_mul(1_000));
    let (token, expires_at) = (Json::of(&session.token)?, Json::of(&expires_at)?);
    Ok(format!(r#"{begin},"token":{},"expiresAt":{}}}"#, token.as_str(), expires_at.as_str()).into())
}

/// Answers, and has the browser keep the session.
pub(super) fn with_cookie(state: &ServerState, answer: Answer, session: &SessionToken) -> Response {
    let mut response = answer.into_response();
    if let Some(cookie) = set_cookie(&session.token, SESSION_SECONDS, state.secure_cookies) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Answers with an account as a change has left it, or with the first answer again.
pub(super) fn changed(done: AccountDone, status: StatusCode) -> Answer {
    let is_replay = done.is_replay();
    let answer = Answer::new(status, done.body);
    if is_replay { answer.replayed() } else { answer }
}

/// Returns the account that a caller may touch by this id: their own, or as an operator any. Another's is none.
pub(super) fn reachable(caller: &Caller, id: &str) -> Result<AccountId, ApiError> {
    let not_found = || ApiError::user_not_found(id);
    let account = Uuid::parse_str(id).map(AccountId).map_err(|_| not_found())?;
    let is_own = caller.user.0 == account.to_string();
    if is_own || caller.role.is_operator() { Ok(account) } else { Err(not_found()) }
}

/// Whether a caller touches their own account, and not as an operator.
pub(super) fn is_owner(caller: &Caller, account: AccountId) -> bool {
    caller.user.0 == account.to_string()
}

/// Refuses everybody but operators.
pub(super) fn operators_only(caller: &Caller) -> Result<(), ApiError> {
    match caller.role.is_operator() {
        true => Ok(()),
        false => Err(ApiError::forbidden("Only operators and admins may do this.")),
    }
}

/// Who the audit log names, and why: operators must say.
pub(super) fn actor(
    caller: &Caller,
    reason: Option<String>,
    correlation: &CorrelationId,
) -> Result<Actor, ApiError> {
    let reason = reason.ok_or_else(|| {
        ApiError::invalid_field("reason", "is required: what an operator changes is written down with it")
    })?;
    Ok(Actor {
        name: caller.user.0.clone(),
        reason: Some(reason),
        correlation_id: Some(correlation.to_string()),
    })
}
