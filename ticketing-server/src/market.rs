//! Who calls the marketplace: by bearer token, or by the session's cookie, which browsers send by themselves.
//!
//! That is why a call by cookie that changes something must come from a page of this very server, or of an origin in
//! `CORS_ALLOWED_ORIGINS`: a page of anybody else's can make a browser send the cookie, but not say that it is ours. A
//! script can't read the cookie at all. All other calls take [`Caller`], which knows no cookie.

use crate::auth::{Auth, Caller, TokenError, Verified, seconds_now};
use crate::command::{CommandRequest, Idempotency, idempotency_key, request_hash};
use crate::correlation::CorrelationId;
use crate::error::ApiError;
use crate::query::read_query;
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use std::sync::Arc;

/// The cookie that holds a session's token.
pub const COOKIE_NAME: &str = "session";

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token, which its holder sent on purpose.
    Bearer,
    /// The cookie.
    Cookie,
}

/// Who calls the marketplace. A bearer token beats the cookie.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketCaller {
    /// Who.
    pub caller: Caller,
    /// What the token says.
    pub verified: Verified,
    /// How it came.
    pub proof: Proof,
}

impl MarketCaller {
    /// Finds out who sent a request with this method and these headers.
    ///
    /// # Errors
    /// 401 without a valid token; 403 `ORIGIN_REFUSED` by cookie from a page of another site, where the method may
    /// change something; 403 `ACCOUNT_SUSPENDED`.
    pub fn of(auth: &Auth, method: &Method, headers: &HeaderMap) -> Result<Self, ApiError> {
        let (verified, proof) = match headers.contains_key(AUTHORIZATION) {
            true => (auth.bearer(headers)?, Proof::Bearer),
            false => {
                let token = session_cookie(headers).ok_or(TokenError::Missing)?;
                if !method.is_safe() {
                    check_origin(auth, headers, Claimed::Needed)?;
                }
                (auth.verified(token, seconds_now())?, Proof::Cookie)
            }
        };
        Ok(Self { caller: verified.caller.clone(), verified, proof })
    }
}

impl<S> FromRequestParts<S> for MarketCaller
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Self::of(&Arc::<Auth>::from_ref(state), &parts.method, &parts.headers)
    }
}

/// A command of the marketplace: as [`CommandRequest`], by bearer token or cookie.
#[derive(Clone, Debug)]
pub struct MarketCommand(pub CommandRequest);

impl<S> FromRequest<S> for MarketCommand
where
    Arc<Auth>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let MarketCaller { caller, .. } = MarketCaller::from_request_parts(&mut parts, state).await?;
        let correlation = CorrelationId::from_request_parts(&mut parts, state).await?;
        read_query(&parts.uri, |_| ())?;
        let key = idempotency_key(&parts.headers)?.map(str::to_owned);
        let body = crate::body::read(&parts, body).await?;
        let idempotency = key.map(|key| Idempotency { key, request_hash: request_hash(&parts, &body) });
        Ok(Self(CommandRequest { caller, correlation, idempotency, body }))
    }
}

/// Returns the session's token of a request; of several that differ none is believed, since another host of the same
/// site may have set one of them.
#[must_use]
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.trim_matches('"'));
    let first = found.next().filter(|token| !token.is_empty())?;
    found.all(|other| other == first).then_some(first)
}

/// Whether a request must say which page it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It must: it is believed by its cookie alone.
    Needed,
    /// If it does, it must be one of ours: a browser says so of every page that is not.
    IfAny,
}

/// Refuses a request from a page that is neither this server's nor of a listed origin.
///
/// # Errors
/// 403 `ORIGIN_REFUSED`.
pub fn check_origin(auth: &Auth, headers: &HeaderMap, claimed: Claimed) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let from = match text(ORIGIN) {
        Some(origin) => Some(origin.to_owned()),
        None => text(REFERER).map(|referer| origin_of(referer).unwrap_or_default()),
    };
    let is_ours = match (&from, claimed) {
        (None, Claimed::IfAny) => true,
        (None, Claimed::Needed) => false,
        (Some(from), _) => {
            let own = text(HOST).filter(|host| !host.is_empty());
            let authority = from.split_once("://").map(|(_, authority)| authority);
            auth.origins().lists(from)
                || own.is_some_and(|own| authority.is_some_and(|from| from.eq_ignore_ascii_case(own)))
        }
    };
    if is_ours { Ok(()) } else { Err(ApiError::origin_refused()) }
}

/// Returns the origin of an address: `https://shop.example` of `https://shop.example/cart?x`.
fn origin_of(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let host = uri.host()?;
    Some(match uri.port() {
        Some(port) => format!("{}://{host}:{port}", uri.scheme_str()?),
        None => format!("{}://{host}", uri.scheme_str()?),
    })
}

/// Returns the header that keeps a session in the browser, where no script can read it, for so many seconds; 0 takes
/// it away.
#[must_use]
pub fn set_cookie(token: &str, max_age_s: i64, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{COOKIE_NAME}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::{Claimed, check_origin, session_cookie, set_cookie};
    use crate::auth::Auth;
    use crate::cors::AllowedOrigins;
    use crate::secret::Secret;
    use axum::http::HeaderMap;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_session_is_found_among_other_cookies_and_of_several_none_is_believed() {
        let rows: &[(&[&str], Option<&str>)] = &[
            (&[], None),
            (&["session=abc"], Some("abc")),
            (&["a=1; session=abc; b=2"], Some("abc")),
            (&["a=1", "session=abc"], Some("abc")),
            (&["session=\"abc\""], Some("abc")),
            (&["session=abc; session=abc"], Some("abc")),
            (&["session=abc; session=def"], None),
            (&["session=abc", "session=def"], None),
            (&["session="], None),
            (&["xsession=abc"], None),
            (&["Session=abc"], None),
        ];
        for (lines, expected) in rows {
            let pairs: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            assert_eq!(session_cookie(&headers(&pairs)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn a_call_by_cookie_comes_from_a_page_of_ours() {
        let origins = AllowedOrigins::parse("https://shop.example").unwrap();
        let auth = Auth::new(&Secret::new("s").unwrap()).with_origins(origins);
        let rows: &[(&[(&'static str, &str)], bool)] = &[
            (&[], false),
            (&[("origin", "http://here:3002")], true),
            (&[("origin", "https://HERE:3002")], true),
            (&[("origin", "https://shop.example")], true),
            (&[("origin", "http://shop.example")], false),
            (&[("origin", "https://shop.example.evil")], false),
            (&[("origin", "http://here")], false),
            (&[("origin", "http://evil")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "http://evil"), ("referer", "http://here:3002/x")], false),
            (&[("referer", "http://here:3002/cart?x=1")], true),
            (&[("referer", "https://shop.example/")], true),
            (&[("referer", "https://evil/here:3002")], false),
            (&[("referer", "http://here:3002@evil/")], false),
            (&[("referer", "nonsense")], false),
        ];
        for (pairs, good) in rows {
            let mut all = headers(pairs);
            all.insert("host", "here:3002".parse().unwrap());
            assert_eq!(check_origin(&auth, &all, Claimed::Needed).is_ok(), *good, "{pairs:?}");
            let is_silent = pairs.is_empty();
            assert_eq!(check_origin(&auth, &all, Claimed::IfAny).is_ok(), *good || is_silent, "{pairs:?}");
        }
        let no_host = headers(&[("origin", "http://")]);
        assert!(check_origin(&auth, &no_host, Claimed::Needed).is_err());
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_in_production_from_plain_http() {
        let plain = set_cookie("t", 60, false).unwrap();
        assert_eq!(plain, "session=t; HttpOnly; SameSite=Lax; Path=/; Max-Age=60");
        assert!(set_cookie("t", 60, true).unwrap().to_str().unwrap().ends_with("; Secure"));
    }
}
