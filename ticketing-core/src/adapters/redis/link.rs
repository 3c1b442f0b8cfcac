//! The connection: a task keeps it, and calls go through it while it is known to answer.
//!
//! Calls never connect, and never wait for who does. After a few calls in a row without an answer, or one that is
//! cut off, the connection is given up; the task connects anew, and lets calls through again once a `PING` was
//! answered as fast as a call must be. So a Redis that is away, stands still or has become slow costs each call
//! that is under way its timeout, once, and from then on nothing.

use super::{CallCounts, Limits, RedisConfig, RedisConfigError};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Calls that may wait to be sent; far more than can be answered within the time of a call.
const WAITING_MAX: usize = 4_096;
/// A Redis that answers but refuses, for want of memory or rights, is worth a line in the log so often.
const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Link {
    client: Client,
    address: String,
    limits: Limits,
    state: Mutex<State>,
    given_up: Notify,
    answered: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// How often it was connected: what a call on an earlier connection came to says nothing about this one.
    generation: u64,
    /// Calls in a row without an answer.
    failures: u32,
    is_away_told: bool,
    refusal_told_at: Option<Instant>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}, {:?})", self.address, self.counts())
    }
}

impl Link {
    pub(super) fn new(config: &RedisConfig, limits: Limits) -> Result<Self, RedisConfigError> {
        let client = Client::open(config.info()).map_err(|_| RedisConfigError {
            variable: "REDIS_URL",
            problem: "is no address that can be used; write it as redis://user:password@host:6379/0".into(),
        })?;
        Ok(Self {
            client,
            address: config.address(),
            limits,
            state: Mutex::default(),
            given_up: Notify::new(),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        })
    }

    pub(super) fn counts(&self) -> CallCounts {
        CallCounts {
            answered: self.answered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }

    /// Makes a call; `None` if Redis is away, does not answer in time, or refuses.
    pub(super) async fn call<T>(
        &self,
        work: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let (connection, generation) = {
            let state = self.state();
            (state.connection.clone(), state.generation)
        };
        let Some(connection) = connection else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let outcome = timeout(self.limits.call_timeout, work(connection)).await;
        let counter = if matches!(outcome, Ok(Ok(_))) { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(Ok(answer)) => {
                self.answered(generation);
                Some(answer)
            }
            Ok(Err(error)) if error.is_unrecoverable_error() || error.is_io_error() => {
                self.failed(generation, self.limits.failures_max, &told(&error));
                None
            }
            Ok(Err(error)) => {
                self.answered(generation);
                self.refused(&error);
                None
            }
            Err(_) => {
                self.failed(generation, 1, &self.too_slow());
                None
            }
        }
    }

    fn too_slow(&self) -> String {
        format!("no answer within {} ms", self.limits.call_timeout.as_millis())
    }

    fn answered(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.failures = 0;
        }
    }

    /// A call came to nothing, and counts as so many.
    fn failed(&self, generation: u64, weight: u32, reason: &str) {
        let mut state = self.state();
        if state.generation != generation || state.connection.is_none() {
            return;
        }
        state.failures = state.failures.saturating_add(weight);
        if state.failures >= self.limits.failures_max {
            state.connection = None;
            self.tell_away(&mut state, reason);
            self.given_up.notify_one();
        }
    }

    fn refused(&self, error: &RedisError) {
        let (mut state, now) = (self.state(), Instant::now());
        if state.refusal_told_at.is_none_or(|at| now.duration_since(at) >= REFUSALS_TOLD_EVERY) {
            state.refusal_told_at = Some(now);
            tracing::warn!(
                address = self.address,
                error = told(error),
                "Redis refuses; everything goes on without it"
            );
        }
    }

    fn tell_away(&self, state: &mut State, reason: &str) {
        if !state.is_away_told {
            state.is_away_told = true;
            tracing::warn!(
                address = self.address,
                reason,
                "Redis is away: each process has its own cache and counts its clients alone; will try again"
            );
        }
    }

    /// Connects, and lets calls through if Redis answers as fast as it must.
    pub(super) async fn connect(&self) -> bool {
        let made = match timeout(self.limits.connect_timeout, self.made()).await {
            Ok(made) => made,
            Err(_) => Err(format!("no connection within {} ms", self.limits.connect_timeout.as_millis())),
        };
        let mut state = self.state();
        match made {
            Ok(connection) => {
                if std::mem::take(&mut state.is_away_told) {
                    tracing::info!(address = self.address, "Redis is back");
                }
                state.connection = Some(connection);
                state.generation += 1;
                state.failures = 0;
                true
            }
            Err(reason) => {
                self.tell_away(&mut state, &reason);
                false
            }
        }
    }

    async fn made(&self) -> Result<MultiplexedConnection, String> {
        // Calls have a time limit of their own, which counts their wait for others, too.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect_timeout))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING_MAX);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await.map_err(|error| told(&error))?;
        let ping = redis::cmd("PING");
        match timeout(self.limits.call_timeout, ping.query_async::<()>(&mut connection)).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(self.too_slow()),
        }
    }

    fn is_connected(&self) -> bool {
        self.state().connection.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left is whole: each change is a few plain assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Redis or the system said. The crate puts no password into it.
fn told(error: &RedisError) -> String {
    error.to_string()
}

/// Keeps it connected, for ever. Looks now and then whether it answers, so that a server at rest hears of it before
/// its next client does.
pub(super) async fn keep(link: Arc<Link>) {
    loop {
        // A failure is told early, or it is time to look.
        let _ = timeout(link.limits.look_every, link.given_up.notified()).await;
        if !link.is_connected() {
            if !link.connect().await {
                tokio::time::sleep(link.limits.look_every).await;
            }
            continue;
        }
        // What it says is counted by the call itself.
        let _: Option<()> = link.call(async |mut c| redis::cmd("PING").query_async(&mut c).await).await;
    }
}
