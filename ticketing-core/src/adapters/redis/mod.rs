//! Redis, for what several processes share and all can do without: pages that were read lately, and how often a
//! client has asked.
//!
//! Nothing waits for Redis longer than [`Limits::call_timeout`], and nothing at all while it is known to be away: a
//! task of its own connects, looks whether it answers, and only then lets calls through (`link.rs`). A call that
//! fails is a miss, never an error of whoever asked. Passwords are never logged.
//!
//! One Redis, or one with replicas behind one address; no Redis Cluster. It may be emptied at any time, may evict
//! what it likes, and needs no disk. Redis 5 or later, or what speaks like it.

mod config;
mod link;
mod pages;
mod rate;

pub use config::{RedisConfig, RedisConfigError};
pub use rate::{Rate, Verdict};

use link::Link;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a call may take, unless set otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(100);
/// How long it may take to connect, unless set otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// After how many calls in a row without an answer no more are made until it is connected anew.
pub const FAILURES_MAX: u32 = 3;
/// How long after a failure it is tried again, and how often it is looked whether it still answers.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The limits of the calls.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a call may take.
    pub call_timeout: Duration,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// After how many calls in a row without an answer no more are made until it is connected anew.
    pub failures_max: u32,
    /// How long after a failure it is tried again, and how often it is looked whether it still answers.
    pub look_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout: CALL_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            failures_max: FAILURES_MAX,
            look_every: LOOK_EVERY,
        }
    }
}

/// What became of the calls since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Answered.
    pub answered: u64,
    /// Not answered in time, or refused, or cut off: each cost its caller up to [`Limits::call_timeout`].
    pub failed: u64,
    /// Not made, since Redis is away: these cost nothing.
    pub skipped: u64,
}

/// A Redis that is kept connected for as long as this value lives.
#[derive(Debug)]
pub struct Redis {
    link: Arc<Link>,
    keeper: JoinHandle<()>,
    /// What all keys begin with, so that two systems on one Redis never meet.
    prefix: String,
}

impl Redis {
    /// Connects. One that is away is waited for no longer than it may take to connect, and looked for from then on.
    ///
    /// `system` tells apart whose pages and clients these are: equal for all processes on the same stores, and for
    /// no others.
    ///
    /// # Errors
    /// The configuration can't be used; names the variable.
    pub async fn start(config: &RedisConfig, system: &str, limits: Limits) -> Result<Self, RedisConfigError> {
        let link = Arc::new(Link::new(config, limits)?);
        link.connect().await;
        let keeper = tokio::spawn(link::keep(Arc::clone(&link)));
        Ok(Self { link, keeper, prefix: format!("ticketing:{system}:") })
    }

    /// Returns whether it answers, after [`Limits::call_timeout`] at most.
    pub async fn answers(&self) -> bool {
        let ping = self.link.call(async |mut c| redis::cmd("PING").query_async::<()>(&mut c).await);
        ping.await.is_some()
    }

    /// Returns what became of the calls since the start.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        self.link.counts()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
