//! What every handler has at hand.

use crate::auth::Auth;
use crate::feed::Feed;
use crate::gauges::Gauges;
use crate::limits::{RateLimit, SignInLimits};
use crate::metrics::Metrics;
use crate::settings::{Environment, HttpSettings};
use axum::extract::FromRef;
use quick_cache::sync::Cache;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ticketing_core::adapters::carriers::Carrier;
use ticketing_core::adapters::payments::ProviderConfig;
use ticketing_core::adapters::redis::Redis;
use ticketing_core::app::config::HOLD_SECONDS_DEFAULT;
use ticketing_core::app::queries::network::find_route;
use ticketing_core::app::{App, AppError};
use ticketing_core::domain::id::RouteId;
use ticketing_desk::remote::Backend;

/// The state of a running server. Cloning is cheap, and is done for each request.
#[derive(Clone, Debug)]
pub struct ServerState(Arc<Shared>);

/// See [`ServerState`].
#[derive(Debug)]
pub struct Shared {
    /// The use cases.
    pub app: App,
    /// Who calls.
    pub auth: Arc<Auth>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is looked up when somebody reads the metrics.
    pub gauges: Gauges,
    /// Routes by the ids that they came with.
    pub known_routes: KnownRoutes,
    /// How long a hold lasts that does not say, in seconds.
    pub hold_seconds: u32,
    /// How long an order of a listing is held, in seconds.
    pub order_seconds: u32,
    /// Who moves the money, and what its webhooks are signed with.
    pub payments: ProviderConfig,
    /// What carries events between processes; `None` is the embedded bus.
    pub carrier: Option<Carrier>,
    /// What commands of operators run on.
    pub backend: Backend,
    /// What happens, for those who listen.
    pub feed: Feed,
    /// How often somebody may sign in or up.
    pub sign_ins: SignInLimits,
    /// Whether the session's cookie is for https alone.
    pub secure_cookies: bool,
    /// What processes share, if it is in use.
    pub redis: Option<Arc<Redis>>,
    /// When the server started.
    pub started_at: Instant,
}

impl ServerState {
    /// Puts the state together, on the use cases that are lent to operators.
    #[must_use]
    pub fn new(
        auth: Arc<Auth>,
        metrics: Arc<Metrics>,
        hold_seconds: u32,
        payments: ProviderConfig,
        carrier: Option<Carrier>,
        backend: Backend,
        feed: Feed,
    ) -> Self {
        Self(Arc::new(Shared {
            app: backend.app.clone(),
            auth,
            metrics,
            gauges: Gauges::default(),
            known_routes: KnownRoutes::new(),
            hold_seconds,
            order_seconds: HOLD_SECONDS_DEFAULT,
            payments,
            carrier,
            backend,
            feed,
            sign_ins: SignInLimits::new(RateLimit::sign_in_default_for(Environment::Development), None),
            secure_cookies: false,
            redis: None,
            started_at: Instant::now(),
        }))
    }

    /// Limits sign-ins as the settings say, together with others if there is a Redis. To be said before the first clone.
    #[must_use]
    pub fn with_sign_ins(mut self, settings: &HttpSettings, redis: Option<Arc<Redis>>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.sign_ins = SignInLimits::new(settings.sign_in_limit, redis);
            shared.secure_cookies = settings.environment == Environment::Production;
        }
        self
    }

    /// Holds orders so long, in seconds. To be said before the first clone.
    #[must_use]
    pub fn with_order_seconds(mut self, order_seconds: u32) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.order_seconds = order_seconds;
        }
        self
    }

    /// Has a Redis, or none. To be said before the first clone.
    #[must_use]
    pub fn with_redis(mut self, redis: Option<Arc<Redis>>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.redis = redis;
        }
        self
    }
}

impl Deref for ServerState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<ServerState> for Arc<Auth> {
    fn from_ref(state: &ServerState) -> Self {
        Arc::clone(&state.auth)
    }
}

/// As many routes are remembered, and for so long: a feed rarely gives a route's id to another route, and
/// a booking that is refused for its route looks again.
const KNOWN_ROUTES_MAX: usize = 10_000;
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Routes by `externalId`, so that bookings that name theirs so need no look into the store each.
pub struct KnownRoutes(Cache<Box<str>, (RouteId, Instant)>);

impl fmt::Debug for KnownRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownRoutes({})", self.0.len())
    }
}

impl KnownRoutes {
    fn new() -> Self {
        Self(Cache::new(KNOWN_ROUTES_MAX))
    }

    /// Returns the route that came with this id, perhaps as of a minute ago.
    ///
    /// # Errors
    /// There is none, or what the store says.
    pub async fn find(&self, app: &App, external_id: &str) -> Result<RouteId, AppError> {
        if let Some((id, at)) = self.0.get(external_id)
            && at.elapsed() < KNOWN_FOR
        {
            return Ok(id);
        }
        self.find_anew(app, external_id).await
    }

    /// Returns the route with this id, or that came with it, as of now.
    ///
    /// # Errors
    /// There is none, or what the store says.
    pub async fn find_anew(&self, app: &App, id: &str) -> Result<RouteId, AppError> {
        let route = find_route(app, id).await?.id;
        self.0.insert(id.into(), (route, Instant::now()));
        Ok(route)
    }
}
