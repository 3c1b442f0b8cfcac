//! What stands between the sagas and a provider: how many calls are under way at once, how long one may take, and
//! whether it makes sense to call at all.
//!
//! A provider that has not answered for several calls in a row is left alone for a few seconds (a circuit breaker:
//! closed, open, then half-open for one call that tries). A call that is not made is `NotSent`, which costs a saga
//! nothing but time. A call waits here for others to end, but no longer than a call may take; nobody but the sagas'
//! runner waits with it.
//!
//! The breaker is our own: the crates for it count errors of a `Result`, while here four of six answers are good
//! news about the provider, and a probe that is dropped half-way must not leave it half-open for ever.

use super::{Call, Provider};
use crate::saga::Answer;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many calls are under way at once, unless set otherwise.
pub const CALLS_MAX: usize = 64;
/// How long a call may take, unless set otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// After how many calls in a row without a clear answer no more are made.
pub const FAILURES_MAX: u32 = 8;
/// For how long none is made then.
pub const OPEN_FOR: Duration = Duration::from_secs(5);

/// The limits of the calls to one provider.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many are under way at once.
    pub calls_max: usize,
    /// How long one may take.
    pub call_timeout: Duration,
    /// How long one waits until fewer are under way.
    pub wait_timeout: Duration,
    /// After how many in a row without a clear answer no more are made.
    pub failures_max: u32,
    /// For how long none is made then.
    pub open_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: CALLS_MAX,
            call_timeout: CALL_TIMEOUT,
            wait_timeout: CALL_TIMEOUT,
            failures_max: FAILURES_MAX,
            open_for: OPEN_FOR,
        }
    }
}

/// Whether calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All are.
    Closed,
    /// None is.
    Open,
    /// One is, and decides.
    HalfOpen,
}

impl BreakerState {
    /// All.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The word of the metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The words of the metrics for what was answered, in the order of [`Guard::outcomes`].
pub const OUTCOMES: [&str; 6] = ["succeeded", "declined", "working", "unknown", "unclear", "not_sent"];

/// Which of [`OUTCOMES`] an answer is.
#[must_use]
pub const fn outcome(answer: &Answer) -> usize {
    match answer {
        Answer::Succeeded { .. } => 0,
        Answer::Declined { .. } => 1,
        Answer::Working => 2,
        Answer::Unknown | Answer::Closed => 3,
        Answer::Unclear { .. } => 4,
        Answer::NotSent { .. } => 5,
    }
}

/// A provider behind its limits.
#[derive(Debug)]
pub struct Guard {
    provider: Provider,
    limits: Limits,
    permits: Semaphore,
    breaker: Mutex<Breaker>,
    outcomes: [AtomicU64; OUTCOMES.len()],
}

impl Guard {
    /// Puts `provider` behind `limits`.
    #[must_use]
    pub fn new(provider: Provider, limits: Limits) -> Self {
        let calls_max = limits.calls_max.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Semaphore::new(calls_max);
        let limits = Limits { calls_max, ..limits };
        Self { provider, limits, permits, breaker: Mutex::default(), outcomes: Default::default() }
    }

    /// Returns who is asked.
    #[must_use]
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Asks the provider, or says at once that it was not asked.
    ///
    /// Dropping the future is safe, and leaves the attempt in doubt.
    pub async fn ask(&self, call: &Call) -> Answer {
        let answer = self.ask_within_limits(call).await;
        self.outcomes[outcome(&answer)].fetch_add(1, Ordering::Relaxed);
        let attempt = &call.attempt;
        let said = match &answer {
            Answer::Succeeded { provider_ref, .. } => provider_ref,
            Answer::Declined { code, .. } => code,
            Answer::Working | Answer::Unknown | Answer::Closed => "",
            Answer::Unclear { error } | Answer::NotSent { error } => error,
        };
        tracing::info!(
            correlation_id = %call.correlation_id,
            saga_id = %attempt.saga_id,
            payment_id = %attempt.payment_id,
            attempt_id = %attempt.id,
            provider = self.provider.name(),
            kind = attempt.kind.word(),
            in_doubt = attempt.in_doubt,
            outcome = OUTCOMES[outcome(&answer)],
            said,
            "asked the payment provider"
        );
        answer
    }

    async fn ask_within_limits(&self, call: &Call) -> Answer {
        let not_sent = |error: String| Answer::NotSent { error };
        let waited = tokio::time::timeout(self.limits.wait_timeout, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = waited else {
            return not_sent(format!("{} calls to the provider are under way", self.limits.calls_max));
        };
        let Some(pass) = self.breaker().enter(&self.limits, Instant::now()) else {
            return not_sent("the provider gives no clear answers, and is left alone for a while".into());
        };
        // Gives a probe back if this future is dropped before there is an answer.
        let mut passing = Passing { guard: self, pass: Some(pass) };
        let asked = tokio::time::timeout(self.limits.call_timeout, self.provider.ask(call)).await;
        let answer = asked.unwrap_or_else(|_| Answer::Unclear {
            error: format!("no answer within {} ms", self.limits.call_timeout.as_millis()),
        });
        let is_good = !matches!(answer, Answer::Unclear { .. } | Answer::NotSent { .. });
        if let Some(pass) = passing.pass.take() {
            self.breaker().leave(pass, Some(is_good), &self.limits, Instant::now());
        }
        answer
    }

    /// Returns whether calls are made, for the metrics.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.breaker().state(&self.limits, Instant::now())
    }

    /// Returns how many calls are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.limits.calls_max - self.permits.available_permits()
    }

    /// Returns how often each of [`OUTCOMES`] was answered since the start.
    #[must_use]
    pub fn outcomes(&self) -> [(&'static str, u64); OUTCOMES.len()] {
        std::array::from_fn(|i| (OUTCOMES[i], self.outcomes[i].load(Ordering::Relaxed)))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // What a panicking thread left is whole: each change is a few plain assignments.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way, as the breaker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pass {
    is_probe: bool,
    /// How often the breaker had opened when it began.
    opened: u64,
}

struct Passing<'a> {
    guard: &'a Guard,
    pass: Option<Pass>,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.guard.breaker().leave(pass, None, &self.guard.limits, Instant::now());
        }
    }
}

/// The state of the breaker; time comes from outside.
#[derive(Debug, Default)]
struct Breaker {
    /// Calls in a row without a clear answer.
    failures: u32,
    /// Since when it is open; `None` when it is closed.
    open_since: Option<Instant>,
    is_probing: bool,
    opened: u64,
}

impl Breaker {
    fn state(&self, limits: &Limits, now: Instant) -> BreakerState {
        match self.open_since {
            None => BreakerState::Closed,
            Some(since) if now.duration_since(since) < limits.open_for => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// Lets a call through, or not.
    fn enter(&mut self, limits: &Limits, now: Instant) -> Option<Pass> {
        let is_probe = match self.state(limits, now) {
            BreakerState::Closed => false,
            BreakerState::HalfOpen if !self.is_probing => true,
            BreakerState::Open | BreakerState::HalfOpen => return None,
        };
        self.is_probing |= is_probe;
        Some(Pass { is_probe, opened: self.opened })
    }

    /// Hears how a call went; `None` if nobody waited for it.
    fn leave(&mut self, pass: Pass, is_good: Option<bool>, limits: &Limits, now: Instant) {
        if pass.is_probe {
            self.is_probing = false;
        } else if pass.opened != self.opened {
            return; // It began before the breaker opened, and says nothing about now.
        }
        match is_good {
            None => {}
            Some(true) => {
                self.failures = 0;
                self.open_since = None;
            }
            Some(false) => {
                self.failures = self.failures.saturating_add(1);
                if pass.is_probe || self.failures >= limits.failures_max {
                    self.open_since = Some(now);
                    self.opened += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, BreakerState, Limits};
    use std::time::Duration;
    use tokio::time::Instant;

    const LIMITS: Limits = Limits {
        calls_max: 2,
        call_timeout: Duration::from_secs(1),
        wait_timeout: Duration::from_secs(1),
        failures_max: 3,
        open_for: Duration::from_secs(5),
    };

    fn fails(breaker: &mut Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            let pass = breaker.enter(&LIMITS, now).expect("it is closed");
            breaker.leave(pass, Some(false), &LIMITS, now);
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_good_answer_begins_the_row_anew() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fails(&mut breaker, 2, now);
        let pass = breaker.enter(&LIMITS, now).unwrap();
        breaker.leave(pass, Some(true), &LIMITS, now);
        fails(&mut breaker, 2, now);
        assert_eq!(breaker.state(&LIMITS, now), BreakerState::Closed);
        fails(&mut breaker, 1, now);
        assert_eq!(breaker.state(&LIMITS, now), BreakerState::Open);
        assert_eq!(breaker.enter(&LIMITS, now + Duration::from_millis(4999)), None);
    }

    #[test]
    fn one_probe_decides_whether_it_closes() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fails(&mut breaker, 3, now);
        let later = now + LIMITS.open_for;
        assert_eq!(breaker.state(&LIMITS, later), BreakerState::HalfOpen);
        let probe = breaker.enter(&LIMITS, later).unwrap();
        assert_eq!(breaker.enter(&LIMITS, later), None, "a second call beside the probe");
        breaker.leave(probe, Some(false), &LIMITS, later);
        assert_eq!(breaker.state(&LIMITS, later), BreakerState::Open, "one bad probe opens it again");
        let probe = breaker.enter(&LIMITS, later + LIMITS.open_for).unwrap();
        breaker.leave(probe, Some(true), &LIMITS, later + LIMITS.open_for);
        assert_eq!(breaker.state(&LIMITS, later), BreakerState::Closed);
        assert!(breaker.enter(&LIMITS, later).is_some_and(|pass| !pass.is_probe));
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_room_for_another() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fails(&mut breaker, 3, now);
        let later = now + LIMITS.open_for;
        let probe = breaker.enter(&LIMITS, later).unwrap();
        breaker.leave(probe, None, &LIMITS, later);
        assert!(breaker.enter(&LIMITS, later).is_some_and(|pass| pass.is_probe));
    }

    #[test]
    fn answers_of_calls_from_before_it_opened_change_nothing() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let early = breaker.enter(&LIMITS, now).unwrap();
        fails(&mut breaker, 3, now);
        breaker.leave(early, Some(true), &LIMITS, now);
        assert_eq!(breaker.state(&LIMITS, now), BreakerState::Open);
        let later = now + LIMITS.open_for;
        breaker.leave(early, Some(false), &LIMITS, later);
        assert_eq!(
            breaker.state(&LIMITS, later),
            BreakerState::HalfOpen,
            "a late failure makes it no longer"
        );
    }
}
