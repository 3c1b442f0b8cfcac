//! A mutating request as a handler takes it: the caller, the idempotency key, the body.
//!
//! The key is only read here. That it has effect is the work of the store, in the command's transaction.

use crate::auth::{Auth, Caller};
use crate::correlation::CorrelationId;
use crate::error::{ApiError, Code};
use crate::fields::{Fields, read_object};
use crate::query::read_query;
use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The header that makes a request safe to repeat.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
pub const IDEMPOTENCY_KEY_LEN_MAX: usize = 255;

/// What makes a request the same as an earlier one of the same caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key that the caller chose.
    pub key: String,
    /// SHA-256 over method, path, query and body; another one under the same key is another request.
    pub request_hash: [u8; 32],
}

/// A command's request, checked but for its fields.
#[derive(Clone, Debug)]
pub struct CommandRequest {
    /// Who sends it.
    pub caller: Caller,
    /// What leads to it in logs and events.
    pub correlation: CorrelationId,
    /// Its key, if it has one.
    pub idempotency: Option<Idempotency>,
    /// Its body, as it came.
    pub body: Bytes,
}

impl CommandRequest {
    /// Reads the body's fields: see [`read_object`].
    ///
    /// # Errors
    /// 400 if the body is no JSON object; 422 with one entry per field at fault.
    pub fn fields<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, ApiError> {
        read_object(&self.body, read)
    }

    /// Refuses fields, of a command that has none.
    ///
    /// # Errors
    /// See [`read_object`].
    pub fn no_fields(&self) -> Result<(), ApiError> {
        if self.body.is_empty() { Ok(()) } else { read_object(&self.body, |_| ()) }
    }
}

impl<S> FromRequest<S> for CommandRequest
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    /// The `Content-Type` is not looked at: what is no JSON is refused as such, and a token in a header is
    /// nothing that a form on a strange page could send.
    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let correlation = CorrelationId::from_request_parts(&mut parts, state).await?;
        // What a command is to do stands in its body; one that is asked for a parameter is not the one that was meant.
        read_query(&parts.uri, |_| ())?;
        let key = idempotency_key(&parts.headers)?.map(str::to_owned);
        let body = crate::body::read(&parts, body).await?;
        let idempotency = key.map(|key| Idempotency { key, request_hash: request_hash(&parts, &body) });
        Ok(Self { caller, correlation, idempotency, body })
    }
}

/// Returns the request's `Idempotency-Key`.
///
/// # Errors
/// 400 if it is not 1 to 255 visible ASCII characters, or if there are several.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    let fits = (1..=IDEMPOTENCY_KEY_LEN_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(bytes) {
        Ok(key) if fits && values.next().is_none() => Ok(Some(key)),
        _ => Err(ApiError::new(
            Code::IdempotencyKeyInvalid,
            "Idempotency-Key must be one value of 1 to 255 visible ASCII characters, as a UUID.",
        )),
    }
}

/// Returns the hash of what makes a request: each part preceded by its length, so that no two requests
/// run together to the same bytes.
#[must_use]
pub fn request_hash(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    // No query is another request than an empty one.
    let query = parts.uri.query();
    for part in [
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        &[u8::from(query.is_some())],
        query.unwrap_or_default().as_bytes(),
        body,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{idempotency_key, request_hash};
    use axum::http::{HeaderMap, HeaderValue, Request};
    use std::collections::HashSet;

    #[test]
    fn a_key_is_visible_ascii_of_1_to_255_characters() {
        let long = "k".repeat(255);
        let too_long = "k".repeat(256);
        type Row<'a> = (&'a [&'a [u8]], Result<Option<&'a str>, ()>);
        let rows: &[Row<'_>] = &[
            (&[], Ok(None)),
            (&[b"k"], Ok(Some("k"))),
            (&[b"!~"], Ok(Some("!~"))),
            (&[long.as_bytes()], Ok(Some(&long))),
            (&[too_long.as_bytes()], Err(())),
            (&[b""], Err(())),
            (&[b"a b"], Err(())),
            (&[b"a\tb"], Err(())),
            (&["ä".as_bytes()], Err(())),
            (&[b"\xff"], Err(())),
            (&[b"a", b"a"], Err(())),
            (&[b"a", b"b"], Err(())),
        ];
        for (values, expected) in rows {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append("idempotency-key", HeaderValue::from_bytes(value).unwrap());
            }
            let key = idempotency_key(&headers);
            assert_eq!(key.as_ref().map(|k| *k).map_err(|_| ()), *expected, "{values:?}");
            if let Err(e) = key {
                assert_eq!((e.status().as_u16(), e.code()), (400, "IDEMPOTENCY_KEY_INVALID"));
            }
        }
    }

    #[test]
    fn requests_that_differ_anywhere_have_different_hashes() {
        let rows = [
            ("POST", "/a", "1"),
            ("PUT", "/a", "1"),
            ("POST", "/b", "1"),
            ("POST", "/a?", "1"),
            ("POST", "/a?b", "1"),
            ("POST", "/ab", "1"),
            ("POST", "/a?b=1", ""),
            ("POST", "/a?b=", "1"),
            ("POST", "/a", ""),
            ("POST", "/a", "1 "),
        ];
        let hash = |(method, uri, body): (&str, &str, &str)| {
            let (parts, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
            request_hash(&parts, body.as_bytes())
        };
        assert_eq!(rows.into_iter().map(hash).collect::<HashSet<_>>().len(), rows.len());
        assert_eq!(hash(rows[0]), hash(rows[0]));
    }
}
