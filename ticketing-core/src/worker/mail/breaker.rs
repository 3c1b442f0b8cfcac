//! Whether it makes sense to try a mail server that could not be reached: not for a while, then by one mail alone.

use std::time::Duration;
use tokio::time::Instant;

/// After so many failures in a row the server is left alone.
const FAILURES_MAX: u32 = 3;
/// For how long at first; it doubles with each probe that fails.
const PAUSE_MIN: Duration = Duration::from_secs(2);
/// For how long at most.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The state, kept by the one loop that sends.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    pause: Duration,
    open_until: Option<Instant>,
}

impl Breaker {
    /// The server took a mail, or said that it may take it later.
    pub(super) fn is_there(&mut self) {
        *self = Self::default();
    }

    /// The server could not be reached.
    pub(super) fn failed(&mut self, now: Instant) {
        // Mails that were under way together are one failure, once it is known to be away.
        if self.open_until.is_some_and(|until| now < until) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
            self.open_until = Some(now + self.pause);
        }
    }

    /// Whether the server is left alone, or tried by one mail at a time.
    pub(super) const fn is_away(&self) -> bool {
        self.open_until.is_some()
    }

    /// Until when nobody is to try; `None` once somebody may.
    pub(super) fn open_until(&self) -> Option<Instant> {
        self.open_until.filter(|until| Instant::now() < *until)
    }

    /// How soon a mail that could not be sent is due again, in seconds; at least 1.
    pub(super) fn pause_seconds(&self) -> i64 {
        i64::try_from(self.pause.max(PAUSE_MIN).as_secs()).unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, PAUSE_MAX, PAUSE_MIN};
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_left_alone_ever_longer_and_tried_by_one() {
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            breaker.failed(Instant::now());
            assert!(!breaker.is_away());
        }
        breaker.failed(Instant::now());
        assert_eq!(breaker.open_until(), Some(Instant::now() + PAUSE_MIN));
        breaker.failed(Instant::now());
        assert_eq!(breaker.open_until(), Some(Instant::now() + PAUSE_MIN), "one of those under way");
        for seconds in [4, 8, 16, 32, 60, 60] {
            advance(PAUSE_MAX).await;
            assert!(breaker.is_away() && breaker.open_until().is_none(), "one may try");
            breaker.failed(Instant::now());
            assert_eq!(breaker.open_until(), Some(Instant::now() + Duration::from_secs(seconds)));
            assert_eq!(breaker.pause_seconds(), seconds as i64);
        }
        breaker.is_there();
        assert!(!breaker.is_away() && breaker.open_until().is_none());
    }
}
