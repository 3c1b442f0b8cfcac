//! Which web pages of other origins may call: those that `CORS_ALLOWED_ORIGINS` lists, with their
//! credentials; never all. (The Fetch Standard calls the rules the CORS protocol.)

use crate::settings::SettingsError;
use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, If-Match, X-Correlation-Id");
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Correlation-Id, Idempotent-Replay, Retry-After");
/// How long a browser may keep a preflight's answer, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Reads a comma list of origins, each `scheme://host` or `scheme://host:port`.
    ///
    /// # Errors
    /// Names the entry that is none; `*` never is, since calls carry credentials.
    pub fn parse(list: &str) -> Result<Self, SettingsError> {
        let entries = list.split(',').map(str::trim).filter(|e| !e.is_empty());
        let origin = |entry: &str| {
            let hint = if entry.contains('*') { "; every origin must be named" } else { "" };
            Self::parse_origin(entry).ok_or_else(|| SettingsError {
                variable: "CORS_ALLOWED_ORIGINS",
                problem: format!(
                    "has `{entry}`, which is no origin; write `https://shop.example`, without a path{hint}"
                ),
            })
        };
        entries.map(origin).collect::<Result<_, _>>().map(Self)
    }

    fn parse_origin(text: &str) -> Option<String> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|s| matches!(*s, "http" | "https"))?;
        let host = uri.host().filter(|h| !h.is_empty() && !h.contains('*'))?;
        let origin = match uri.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        // What is left over would be a user, a path or a query. Browsers send an origin in lower case.
        (origin.eq_ignore_ascii_case(text)).then(|| origin.to_ascii_lowercase())
    }

    /// Returns the request's origin if its pages may call.
    #[must_use]
    pub fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.0.iter().any(|o| o.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }

    /// Whether pages of this origin may call.
    #[must_use]
    pub fn lists(&self, origin: &str) -> bool {
        self.0.iter().any(|listed| listed == origin)
    }

    /// Answers a preflight of a page that may call; `None` for any other request.
    #[must_use]
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.allowed(headers)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let own = response.headers_mut();
        own.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        own.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        own.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// Adds to an answer what lets the page of `origin`, if any, read it.
    pub fn grant(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            // Helmet's same-origin policy would keep the page from reading what it was just granted.
            headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AllowedOrigins;

    #[test]
    fn only_plain_origins_are_taken() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("https://shop.example", Some(&["https://shop.example"])),
            (
                " https://a.example , http://localhost:5173,",
                Some(&["https://a.example", "http://localhost:5173"]),
            ),
            ("https://Shop.Example", Some(&["https://shop.example"])),
            ("http://[::1]:80", Some(&["http://[::1]:80"])),
            ("*", None),
            ("https://*.example", None),
            ("https://shop.example/", None),
            ("https://shop.example/path", None),
            ("https://user@shop.example", None),
            ("shop.example", None),
            ("ftp://shop.example", None),
            ("null", None),
            ("https://", None),
        ];
        for (list, expected) in rows {
            let parsed = AllowedOrigins::parse(list);
            let origins = parsed.as_ref().ok().map(|o| o.0.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(origins.as_deref(), *expected, "{list}");
        }
    }
}
