//! How often a client has asked, counted for all processes together: GCRA, a burst of the whole count and then
//! evenly one by one, in one script and by the clock of Redis.
//!
//! A client's state is one number, the time at which it would have its whole burst again; it is forgotten then.

use super::Redis;
use std::time::Duration;

/// The format of the keys and values.
const CLIENTS: &str = "rate:1:";

/// `KEYS[1]` the client; `ARGV` microseconds for one request, requests of a burst. Returns whether it may, and how
/// many it has left or how many microseconds it has to wait. Numbers are written out: Lua would round them to 14
/// digits. A script's effects are copied to replicas, so that it may ask for the time.
const ASK: &str = "
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + each
local wait = full_at - now - each * burst
if wait > 0.5 then return {0, math.ceil(wait)} end
redis.call('SET', KEYS[1], string.format('%.2f', full_at), 'PX', math.max(1, math.ceil((full_at - now) / 1000)))
return {1, math.floor((each * burst - (full_at - now)) / each + 0.001)}";

/// How many requests a client may make in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once, and in a period.
    pub count: u32,
    /// The period.
    pub period: Duration,
}

/// What is said to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Passes {
        /// How many more may, now.
        remaining: u32,
    },
    /// It comes too early.
    Waits(Duration),
}

impl Redis {
    /// Counts a request of `client`; `None` if Redis can't be asked, after [`super::Limits::call_timeout`] at most.
    pub async fn ask(&self, rate: Rate, client: &str) -> Option<Verdict> {
        let each_us = rate.period.as_secs_f64() * 1e6 / f64::from(rate.count);
        // With another limit, the count begins anew.
        let Rate { count, period } = rate;
        let key = format!("{}{CLIENTS}{count}/{}:{client}", self.prefix, period.as_millis());
        let mut call = redis::cmd("EVAL");
        call.arg(ASK).arg(1).arg(key).arg(format!("{each_us:.3}")).arg(count);
        let (passes, number): (bool, u64) =
            self.link.call(async |mut c| call.query_async(&mut c).await).await?;
        Some(match passes {
            true => Verdict::Passes { remaining: u32::try_from(number).unwrap_or(u32::MAX) },
            false => Verdict::Waits(Duration::from_micros(number)),
        })
    }
}
