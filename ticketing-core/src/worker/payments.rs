//! Does what the sagas ask of the payment provider: takes the attempts that are due, asks, and hands each answer to
//! the saga.
//!
//! It decides nothing, and remembers nothing that matters: an attempt is leased to one process at a time, and if
//! that one dies, the lease ends and another goes on, with the same key at the provider. What this process itself
//! has begun comes by a channel at once, leased already; everything else is looked for when it is due.

use super::RETRY_AFTER;
use crate::adapters::payments::Call;
use crate::adapters::payments::guard::{Guard, OUTCOMES, outcome};
use crate::app::App;
use crate::domain::payment::{Attempt, AttemptKind, PaymentStatus};
use crate::engine::{CommandError, Effect, LEASE_SECONDS, Meta, SagaAnswer, Work};
use crate::saga::{Answer, Case, Input, SagaState};
use crate::store::error::Result;
use crate::store::{drills, payments, sagas};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Attempts under way at once; the rest waits, here or leased to nobody.
const UNDER_WAY_MAX: usize = 256;
/// Attempts that are taken at once.
const PAGE: i64 = 128;
/// How often what is under way is kept leased.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// The longest pause between two looks: other processes begin attempts, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What one attempt came to, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct PaymentReport {
    /// The provider.
    pub provider: &'static str,
    /// Charge or refund.
    pub kind: AttemptKind,
    /// One of [`OUTCOMES`](crate::adapters::payments::guard::OUTCOMES).
    pub outcome: &'static str,
    /// How long the provider took.
    pub took: Duration,
}

/// Told of each answer, from the runner's tasks: it must not wait.
pub type PaymentObserver = Arc<dyn Fn(&PaymentReport) + Send + Sync>;

/// Who asks the provider, and who is told of it.
#[derive(Clone)]
pub struct Asking {
    /// The provider, behind its limits.
    pub provider: Arc<Guard>,
    /// Told of each answer.
    pub observer: PaymentObserver,
    /// Whether faults that an operator ordered for a drill happen: only in development.
    pub drills: bool,
}

impl Asking {
    /// Asks, and tells nobody.
    #[must_use]
    pub fn quietly(provider: Arc<Guard>) -> Self {
        Self { provider, observer: Arc::new(|_| ()), drills: false }
    }
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("provider", &self.provider.provider().name()).finish_non_exhaustive()
    }
}

/// Runs what is due for ever; ends when the log's head has no sender any more.
pub async fn run(app: App, asking: Asking, mut head: watch::Receiver<i64>) {
    let (owner, mut begun) = app.engine.effects().take();
    let mut under_way = JoinSet::new();
    let mut failing = false;
    let mut look_at = tokio::time::Instant::now();
    let mut renew = tokio::time::interval(RENEW_EVERY);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let room = UNDER_WAY_MAX.saturating_sub(under_way.len());
        tokio::select! {
            biased;
            ended = under_way.join_next(), if !under_way.is_empty() => {
                if let Some(Err(error)) = ended {
                    tracing::error!(%error, "a payment attempt ended badly; it is taken up again when its lease ends");
                }
            }
            effect = begun.recv(), if room > 0 => {
                let Some(effect) = effect else { return };
                under_way.spawn(attempt(app.clone(), asking.clone(), effect));
            }
            () = app.engine.effects().moved() => look_at = look_at.min(tokio::time::Instant::now()),
            _ = renew.tick(), if !under_way.is_empty() => {
                let until = app.clock.now().plus_seconds(LEASE_SECONDS);
                // If it can't be renewed, another may ask, too: with the same key at the provider.
                if let Err(error) = payments::renew(&app.stores.write, &owner, until).await {
                    tracing::debug!(%error, "leases of payment attempts could not be renewed");
                }
            }
            changed = head.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(look_at), if room > 0 => {
                match due(&app, &owner, PAGE.min(room as i64)).await {
                    Ok((effects, next)) => {
                        failing = false;
                        look_at = tokio::time::Instant::now() + next;
                        for effect in effects {
                            under_way.spawn(attempt(app.clone(), asking.clone(), effect));
                        }
                    }
                    Err(error) => {
                        if !failing {
                            tracing::warn!(%error, "due payments can't be looked for; will try again");
                        }
                        failing = true;
                        look_at = tokio::time::Instant::now() + RETRY_AFTER;
                    }
                }
            }
        }
    }
}

/// Takes what is due, with the sagas, and says how long nothing more will be.
async fn due(app: &App, owner: &str, limit: i64) -> Result<(Vec<Effect>, Duration)> {
    let db = &app.stores.write;
    let now = app.clock.now();
    let attempts = payments::claim_due(db, owner, now, now.plus_seconds(LEASE_SECONDS), limit).await?;
    let mut ids: Vec<_> = attempts.iter().map(|attempt| attempt.saga_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let cases = if ids.is_empty() { Vec::new() } else { sagas::cases(db, &ids).await? };
    let cases: HashMap<_, _> = cases.into_iter().map(|case| (case.saga.id, Arc::new(case))).collect();
    let is_full = attempts.len() as i64 == limit;
    let effect = |attempt: Attempt| Some(Effect { case: Arc::clone(cases.get(&attempt.saga_id)?), attempt });
    let effects = attempts.into_iter().filter_map(effect).collect();
    if is_full {
        return Ok((effects, Duration::ZERO));
    }
    let next = payments::next_due(db).await?;
    let pause = next.map_or(LOOK_EVERY, |at| {
        let millis = at.as_millis().saturating_sub(app.clock.now().as_millis());
        Duration::from_millis(millis.clamp(0, 60_000).unsigned_abs())
    });
    Ok((effects, pause.min(LOOK_EVERY)))
}

/// Asks the provider for one attempt and hands its answer to the saga.
async fn attempt(app: App, asking: Asking, effect: Effect) {
    let call = call(&effect);
    let began = Instant::now();
    let answer = match other_provider(&effect, &asking) {
        Some(error) => Answer::NotSent { error },
        None => ask(&app, &asking, &call).await,
    };
    let attempt = &effect.attempt;
    (asking.observer)(&PaymentReport {
        provider: asking.provider.provider().name(),
        kind: attempt.kind,
        outcome: OUTCOMES[outcome(&answer)],
        took: began.elapsed(),
    });
    let meta = Meta::system(call.correlation_id);
    let told = |answer| Work::Saga {
        saga_id: attempt.saga_id,
        input: Input::Answered { attempt_id: attempt.id, answer },
        owner: None,
        expected_version: None,
        message: None,
        answer: SagaAnswer::Nothing,
    };
    let mut work = told(answer);
    let mut refused = false;
    // The provider has answered: its answer is told as long as the lease lasts. After that somebody asks again.
    let until = began + Duration::from_secs(LEASE_SECONDS.unsigned_abs());
    loop {
        match app.engine.submit(work.clone(), meta.clone()).await {
            Ok(_) => return,
            Err(CommandError::ShuttingDown) => return,
            // The store will never take it: a person must see that, and why.
            Err(CommandError::Store(error)) if !refused && error.is_refusal() => {
                refused = true;
                work = told(Answer::Unclear { error: format!("its answer could not be kept: {error}") });
            }
            Err(error) => {
                if Instant::now() >= until {
                    tracing::error!(%error, attempt = %attempt.id, "a payment's answer could not be kept; it will be asked for again");
                    return;
                }
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Asks the provider, unless an operator's drill says what goes wrong instead.
async fn ask(app: &App, asking: &Asking, call: &Call) -> Answer {
    let fault =
        if asking.drills { drills::take_fault(&app.stores.write, &call.attempt).await } else { Ok(None) };
    match fault {
        Ok(None) => asking.provider.ask(call).await,
        Ok(Some(fault)) => {
            if fault.is_called() {
                // It is done, and the answer gets lost.
                let _ = asking.provider.ask(call).await;
            }
            fault.answer()
        }
        Err(error) => Answer::NotSent { error: error.to_string() },
    }
}

/// Why this program's provider can't be asked: it never had the payment.
fn other_provider(effect: &Effect, asking: &Asking) -> Option<String> {
    let payment = effect.case.payments.iter().find(|payment| payment.id == effect.attempt.payment_id)?;
    let ours = asking.provider.provider().name();
    (payment.provider != ours).then(|| {
        let theirs = &payment.provider;
        format!(
            "the payment is at {theirs}, and this server asks {ours}: run one with PAYMENT_PROVIDER={theirs}"
        )
    })
}

fn call(effect: &Effect) -> Call {
    let Case { saga, payments, .. } = &*effect.case;
    let payment = payments.iter().find(|payment| payment.id == effect.attempt.payment_id);
    Call {
        attempt: effect.attempt.clone(),
        reference: payment.map_or_else(|| saga.id.to_string(), |payment| payment.reference.clone()),
        booking_id: saga.booking_id,
        charge_ref: payment.and_then(|payment| payment.provider_ref.clone()),
        // A payment that failed already is only asked about, whatever has become of its booking.
        is_wanted: saga.state == SagaState::Charging
            && payment.is_some_and(|payment| payment.status == PaymentStatus::Pending),
        correlation_id: saga.correlation_id.clone(),
    }
}
