//! The correlation id: one word that leads from a caller's answer to every log line, event and saga step
//! that followed from the request.

use crate::error::ApiError;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// The header that carries it, both ways.
pub const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest id that is taken from a caller.
pub const CORRELATION_ID_LEN_MAX: usize = 128;

/// An id of 1 to 128 of `A-Z a-z 0-9 . _ : -`; so it is safe in JSON, in a header and in a log line as it
/// is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// Makes a new one.
    #[must_use]
    pub fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        Self(Arc::from(&*Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer)))
    }

    /// Takes one from text, if it is well-formed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        let fits = (1..=CORRELATION_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| Self(text.into()))
    }

    /// Takes the caller's, or makes one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        headers.get(X_CORRELATION_ID).and_then(|v| v.to_str().ok()).and_then(Self::parse).unwrap_or_default()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a header's value.
    ///
    /// # Panics
    /// Never: an id has only characters that a header takes.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the characters of an id are all allowed in a header")]
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is visible ASCII")
    }
}

impl Default for CorrelationId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for CorrelationId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The shell has put it there; a router used without the shell still gets one.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::{CorrelationId, X_CORRELATION_ID};
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn a_well_formed_id_is_taken_and_any_other_replaced() {
        let long = "x".repeat(128);
        let too_long = "x".repeat(129);
        let rows: &[(&str, bool)] = &[
            ("a", true),
            ("A-Z.a_z:0-9", true),
            (&long, true),
            (&too_long, false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a/b", false),
        ];
        for (text, taken) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(X_CORRELATION_ID, HeaderValue::from_str(text).unwrap());
            let id = CorrelationId::of(&headers);
            assert_eq!(id.as_str() == *text, *taken, "{text}");
            assert!(CorrelationId::parse(id.as_str()).is_some());
        }
        let mut headers = HeaderMap::new();
        headers.insert(X_CORRELATION_ID, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_ne!(CorrelationId::of(&headers), CorrelationId::of(&headers));
    }
}
