//! The headers of every answer: what Helmet sends by default (version 8), and that nothing is to be stored.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const POLICY: &str = "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
    frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
    style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests";

/// Each security header with its value.
pub const SECURITY_HEADERS: [(HeaderName, &str); 12] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (REFERRER_POLICY, "no-referrer"),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_DNS_PREFETCH_CONTROL, "off"),
    (HeaderName::from_static("x-download-options"), "noopen"),
    (X_FRAME_OPTIONS, "SAMEORIGIN"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (X_XSS_PROTECTION, "0"),
];

/// Returns what every answer begins with. Copying a ready map is a fraction of the cost of inserting into
/// an empty one; the entries that nearly every answer has of its own hold a place in it.
#[must_use]
pub fn template() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(32);
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Nothing here may be kept by a browser or a proxy: what is not private is out of date in a moment.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(crate::correlation::X_CORRELATION_ID, HeaderValue::from_static(""));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(""));
    headers
}

/// Returns the headers of `own`, and of `template` those that `own` does not have.
#[must_use]
pub fn completed(template: &HeaderMap, own: HeaderMap) -> HeaderMap {
    let mut headers = template.clone();
    if !own.contains_key(CONTENT_TYPE) {
        headers.remove(CONTENT_TYPE);
    }
    let mut last = None;
    for (name, value) in own {
        match (name, &last) {
            (Some(name), _) => {
                headers.insert(name.clone(), value);
                last = Some(name);
            }
            // A name that comes several times is given once; the rest follow without it.
            (None, Some(name)) => {
                headers.append(name.clone(), value);
            }
            (None, None) => {}
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::{completed, template};
    use axum::http::{HeaderMap, HeaderValue};

    #[test]
    fn what_an_answer_brings_itself_wins_and_comes_whole() {
        let mut own = HeaderMap::new();
        own.insert("cache-control", HeaderValue::from_static("max-age=60"));
        own.append("set-cookie", HeaderValue::from_static("a=1"));
        own.append("set-cookie", HeaderValue::from_static("b=2"));
        let headers = completed(&template(), own);
        assert_eq!(headers["cache-control"], "max-age=60");
        assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(headers["x-frame-options"], "SAMEORIGIN");
        assert!(!headers.contains_key("content-type"));
    }
}
