//! Does what the sagas ask of the payment provider: takes the attempts that are due, asks, and hands each answer to
//! the saga.
//!
//! It decides nothing, and remembers nothing that matters: an attempt is leased to one process at a time, and if
//! that one dies, the lease ends and another goes on, with the same key at the provider. What this process itself
//! has begun comes by a channel at once, leased already; everything else is looked for when it is due.

use super::RETRY_AFTER;
use crate::adapters::payments::guard::{Guard, OUTCOMES, outcome};
use crate::adapters::payments::{Call, Provider};
use crate::app::App;
use crate::app::commands::append;
use crate::domain::id::{AttemptId, SagaId};
use crate::domain::payment::{Attempt, AttemptKind, PaymentStatus};
use crate::domain::time::Timestamp;
use crate::engine::{CommandError, Effect, LEASE_SECONDS, Meta, SagaAnswer, Work};
use crate::saga::{Answer, Case, Input, SagaState};
use crate::store::db::Db;
use crate::store::error::{Result, StoreError};
use crate::store::{drills, payments, sagas};
use crate::traces;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// Attempts under way at once; the rest waits, here or leased to nobody.
const UNDER_WAY_MAX: usize = 256;
/// Attempts that are taken at once.
const PAGE: i64 = 128;
/// How often what is under way is kept leased.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How long an answer is told to a store that can't take it.
const TELLING_MAX: Duration = Duration::from_secs(30);
/// The longest text of a provider that is kept, in characters.
const SAID_MAX: usize = 1_000;
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
    /// Whether the provider is an outside service, which tells by topics and is never asked.
    #[must_use]
    pub fn is_told(&self) -> bool {
        matches!(self.provider.provider(), Provider::External)
    }

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
    let own = app.engine.head();
    let mut waiting: VecDeque<Effect> = VecDeque::new();
    let mut under_way = JoinSet::new();
    // By task, so that also one that broke off is known.
    let mut held: HashMap<tokio::task::Id, AttemptId> = HashMap::new();
    let mut failing = false;
    let mut look_at = tokio::time::Instant::now();
    let mut renew = tokio::time::interval(RENEW_EVERY);
    renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        while under_way.len() < UNDER_WAY_MAX
            && let Some(effect) = waiting.pop_front()
        {
            let id = effect.attempt.id;
            let task = under_way.spawn(attempt(app.clone(), asking.clone(), effect));
            held.insert(task.id(), id);
        }
        tokio::select! {
            biased;
            _ = renew.tick(), if !(held.is_empty() && waiting.is_empty()) => {
                let ids = held.values().copied().chain(waiting.iter().map(|effect| effect.attempt.id)).collect();
                let until = app.clock.now().plus_seconds(LEASE_SECONDS);
                lease(&app, &owner, ids, until).await;
            }
            changed = head.changed() => {
                if changed.is_err() {
                    return;
                }
                // Ahead of our own engine: another process wrote, and may have begun something that it leaves to us.
                if *head.borrow_and_update() > *own.borrow() {
                    look_at = look_at.min(tokio::time::Instant::now());
                }
            }
            Some(ended) = under_way.join_next_with_id() => {
                let (task, is_told) = match ended {
                    Ok((task, is_told)) => (task, is_told),
                    Err(error) => {
                        tracing::error!(%error, "a payment attempt ended badly; it is taken up again");
                        (error.id(), false)
                    }
                };
                if let Some(id) = held.remove(&task)
                    && !is_told
                {
                    // Anybody may ask again, at once.
                    lease(&app, &owner, vec![id], app.clock.now()).await;
                }
            }
            () = tokio::time::sleep_until(look_at), if waiting.len() < UNDER_WAY_MAX => {
                match due(&app, &owner, PAGE).await {
                    Ok((effects, next)) => {
                        failing = false;
                        look_at = tokio::time::Instant::now() + next;
                        waiting.extend(effects);
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
            effect = begun.recv() => {
                let Some(effect) = effect else { return };
                waiting.push_back(effect);
            }
            () = app.engine.effects().moved() => look_at = look_at.min(tokio::time::Instant::now()),
        }
    }
}

/// Says until when attempts are this process's own. If it can't be said, another may ask, too: with the same key at
/// the provider.
async fn lease(app: &App, owner: &str, ids: Vec<AttemptId>, until: Timestamp) {
    if let Err(error) = payments::renew(&app.stores.write, owner, &ids, until).await {
        tracing::debug!(%error, "leases of payment attempts could not be changed");
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
    let cases: HashMap<_, _> = cases(db, &ids).await?.into_iter().map(|c| (c.saga.id, Arc::new(c))).collect();
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

/// Loads sagas; one that can't be read keeps no other from its answer.
async fn cases(db: &Db, ids: &[SagaId]) -> Result<Vec<Case>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    match sagas::cases(db, ids).await {
        Err(StoreError::Corrupt { .. }) => {}
        loaded => return loaded,
    }
    let mut cases = Vec::with_capacity(ids.len());
    for id in ids {
        match sagas::cases(db, &[*id]).await {
            Ok(case) => cases.extend(case),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, saga = %id, "a saga can't be read, so it stands still");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(cases)
}

/// Asks the provider for one attempt and hands its answer to the saga; whether that was kept.
async fn attempt(app: App, asking: Asking, effect: Effect) -> bool {
    let call = call(&effect);
    let began = Instant::now();
    let answer = match other_provider(&effect, &asking) {
        Some(error) => Answer::NotSent { error },
        None => {
            let (provider, attempt) = (asking.provider.provider().name(), &effect.attempt);
            let id = attempt.id.to_string();
            let part = traces::payment_call(&call.correlation_id, provider, attempt.kind.word(), &id);
            let answer = ask(&app, &asking, &call).instrument(part.clone()).await;
            part.record("outcome", OUTCOMES[outcome(&answer)]);
            answer
        }
    };
    let attempt = &effect.attempt;
    let answer = decent(answer, attempt.token.as_deref());
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
    // The provider has answered: that is told for a while. After that somebody asks again.
    let until = Instant::now() + TELLING_MAX;
    loop {
        match append(&app, work.clone(), meta.clone()).await {
            Ok(_) => return true,
            Err(CommandError::ShuttingDown) => return false,
            // The store will never take it: a person must see that, and why.
            Err(CommandError::Store(error)) if !refused && error.is_refusal() => {
                refused = true;
                work = told(Answer::Unclear { error: format!("its answer could not be kept: {error}") });
            }
            Err(error) => {
                if Instant::now() >= until {
                    tracing::error!(%error, attempt = %attempt.id, "a payment's answer could not be kept; it will be asked for again");
                    return false;
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

/// The answer as it may be kept for ever: no longer than it need be, and without the buyer's token.
fn decent(answer: Answer, token: Option<&str>) -> Answer {
    let cut = |text: String| {
        let text = match token.filter(|token| !token.is_empty()) {
            Some(token) => text.replace(token, "tok_…"),
            None => text,
        };
        text.chars().take(SAID_MAX).collect::<String>()
    };
    match answer {
        Answer::Declined { code, message } => Answer::Declined { code: cut(code), message: cut(message) },
        Answer::Unclear { error } => Answer::Unclear { error: cut(error) },
        Answer::NotSent { error } => Answer::NotSent { error: cut(error) },
        Answer::Succeeded { .. } | Answer::Working | Answer::Unknown | Answer::Closed => answer,
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
