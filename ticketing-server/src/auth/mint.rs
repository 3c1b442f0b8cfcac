//! Tokens that an operator makes by hand, for a service or a test.

use super::hs256::install_crypto;
use super::{Role, is_subject};
use crate::secret::Secret;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why a token can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The subject would not be accepted back.
    #[error("the subject must be 1 to 255 characters, without control characters")]
    BadSubject,
    /// The time to live would end before it begins.
    #[error("the time to live must be a second or more")]
    BadTtl,
}

/// Returns a token for `sub` that is valid for `ttl` from now on.
///
/// # Errors
/// The subject or the time is not one that a server would accept.
///
/// # Panics
/// Never: claims are plain texts and numbers, and HMAC takes a secret of any length.
#[allow(clippy::expect_used, reason = "plain claims are JSON, and HS256 is the algorithm that is plugged in")]
pub fn mint(secret: &Secret, sub: &str, role: Role, ttl: Duration) -> Result<String, MintError> {
    install_crypto();
    if !is_subject(sub) {
        return Err(MintError::BadSubject);
    }
    if ttl < Duration::from_secs(1) {
        return Err(MintError::BadTtl);
    }
    #[derive(Serialize)]
    struct Minted<'a> {
        sub: &'a str,
        role: Role,
        iat: u64,
        exp: u64,
    }
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Minted { sub, role, iat: now_s, exp: now_s.saturating_add(ttl.as_secs()) };
    let key = EncodingKey::from_secret(secret.bytes());
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .expect("plain claims can be signed"))
}
