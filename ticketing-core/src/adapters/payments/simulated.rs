//! The simulated provider: answers by the buyer's token, as Stripe's test tokens do, and moves no money.
//!
//! | token | what happens |
//! | --- | --- |
//! | `tok_visa`, or none | charged |
//! | `tok_chargeDeclined` | declined, `card_declined` |
//! | `tok_timeout` | charged, but the answer is lost; asked about, it says so |
//! | `tok_slow` | charged, and answered late |
//! | `tok_error` | 500 twice, then charged |
//! | any other | declined, `invalid_token` |
//!
//! Refunds succeed. It keeps what it did by the attempt's id, in memory: the same id is the same answer. A
//! process that starts again has forgotten, and since no money was moved, doing it once more is harmless.

use super::Call;
use crate::domain::id::AttemptId;
use crate::domain::payment::{Attempt, AttemptKind};
use crate::saga::Answer;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a lost answer is waited for.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_millis(200);
/// How late a slow answer is.
pub const SLOW_DEFAULT: Duration = Duration::from_secs(2);
/// How often `tok_error` fails before it succeeds.
const ERRORS: u32 = 2;
/// How many attempts are remembered; the oldest is forgotten first.
pub const ATTEMPTS_MAX: usize = 100_000;

/// The provider that moves no money.
#[derive(Debug)]
pub struct Simulated {
    timeout: Duration,
    slow: Duration,
    attempts_max: usize,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    entries: HashMap<AttemptId, Entry>,
    /// The ids in the order in which they came.
    order: VecDeque<AttemptId>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// It failed so often.
    Failing(u32),
    /// It is done or declined.
    Answered(Answer),
    /// It was asked about when nobody wanted it any more: it will never be done.
    Withdrawn,
}

impl Default for Simulated {
    fn default() -> Self {
        Self::new(TIMEOUT_DEFAULT, SLOW_DEFAULT)
    }
}

impl Simulated {
    /// Makes one that loses answers after `timeout` and answers `slow` late.
    #[must_use]
    pub fn new(timeout: Duration, slow: Duration) -> Self {
        Self { timeout, slow, attempts_max: ATTEMPTS_MAX, ledger: Mutex::default() }
    }

    /// Charges, refunds, or says what has become of it.
    pub async fn ask(&self, call: &Call) -> Answer {
        let attempt = &call.attempt;
        let is_wanted = call.is_wanted || attempt.kind == AttemptKind::Refund;
        if attempt.in_doubt || !is_wanted {
            return self.look_up(attempt, is_wanted);
        }
        let token = attempt.token.as_deref().unwrap_or_default();
        let (answer, is_new) = self.record(attempt, token);
        // The money has moved before the answer is late or lost: whoever stops waiting is charged all the same.
        match token {
            "tok_slow" if is_new => {
                tokio::time::sleep(self.slow).await;
                answer
            }
            "tok_timeout" if is_new => {
                tokio::time::sleep(self.timeout).await;
                Answer::Unclear { error: "no answer in time".into() }
            }
            _ => answer,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // What a panicking thread left is whole: each change is one insertion.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_up(&self, attempt: &Attempt, is_wanted: bool) -> Answer {
        let mut ledger = self.ledger();
        match ledger.entries.get(&attempt.id) {
            Some(Entry::Answered(answer)) => answer.clone(),
            Some(Entry::Failing(_) | Entry::Withdrawn) | None => {
                if is_wanted {
                    return Answer::Unknown;
                }
                ledger.keep(attempt.id, Entry::Withdrawn, self.attempts_max);
                Answer::Closed
            }
        }
    }

    /// Does what the token says, once; returns the answer, and whether it was done just now.
    fn record(&self, attempt: &Attempt, token: &str) -> (Answer, bool) {
        let mut ledger = self.ledger();
        let failed = match ledger.entries.get(&attempt.id) {
            Some(Entry::Answered(answer)) => return (answer.clone(), false),
            Some(Entry::Withdrawn) => return (declined("canceled", "The charge was withdrawn."), false),
            Some(Entry::Failing(times)) => *times,
            None => 0,
        };
        let answer = match (attempt.kind, token) {
            (AttemptKind::Charge, "tok_error") if failed < ERRORS => {
                ledger.keep(attempt.id, Entry::Failing(failed + 1), self.attempts_max);
                return (Answer::Unclear { error: "the provider answered 500".into() }, true);
            }
            (AttemptKind::Charge, "" | "tok_visa" | "tok_timeout" | "tok_slow" | "tok_error") => {
                Answer::Succeeded { provider_ref: format!("sim_ch_{}", attempt.id), amount: attempt.amount }
            }
            (AttemptKind::Charge, "tok_chargeDeclined") => {
                declined("card_declined", "Your card was declined.")
            }
            (AttemptKind::Charge, _) => declined("invalid_token", "There is no such token."),
            (AttemptKind::Refund, _) => {
                Answer::Succeeded { provider_ref: format!("sim_re_{}", attempt.id), amount: attempt.amount }
            }
        };
        ledger.keep(attempt.id, Entry::Answered(answer.clone()), self.attempts_max);
        (answer, true)
    }
}

impl Ledger {
    fn keep(&mut self, id: AttemptId, entry: Entry, attempts_max: usize) {
        if self.entries.insert(id, entry).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > attempts_max {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }
}

fn declined(code: &str, message: &str) -> Answer {
    Answer::Declined { code: code.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::Simulated;
    use crate::adapters::payments::Call;
    use crate::domain::id::{AttemptId, PaymentId, SagaId};
    use crate::domain::money::{Currency, Money};
    use crate::domain::payment::{Attempt, AttemptKind, AttemptState};
    use crate::domain::time::Timestamp;
    use crate::saga::Answer;
    use std::time::{Duration, Instant};
    use uuid::Uuid;

    const LATE: Duration = Duration::from_millis(60);

    fn provider() -> Simulated {
        Simulated::new(LATE, LATE)
    }

    fn call(no: u128, kind: AttemptKind, token: &str) -> Call {
        let id = Uuid::from_u128(no);
        let at = Timestamp::from_millis(0);
        let attempt = Attempt {
            id: AttemptId(id),
            payment_id: PaymentId(id),
            saga_id: SagaId(id),
            kind,
            amount: Money { amount_minor: 2500, currency: Currency::USD },
            token: Some(token.to_owned()).filter(|token| !token.is_empty()),
            state: AttemptState::Due,
            tries: 0,
            in_doubt: false,
            next_at: None,
            provider_ref: None,
            error: None,
            reason: None,
            created_at: at,
            ended_at: None,
        };
        let charge_ref = (kind == AttemptKind::Refund).then(|| "sim_ch".to_owned());
        Call {
            attempt,
            reference: "r".into(),
            booking_id: None,
            charge_ref,
            is_wanted: true,
            correlation_id: "c".into(),
        }
    }

    fn in_doubt(mut call: Call, is_wanted: bool) -> Call {
        call.attempt.in_doubt = true;
        call.is_wanted = is_wanted;
        call
    }

    fn word(answer: &Answer) -> String {
        match answer {
            Answer::Succeeded { provider_ref, amount } => format!("{} {amount}", &provider_ref[..6]),
            Answer::Declined { code, .. } => code.clone(),
            Answer::Working => "working".into(),
            Answer::Unknown => "unknown".into(),
            Answer::Closed => "closed".into(),
            Answer::Unclear { .. } => "unclear".into(),
            Answer::NotSent { .. } => "not sent".into(),
        }
    }

    #[tokio::test]
    async fn each_token_answers_as_promised_and_the_same_attempt_has_the_same_answer() {
        let charged = "sim_ch 25.00 USD";
        let rows: [(&str, &[&str]); 7] = [
            ("tok_visa", &[charged, charged]),
            ("", &[charged, charged]),
            ("tok_chargeDeclined", &["card_declined", "card_declined"]),
            ("tok_nonsense", &["invalid_token", "invalid_token"]),
            ("tok_timeout", &["unclear", charged]),
            ("tok_slow", &[charged, charged]),
            ("tok_error", &["unclear", "unclear", charged, charged]),
        ];
        let provider = provider();
        for (no, (token, expected)) in rows.into_iter().enumerate() {
            let call = call(no as u128, AttemptKind::Charge, token);
            for expected in expected {
                assert_eq!(word(&provider.ask(&call).await), *expected, "{token}");
            }
        }
    }

    #[tokio::test]
    async fn refunds_succeed_whatever_the_token() {
        let refund = call(1, AttemptKind::Refund, "");
        let provider = provider();
        assert_eq!(word(&provider.ask(&refund).await), "sim_re 25.00 USD");
        assert_eq!(provider.ask(&refund).await, provider.ask(&in_doubt(refund.clone(), false)).await);
    }

    #[tokio::test]
    async fn a_lost_answer_is_found_again_and_what_never_arrived_is_unknown() {
        let provider = provider();
        let lost = call(1, AttemptKind::Charge, "tok_timeout");
        assert_eq!(word(&provider.ask(&in_doubt(lost.clone(), true)).await), "unknown");
        assert_eq!(word(&provider.ask(&lost).await), "unclear");
        for is_wanted in [true, false] {
            assert_eq!(word(&provider.ask(&in_doubt(lost.clone(), is_wanted)).await), "sim_ch 25.00 USD");
        }
        let failing = call(2, AttemptKind::Charge, "tok_error");
        assert_eq!(word(&provider.ask(&failing).await), "unclear");
        assert_eq!(word(&provider.ask(&in_doubt(failing.clone(), true)).await), "unknown");
    }

    #[tokio::test]
    async fn what_is_not_wanted_any_more_is_never_charged_however_late_it_comes() {
        let provider = provider();
        let late = call(1, AttemptKind::Charge, "tok_visa");
        assert_eq!(word(&provider.ask(&in_doubt(late.clone(), false)).await), "closed");
        assert_eq!(word(&provider.ask(&late).await), "canceled");
        assert_eq!(word(&provider.ask(&in_doubt(late, false)).await), "closed");
    }

    #[tokio::test]
    async fn who_stops_waiting_for_a_slow_answer_is_charged_all_the_same() {
        let provider = Simulated::new(LATE, Duration::from_secs(60));
        let slow = call(1, AttemptKind::Charge, "tok_slow");
        let began = Instant::now();
        assert!(tokio::time::timeout(LATE, provider.ask(&slow)).await.is_err(), "it waits");
        assert!(began.elapsed() >= LATE);
        assert_eq!(word(&provider.ask(&in_doubt(slow, true)).await), "sim_ch 25.00 USD");
    }

    #[tokio::test]
    async fn the_oldest_attempts_are_forgotten_and_a_repeat_does_not_make_it_younger() {
        let mut provider = provider();
        provider.attempts_max = 3;
        for no in [1, 2, 1, 3, 1, 4] {
            provider.ask(&call(no, AttemptKind::Charge, "tok_visa")).await;
        }
        let known = |no| in_doubt(call(no, AttemptKind::Charge, "tok_visa"), true);
        assert_eq!(word(&provider.ask(&known(1)).await), "unknown");
        assert_eq!(word(&provider.ask(&known(2)).await), "sim_ch 25.00 USD");
        assert_eq!(provider.ledger().entries.len(), 3);
    }
}
