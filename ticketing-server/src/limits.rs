//! How often a client may ask: GCRA per client address, a burst of the whole count, then evenly one by
//! one. Memory is bounded, and nothing runs while nobody asks.
//!
//! With a Redis the count is one for all servers on it. Each counts what passes for itself, too, and goes on with
//! that count while Redis can't be asked: a client has no more than the whole count at any one server, ever.

use crate::error::ApiError;
use crate::settings::{Environment, SettingsError};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use ticketing_core::adapters::redis::{Rate, Redis, Verdict};

/// How many requests a client may make in a period, and whom it spares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    count: NonZeroU32,
    period: Duration,
    spares_loopback: bool,
}

/// The longest period: longer ones are surely mistakes.
const PERIOD_MAX: Duration = Duration::from_secs(24 * 3600);

impl RateLimit {
    /// The limit where none is set: 100 requests per 15 min; in development it spares this machine.
    #[must_use]
    pub fn default_for(environment: Environment) -> Self {
        Self {
            count: NonZeroU32::MIN.saturating_add(99),
            period: Duration::from_secs(15 * 60),
            spares_loopback: environment == Environment::Development,
        }
    }

    /// The limit of sign-ins and sign-ups where none is set, of each address and of each account: 20 per 15 min; in
    /// development it spares this machine.
    #[must_use]
    pub fn sign_in_default_for(environment: Environment) -> Self {
        Self { count: NonZeroU32::MIN.saturating_add(19), ..Self::default_for(environment) }
    }

    /// Reads `100/15m`: a count and a period in `s`, `m` or `h`. A limit that was set spares nobody.
    ///
    /// # Errors
    /// Says what the text should look like.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Self::parse_as("RATE_LIMIT", text)
    }

    /// Reads the same of another variable.
    ///
    /// # Errors
    /// Says what the text should look like.
    pub fn parse_as(variable: &'static str, text: &str) -> Result<Self, SettingsError> {
        Self::parse_parts(text.trim()).ok_or_else(|| SettingsError {
            variable,
            problem: format!(
                "is `{text}`; write a count and a period of up to 24 h, as `100/15m` (units s, m, h)"
            ),
        })
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let (count, period) = text.split_once('/')?;
        let digits = period.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = period.split_at(digits);
        let seconds_per_unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        let plain = count.bytes().all(|b| b.is_ascii_digit());
        let count: NonZeroU32 = plain.then(|| count.parse().ok())??;
        let period = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds_per_unit)?);
        let limit = Self { count, period, spares_loopback: false };
        (period <= PERIOD_MAX && limit.quota().is_some()).then_some(limit)
    }

    const fn rate(self) -> Rate {
        Rate { count: self.count.get(), period: self.period }
    }

    fn quota(self) -> Option<Quota> {
        Quota::with_period(self.period / self.count.get()).map(|q| q.allow_burst(self.count))
    }
}

/// Whom a request counts for. Whoever has one IPv6 address has its whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ClientKey {
    V4(u32),
    V6Prefix(u64),
    /// An account, by a hash of what it is called by.
    Account(u128),
    /// One of the buckets that clients share once there are too many to tell apart.
    Shared(u16),
}

impl ClientKey {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(a) => Self::V4(a.to_bits()),
            IpAddr::V6(a) => Self::V6Prefix((a.to_bits() >> 64) as u64),
        }
    }
}

impl ClientKey {
    /// The name of a client, for all processes the same.
    fn word(self) -> String {
        match self {
            Self::V4(bits) => Ipv4Addr::from_bits(bits).to_string(),
            Self::Account(hash) => format!("account {hash:032x}"),
            Self::V6Prefix(bits) => format!("{}/64", Ipv6Addr::from_bits(u128::from(bits) << 64)),
            Self::Shared(bucket) => format!("bucket {bucket}"),
        }
    }
}

/// How many clients are told apart; with its state each takes some 50 bytes.
const CLIENTS_MAX: usize = 1_000_000;
/// So many clients are never worth a sweep.
const CLIENTS_SWEPT_FROM: usize = 10_000;
/// A sweep is considered each time so many requests were counted.
const REQUESTS_PER_SWEEP: u32 = 4_096;

type Limiter = RateLimiter<ClientKey, DashMapStateStore<ClientKey>, DefaultClock, StateInformationMiddleware>;

/// What a client has left, for the headers of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotient {
    /// How many requests it may make at once when it has made none.
    pub limit: u32,
    /// How many it may still make now.
    pub remaining: u32,
}

/// Counts sign-ins and sign-ups, both by address and by account: many addresses don't get further with one account, nor
/// one address with many accounts.
#[derive(Debug)]
pub struct SignInLimits {
    sign_ins: ClientLimiter,
    sign_ups: ClientLimiter,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Somebody types a password.
    SignIn,
    /// Somebody makes an account.
    SignUp,
}

impl SignInLimits {
    /// Starts counting, together with others if there is a Redis.
    #[must_use]
    pub fn new(limit: RateLimit, redis: Option<Arc<Redis>>) -> Self {
        let limiter = |of| ClientLimiter::new(limit).of(of).shared(redis.clone());
        Self { sign_ins: limiter("sign-in "), sign_ups: limiter("sign-up ") }
    }

    const fn limiter(&self, counted: Counted) -> &ClientLimiter {
        match counted {
            Counted::SignIn => &self.sign_ins,
            Counted::SignUp => &self.sign_ups,
        }
    }

    /// Counts one by its address. To be asked before anything is read or hashed.
    ///
    /// # Errors
    /// 429, with the time after which the next one is let through.
    pub async fn check_address(&self, counted: Counted, client: IpAddr) -> Result<(), ApiError> {
        self.limiter(counted).check(client).await.map(drop)
    }

    /// Counts one by the hash of what its account is called by, whether or not there is one.
    ///
    /// # Errors
    /// 429, with the time after which the next one is let through.
    pub async fn check_account(&self, counted: Counted, client: IpAddr, hash: u128) -> Result<(), ApiError> {
        self.limiter(counted).check_account(client, hash).await.map(drop)
    }
}

/// Counts the requests of each client.
pub struct ClientLimiter {
    /// What is counted, so that others with the same client count apart.
    of: &'static str,
    limit: RateLimit,
    limiter: Limiter,
    since_sweep: AtomicU32,
    crowded: AtomicBool,
    hasher: RandomState,
    redis: Option<Arc<Redis>>,
}

impl std::fmt::Debug for ClientLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientLimiter({:?}, {} clients)", self.limit, self.limiter.len())
    }
}

impl ClientLimiter {
    /// Starts counting.
    ///
    /// # Panics
    /// Never: a [`RateLimit`] is only made of a count and a period that give a quota.
    #[must_use]
    #[allow(clippy::expect_used, reason = "parse has made the same quota before")]
    pub fn new(limit: RateLimit) -> Self {
        let quota = limit.quota().expect("a rate limit has a quota");
        Self {
            of: "",
            limit,
            limiter: RateLimiter::dashmap(quota).with_middleware(),
            since_sweep: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
            hasher: RandomState::new(),
            redis: None,
        }
    }

    /// Counts something of its own: `sign-in `.
    #[must_use]
    pub fn of(self, of: &'static str) -> Self {
        Self { of, ..self }
    }

    /// Counts together with others, if there is a Redis.
    #[must_use]
    pub fn shared(self, redis: Option<Arc<Redis>>) -> Self {
        Self { redis, ..self }
    }

    /// Counts a request of `client`; `None` if the limit spares it.
    ///
    /// # Errors
    /// 429, with the time after which the next request is let through.
    pub async fn check(&self, client: IpAddr) -> Result<Option<Quotient>, ApiError> {
        if self.limit.spares_loopback && client.is_loopback() {
            return Ok(None);
        }
        self.check_key(ClientKey::of(client)).await.map(Some)
    }

    /// Counts a request about an account, known by the hash of what it is called by, whoever sends it.
    ///
    /// # Errors
    /// 429, with the time after which the next request is let through.
    pub async fn check_account(&self, client: IpAddr, hash: u128) -> Result<Option<Quotient>, ApiError> {
        if self.limit.spares_loopback && client.is_loopback() {
            return Ok(None);
        }
        self.check_key(ClientKey::Account(hash)).await.map(Some)
    }

    async fn check_key(&self, client: ClientKey) -> Result<Quotient, ApiError> {
        let verdict = match &self.redis {
            Some(redis) => redis.ask(self.limit.rate(), &format!("{}{}", self.of, client.word())).await,
            None => None,
        };
        let (limit, verdict) = (
            self.limit.count.get(),
            match verdict {
                Some(Verdict::Passes { remaining }) => {
                    // So that Redis is not missed when it goes away. What this process alone would say does not count.
                    self.count(client);
                    Verdict::Passes { remaining }
                }
                Some(Verdict::Waits(wait)) => Verdict::Waits(wait),
                None => self.count(client),
            },
        );
        match verdict {
            Verdict::Passes { remaining } => Ok(Quotient { limit, remaining }),
            Verdict::Waits(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(ApiError::rate_limited(u32::try_from(seconds).unwrap_or(u32::MAX)))
            }
        }
    }

    /// Counts in this process.
    fn count(&self, client: ClientKey) -> Verdict {
        // Exactly one request sees this number before the count begins anew.
        if self.since_sweep.fetch_add(1, Ordering::Relaxed) == REQUESTS_PER_SWEEP {
            self.sweep();
        }
        match self.limiter.check_key(&self.key(client)) {
            Ok(state) => Verdict::Passes { remaining: state.remaining_burst_capacity() },
            Err(not_until) => Verdict::Waits(not_until.wait_time_from(self.limiter.clock().now())),
        }
    }

    fn key(&self, key: ClientKey) -> ClientKey {
        if self.crowded.load(Ordering::Relaxed) {
            // The low bits of a keyed hash; that strangers meet in a bucket is the price of the bound.
            return ClientKey::Shared((self.hasher.hash_one(key) & 0xffff) as u16);
        }
        key
    }

    /// Forgets the clients whose count is full again. Runs on the request that finds it due, one at a time.
    fn sweep(&self) {
        if self.limiter.len() >= CLIENTS_SWEPT_FROM {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let crowded = self.limiter.len() >= CLIENTS_MAX;
        if self.crowded.swap(crowded, Ordering::Relaxed) != crowded {
            tracing::warn!(crowded, "rate limit: clients are told apart by address, or not for now");
        }
        self.since_sweep.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientKey, ClientLimiter, Quotient, REQUESTS_PER_SWEEP, RateLimit};
    use crate::settings::Environment;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_limit_is_a_count_and_a_period_or_refused() {
        let rows: &[(&str, Option<(u32, u64)>)] = &[
            ("100/15m", Some((100, 900))),
            (" 1/1s ", Some((1, 1))),
            ("5/2h", Some((5, 7200))),
            ("1000000/1s", Some((1_000_000, 1))),
            ("1/24h", Some((1, 86_400))),
            ("1/25h", None),
            ("0/1s", None),
            ("1/0s", None),
            ("100", None),
            ("100/15", None),
            ("100/m", None),
            ("100/15d", None),
            ("100/1.5m", None),
            ("-1/1m", None),
            ("+1/1m", None),
            ("4294967296/1m", None),
            ("4294967295/1s", None),
            ("1/99999999999999999999s", None),
            ("1/18446744073709551615h", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let limit = RateLimit::parse(text);
            let parts = limit.as_ref().ok().map(|l| (l.count.get(), l.period.as_secs()));
            assert_eq!(parts, *expected, "{text}");
            if let Err(e) = limit {
                assert!(e.to_string().contains("100/15m"), "{e}");
            }
        }
    }

    #[tokio::test]
    async fn the_request_after_the_last_is_refused_with_the_time_to_wait() {
        let limiter = ClientLimiter::new(RateLimit::parse("3/1h").unwrap());
        for remaining in [2, 1, 0] {
            assert_eq!(limiter.check(ip("192.0.2.1")).await, Ok(Some(Quotient { limit: 3, remaining })));
        }
        let error = limiter.check(ip("192.0.2.1")).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (429, "RATE_LIMITED"));
        let wait: u32 = error.message().split(' ').rev().nth(1).unwrap().parse().unwrap();
        assert!((1199..=1200).contains(&wait), "{wait}");
        assert!(limiter.check(ip("192.0.2.2")).await.is_ok(), "another client is not concerned");
    }

    #[tokio::test]
    async fn the_default_is_100_in_15_minutes_and_spares_loopback_in_development_only() {
        let rows = [
            (RateLimit::default_for(Environment::Development), "127.0.0.1", false),
            (RateLimit::default_for(Environment::Development), "::1", false),
            (RateLimit::default_for(Environment::Development), "192.0.2.1", true),
            (RateLimit::default_for(Environment::Production), "127.0.0.1", true),
            (RateLimit::parse("100/15m").unwrap(), "127.0.0.1", true),
        ];
        for (limit, client, limited) in rows {
            let limiter = ClientLimiter::new(limit);
            let mut passed = 0;
            for _ in 0..200 {
                passed += u32::from(limiter.check(ip(client)).await.is_ok());
            }
            assert_eq!(passed, if limited { 100 } else { 200 }, "{limit:?} {client}");
        }
    }

    #[test]
    fn whoever_has_an_ipv6_address_has_its_network() {
        let key = |text| ClientKey::of(ip(text));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8:1:2::1").word(), "2001:db8:1:2::/64");
        assert_eq!(key("::ffff:192.0.2.1").word(), "192.0.2.1");
    }

    #[tokio::test]
    async fn clients_that_are_gone_are_forgotten() {
        let limiter = ClientLimiter::new(RateLimit::parse("1000000/1s").unwrap());
        for n in 0..20_000_u32 {
            assert!(limiter.check(IpAddr::V4(Ipv4Addr::from_bits(n))).await.is_ok());
        }
        std::thread::sleep(Duration::from_millis(1)); // a count is full again after a microsecond
        for _ in 0..=REQUESTS_PER_SWEEP {
            assert!(limiter.check(ip("192.0.2.1")).await.is_ok());
        }
        assert!(limiter.limiter.len() < 10_000, "{}", limiter.limiter.len());
    }
}
