//! Accounts, as the document shows them: what is sent and what is answered. Never built: see [`super::shapes`].

use super::shapes::{Failure, Page, Success};
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};
use uuid::Uuid;

/// The body of `signup` and `signin`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CredentialsRequest {
    /// The address, whatever the case.
    #[schema(max_length = 254)]
    pub email: String,
    /// The password.
    #[schema(min_length = 8, max_length = 128)]
    pub password: String,
}

/// The body of `register`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterRequest {
    /// 3 to 32 letters, digits, dots, dashes and underscores, the first a letter or digit; whatever the case, nobody
    /// else's.
    #[schema(min_length = 3, max_length = 32)]
    pub username: String,
    /// The address, whatever the case.
    #[schema(max_length = 254)]
    pub email: String,
    /// The password.
    #[schema(min_length = 8, max_length = 128)]
    pub password: String,
    /// The first name.
    #[schema(max_length = 200)]
    pub first_name: String,
    /// The last name.
    #[schema(max_length = 200)]
    pub last_name: String,
}

/// The body of `login`: `email` or `username`, one of them.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LoginRequest {
    /// The address.
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// The user name.
    #[schema(max_length = 32)]
    pub username: Option<String>,
    /// The password.
    #[schema(max_length = 128)]
    pub password: String,
}

/// The body of a change of a profile. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRequest {
    /// A new address; needs `currentPassword`.
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// A new user name.
    #[schema(max_length = 32)]
    pub username: Option<String>,
    /// A new first name.
    #[schema(max_length = 200)]
    pub first_name: Option<String>,
    /// A new last name.
    #[schema(max_length = 200)]
    pub last_name: Option<String>,
    /// A new password; needs `currentPassword`, and ends every session from before. Never by an operator.
    #[schema(min_length = 8, max_length = 128)]
    pub password: Option<String>,
    /// The password that the account has now.
    #[schema(max_length = 128)]
    pub current_password: Option<String>,
    /// The `version` that was looked at: if the account is at another, nothing is done. `If-Match` says the same.
    #[schema(minimum = 1)]
    pub version: Option<i32>,
    /// Why an operator changes it; operators must say.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// The body of a deletion. It may be left out by who deletes their own account.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DeletionRequest {
    /// Why an operator deletes it; operators must say.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// The body of a change of status.
#[derive(Debug, Deserialize, ToSchema)]
pub struct StatusRequest {
    /// `ACTIVE` or `SUSPENDED`.
    pub status: String,
    /// Why.
    #[schema(max_length = 1000)]
    pub reason: String,
}

/// Where an account stands.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum UserStatus {
    /// It may sign in.
    Active,
    /// An operator keeps it out.
    Suspended,
    /// Its person is erased.
    Deleted,
}

/// An account.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct User {
    /// Its id: the `userId` of its bookings.
    pub id: Uuid,
    /// The address; null once deleted, as what follows.
    pub email: Option<String>,
    /// The user name, where there is one.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Where it stands.
    pub status: UserStatus,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Grows by one with each change.
    pub version: i32,
}

/// An account that has just signed in, with its token.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignedIn {
    /// Its id: the `userId` of its bookings.
    pub id: Uuid,
    /// The address.
    pub email: Option<String>,
    /// The user name, where there is one.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Where it stands.
    pub status: UserStatus,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Grows by one with each change.
    pub version: i32,
    /// To be sent as `Authorization: Bearer …`.
    pub token: String,
    /// Until when it is good.
    pub expires_at: String,
}

/// Who is signed in, if anybody is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CurrentUser {
    /// Null if nobody is.
    pub current_user: Option<Identity>,
}

/// Who calls.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Identity {
    /// The account's id, or the subject of a token that is of no account.
    pub id: String,
    /// `user`, `service`, `operator` or `admin`.
    pub role: String,
    /// The address; null for a token that is of no account, as what follows.
    pub email: Option<String>,
    /// The user name, where there is one.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
}

/// The path of an account.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The account.
    pub id: Uuid,
}

/// A page of accounts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct UsersParameters {
    /// Only those with this text in their address or names, whatever the case.
    #[param(max_length = 254)]
    pub search: Option<String>,
    /// Only those that stand so; all but the deleted if there is none.
    #[param(inline)]
    pub status: Option<UserStatus>,
    /// Which page, from 1.
    #[param(minimum = 1, default = 1)]
    pub page: Option<u64>,
    /// How many a page holds.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub limit: Option<u32>,
}

/// The header that names the version that was looked at.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatchHeader {
    /// The `version` that was looked at: if the account is at another, nothing is done.
    #[param(rename = "If-Match")]
    pub if_match: Option<String>,
}

/// An account that signed up, with its session.
#[derive(Debug, IntoResponses)]
#[response(
    status = 201,
    description = "The account and its token, which the cookie `session` holds, too. With `Idempotent-Replay: true` \
                   it was made before."
)]
pub struct SignedUp(pub Success<SignedIn>);

/// An account that signed in.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The account and its token.")]
pub struct SessionBegun(pub Success<SignedIn>);

/// An account that was made.
#[derive(Debug, IntoResponses)]
#[response(status = 201, description = "The account. With `Idempotent-Replay: true` it was made before.")]
pub struct Registered(pub Success<User>);

/// One account.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The account as it is now.")]
pub struct OneUser(pub Success<User>);

/// A page of accounts.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "The accounts, the newest first.")]
pub struct UserList(pub Page<User>);

/// Who is signed in.
#[derive(Debug, IntoResponses)]
#[response(status = 200, description = "Who is signed in; `currentUser` is null if nobody is.")]
pub struct WhoIsIt(pub Success<CurrentUser>);

/// What a call about accounts may be answered besides.
#[derive(Debug, IntoResponses)]
pub enum AccountRefusals {
    /// `BAD_CREDENTIALS`: the name or the password is wrong; `UNAUTHORIZED`: no valid token, where one is needed.
    #[response(status = 401)]
    Unauthorized(Failure),
    /// `ACCOUNT_SUSPENDED`; `ORIGIN_REFUSED`: from a page of another site; `WRONG_PASSWORD`; `FORBIDDEN`: only
    /// operators and admins.
    #[response(status = 403)]
    Forbidden(Failure),
    /// `USER_NOT_FOUND`: there is no such account, or it is another's.
    #[response(status = 404)]
    NotFound(Failure),
    /// `EMAIL_TAKEN`, `USERNAME_TAKEN`, `VERSION_MOVED`, `INVALID_STATE`, `IDEMPOTENCY_IN_PROGRESS`.
    #[response(status = 409)]
    Conflict(Failure),
    /// Fields are missing, unknown or wrong, one entry each; `PASSWORD_NEEDED`, `IDEMPOTENCY_KEY_REUSED`.
    #[response(status = 422)]
    Invalid(Failure),
    /// `RATE_LIMITED`: of the client, or of sign-ins and sign-ups by address and by account. See `Retry-After`.
    #[response(status = 429)]
    RateLimited(Failure),
    /// `OVERLOADED`: too many passwords wait; `UNAVAILABLE`. See `Retry-After`.
    #[response(status = 503)]
    Unavailable(Failure),
}
