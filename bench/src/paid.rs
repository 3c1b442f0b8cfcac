//! Bookings that are paid, from the request to the confirmation, against holds that somebody confirms.

use crate::city;
use crate::load::Rate;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ticketing_core::adapters::payments::guard::{Guard, Limits};
use ticketing_core::adapters::payments::{Provider, ProviderConfig};
use ticketing_core::app::{App, commands};
use ticketing_core::clock::Clock;
use ticketing_core::domain::booking::command::{Change, HoldKind, Reserve};
use ticketing_core::saga::SagaState;
use ticketing_core::store::{payments, sagas};
use ticketing_core::worker::payments::Asking;
use ticketing_core::worker::{Roles, Workers};

/// Starts asking the simulated provider.
pub(crate) fn asking(app: &App) -> Workers {
    let provider = Provider::new(ProviderConfig::Simulated, Clock::system()).expect("the simulated provider");
    let guard = Arc::new(Guard::new(provider, Limits::default()));
    Workers::start(app, Roles { saga: Some(Asking::quietly(guard)), ..Roles::default() })
}

/// Holds a seat and confirms it on a service's word, `count` times by `callers`.
pub(crate) async fn vouched(app: &App, callers: usize, count: u64, offerings: usize) -> Rate {
    share(app, callers, count, offerings, |app, command, user, n| async move {
        let (id, passenger) = (command.booking_id, city::passenger());
        commands::reserve(&app, command, passenger, city::meta(&user, n)).await.is_ok() && {
            let change = Change::Confirm { payment_id: format!("{user}-{n}") };
            commands::change(&app, id, change, None, None, city::meta(&user, n + u64::MAX / 2)).await.is_ok()
        }
    })
    .await
}

/// Books with a token, `count` times by `callers`, and waits until all are confirmed.
pub(crate) async fn paid(app: &App, callers: usize, count: u64, offerings: usize) -> Rate {
    let began = Instant::now();
    let rate = share(app, callers, count, offerings, |app, command, user, n| async move {
        let command = Reserve { kind: HoldKind::Book, ..command };
        let token = Some("tok_visa".to_owned());
        let meta = city::meta(&user, n);
        commands::reserve_and_pay(&app, command, city::passenger(), token, meta).await.is_ok()
    })
    .await;
    while charging(app).await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Rate { per_second: count as f64 / began.elapsed().as_secs_f64(), ..rate }
}

async fn charging(app: &App) -> i64 {
    let counts = sagas::counts(&app.stores.write).await.expect("counts");
    counts.iter().filter(|(state, ..)| *state == SagaState::Charging).map(|(_, count, _)| *count).sum()
}

/// Books `count` seats that nobody pays.
pub(crate) async fn waiting(app: &App, callers: usize, count: u64, offerings: usize) {
    share(app, callers, count, offerings, |app, command, user, n| async move {
        let command = Reserve { kind: HoldKind::Book, ..command };
        commands::reserve(&app, command, city::passenger(), city::meta(&user, n)).await.is_ok()
    })
    .await;
}

/// Returns how long a look for what is due takes when nothing is.
pub(crate) async fn look(app: &App) -> Duration {
    let began = Instant::now();
    for _ in 0..100 {
        let now = app.clock.now();
        let due = payments::claim_due(&app.stores.write, "bench", now, now, 128).await.expect("a look");
        assert!(due.is_empty(), "nobody pays");
        payments::next_due(&app.stores.write).await.expect("a look");
    }
    began.elapsed() / 100
}

async fn share<F, R>(app: &App, callers: usize, count: u64, offerings: usize, done: F) -> Rate
where
    F: Fn(App, Reserve, String, u64) -> R + Clone + Send + 'static,
    R: Future<Output = bool> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let run = city::now().as_millis();
    let began = Instant::now();
    let mut tasks = Vec::with_capacity(callers);
    for caller in 0..callers {
        let (app, next, done) = (app.clone(), Arc::clone(&next), done.clone());
        tasks.push(tokio::spawn(async move {
            let user = format!("{run}-{caller}");
            let (mut latencies, mut failed) = (Vec::new(), 0);
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return (latencies, failed);
                }
                let offering = (n.wrapping_mul(7_919) % offerings as u64) as usize;
                let (command, _) = city::reserve(offering, &user, 900);
                let asked = Instant::now();
                if done(app.clone(), command, user.clone(), n).await {
                    latencies.push(asked.elapsed());
                } else {
                    failed += 1;
                }
            }
        }));
    }
    let (mut all, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (latencies, lost) = task.await.expect("a caller ends");
        all.extend(latencies);
        failed += lost;
    }
    Rate::of(all, began.elapsed(), failed)
}
