//! What surrounds every handler, in one function instead of a tower of layers.
//!
//! In: correlation id and log span → preflight → rate limit → routes.
//! Out: envelope → what the client has left → CORS → security headers → correlation id.
//! Answers made on the way in take the same way out, so nothing leaves without its headers.

use crate::answer::unwrap_parcel;
use crate::auth::Auth;
use crate::client::{Client, TrustedProxies};
use crate::correlation::{CorrelationId, X_CORRELATION_ID};
use crate::cors::AllowedOrigins;
use crate::error::ApiError;
use crate::headers;
use crate::limits::{ClientLimiter, Quotient};
use crate::metrics::Metrics;
use crate::routes::webhooks::stripe;
use crate::settings::HttpSettings;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::redis::Redis;
use ticketing_core::traces::TARGET;
use tower::Service;
use tracing::{Instrument, Span};

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");

/// Where the operators' calls are.
const OPERATORS: &str = "/api/admin/";

/// An answer that takes longer is worth a line in the log.
const SLOW_ANSWER: Duration = Duration::from_secs(1);

/// The whole server but for its sockets.
#[derive(Debug)]
pub struct Shell {
    router: Router,
    limiter: ClientLimiter,
    trusted_proxies: TrustedProxies,
    allowed_origins: AllowedOrigins,
    template: HeaderMap,
    metrics: Arc<Metrics>,
    /// Who knows an operator; operators' calls are counted where there is none.
    auth: Option<Arc<Auth>>,
}

impl Shell {
    /// Puts the shell around finished routes (see [`crate::routes::Routes`]).
    #[must_use]
    pub fn new(router: Router, settings: &HttpSettings, metrics: Arc<Metrics>) -> Self {
        Self {
            router,
            limiter: ClientLimiter::new(settings.rate_limit),
            trusted_proxies: settings.trusted_proxies.clone(),
            allowed_origins: settings.allowed_origins.clone(),
            template: headers::template(),
            metrics,
            auth: None,
        }
    }

    /// Counts clients together with other processes while there is a Redis.
    #[must_use]
    pub fn with_redis(mut self, redis: Option<Arc<Redis>>) -> Self {
        self.limiter = self.limiter.shared(redis);
        self
    }

    /// Never turns an operator away from the operators' calls: a dashboard asks each second.
    #[must_use]
    pub fn sparing_operators(mut self, auth: Arc<Auth>) -> Self {
        self.auth = Some(auth);
        self
    }

    fn is_operator(&self, headers: &HeaderMap) -> bool {
        let caller = self.auth.as_ref().and_then(|auth| auth.caller(headers).ok());
        caller.is_some_and(|caller| caller.role.is_operator())
    }

    /// Answers a request that came over a connection from `peer`.
    pub async fn handle(&self, peer: IpAddr, mut request: Request<Body>) -> Response {
        let correlation = CorrelationId::of(request.headers());
        let span = tracing::error_span!("request", correlation_id = %correlation);
        let origin = self.allowed_origins.allowed(request.headers());
        let client = self.trusted_proxies.client(peer, request.headers());
        request.extensions_mut().insert(correlation.clone());
        request.extensions_mut().insert(Client(client));
        let part = part(&correlation, &request);
        let (response, quotient) =
            self.route(client, request).instrument(part.clone()).instrument(span).await;
        part.record("status", response.status().as_u16());
        if response.status().is_server_error() {
            part.record("error", response.status().as_str());
        }
        drop(part);
        let mut response = unwrap_parcel(response, &correlation);
        let own = std::mem::take(response.headers_mut());
        let mut all = headers::completed(&self.template, own);
        if let Some(Quotient { limit, remaining }) = quotient {
            all.insert(RATELIMIT_LIMIT, HeaderValue::from(limit));
            all.insert(RATELIMIT_REMAINING, HeaderValue::from(remaining));
        }
        self.allowed_origins.grant(origin, &mut all);
        all.insert(X_CORRELATION_ID, correlation.header_value());
        *response.headers_mut() = all;
        response
    }

    async fn route(&self, client: IpAddr, request: Request<Body>) -> (Response, Option<Quotient>) {
        let began = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (early, quotient) = match self.answer_early(client, &method, uri.path(), request.headers()).await
        {
            Ok(quotient) => (None, quotient),
            Err(answer) => (Some(*answer), None),
        };
        let response = match early {
            Some(response) => {
                self.metrics.unmatched().record(&method, response.status(), began.elapsed());
                response
            }
            None => match self.router.clone().call(request).await {
                Ok(response) => response,
            },
        };
        let took = began.elapsed();
        let (status, took_us) = (response.status().as_u16(), took.as_micros());
        // Why a part is away was logged where it was found; who was turned away by a full queue is counted.
        let is_fault = status >= 500 && response.status() != StatusCode::SERVICE_UNAVAILABLE;
        if is_fault || took >= SLOW_ANSWER {
            tracing::warn!(%method, path = uri.path(), status, took_us, "answered");
        } else {
            tracing::debug!(%method, path = uri.path(), status, took_us, "answered");
        }
        (response, quotient)
    }

    /// Answers what needs no handler; otherwise returns what the client has left.
    async fn answer_early(
        &self,
        client: IpAddr,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<Quotient>, Box<Response>> {
        if let Some(preflight) = self.allowed_origins.preflight(method, headers) {
            return Err(Box::new(preflight));
        }
        if is_spared(path) || (path.starts_with(OPERATORS) && self.is_operator(headers)) {
            return Ok(None);
        }
        self.limiter.check(client).await.map_err(|e: ApiError| Box::new(e.into_response()))
    }
}

/// The first span of the request's trace. A caller that has a trace of its own finds ours linked to it.
fn part(correlation: &CorrelationId, request: &Request<Body>) -> Span {
    let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    tracing::info_span!(
        target: TARGET,
        "request",
        correlation_id = %correlation,
        kind = "server",
        method = %request.method(),
        path = request.uri().path(),
        traceparent,
        status = tracing::field::Empty,
        error = tracing::field::Empty
    )
}

/// Health is asked for often, by machines that must not be turned away; and the webhooks of all buyers come from a
/// few addresses, signed.
fn is_spared(path: &str) -> bool {
    path == "/health" || path == "/api/health" || path.starts_with("/api/health/") || path == stripe::PATH
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
