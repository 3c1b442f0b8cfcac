//! The list of addresses. Each route is wrapped once: its requests are counted under its template, have a
//! limit of time, and a panic in it is an answer like any other.

pub mod admin;
pub mod market;
pub mod network;
pub mod operations;
pub mod payments;
pub mod table;
pub mod tickets;
pub mod users;
pub mod venue;
pub mod webhooks;

use crate::answer::{Answer, Pagination};
use crate::auth::seconds_now;
use crate::error::ApiError;
use crate::metrics::{Metrics, RouteMeter};
use crate::query::PageRequest;
use crate::state::ServerState;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use ticketing_core::app::queries::Page;
use tower::{Layer, Service};

/// Routes in the making. Templates are whole paths (nothing is nested), so that the path that a handler
/// sees is the one that was sent.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    templates: Vec<String>,
    metrics: Arc<Metrics>,
    timeout: Duration,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Starts an empty list; each request may take `timeout`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, timeout: Duration) -> Self {
        Self { router: Router::new(), templates: Vec::new(), metrics, timeout }
    }

    /// Adds what the address answers, by method. Methods that it lacks are 405.
    #[must_use]
    pub fn route(self, template: &str, methods: MethodRouter<S>) -> Self {
        let timeout = self.timeout;
        self.slow_route(template, timeout, methods)
    }

    /// Adds an address whose requests may take so long.
    #[must_use]
    pub fn slow_route(mut self, template: &str, timeout: Duration, methods: MethodRouter<S>) -> Self {
        self.templates.push(template.to_owned());
        let layer = RouteLayer { meter: self.metrics.route(template), timeout };
        let methods = methods.fallback(method_not_allowed).layer(layer);
        Self { router: self.router.route(template, methods), ..self }
    }

    /// The addresses so far.
    #[must_use]
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// Ends the list: any other address is 404.
    pub fn finish(self, state: S) -> Router {
        let layer = RouteLayer { meter: self.metrics.unmatched(), timeout: self.timeout };
        self.router.fallback_service(any(no_such_address).layer(layer)).with_state(state)
    }
}

/// A page that was asked for, as the core counts; one past all counting is past the end.
fn core_page(asked: PageRequest) -> u32 {
    u32::try_from(asked.page).unwrap_or(u32::MAX)
}

/// A position that was asked for, as the core counts; one past all counting is never reached.
fn core_position(asked: Option<u64>) -> Option<i64> {
    asked.map(|position| i64::try_from(position).unwrap_or(i64::MAX))
}

/// The header that a client comes back to a stream with.
const LAST_EVENT_ID: &str = "last-event-id";

/// Returns the position behind which a stream goes on, and when its token's time is over. What a client heard last
/// beats the address that it began with: that is how browsers come back.
fn resumed(
    state: &ServerState,
    headers: &HeaderMap,
    from: Option<u64>,
) -> Result<(Option<i64>, tokio::time::Instant), ApiError> {
    let heard = headers.get(LAST_EVENT_ID).map(|value| {
        let text = value.to_str().unwrap_or_default();
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| plain).ok_or_else(|| {
            ApiError::invalid_field("Last-Event-ID", "must be the id of an event of a stream: its position")
        })
    });
    let from = heard.transpose()?.or(from);
    let good_until = state.auth.good_until(headers).unwrap_or_default();
    let left = Duration::try_from_secs_f64((good_until - seconds_now()).clamp(0.0, TOKEN_LIFE_SECONDS_MAX));
    Ok((core_position(from), tokio::time::Instant::now() + left.unwrap_or_default()))
}

/// A stream's end is looked for no further ahead: a year.
const TOKEN_LIFE_SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// Answers with a page as it was asked for.
fn listed(page: Page, asked: PageRequest) -> Answer {
    Answer::list(page.data, Pagination { page: asked.page, limit: asked.limit, total: page.total })
}

async fn method_not_allowed() -> ApiError {
    ApiError::method_not_allowed()
}

async fn no_such_address() -> ApiError {
    ApiError::no_such_address()
}

#[derive(Clone, Debug)]
struct RouteLayer {
    meter: Arc<RouteMeter>,
    timeout: Duration,
}

impl<S> Layer<S> for RouteLayer {
    type Service = RouteService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteService { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
struct RouteService<S> {
    inner: S,
    layer: RouteLayer,
}

impl<S> Service<Request<Body>> for RouteService<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let began = Instant::now();
        let method = request.method().clone();
        let RouteLayer { meter, timeout } = self.layer.clone();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let response = match tokio::time::timeout(timeout, unpanicked(answering)).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Err(Panicked)) => ApiError::internal().into_response(),
                Err(_) => {
                    tracing::error!(timeout_s = timeout.as_secs(), "a request took too long");
                    ApiError::timeout(!method.is_safe(), timeout.as_secs()).into_response()
                }
            };
            meter.record(&method, response.status(), began.elapsed());
            Ok(response)
        })
    }
}

/// A future panicked; the panic hook has said where.
struct Panicked;

async fn unpanicked<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    // A request's state dies with it; what is shared among requests guards itself against panics.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(panic = text.unwrap_or("?"), "a handler panicked");
            Poll::Ready(Err(Panicked))
        }
    })
    .await
}
