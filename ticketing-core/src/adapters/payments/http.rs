//! Calls to a provider over HTTP, with a limit on every wait and every size.
//!
//! What failed says whether the request may have arrived: that decides what a saga does next.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::time::Duration;

/// How long a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a request may take, from the connection to the last byte of its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection was made, so nothing was sent.
    NotSent(String),
    /// It may have arrived.
    Unclear(String),
}

/// An answer, of whatever status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A client of one provider.
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: HeaderValue,
}

/// The key is not shown.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Says what is wrong with an address that calls are to go to, as the rest of a sentence.
pub fn check_base(base: &str) -> Result<(), &'static str> {
    if !base.starts_with("https://") && !base.starts_with("http://") {
        return Err("must begin with https:// or http://");
    }
    let uri: Uri = base.parse().map_err(|_| "is no address")?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("must name a host");
    }
    if uri.query().is_some() || base.contains(['#', '@']) {
        return Err("must be an address without a query, a fragment or a user");
    }
    Ok(())
}

impl Http {
    /// Makes a client that sends `key` as its bearer token.
    ///
    /// # Errors
    /// Why there can't be one, as a sentence.
    pub fn new(base: &str, key: &str) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| "the key has characters that no key has")?;
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let connector = if base.starts_with("https://") {
            let builder = builder
                .with_provider_and_native_roots(provider)
                .map_err(|e| format!("this system has no root certificates that can be used: {e}"))?;
            builder.https_only().enable_http1().wrap_connector(connector)
        } else {
            // Never used for TLS, so it trusts nobody.
            let tls = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(|e| format!("TLS can't be set up: {e}"))?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder.with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector)
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client, base: base.to_owned(), authorization })
    }

    /// Sends `form`; its pairs are the query of a GET and the body of a POST.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        form: &[(String, String)],
    ) -> Result<Reply, Failure> {
        let encoded = encoded(form);
        let is_post = method == Method::POST;
        let query = if is_post || form.is_empty() { String::new() } else { format!("?{encoded}") };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}{query}", self.base))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, concat!("ticketing/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if is_post {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            encoded
        } else {
            String::new()
        };
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| Failure::NotSent(format!("the request can't be written: {e}")))?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|e| {
                let what = chain(&e);
                if e.is_connect() { Failure::NotSent(what) } else { Failure::Unclear(what) }
            })?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|e| Failure::Unclear(format!("the answer broke off: {}", chain(&*e))))?;
            Ok(Reply { status, body: body.to_bytes() })
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Unclear(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()))),
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Writes pairs as a form (`application/x-www-form-urlencoded`).
fn encoded(form: &[(String, String)]) -> String {
    let pairs = form.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Writes what may stand in any part of a URL (RFC 3986, unreserved), and the rest as `%41`.
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // writing to a text never fails
        }
    }
    out
}
