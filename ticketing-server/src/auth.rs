//! Who calls: JWT bearer tokens, HS256 only, with the caller's id and role.
//!
//! A token is checked whole before anything in it is believed. Nothing here knows what a role may do.

mod caller;
mod hs256;
mod mint;

pub use caller::{Caller, Role};
pub use mint::{MintError, mint};

use crate::cors::AllowedOrigins;
use crate::error::ApiError;
use crate::secret::Secret;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use hmac::{Hmac, Mac};
use hs256::{install_crypto, keyed};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use ticketing_core::app::accounts::{KeptOut, Refused, SESSION_SECONDS};
use ticketing_core::domain::account::AccountId;
use ticketing_core::domain::id::UserId;

/// The longest user id, in characters.
pub const SUBJECT_LEN_MAX: usize = 255;

/// How many tokens are remembered as verified, and the longest that is; together a few megabytes.
const VERIFIED_MAX: usize = 10_000;
const VERIFIED_TOKEN_LEN_MAX: usize = 512;

/// Why a token is not accepted. The sentence is for the caller and tells nothing about the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request has none, or not as a bearer token.
    #[error("The request has no token.")]
    Missing,
    /// Not a token at all, or claims of the wrong type.
    #[error("The token can't be read.")]
    Malformed,
    /// Signed in another way than HS256.
    #[error("The token is not signed with HS256.")]
    WrongAlgorithm,
    /// Signed with another secret.
    #[error("The token's signature is wrong.")]
    WrongSignature,
    /// Its time is over, or has not come.
    #[error("The token has expired.")]
    Expired,
    /// Its `nbf` lies ahead.
    #[error("The token is not valid yet.")]
    NotYetValid,
    /// `sub` is missing, empty, too long or has control characters.
    #[error("The token's sub is missing or not 1 to 255 characters.")]
    BadSubject,
    /// `exp` is missing.
    #[error("The token has no exp.")]
    NoExpiry,
    /// `role` is none that there is.
    #[error("The token's role is unknown.")]
    UnknownRole,
    /// Its account was deleted, it was signed out, or the account's password is a new one.
    #[error("The token's session has ended.")]
    Ended,
    /// Its account is suspended.
    #[error("The token's account is suspended.")]
    Suspended,
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Suspended => Self::account_suspended(),
            other => Self::unauthorized(&other.to_string()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Seconds since the epoch, as are the others; RFC 7519 allows fractions.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
    /// Of a sign-in: its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// What a token says that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Who calls.
    pub caller: Caller,
    /// The session that it is of, where it is one that can be signed out.
    pub session: Option<Box<str>>,
    /// Until when it is good, in seconds since the epoch.
    pub exp_s: f64,
    iat_s: Option<f64>,
}

/// A token of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionToken {
    /// The token.
    pub token: String,
    /// Until when it is good, in seconds since the epoch.
    pub exp_s: i64,
}

/// Checks tokens against one secret.
pub struct Auth {
    key: DecodingKey,
    signing: EncodingKey,
    /// For what must only be comparable by who has the secret.
    keyed: Hmac<Sha256>,
    kept_out: Arc<KeptOut>,
    origins: AllowedOrigins,
    validation: Validation,
    /// Tokens whose signature and claims held, so that a client's next request costs a look-up. Their
    /// expiry is compared anew each time.
    verified: Cache<Box<str>, Verified>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(…)")
    }
}

impl Auth {
    /// Checks tokens signed with `secret`.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        install_crypto();
        let mut validation = Validation::new(Algorithm::HS256);
        // We compare the times ourselves: the library takes a token at the very second it expires.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(secret.bytes());
        let signing = EncodingKey::from_secret(secret.bytes());
        let keyed = keyed(secret);
        let kept_out = Arc::default();
        let origins = AllowedOrigins::default();
        Self { key, signing, keyed, kept_out, origins, validation, verified: Cache::new(VERIFIED_MAX) }
    }

    /// Refuses the tokens of whom the accounts keep out.
    #[must_use]
    pub fn keeping_out(self, kept_out: Arc<KeptOut>) -> Self {
        Self { kept_out, ..self }
    }

    /// Lets pages of these origins call with the session's cookie, besides the server's own.
    #[must_use]
    pub fn with_origins(self, origins: AllowedOrigins) -> Self {
        Self { origins, ..self }
    }

    /// The origins whose pages may call, besides the server's own.
    #[must_use]
    pub const fn origins(&self) -> &AllowedOrigins {
        &self.origins
    }

    /// Returns a hash that only somebody with the secret can make, of parts that can't run together.
    #[must_use]
    pub fn keyed_hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Signs a session of an account: role `user`, issued at this second since the epoch, good for as long as sessions
    /// are. The same session and second give the same token.
    ///
    /// # Panics
    /// Never: claims are plain texts and numbers.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "plain claims are JSON, and HS256 is the algorithm that is plugged in"
    )]
    pub fn sign_session(&self, account: AccountId, session: &str, iat_s: i64) -> SessionToken {
        #[derive(Serialize)]
        struct Claimed<'a> {
            sub: String,
            role: Role,
            iat: i64,
            exp: i64,
            jti: &'a str,
        }
        let exp_s = iat_s.saturating_add(SESSION_SECONDS);
        let claims =
            Claimed { sub: account.to_string(), role: Role::User, iat: iat_s, exp: exp_s, jti: session };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .expect("plain claims can be signed");
        SessionToken { token, exp_s }
    }

    /// Finds out who sent a request with these headers.
    ///
    /// # Errors
    /// Why it has no valid token.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, TokenError> {
        self.bearer(headers).map(|verified| verified.caller)
    }

    /// Returns what the bearer token of a request says.
    ///
    /// # Errors
    /// Why it has no valid one.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<Verified, TokenError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(TokenError::Missing) };
        let value = value.to_str().map_err(|_| TokenError::Malformed)?;
        let (scheme, token) = value.split_once(' ').ok_or(TokenError::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Missing);
        }
        self.verified(token.trim_matches(' '), seconds_now())
    }

    /// Returns until when the token of a request is good, in seconds since the epoch; of one that is not accepted,
    /// `None`.
    #[must_use]
    pub fn good_until(&self, headers: &HeaderMap) -> Option<f64> {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (_, token) = value.split_once(' ')?;
        let token = token.trim_matches(' ');
        if let Some(known) = self.verified.get(token) {
            return Some(known.exp_s);
        }
        self.verify_whole(token, seconds_now()).ok().map(|verified| verified.exp_s)
    }

    /// Checks a token as of `now_s`, in seconds since the epoch.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str, now_s: f64) -> Result<Caller, TokenError> {
        self.verified(token, now_s).map(|verified| verified.caller)
    }

    /// Checks a token as of `now_s`, in seconds since the epoch, and returns what it says.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verified(&self, token: &str, now_s: f64) -> Result<Verified, TokenError> {
        let verified = match self.verified.get(token) {
            Some(known) if known.exp_s > now_s => known,
            Some(_) => return Err(TokenError::Expired),
            None => {
                let verified = self.verify_whole(token, now_s)?;
                if token.len() <= VERIFIED_TOKEN_LEN_MAX {
                    self.verified.insert(token.into(), verified.clone());
                }
                verified
            }
        };
        // Who is kept out changes while a token stays as it is: asked each time.
        self.kept_out.check(&verified.caller.user.0, verified.session.as_deref(), verified.iat_s).map_err(
            |refused| match refused {
                Refused::Suspended => TokenError::Suspended,
                Refused::Ended => TokenError::Ended,
            },
        )?;
        Ok(verified)
    }

    fn verify_whole(&self, token: &str, now_s: f64) -> Result<Verified, TokenError> {
        let decoded =
            jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).map_err(|e| reason(&e))?;
        if decoded.header.crit.is_some() {
            return Err(TokenError::Malformed); // RFC 7515, 4.1.11: we know no extension that would be critical
        }
        let claims = decoded.claims;
        let exp_s = claims.exp.ok_or(TokenError::NoExpiry)?;
        if exp_s <= now_s {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now_s) {
            return Err(TokenError::NotYetValid);
        }
        let sub = claims.sub.filter(|s| is_subject(s)).ok_or(TokenError::BadSubject)?;
        let role = match claims.role {
            None => Role::User,
            Some(word) => Role::parse(&word).ok_or(TokenError::UnknownRole)?,
        };
        let session = claims.jti.map(String::into_boxed_str);
        Ok(Verified { caller: Caller { user: UserId(sub), role }, session, exp_s, iat_s: claims.iat })
    }
}

fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= SUBJECT_LEN_MAX && !text.chars().any(char::is_control)
}

fn reason(error: &JwtError) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenError::WrongAlgorithm,
        ErrorKind::InvalidSignature => TokenError::WrongSignature,
        _ => TokenError::Malformed,
    }
}

/// The time, in seconds since the epoch.
pub(crate) fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl<S> FromRequestParts<S> for Caller
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Arc::<Auth>::from_ref(state).caller(&parts.headers)?)
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
